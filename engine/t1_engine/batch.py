"""Packing: sequences of different lengths as one flat row of tokens, without padding.

Legend: B sequences (rows of a bucket), T tokens (all sequences one after another), R response tokens.

This is the only place where tokens are shifted. A sequence of n tokens enters the model as its first n - 1
tokens (nothing follows the last); the hidden state at place t predicts token t + 1. `predict_R` lists the
places whose *next* token belongs to a response, `target_R` those next tokens.

Linear layers work on the flat [T, D] matrix. Only attention needs rectangles: sequences are sorted by
length and cut into buckets, each padded on the right to its own longest sequence.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

PADDING_LIMIT = 0.1  # of a bucket's cells, inclusive


@dataclass(frozen=True)
class Tokens:
    """One sequence. The loss sees the response only; a response may be empty (prefill)."""

    prompt: Sequence[int]  # at least one token
    response: Sequence[int]


@dataclass(frozen=True)
class Bucket:
    """Sequences whose attention is computed together: the packed tokens [start, stop)."""

    start: int
    stop: int
    rows: int
    length: int  # tokens of its longest sequence
    cell_T: Tensor | None  # [stop - start] cell of each token in the flat rows x length rectangle; None: no padding
    token_C: Tensor | None  # [rows * length] token of each cell, relative to start; padding cells repeat token 0


@dataclass(frozen=True)
class Packed:
    """What one forward pass reads. Sequences are numbered as they were given."""

    token_T: Tensor  # [T] int64
    position_T: Tensor  # [T] int64, from 0 in every sequence
    buckets: tuple[Bucket, ...]
    order: tuple[int, ...]  # the sequence at each packed place: longest first, ties as given
    last_B: Tensor  # [B] packed place of each sequence's last input token, in the order given
    predict_R: Tensor  # [R] packed places that predict a response token
    target_R: Tensor  # [R] the tokens they must predict
    sequence_R: Tensor  # [R] the sequence each belongs to; a response's tokens are adjacent and in order
    padding: float  # padding cells / all cells of the attention rectangles, in [0, 1)


def buckets_of(lengths: Sequence[int], limit: float) -> list[list[int]]:
    """Cuts sequence numbers, longest first, into runs whose padding share is at most `limit`."""
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    runs: list[list[int]] = []
    used = 0
    for i in order:
        if runs:
            longest, rows = lengths[runs[-1][0]], len(runs[-1]) + 1
            if used + lengths[i] >= (1 - limit) * longest * rows:
                runs[-1].append(i)
                used += lengths[i]
                continue
        runs.append([i])
        used = lengths[i]
    return runs


def pack(sequences: Sequence[Tokens], *, shift: bool = True, limit: float = PADDING_LIMIT) -> Packed:
    """Packs sequences for one forward pass.

    shift=False keeps the last token too: what prefill needs, where the last token's state predicts the first
    sampled one. It is meant for empty responses.
    """
    inputs: list[list[int]] = []
    for number, s in enumerate(sequences):
        ids = [*s.prompt, *s.response]
        if not s.prompt:
            raise ValueError(f"sequence {number}: the prompt is empty; it needs at least one token")
        inputs.append(ids[:-1] if shift else ids)
        if not inputs[-1]:
            raise ValueError(f"sequence {number}: one token in all; there is nothing to predict")
    if not inputs:
        raise ValueError("no sequences to pack")

    buckets: list[Bucket] = []
    order: list[int] = []
    token: list[int] = []
    position: list[int] = []
    predict: list[int] = []
    target: list[int] = []
    sequence: list[int] = []
    last = [0] * len(inputs)
    cells = 0
    for run in buckets_of([len(ids) for ids in inputs], limit):
        start, longest = len(token), len(inputs[run[0]])
        cell: list[int] = []
        for row, i in enumerate(run):
            s, n = sequences[i], len(inputs[i])
            first = len(token) + len(s.prompt) - 1
            if shift:
                predict.extend(range(first, first + len(s.response)))
                target.extend(s.response)
                sequence.extend([i] * len(s.response))
            cell.extend(range(row * longest, row * longest + n))
            token.extend(inputs[i])
            position.extend(range(n))
            order.append(i)
            last[i] = len(token) - 1
        cells += longest * len(run)
        buckets.append(_bucket(start, len(token), len(run), longest, cell))
    return Packed(
        token_T=torch.tensor(token),
        position_T=torch.tensor(position),
        buckets=tuple(buckets),
        order=tuple(order),
        last_B=torch.tensor(last),
        predict_R=torch.tensor(predict, dtype=torch.int64),
        target_R=torch.tensor(target, dtype=torch.int64),
        sequence_R=torch.tensor(sequence, dtype=torch.int64),
        padding=1 - len(token) / cells,
    )


def _bucket(start: int, stop: int, rows: int, length: int, cell: list[int]) -> Bucket:
    if len(cell) == rows * length:
        return Bucket(start, stop, rows, length, None, None)
    cell_T = torch.tensor(cell)
    token_C = torch.zeros(rows * length, dtype=torch.int64)
    token_C[cell_T] = torch.arange(len(cell))
    return Bucket(start, stop, rows, length, cell_T, token_C)
