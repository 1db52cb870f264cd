"""Probes: what a policy answers when it is greedy, for a server to prove that it serves this policy.

Example probes.json, shortened:
{"schema": 1, "probes": [{"prompt": [5, 9], "tokens": [11, 3], "logprobs": [-0.25, -1.5]}]}
"""

from collections.abc import Sequence

from t1_engine.model import Model
from t1_engine.sample import Prompt, Response, Sampling, generate

FILE = "probes.json"
SCHEMA = 1
LENGTH = 24  # tokens of an answer: a few dozen tell two policies apart


def probes(policy: Model, prompts: Sequence[Sequence[int]]) -> dict[str, object]:
    """The content of probes.json. An answer goes on after what would end a response: it always has LENGTH tokens."""
    found: list[Response] = []
    never = policy.config.vocab_size
    asked = [Prompt(tokens, seed=0) for tokens in prompts]
    generate(policy, asked, Sampling(temperature=0.0, max_tokens=LENGTH), never, found.append)
    found.sort(key=lambda r: r.prompt)
    rows = [{"prompt": list(prompts[r.prompt]), "tokens": r.tokens, "logprobs": r.logprobs} for r in found]
    return {"schema": SCHEMA, "probes": rows}
