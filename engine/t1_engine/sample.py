"""Sampling: K responses of each prompt, reproducible whatever else is in the batch.

Legend: B rows, R rows that draw again, V vocabulary, N blocks of C tokens.

A prompt is prefilled once; its cache is copied to its rows. A row that ends leaves the batch. The uniform numbers of
a token depend on (prompt seed, sample index, position in the response) and on nothing else.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from t1_engine.decode import Cache, Decoder
from t1_engine.errors import Cancelled
from t1_engine.model import Model
from t1_engine.rng import row_keys, uniform

BLOCK = 512  # tokens whose weights are summed before one of them is looked for
CACHED = 1 << 20  # logits that are drawn from at a time
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


def draw(logits_BV: Tensor, key_B: Tensor, position: int, sampling: Sampling) -> tuple[Tensor, Tensor]:
    """One token a row: ([B] int64, [B] its untruncated log-probability at temperature 1).

    Some rows at a time: their weights stay in the processor's cache, over which some ten passes go.
    """
    rows = max(1, CACHED // logits_BV.shape[1])
    parts = zip(logits_BV.split(rows), key_B.split(rows), strict=True)
    token, logprob = zip(*(draw_some(some, key, position, sampling) for some, key in parts), strict=True)
    return torch.cat(token), torch.cat(logprob)


def draw_some(logits_BV: Tensor, key_B: Tensor, position: int, sampling: Sampling) -> tuple[Tensor, Tensor]:
    """Nothing is sorted: a token is drawn from the whole vocabulary, and drawn again while the tokens more probable
    than it hold top_p together. What is accepted is distributed as if the rest had been cut off (rejection sampling),
    and costs a few passes over the logits where sorting a vocabulary costs more than the model's pass.
    """
    below_BV = logits_BV.float()
    below_BV = below_BV - below_BV.amax(-1, keepdim=True)
    weight_BV = below_BV.exp()
    total_B = weight_BV.sum(-1)
    if sampling.temperature == 0:
        token_B = below_BV.argmax(-1)
    else:
        if sampling.temperature != 1:
            weight_BV = (below_BV * (1 / sampling.temperature)).exp_()
        token_B = draw_nucleus(weight_BV, key_B, position, sampling.top_p)
    return token_B, below_BV.gather(1, token_B[:, None]).squeeze(1) - total_B.log()


def draw_nucleus(weight_BV: Tensor, key_B: Tensor, position: int, top_p: float) -> Tensor:
    """[B] tokens, by weights that need not sum to one. A row tries on with the next number of its own."""
    mass_BN = masses(weight_BV)
    token_B = pick(weight_BV, mass_BN, uniform(key_B, position))
    if top_p == 1:
        return token_B
    enough_B = top_p * mass_BN.sum(-1)
    row_R, attempt = (~in_nucleus(weight_BV, token_B, enough_B)).nonzero().squeeze(1), 1
    while len(row_R):
        weight_RV = weight_BV[row_R]
        token_R = pick(weight_RV, mass_BN[row_R], uniform(key_B[row_R], position, attempt))
        token_B[row_R] = token_R
        row_R, attempt = row_R[~in_nucleus(weight_RV, token_R, enough_B[row_R])], attempt + 1
    return token_B


def in_nucleus(weight_BV: Tensor, token_B: Tensor, enough_B: Tensor) -> Tensor:
    """[B] whether a token is among the fewest most probable ones that hold enough. Equals of the last one are, too.

    So is any token of a row that is not finite: else nothing would be accepted, ever. Its log-probability tells.
    """
    own_B1 = weight_BV.gather(1, token_B[:, None])
    above_B = torch.where(weight_BV > own_B1, weight_BV, 0.0).sum(-1)
    return ~(above_B >= enough_B)


def blocks(weight_BV: Tensor) -> Tensor:
    """[B, N, C] the weights in blocks, zeros added to fill the last."""
    width = min(BLOCK, weight_BV.shape[1])
    short = -weight_BV.shape[1] % width
    return (F.pad(weight_BV, (0, short)) if short else weight_BV).unflatten(1, (-1, width))


def masses(weight_BV: Tensor) -> Tensor:
    """[B, N] the weight of each block."""
    return blocks(weight_BV).sum(-1).double()


def pick(weight_BV: Tensor, mass_BN: Tensor, u_B: Tensor) -> Tensor:
    """[B] the token at which the cumulative weight passes u: first its block, then the token within."""
    block_B, rest_B = passing(mass_BN, u_B * mass_BN.sum(-1))
    weight_BNC = blocks(weight_BV)
    token_B, _ = passing(weight_BNC[torch.arange(len(u_B)), block_B], rest_B)
    return block_B * weight_BNC.shape[2] + token_B


def passing(weight_BN: Tensor, target_B: Tensor) -> tuple[Tensor, Tensor]:
    """[B] where the cumulative weight passes the target, and by how much the target exceeds what is before it.

    Rounding may push a target to the end of its row: then the last place that has weight."""
    cdf_BN = weight_BN.cumsum(-1, dtype=torch.float64)
    last_B = weight_BN.shape[1] - 1 - (weight_BN > 0).flip(-1).byte().argmax(-1)
    at_B = torch.minimum((cdf_BN <= target_B[:, None]).sum(-1), last_B)
    before_B = (cdf_BN - weight_BN).gather(1, at_B[:, None]).squeeze(1)
    return at_B, target_B - before_B


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
        token_B, logprob_B = draw(logits_BV, key_B, t, sampling)
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
