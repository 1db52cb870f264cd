"""The engine's sampler beside transformers' generate and vLLM. Prints Markdown for docs/results.md.

    PYTHONPATH=. python bench/samplers.py MODEL PROBLEMS [--vllm PYTHON]

MODEL     a Hugging Face directory
PROBLEMS  Parquet with a column `tokens`: prompts
PYTHON    interpreter of an environment that has vLLM (make setup-vllm)

All sides take turns on one machine, on the same prompts with the same K, limit, temperature, top-p and precision, and
give log-probabilities (transformers gives none); medians of response tokens a second, after a round that is not
counted. While one works the others are stopped: vLLM's threads wait by spinning.
"""

import argparse
import atexit
import json
import os
import signal
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import torch
from transformers import AutoModelForCausalLM

from t1_engine.model import load
from t1_engine.sample import Prompt, Sampling, generate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("problems", type=Path)
    parser.add_argument("--vllm", type=Path, help="Python of the vLLM environment")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--prompts", type=int, default=16)
    parser.add_argument("--k", type=int, default=16)
    parser.add_argument("--max-tokens", type=int, default=256)
    parser.add_argument("--temperature", type=float, default=1.2)
    parser.add_argument("--top-p", type=float, default=0.95)
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    prompts = pq.read_table(args.problems, columns=["tokens"]).column("tokens")[: args.prompts].to_pylist()
    sides = {"engine": engine(args, prompts), "transformers generate": transformers(args, prompts)}
    if args.vllm:
        sides["vLLM"] = vllm(args, prompts)
    rates: dict[str, list[float]] = {name: [] for name in sides}
    for n in range(args.rounds + 1):
        for name, side in sides.items():
            rate = side(n)
            if n:
                rates[name].append(rate)
    print_table(args, {name: statistics.median(values) for name, values in rates.items()})


def print_table(args: argparse.Namespace, rate: dict[str, float]) -> None:
    shape = f"{args.prompts} prompts x {args.k}, at most {args.max_tokens} tokens, {args.precision}"
    print(f"| {args.model.name}: {shape} | tokens/s | engine / this |\n|---|---|---|")
    for name, value in rate.items():
        print(f"| {name} | {value:,.0f} | {rate['engine'] / value:.2f} |")
    print()


def engine(args: argparse.Namespace, prompts: list[list[int]]) -> Callable[[int], float]:
    model, sampling = (
        load(args.model, getattr(torch, args.precision)),
        Sampling(args.temperature, args.top_p, args.max_tokens),
    )
    eos = model.config.eos_token_id
    assert eos is not None

    def side(n: int) -> float:
        got = []
        start = time.perf_counter()
        asked = [Prompt(p, n * len(prompts) + i, args.k) for i, p in enumerate(prompts)]
        generate(model, asked, sampling, eos, got.append)
        return sum(len(r.tokens) for r in got) / (time.perf_counter() - start)

    return side


def transformers(args: argparse.Namespace, prompts: list[list[int]]) -> Callable[[int], float]:
    model = AutoModelForCausalLM.from_pretrained(args.model, dtype=getattr(torch, args.precision)).eval()
    eos = model.config.eos_token_id
    width = max(map(len, prompts))
    ids = torch.tensor([[0] * (width - len(p)) + p for p in prompts]).repeat_interleave(args.k, 0)
    mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts]).repeat_interleave(args.k, 0)

    @torch.no_grad()
    def side(n: int) -> float:
        torch.manual_seed(n)
        start = time.perf_counter()
        out = model.generate(
            ids, attention_mask=mask, do_sample=True, temperature=args.temperature, top_p=args.top_p, top_k=0,
            max_new_tokens=args.max_tokens, eos_token_id=eos, pad_token_id=0,
        )[:, width:]  # fmt: skip
        ended = (out == eos).int().cumsum(1) - (out == eos).int()
        return int((ended == 0).sum()) / (time.perf_counter() - start)

    return side


def vllm(args: argparse.Namespace, prompts: list[list[int]]) -> Callable[[int], float]:
    length = max(map(len, prompts)) + args.max_tokens
    here = Path(__file__).with_name("vllm_peer.py")
    peer = subprocess.Popen(
        [args.vllm, here, args.model, args.precision, str(length)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, process_group=0,
    )  # fmt: skip
    assert peer.stdin is not None and peer.stdout is not None
    asking, answers = peer.stdin, peer.stdout
    config = json.loads((args.model / "config.json").read_text())
    eos = config["eos_token_id"] if isinstance(config["eos_token_id"], list) else [config["eos_token_id"]]
    if not answers.readline():
        raise SystemExit(f"vLLM did not start (status {peer.wait()})")
    os.killpg(peer.pid, signal.SIGSTOP)

    def side(n: int) -> float:
        how = dict(k=args.k, max_tokens=args.max_tokens, temperature=args.temperature, top_p=args.top_p)
        os.killpg(peer.pid, signal.SIGCONT)
        print(json.dumps(dict(prompts=prompts, seed=1000 * n, eos=eos, **how)), file=asking, flush=True)
        answer = json.loads(answers.readline())
        os.killpg(peer.pid, signal.SIGSTOP)
        return answer["tokens"] / answer["seconds"]

    atexit.register(os.killpg, peer.pid, signal.SIGKILL)
    return side


if __name__ == "__main__":
    main()
