"""What an update costs, beside what it must cost. Prints Markdown for docs/results.md. Sampling: samplers.py.

    PYTHONPATH=. python bench/engine.py RUN_DIRECTORY      a finished run in a file:// store: STORE/runs/NAME

Both sides of a ratio are measured in turns in one process, on the same model and the same tokens; the medians of the
rounds are compared.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import torch
from torch import Tensor

from bench.demo import fine_tuned
from t1_engine.anchor import AnchorRule, move, new_anchor
from t1_engine.batch import Tokens, pack
from t1_engine.model import Model, load
from t1_engine.optimizer import adamw
from t1_engine.plan import parts
from t1_engine.resources import Resources
from t1_engine.rollout import Group
from t1_engine.sample import Prompt, Response, Sampling, generate
from t1_engine.update import Hyper, policy_update

EOS = 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    spec = json.loads((args.run / "spec.json").read_text())["rl"]
    model = load(fine_tuned(args.run))
    prompts = problems(args.run, spec["prompts"])
    update(model, grouped(prompts, sample(model, prompts, spec)), args.rounds)


def problems(run: Path, count: int) -> list[list[int]]:
    """Token ids of problems of the pool."""
    store = run.parent.parent
    train = json.loads((run / "data.json").read_text())["train"]["key"]
    rows = pq.read_table(store / train, columns=["tokens"]).column("tokens").to_pylist()
    pool = json.loads((run / "pool.json").read_text())["problems"]
    return [rows[entry["index"]] for entry in pool[:count]]


def rounds(count: int, *sides: Callable[[], float]) -> list[float]:
    """Runs the sides in turn, one round unseen, and gives each side's median figure."""
    figures: list[list[float]] = [[] for _ in sides]
    for n in range(count + 1):
        for side, values in zip(sides, figures, strict=True):
            value = side()
            if n:
                values.append(value)
    return [statistics.median(values) for values in figures]


def sample(model: Model, prompts: list[list[int]], spec: dict) -> list[Response]:
    got: list[Response] = []
    asked = [Prompt(p, seed, spec["k"]) for seed, p in enumerate(prompts)]
    generate(model, asked, Sampling(spec["temperature"], spec["top_p"], spec["max_tokens"]), EOS, got.append)
    return got


def grouped(prompts: list[list[int]], responses: list[Response]) -> list[Group]:
    rows: list[list[Response]] = [[] for _ in prompts]
    for r in responses:
        rows[r.prompt].append(r)
    return [
        Group(p, [r.tokens for r in got], [float(n % 2) for n in range(len(got))], [r.logprobs for r in got])
        for p, got in zip(prompts, rows, strict=True)
    ]


def update(model: Model, groups: list[Group], count: int) -> None:
    """One update beside its bare cost: policy forward and backward, anchor forward, over the same unpadded tokens."""
    rule = AnchorRule()
    anchor = new_anchor(model, rule)
    assert anchor is not None
    optimizer = adamw(model)
    padding = []

    def whole() -> float:
        start = time.perf_counter()
        result = policy_update(model, anchor, optimizer, groups, Hyper(lr=1e-6))
        move(anchor, model, rule, 1)
        padding.append(result.metrics["padding"])
        return time.perf_counter() - start

    # A rectangle a length: attention sees no padding either.
    packs = [
        pack([Tokens(groups[g].prompt, groups[g].responses[k]) for g, k in part.rows], limit=0.0)
        for part in parts([g.size for g in groups], Resources().micro_tokens)
    ]

    def bare() -> float:
        start = time.perf_counter()
        for p in packs:
            with torch.no_grad():
                picked(anchor, p)
            picked(model, p).mean().backward()
        model.zero_grad()
        return time.perf_counter() - start

    a, b = rounds(count, whole, bare)
    tokens = sum(len(p.token_T) for p in packs)
    print(f"| update, {tokens:,} tokens | seconds |\n|---|---|")
    print(f"| engine | {a:.2f} |\n| bare: policy forward and backward, anchor forward | {b:.2f} |")
    print(f"| ratio | **{a / b:.2f}** |\n| padding in attention | {100 * statistics.mean(padding):.1f} % |\n")


def picked(model: Model, packed) -> Tensor:
    """Log-probabilities of the targets, by the shortest way there is."""
    logits_RV = model(packed).index_select(0, packed.predict_R) @ model.head_VD.T
    return torch.log_softmax(logits_RV, -1).gather(1, packed.target_R[:, None])


if __name__ == "__main__":
    main()
