"""How a step is cut: into windows that fit in memory, micro-batches of similar size, rounds of all processes.

Everything here is a function of lengths, so that every process makes the same plan without a word.

A window is some prompts in order: what is read from disk, and decoded, at once. A micro-batch (`Part`) is what one
forward and backward pass sees. It holds whole prompts where they fit. A prompt whose responses do not fit is cut, its
responses sorted by length: its advantages need a pass of their own over all the parts first; see update.py.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

WINDOW_TOKENS = 1 << 20  # of a window of several prompts; one prompt may exceed it: 64 x 16,384 is as much

T = TypeVar("T")


@dataclass(frozen=True)
class Size:
    """A prompt and its responses, in tokens."""

    prompt: int
    responses: tuple[int, ...]

    @property
    def tokens(self) -> int:
        return len(self.responses) * self.prompt + sum(self.responses)


@dataclass(frozen=True)
class Part:
    """A micro-batch: (prompt, response) pairs, both numbered within the window."""

    rows: tuple[tuple[int, int], ...]
    tokens: int
    whole: bool  # every prompt in it is here with all its responses


def windows(sizes: Sequence[Size], limit: int = WINDOW_TOKENS) -> Iterator[tuple[int, int]]:
    """[first, last) of each window: prompts in order, of at most `limit` tokens together, or one alone."""
    first = tokens = 0
    for i, size in enumerate(sizes):
        if i > first and tokens + size.tokens > limit:
            yield first, i
            first, tokens = i, 0
        tokens += size.tokens
    yield first, len(sizes)


def parts(window: Sequence[Size], limit: int) -> list[Part]:
    """Micro-batches of at most `limit` tokens, or of one response alone: whole prompts, or one that is cut."""
    made: list[Part] = []
    held: list[int] = []
    for g, size in enumerate(window):
        if held and sum(window[i].tokens for i in held) + size.tokens > limit:
            made.append(_whole(window, held))
            held = []
        if size.tokens <= limit:
            held.append(g)
        else:
            made += _cut(g, size, limit)
    if held:
        made.append(_whole(window, held))
    return made


def _whole(window: Sequence[Size], prompts: Sequence[int]) -> Part:
    rows = tuple((g, k) for g in prompts for k in range(len(window[g].responses)))
    return Part(rows, sum(window[g].tokens for g in prompts), True)


def _cut(g: int, size: Size, limit: int) -> list[Part]:
    """One prompt's responses, longest first."""
    made: list[Part] = []
    longest_first = sorted(range(len(size.responses)), key=lambda k: -size.responses[k])
    for run in fill(longest_first, size.responses, size.prompt, limit):
        rows = tuple((g, k) for k in run)
        made.append(Part(rows, sum(size.prompt + size.responses[k] for k in run), len(run) == len(size.responses)))
    return made


def fill(order: Sequence[int], lengths: Sequence[int], extra: int, limit: int) -> Iterator[list[int]]:
    """Cuts an order into runs whose lengths, each with `extra`, add up to at most `limit`; or of one."""
    run: list[int] = []
    size = 0
    for k in order:
        n = lengths[k] + extra
        if run and size + n > limit:
            yield run
            run, size = [], 0
        run.append(k)
        size += n
    if run:
        yield run


def deal(items: Sequence[T], tokens: Sequence[int], ranks: int) -> list[list[T | None]]:
    """Rounds: in each, every process has one item or (in the last round) None.

    One process takes them in order. Several take them largest first, so that those of a round are of similar size and
    none waits long, in alternating direction, so that the sums are similar too.
    """
    if ranks == 1:
        return [[item] for item in items]
    order: list[T | None] = [items[i] for i in sorted(range(len(items)), key=lambda i: -tokens[i])]
    order += [None] * (-len(order) % ranks)
    rounds = [order[i : i + ranks] for i in range(0, len(order), ranks)]
    return [r if n % 2 == 0 else r[::-1] for n, r in enumerate(rounds)]
