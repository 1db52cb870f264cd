"""One reinforcement-learning step: log-probabilities, advantages, loss, one AdamW step.

Legend: P prompts, K responses of a prompt, B responses of a micro-batch, R response tokens.

A micro-batch holds whole prompts. So the policy's log-probabilities are computed once, with their graph; the
advantage, which needs all K of a prompt, is made from the same numbers; then the backward pass. The anchor's
forward pass is the only other one.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from t1_engine.advantage import advantage
from t1_engine.batch import Tokens, pack
from t1_engine.errors import Cancelled, SamplerGap
from t1_engine.logprob import token_logprob
from t1_engine.loss import Aggregation, entropy_bonus, policy_gradient, token_weights
from t1_engine.model import Model
from t1_engine.optimizer import CLIP, take_step

WIDE_GAP = 0.1  # nats: a token's gap to the sampler that rounding does not explain
MICRO_TOKENS = 4096  # packed tokens of a micro-batch of several prompts; one prompt may exceed it


@dataclass(frozen=True)
class Group:
    """A prompt's K responses, all of them used."""

    prompt: Sequence[int]
    responses: Sequence[Sequence[int]]  # K of them, none empty
    rewards: Sequence[float]  # r', penalties included
    sampler_logprobs: Sequence[Sequence[float]]  # of the sampled tokens, at temperature 1


@dataclass(frozen=True)
class Hyper:
    lr: float
    alpha: float = 1e-3  # entropy bonus
    beta: float = 2e-4  # KL in the reward
    plain_kl: bool = False  # d as it is, not less the mean of the others'
    clip: float = 0.2  # of the ratio
    grad_clip: float = CLIP
    aggregation: Aggregation = "response"
    ratio: Literal["policy", "sampler"] = "policy"  # rho against the policy itself (1), or the sampler's numbers
    gap_limit: float = 0.0  # mean |trainer's - sampler's log-probability| above which there is no step; 0: any


@dataclass(frozen=True)
class UpdateResult:
    """Numbers a response are in the order of groups, then responses."""

    divergence: list[float]  # d_i, nats a sequence
    advantage: list[float]
    mean_logprob: list[float]  # nats a token, at temperature 1
    metrics: dict[str, float]


