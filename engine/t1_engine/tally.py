"""Sums over the micro-batches of a step, and what they come to."""

from dataclasses import dataclass

import torch
from torch import Tensor

from t1_engine import group

WIDE_GAP = 0.1  # nats: a token's gap to the sampler that rounding does not explain


@dataclass(frozen=True)
class UpdateResult:
    """Numbers a response are in the order of groups, then responses."""

    divergence: list[float]  # d_i, nats a sequence
    advantage: list[float]
    mean_logprob: list[float]  # nats a token, at temperature 1
    metrics: dict[str, float]


class Tally:
    """What one process found. Responses are numbered through the whole step."""

    def __init__(self, responses: int, tokens: int) -> None:
        self.responses, self.tokens = responses, tokens  # of the whole step, all processes together
        self.pg_loss = self.entropy = self.gap_sum = self.gap_max = self.padding = 0.0
        self.clipped = self.gap_wide = self.packed = self.parts = 0
        self.divergence, self.advantage, self.mean_logprob = torch.zeros(3, responses, dtype=torch.float64).unbind()

    @property
    def gap(self) -> float:
        """Mean |trainer's - sampler's log-probability|, nats a token; of a merged tally only."""
        return self.gap_sum / self.tokens

    def note(self, row_B: Tensor, divergence_B: Tensor, advantage_B: Tensor, mean_logprob_B: Tensor) -> None:
        self.divergence[row_B] = divergence_B
        self.advantage[row_B] = advantage_B
        self.mean_logprob[row_B] = mean_logprob_B

    def merged(self) -> "Tally":
        """All processes' figures together; the same in each."""
        if group.size() == 1:
            return self
        whole = Tally(self.responses, self.tokens)
        names = ("pg_loss", "entropy", "gap_sum", "gap_wide", "padding", "clipped", "packed", "parts")
        sums = group.total(torch.tensor([getattr(self, n) for n in names], dtype=torch.float64, device="cpu"))
        for name, value in zip(names, sums.tolist(), strict=True):
            setattr(whole, name, value)
        whole.gap_max = group.largest(self.gap_max)
        for name in ("divergence", "advantage", "mean_logprob"):  # each response is one process's, and 0 elsewhere
            setattr(whole, name, group.total(getattr(self, name)))
        return whole

    def result(self, alpha: float, grad_norm: float) -> UpdateResult:
        divergence = self.divergence.tolist()
        metrics = {
            "loss": self.pg_loss - alpha * self.entropy,
            "pg_loss": self.pg_loss,
            "entropy": self.entropy,  # nats, mean over response tokens
            "kl": sum(divergence) / self.responses,  # nats a response
            "kl_per_token": sum(divergence) / self.tokens,
            "grad_norm": grad_norm,  # before clipping
            "clip_fraction": self.clipped / self.tokens,
            "sampler_gap_mean": self.gap,
            "sampler_gap_max": self.gap_max,
            "sampler_gap_share": self.gap_wide / self.tokens,  # above WIDE_GAP
            "tokens": float(self.tokens),  # response tokens
            "packed_tokens": float(self.packed),  # prompts included
            "padding": self.padding / self.parts,
        }
        return UpdateResult(divergence, self.advantage.tolist(), self.mean_logprob.tolist(), metrics)
