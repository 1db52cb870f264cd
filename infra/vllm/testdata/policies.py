"""Makes the policies of the conformance suite, and plays the trainer to them.

    policies.py make DIR     three tiny models DIR/a, DIR/b (one shape), DIR/c (another), and DIR/probes.json
    policies.py score DIR    reads {"prompts": [[id]], "responses": [[id]]} from standard input and writes
                             [[log-probability]], at temperature 1, as the model in DIR has them

Run with the engine's interpreter and the engine's directory on PYTHONPATH.
"""

import json
import sys
from pathlib import Path

import torch
from t1_engine import model
from t1_engine.batch import Tokens, pack
from t1_engine.config import Config
from t1_engine.sample import Prompt, Sampling, generate

EOS = 1
PROMPTS = [[5, 9, 11], [4, 20, 33, 7, 8], [60, 2, 2, 31, 17, 40, 3]]


def build(seed: int, width: int) -> model.Model:
    """Far from uniform, so that two of them differ; ends a response about once in forty tokens."""
    config = Config(
        vocab_size=64, hidden_size=width, intermediate_size=2 * width, num_hidden_layers=2,
        num_attention_heads=width // 32, num_key_value_heads=width // 64, max_position_embeddings=256,
        initializer_range=0.15, eos_token_id=EOS, pad_token_id=0,
        tie_word_embeddings=True,  # the harder case for a change in place: see t1_worker.py
    )  # fmt: skip
    return model.build(config, seed)


def probes(policy: model.Model) -> list[dict]:
    found = []
    never = policy.config.vocab_size  # a probe does not stop at an end of sequence
    generate(
        policy, [Prompt(p, seed=0) for p in PROMPTS], Sampling(temperature=0.0, max_tokens=24), never,
        lambda r: found.append({"Prompt": PROMPTS[r.prompt], "Tokens": r.tokens, "LogProbs": r.logprobs}),
    )  # fmt: skip
    return found


def make(directory: Path) -> None:
    out = {}
    for name, seed, width in (("a", 1, 128), ("b", 2, 128), ("c", 3, 64)):
        policy = build(seed, width)
        model.save(policy, directory / name)
        out[name] = probes(policy)
    (directory / "probes.json").write_text(json.dumps(out))


@torch.inference_mode()
def score(directory: Path) -> None:
    asked = json.load(sys.stdin)
    policy = model.load(directory)
    rows = []
    for prompt, response in zip(asked["prompts"], asked["responses"], strict=True):
        hidden = policy(pack([Tokens(prompt, response)]))
        logits = hidden[len(prompt) - 1 :] @ policy.head_VD.T
        chosen = torch.log_softmax(logits.float(), -1).gather(1, torch.tensor(response)[:, None])
        rows.append(chosen.squeeze(1).tolist())
    json.dump(rows, sys.stdout)


if __name__ == "__main__":
    {"make": make, "score": score}[sys.argv[1]](Path(sys.argv[2]))