def policy_update(
    policy: Model,
    anchor: Model | None,
    optimizer: torch.optim.Optimizer,
    groups: Sequence[Group],
    hyper: Hyper,
    progress: Callable[[int, int], None] = lambda done, total: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> UpdateResult:
    """One optimizer step on all groups. anchor None: d = 0. The anchor itself is moved by the caller.

    Raises Cancelled between micro-batches, SamplerGap when the gap to the sampler is above its limit, and NumericError
    when loss or gradient is not finite; all leave parameters and optimizer as they were.
    """
    _check(groups)
    tally = _Tally(sum(len(g.responses) for g in groups), sum(len(y) for g in groups for y in g.responses))
    optimizer.zero_grad(set_to_none=True)
    done = 0
    for part in micro_batches(groups):
        if cancelled():
            optimizer.zero_grad(set_to_none=True)
            raise Cancelled
        _accumulate(policy, anchor, part, hyper, tally)
        done += len(part)
        progress(done, len(groups))
    if hyper.gap_limit and not tally.gap <= hyper.gap_limit:  # NaN is above
        optimizer.zero_grad(set_to_none=True)
        raise SamplerGap(
            f"the sampler's log-probabilities are {tally.gap:.3g} nats a token from the trainer's in the mean, "
            f"at most {tally.gap_max:.3g}; allowed are {hyper.gap_limit:g} in the mean"
        )
    norm = take_step(policy, optimizer, hyper.lr, tally.pg_loss - hyper.alpha * tally.entropy, hyper.grad_clip)
    return tally.result(hyper, norm)


def _accumulate(policy: Model, anchor: Model | None, part: list[Group], hyper: Hyper, tally: "_Tally") -> None:
    """Forward and backward of one micro-batch: adds to the gradients and to the tally."""
    packed = pack([Tokens(g.prompt, y) for g in part for y in g.responses])
    sequence_R, target_R = packed.sequence_R, packed.target_R
    length_B = torch.bincount(sequence_R)
    hidden_RD = policy(packed).index_select(0, packed.predict_R)
    logprob_R, entropy_R = token_logprob(hidden_RD, policy.head_VD, target_R)

    with torch.no_grad():
        current_R = logprob_R.detach()
        if anchor is None:
            drift_R = torch.zeros_like(current_R)
        else:
            reference_RD = anchor(packed).index_select(0, packed.predict_R)
            drift_R = current_R - token_logprob(reference_RD, anchor.head_VD, target_R)[0]
        divergence_B = _sum(drift_R, sequence_R, len(length_B))
        reward_B = torch.tensor([r for g in part for r in g.rewards], dtype=torch.float64)
        sizes = [len(g.responses) for g in part]
        pairs = zip(reward_B.split(sizes), divergence_B.split(sizes), strict=True)
        advantage_B = torch.cat([advantage(r_K, d_K, hyper.beta, hyper.plain_kl) for r_K, d_K in pairs])
        sampler_R = _flat_logprobs(part, packed.order)
        weight_R = token_weights(sequence_R, length_B, hyper.aggregation, tally.responses, tally.tokens)

    old_R = current_R if hyper.ratio == "policy" else sampler_R
    pg_loss, bound = policy_gradient(logprob_R, old_R, advantage_B[sequence_R].float(), weight_R, hyper.clip)
    entropy = entropy_bonus(entropy_R, tally.tokens)
    (pg_loss - hyper.alpha * entropy).backward()

    tally.pg_loss += float(pg_loss.detach())
    tally.entropy += float(entropy.detach())
    tally.clipped += int(bound)
    gap_R = (current_R - sampler_R).abs()
    tally.gap_sum += float(gap_R.sum(dtype=torch.float64))
    tally.gap_wide += int((gap_R > WIDE_GAP).sum())
    tally.gap_max = max(tally.gap_max, float(gap_R.max()))
    tally.padding.append(packed.padding)
    tally.packed += len(packed.token_T)
    tally.divergence += divergence_B.tolist()
    tally.advantage += advantage_B.tolist()
    tally.mean_logprob += (_sum(current_R, sequence_R, len(length_B)) / length_B).tolist()


def micro_batches(groups: Sequence[Group], limit: int = MICRO_TOKENS) -> Iterator[list[Group]]:
    """Whole prompts, in order, of about `limit` tokens together; at least one."""
    part: list[Group] = []
    size = 0
    for g in groups:
        n = sum(len(g.prompt) + len(y) for y in g.responses)
        if part and size + n > limit:
            yield part
            part, size = [], 0
        part.append(g)
        size += n
    yield part


class _Tally:
    """Sums over the micro-batches of a step."""

    def __init__(self, responses: int, tokens: int) -> None:
        self.responses, self.tokens = responses, tokens
        self.pg_loss = self.entropy = self.gap_sum = self.gap_max = 0.0
        self.clipped = self.packed = self.gap_wide = 0
        self.padding: list[float] = []
        self.divergence: list[float] = []
        self.advantage: list[float] = []
        self.mean_logprob: list[float] = []

    @property
    def gap(self) -> float:
        """Mean |trainer's - sampler's log-probability|, nats a token."""
        return self.gap_sum / self.tokens

    def result(self, hyper: Hyper, grad_norm: float) -> UpdateResult:
        metrics = {
            "loss": self.pg_loss - hyper.alpha * self.entropy,
            "pg_loss": self.pg_loss,
            "entropy": self.entropy,  # nats, mean over response tokens
            "kl": sum(self.divergence) / self.responses,  # nats a response
            "kl_per_token": sum(self.divergence) / self.tokens,
            "grad_norm": grad_norm,  # before clipping
            "clip_fraction": self.clipped / self.tokens,
            "sampler_gap_mean": self.gap,
            "sampler_gap_max": self.gap_max,
            "sampler_gap_share": self.gap_wide / self.tokens,  # above WIDE_GAP
            "tokens": float(self.tokens),  # response tokens
            "packed_tokens": float(self.packed),  # prompts included
            "padding": sum(self.padding) / len(self.padding),
        }
        return UpdateResult(self.divergence, self.advantage, self.mean_logprob, metrics)


def _sum(x_R: Tensor, sequence_R: Tensor, count: int) -> Tensor:
    """[count] float64 sums of each response's tokens."""
    return torch.zeros(count, dtype=torch.float64).index_add_(0, sequence_R, x_R.double())


def _flat_logprobs(part: list[Group], order: Sequence[int]) -> Tensor:
    """[R] the sampler's numbers in packed order."""
    rows = [logprobs for g in part for logprobs in g.sampler_logprobs]
    return torch.tensor([x for i in order for x in rows[i]])


def _check(groups: Sequence[Group]) -> None:
    if not groups:
        raise ValueError("no groups to update on")
    for n, g in enumerate(groups):
        k = len(g.responses)
        if k < 2:
            raise ValueError(f"group {n}: {k} responses; leave-one-out needs at least 2")
        if len(g.rewards) != k or len(g.sampler_logprobs) != k:
            raise ValueError(
                f"group {n}: {k} responses, {len(g.rewards)} rewards, {len(g.sampler_logprobs)} log-probability rows"
            )
        for i, (y, logprobs) in enumerate(zip(g.responses, g.sampler_logprobs, strict=True)):
            if not y or len(y) != len(logprobs):
                raise ValueError(
                    f"group {n}, response {i}: {len(y)} tokens, {len(logprobs)} log-probabilities; "
                    "need the same, at least 1"
                )
