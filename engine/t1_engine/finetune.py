"""Supervised fine-tuning: one step, its learning rate, and the order of the data.

Legend: R response tokens.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from t1_engine import group
from t1_engine.batch import Tokens, pack
from t1_engine.idle import idle
from t1_engine.model import Model
from t1_engine.optimizer import CLIP, take_step
from t1_engine.plan import deal, fill
from t1_engine.precision import working
from t1_engine.resources import Resources
from t1_engine.rng import order


@dataclass(frozen=True)
class SftResult:
    loss: float  # nats a response token
    entropy: float  # nats, mean over response tokens
    grad_norm: float  # before clipping
    tokens: int  # response tokens trained on
    padding: float  # mean share of padding in the attention rectangles


def sft_step(
    policy: Model,
    optimizer: torch.optim.Optimizer,
    sequences: Sequence[Tokens],
    lr: float,
    clip: float = CLIP,
    resources: Resources = Resources(),  # noqa: B008
) -> SftResult:
    """One optimizer step on the mean negative log-probability of all response tokens of `sequences`.

    clip: largest gradient norm; infinity does not clip.
    """
    total = sum(len(s.response) for s in sequences)
    if not total:
        raise ValueError("no response tokens to train on")
    optimizer.zero_grad(set_to_none=True)
    sums = torch.zeros(3, dtype=torch.float64, device="cpu")  # loss, entropy, padding
    parts = micro_batches(sequences, resources.micro_tokens)
    sizes = [sum(len(s.prompt) + len(s.response) for s in part) for part in parts]
    with working(policy, resources) as model:
        for turn in deal(parts, sizes, group.size()):
            part = turn[group.rank()]
            if part is None:
                idle(model, True, resources)
                continue
            packed = pack(part)
            logprob_R, entropy_R = model(packed, recompute=resources.recompute, score=True)
            part_loss = -logprob_R.sum() / total
            part_loss.backward()
            sums[0] += float(part_loss.detach())
            sums[1] += float(entropy_R.detach().sum()) / total
            sums[2] += packed.padding / len(parts)
    loss, entropy, padding = group.total(sums).tolist()
    norm = take_step(policy, optimizer, lr, loss, clip, resources.offload)
    return SftResult(loss, entropy, norm, total, padding)


def micro_batches(sequences: Sequence[Tokens], limit: int) -> list[list[Tokens]]:
    """Cuts sequences, longest first, into parts of about `limit` tokens: similar lengths share a part."""
    lengths = [len(s.prompt) + len(s.response) for s in sequences]
    longest_first = sorted(range(len(sequences)), key=lambda i: -lengths[i])
    return [[sequences[i] for i in run] for run in fill(longest_first, lengths, 0, limit)]


def cosine_lr(step: int, total: int, peak: float, warmup: float = 0.03) -> float:
    """Learning rate of step 0 <= step < total: linear warm-up over a share of the steps, then cosine to zero."""
    rise = max(1, round(warmup * total))
    if step < rise:
        return peak * (step + 1) / rise
    return peak * 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, total - rise)))


def batch_order(seed: int, epoch: int, count: int, batch: int) -> list[list[int]]:
    """Numbers 0 .. count-1 shuffled by (seed, epoch) and cut into batches; the last one may be smaller."""
    numbers = order(seed, epoch, count)
    return [numbers[i : i + batch] for i in range(0, count, batch)]
