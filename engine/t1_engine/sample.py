"""Sampling: K responses of each prompt, reproducible whatever else is in the batch.

Legend: B rows, V vocabulary, N nucleus candidates.

A prompt is prefilled once; its cache is copied to its rows. A row that ends leaves the batch. The uniform number of
a token depends on (prompt seed, sample index, position in the response) and on nothing else.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from t1_engine.decode import Cache, Decoder
from t1_engine.errors import Cancelled
from t1_engine.model import Model
from t1_engine.rng import row_keys, uniform

NUCLEUS = 64  # candidates tried first; a row they do not suffice gets sixteen times as many
DROP_SHARE = 0.1  # finished rows are dropped once they are this share of the batch


@dataclass(frozen=True)
class Sampling:
    temperature: float = 1.0  # 0: greedy
    top_p: float = 1.0  # in (0, 1]; 1: the whole vocabulary
    max_tokens: int = 256  # response tokens, end-of-sequence included; at least 1

    def __post_init__(self) -> None:
        if self.temperature < 0 or not 0 < self.top_p <= 1 or self.max_tokens < 1:
            raise ValueError(f"{self}: temperature must be >= 0, top_p in (0, 1], max_tokens >= 1")


@dataclass(frozen=True)
class Prompt:
    tokens: Sequence[int]  # at least one
    seed: int  # uint64: names this prompt's randomness
    samples: int = 1  # K
    first_sample: int = 0  # index of the first: samples 0..3 and 4..7 asked apart are those of 0..7 asked at once


@dataclass(frozen=True)
class Response:
    prompt: int  # index into the prompts given
    sample: int  # first_sample <= sample < first_sample + samples
    tokens: list[int]  # the end-of-sequence token included when finish is "stop"
    logprobs: list[float]  # of the policy at temperature 1, whole vocabulary: comparable with the trainer's
    finish: Literal["stop", "length"]


def draw(logits_BV: Tensor, u_B: Tensor, sampling: Sampling) -> tuple[Tensor, Tensor]:
    """One token a row by inverse CDF: ([B] int64, [B] its untruncated log-probability at temperature 1)."""
    if sampling.temperature == 0:
        token_B = logits_BV.argmax(-1)
    else:
        prob_BV = torch.softmax(logits_BV / sampling.temperature, -1)
        token_B = invert(prob_BV, u_B) if sampling.top_p == 1 else draw_nucleus(prob_BV, u_B, sampling.top_p)
    logprob_B = logits_BV.gather(1, token_B[:, None]).squeeze(1) - logits_BV.logsumexp(-1)
    return token_B, logprob_B


def invert(prob_BN: Tensor, u_B: Tensor) -> Tensor:
    """[B] the candidate at which the cumulative share passes u. Rounding may push u to the end of a row: then the
    last candidate that has probability."""
    cdf_BN = prob_BN.cumsum(-1, dtype=torch.float64)
    pick_B = (cdf_BN <= u_B[:, None] * cdf_BN[:, -1:]).sum(-1)
    last_B = prob_BN.shape[1] - 1 - (prob_BN > 0).flip(-1).byte().argmax(-1)
    return torch.minimum(pick_B, last_B)


def draw_nucleus(prob_BV: Tensor, u_B: Tensor, top_p: float) -> Tensor:
    """[B] tokens. Candidates are sorted for the rows that need them: few need many, and sorting a whole vocabulary
    costs more than the model's pass."""
    token_B = torch.empty(len(prob_BV), dtype=torch.int64, device=prob_BV.device)
    row_R, size = torch.arange(len(prob_BV), device=prob_BV.device), NUCLEUS
    while len(row_R):
        prob_RN, token_RN, whole_R = nucleus(prob_BV[row_R], top_p, size)
        row = row_R[whole_R]
        token_B[row] = token_RN[whole_R].gather(1, invert(prob_RN[whole_R], u_B[row])[:, None]).squeeze(1)
        row_R, size = row_R[~whole_R], 16 * size
    return token_B


