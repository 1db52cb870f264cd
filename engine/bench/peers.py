"""A reinforcement-learning iteration and a supervised step beside TRL's. Prints Markdown for docs/results.md.

    PYTHONPATH=. python bench/peers.py MODEL PROBLEMS TRACES

MODEL     a Hugging Face directory: a published policy, or an imported model
PROBLEMS  Parquet with a column `tokens`: prompts (datasets/<sha256>.parquet of a store)
TRACES    Parquet with columns `prompt` and `response`: token ids of demonstrations

Both sides run in turns in one process: TRL's trainer takes a step, then the engine does, each from the same first
weights, on the same prompts with the same K, limits, temperature and precision (float32); medians of the rounds after
one that is not counted. Lengths are what each samples, so the ratio is of response tokens a second. TRL is given what
makes it fast here: no checkpointing, no logging, the --peer-batch that suits it; it lacks the entropy bonus and the
moving anchor, which the engine computes.
"""

import argparse
import statistics
import tempfile
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import pyarrow.parquet as pq
import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer, PrinterCallback, TrainerCallback
from trl import RLOOConfig, RLOOTrainer, SFTConfig, SFTTrainer

from t1_engine.anchor import AnchorRule, move, new_anchor
from t1_engine.batch import Tokens
from t1_engine.finetune import sft_step
from t1_engine.model import load
from t1_engine.optimizer import adamw
from t1_engine.rollout import Group
from t1_engine.sample import Prompt, Response, Sampling, generate
from t1_engine.update import Hyper, policy_update

