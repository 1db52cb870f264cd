"""Probes: what a policy answers when it is greedy, for a server to prove that it serves this policy.

They are asked of the weights that are published: the masters, float32, whatever the precision of the passes. A policy
that one process holds is asked by the engine's sampler. One that is divided over processes may be too large for any of
them, and is asked a unit at a time (gathered.py), by passes without a cache: the same answers, but for rounding.

Example probes.json, shortened:
{"schema": 1, "probes": [{"prompt": [5, 9], "tokens": [11, 3], "logprobs": [-0.25, -1.5]}]}

Legend: L tokens of an answer, D width, V vocabulary.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from t1_engine.batch import Tokens, pack
from t1_engine.config import Config
from t1_engine.errors import Cancelled
from t1_engine.gathered import Gather, gathered, head
from t1_engine.model import Model
from t1_engine.sample import Prompt, Response, Sampling, generate
from t1_engine.shard import is_sharded
from t1_engine.state import State

FILE = "probes.json"
SCHEMA = 1
LENGTH = 24  # tokens of an answer: a few dozen tell two policies apart

Prompts = Sequence[Sequence[int]]
Cancel = Callable[[], bool]


@dataclass(frozen=True)
class Answer:
    tokens: list[int]  # LENGTH of them: an answer goes on after what would end a response
    logprobs: list[float]  # at temperature 1, whole vocabulary


class Prober:
    """Asks policies. It keeps the answers found last, by prompt: a policy one step on answers much the same, so that a
    divided one is soon done."""

    def __init__(self) -> None:
        self._last: dict[tuple[int, ...], list[int]] = {}

    def __call__(self, state: State, prompts: Prompts, cancelled: Cancel = lambda: False) -> dict[str, object]:
        """The content of probes.json. Raises Cancelled between tokens or passes."""
        if is_sharded(state.policy):
            held = state.stored()
            guess = [self._last.get(tuple(p), [0] * LENGTH) for p in prompts]
            found = settled(state.policy.config, lambda name: held[f"policy.{name}"].load(), prompts, guess, cancelled)
            self._last = {tuple(p): answer.tokens for p, answer in zip(prompts, found, strict=True)}
        else:
            found = sampled(state.policy, prompts, cancelled)
        rows = [
            {"prompt": list(p), "tokens": answer.tokens, "logprobs": answer.logprobs}
            for p, answer in zip(prompts, found, strict=True)
        ]
        return {"schema": SCHEMA, "probes": rows}


def sampled(policy: Model, prompts: Prompts, cancelled: Cancel = lambda: False) -> list[Answer]:
    """The answers of a policy that this process holds."""
    found: list[Response] = []
    never = policy.config.vocab_size
    asked = [Prompt(tokens, seed=0) for tokens in prompts]
    generate(policy, asked, Sampling(temperature=0.0, max_tokens=LENGTH), never, found.append, cancelled)
    return [Answer(r.tokens, r.logprobs) for r in sorted(found, key=lambda r: r.prompt)]


@torch.no_grad()
def settled(
    config: Config, gather: Gather, prompts: Prompts, guess: Sequence[list[int]], cancelled: Cancel = lambda: False
) -> list[Answer]:
    """The answers of a policy whose tensors are gathered one by one.

    A pass reads prompts and guessed answers, and finds the likeliest token at each place of the answers: the next
    guess. Right are those before which all was guessed right, one more a pass at least; a guess that is found again is
    the answer. All passes have one shape, so that the bits do not depend on the guess it began with.
    """
    model = gathered(config, gather)
    found: list[Answer] = []
    for _ in range(LENGTH):
        if cancelled():
            raise Cancelled
        packed = pack([Tokens(p, y) for p, y in zip(prompts, guess, strict=True)])
        hidden_RD = model(packed).index_select(0, packed.predict_R)
        head_VD = head(config, gather)
        found = [likeliest(hidden_RD[packed.sequence_R == n], head_VD) for n in range(len(prompts))]
        del head_VD  # before the next unit comes
        before, guess = guess, [answer.tokens for answer in found]
        if all(old[:-1] == new[:-1] for old, new in zip(before, guess, strict=True)):  # nothing follows the last
            break
    return found


def likeliest(hidden_LD: Tensor, head_VD: Tensor) -> Answer:
    logits_LV = (hidden_LD @ head_VD.T).float()
    top_L, token_L = logits_LV.max(-1)
    return Answer(token_L.tolist(), (top_L - logits_LV.logsumexp(-1)).tolist())