def nucleus(prob_BV: Tensor, top_p: float, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """The fewest most probable tokens that reach top_p, among the `size` most probable.

    Probabilities (0 past the nucleus) and tokens, both [B, N]; and whether the row's nucleus is whole, [B]."""
    size = min(size, prob_BV.shape[1])
    prob_BN, token_BN = prob_BV.topk(size, sorted=True)
    before_BN = prob_BN.cumsum(-1, dtype=torch.float64) - prob_BN
    whole_B = (
        before_BN[:, -1] >= top_p if size < prob_BV.shape[1] else torch.ones_like(before_BN[:, -1], dtype=torch.bool)
    )
    return prob_BN.masked_fill(before_BN >= top_p, 0.0), token_BN, whole_B


@torch.inference_mode()
def generate(
    model: Model,
    prompts: Sequence[Prompt],
    sampling: Sampling,
    eos: int | Sequence[int],
    on_finished: Callable[[Response], None],
    cancelled: Callable[[], bool] = lambda: False,
    rows: int = 512,
) -> None:
    """Samples every prompt's responses and reports each as it ends. Raises Cancelled between tokens.

    rows: sequences decoded at once; memory grows with it, results do not depend on it (beyond rounding).
    """
    ends = torch.tensor([eos] if isinstance(eos, int) else list(eos))
    decoder = Decoder(model)
    for wave in waves(prompts, rows):
        _run(decoder, prompts, wave, sampling, ends, on_finished, cancelled)


def waves(prompts: Sequence[Prompt], rows: int) -> Iterator[list[tuple[int, int]]]:
    """(prompt, sample) pairs, `rows` at a time; prompts of similar length together, a prompt's samples adjacent."""
    by_length = sorted(range(len(prompts)), key=lambda i: len(prompts[i].tokens))
    pairs = [(i, prompts[i].first_sample + k) for i in by_length for k in range(prompts[i].samples)]
    for start in range(0, len(pairs), rows):
        yield pairs[start : start + rows]


def _run(
    decoder: Decoder,
    prompts: Sequence[Prompt],
    wave: list[tuple[int, int]],
    sampling: Sampling,
    ends: Tensor,
    on_finished: Callable[[Response], None],
    cancelled: Callable[[], bool],
) -> None:
    used = list(dict.fromkeys(i for i, _ in wave))
    number = {i: n for n, i in enumerate(used)}
    cache = Cache(decoder, [list(prompts[i].tokens) for i in used], [number[i] for i, _ in wave], sampling.max_tokens)
    key_B = row_keys([prompts[i].seed for i, _ in wave], [k for _, k in wave])
    row_B = torch.arange(len(wave))  # each batch row's place in the wave
    token_BT = torch.zeros(len(wave), sampling.max_tokens, dtype=torch.int64)
    logprob_BT = torch.zeros(len(wave), sampling.max_tokens)
    live_B = torch.ones(len(wave), dtype=torch.bool)

    def report(row: int, length: int, finish: Literal["stop", "length"]) -> None:
        prompt, sample = wave[row]
        on_finished(
            Response(prompt, sample, token_BT[row, :length].tolist(), logprob_BT[row, :length].tolist(), finish)
        )

    logits_BV = cache.first_logits
    for t in range(sampling.max_tokens):
        if cancelled():
            raise Cancelled
        token_B, logprob_B = draw(logits_BV, uniform(key_B, t), sampling)
        token_BT[row_B, t] = token_B
        logprob_BT[row_B, t] = logprob_B
        ended_B = torch.isin(token_B, ends) & live_B
        for row in row_B[ended_B].tolist():
            report(row, t + 1, "stop")
        live_B &= ~ended_B
        left = int(live_B.sum())
        if not left or t + 1 == sampling.max_tokens:
            break
        if left <= (1 - DROP_SHARE) * len(live_B):
            keep = live_B.nonzero().squeeze(1)
            cache.keep(keep)
            key_B, row_B, live_B, token_B = key_B[keep], row_B[keep], live_B[keep], token_B[keep]
        logits_BV = cache.step(token_B)
    for row in row_B[live_B].tolist():
        report(row, sampling.max_tokens, "length")