RATE = 1e-6  # so small that both sides stay the policy that they began as


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("model", "problems", "traces"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--prompts", type=int, default=16)
    parser.add_argument("--k", type=int, default=16)
    parser.add_argument("--max-tokens", type=int, default=256)
    parser.add_argument("--temperature", type=float, default=1.2)
    parser.add_argument("--top-p", type=float, default=0.95)
    parser.add_argument("--peer-batch", type=int, default=64, help="responses TRL trains on at once")
    parser.add_argument("--sft-batch", type=int, default=16)
    parser.add_argument("--only", choices=("rl", "sft"))
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.prompts * args.k % args.peer_batch:
        parser.error(f"--peer-batch {args.peer_batch} does not divide {args.prompts} prompts x {args.k}")
    if args.only != "sft":
        reinforcement(args)
    if args.only != "rl":
        supervised(args)


class Turns(TrainerCallback):
    """After each step of a TRL trainer, one of the engine's; keeps the seconds and tokens of both."""

    def __init__(self, engine: Callable[[], int]) -> None:
        self.engine = engine
        self.tokens = 0  # of TRL's step; the trainer sets it
        self.seconds: dict[str, list[float]] = {"TRL": [], "engine": []}
        self.rates: dict[str, list[float]] = {"TRL": [], "engine": []}

    def on_step_begin(self, args, state, control, **_) -> None:
        self.start = time.perf_counter()

    def on_step_end(self, args, state, control, **_) -> None:
        self._keep("TRL", self.tokens)
        self.start = time.perf_counter()
        self._keep("engine", self.engine())

    def _keep(self, side: str, tokens: int) -> None:
        took = time.perf_counter() - self.start
        self.seconds[side].append(took)
        self.rates[side].append(tokens / took)

    def table(self, title: str, peer: str) -> None:
        rate = {side: statistics.median(values[1:]) for side, values in self.rates.items()}
        took = {side: statistics.median(values[1:]) for side, values in self.seconds.items()}
        print(f"| {title} | seconds | response tokens/s |\n|---|---|---|")
        for side, name in (("engine", "engine"), ("TRL", peer)):
            print(f"| {name} | {took[side]:.3f} | {rate[side]:,.0f} |")
        print(f"| ratio | {took['TRL'] / took['engine']:.2f} | **{rate['engine'] / rate['TRL']:.2f}** |\n")


def common(args: argparse.Namespace, steps: int) -> dict:
    """What both TRL trainers are told."""
    return dict(
        output_dir=tempfile.gettempdir(), learning_rate=RATE, lr_scheduler_type="constant", adam_beta2=0.95,
        weight_decay=0.1, max_grad_norm=1.0, max_steps=steps, bf16=False, gradient_checkpointing=False, use_cpu=True,
        report_to="none", save_strategy="no", logging_strategy="no", disable_tqdm=True,
    )  # fmt: skip


def reward(texts: Sequence[str]) -> list[float]:
    """Stands for a task: cheap, a function of the text, and about even."""
    return [float(zlib.crc32(text.encode()) % 2) for text in texts]


class Sampled(RLOOTrainer):
    """TRL's trainer on prompts that are token ids already; it counts what it samples."""

    def _tokenize_prompts(self, prompts):
        return [self.given[int(p)] for p in prompts], None, {}

    def _generate_single_turn(self, prompt_ids, images, multimodal_fields):
        completions = super()._generate_single_turn(prompt_ids, images, multimodal_fields)
        self.turns.tokens = sum(map(len, completions))
        return completions


def reinforcement(args: argparse.Namespace) -> None:
    """One iteration: sample, decode and score, update."""
    words = AutoTokenizer.from_pretrained(args.model)
    rows = pq.read_table(args.problems, columns=["tokens"]).column("tokens")[: args.prompts].to_pylist()
    policy, rule = load(args.model), AnchorRule()
    eos = policy.config.eos_token_id
    anchor, optimizer = new_anchor(policy, rule), adamw(policy)
    seed, sampling = iter(range(1 << 30)), Sampling(args.temperature, args.top_p, args.max_tokens)
    assert eos is not None and len(rows) == args.prompts

    def engine() -> int:
        got: list[Response] = []
        generate(policy, [Prompt(p, next(seed), args.k) for p in rows], sampling, eos, got.append)
        got.sort(key=lambda r: (r.prompt, r.sample))
        rewards = reward(words.batch_decode([r.tokens for r in got], skip_special_tokens=True))
        groups = []
        for n, prompt in enumerate(rows):
            part = slice(n * args.k, (n + 1) * args.k)
            mine = got[part]
            groups.append(Group(prompt, [r.tokens for r in mine], rewards[part], [r.logprobs for r in mine]))
        policy_update(policy, anchor, optimizer, groups, Hyper(lr=RATE))
        move(anchor, policy, rule, 1)
        return sum(len(r.tokens) for r in got)

    total, turns = args.prompts * args.k, Turns(engine)
    config = RLOOConfig(
        **common(args, args.rounds + 1), num_generations=args.k, beta=2e-4, max_completion_length=args.max_tokens,
        temperature=args.temperature, top_p=args.top_p, shuffle_dataset=False,
        per_device_train_batch_size=args.peer_batch, gradient_accumulation_steps=total // args.peer_batch,
    )  # fmt: skip
    trainer = Sampled(
        model=AutoModelForCausalLM.from_pretrained(args.model, dtype=torch.float32),
        reward_funcs=lambda completions, **_: reward(completions), args=config, processing_class=words,
        train_dataset=Dataset.from_dict({"prompt": [str(n) for n in range(args.prompts)]}), callbacks=[turns],
    )  # fmt: skip
    trainer.given, trainer.turns = rows, turns
    trainer.remove_callback(PrinterCallback)  # standard output is for the tables
    trainer.train()
    title = f"iteration, {args.prompts} prompts x {args.k}, at most {args.max_tokens} tokens"
    turns.table(title, f"TRL RLOOTrainer, {args.peer_batch} responses at once")


class Watched(SFTTrainer):
    """TRL's trainer; it keeps the batch and the loss of its step, for the engine to repeat."""

    def training_step(self, model, inputs, num_items_in_batch=None):
        ids, labels, mask = inputs["input_ids"], inputs["labels"], inputs["attention_mask"]
        self.batch = [
            (row[m == 1].tolist(), int((y != -100).sum())) for row, y, m in zip(ids, labels, mask, strict=True)
        ]
        self.turns.tokens = sum(n for _, n in self.batch)
        self.loss = super().training_step(model, inputs, num_items_in_batch)
        return self.loss


def supervised(args: argparse.Namespace) -> None:
    """One step on a batch of demonstrations, loss on the response."""
    steps = 4 * args.rounds + 1
    rows = pq.read_table(args.traces, columns=["prompt", "response"])[: steps * args.sft_batch].to_pylist()
    policy = load(args.model)
    optimizer = adamw(policy)
    losses: list[tuple[float, float]] = []

    def engine() -> int:
        batch = [Tokens(ids[: len(ids) - n], ids[len(ids) - n :]) for ids, n in trainer.batch]
        result = sft_step(policy, optimizer, batch, RATE)
        losses.append((result.loss, float(trainer.loss)))
        return result.tokens

    turns = Turns(engine)
    config = SFTConfig(
        **common(args, steps), per_device_train_batch_size=args.sft_batch, max_length=None, packing=False,
        completion_only_loss=True, average_tokens_across_devices=False,
    )  # fmt: skip
    ids = [r["prompt"] + r["response"] for r in rows]
    mask = [[0] * len(r["prompt"]) + [1] * len(r["response"]) for r in rows]
    trainer = Watched(
        model=AutoModelForCausalLM.from_pretrained(args.model, dtype=torch.float32), args=config, callbacks=[turns],
        processing_class=AutoTokenizer.from_pretrained(args.model),
        train_dataset=Dataset.from_dict({"input_ids": ids, "completion_mask": mask}),
    )  # fmt: skip
    trainer.turns = turns
    trainer.remove_callback(PrinterCallback)  # standard output is for the tables
    trainer.train()
    turns.table(f"supervised step, {args.sft_batch} demonstrations", "TRL SFTTrainer")
    print(f"Loss of the first step on the same batch: {losses[0][0]:.6f} (engine), {losses[0][1]:.6f} (TRL).\n")


if __name__ == "__main__":
    main()
