"""What steps learn from: traces to fine-tune on, rollouts and scores to update on.

Column names and types are those of Go's t1.Trace, t1.Rollout and t1.Score.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from t1_engine.batch import Tokens
from t1_engine.plan import Size
from t1_engine.status import Code, Refused, invalid
from t1_engine.table import File, Lists, Stream, check_ids, columns

ROLLOUT = ("problem", "sample", "prompt", "tokens", "logprobs")


@dataclass(frozen=True)
class Traces:
    """Demonstrations, in the order of the file."""

    sha256: str
    prompts: Lists
    responses: Lists

    def __len__(self) -> int:
        return len(self.prompts.offsets) - 1

    def __getitem__(self, row: int) -> Tokens:
        return Tokens(self.prompts[row], self.responses[row])


def read_traces(file: File, vocabulary: int) -> Traces:
    """vocabulary: number of token ids the model has. Errors as in table.py."""
    table = columns(file, ("prompt", "response"))
    for name in ("prompt", "response"):
        check_ids(file.path, name, table[name], vocabulary)
    if len(table["prompt"].offsets) == 1:
        raise invalid(f"{file.path}: no traces")
    return Traces(file.sha256, table["prompt"], table["response"])


@dataclass(frozen=True)
class Group:
    """A prompt's K responses, all of them used."""

    prompt: Sequence[int]
    responses: Sequence[Sequence[int]]  # K of them, none empty
    rewards: Sequence[float]  # r', penalties included
    sampler_logprobs: Sequence[Sequence[float]]  # of the sampled tokens, at temperature 1

    @property
    def size(self) -> Size:
        return Size(len(self.prompt), tuple(map(len, self.responses)))


class Groups(Protocol):
    """A step's prompts, read from the first to the last, as often as asked."""

    @property
    def sizes(self) -> Sequence[Size]: ...

    def __iter__(self) -> Iterator[Group]: ...


@dataclass(frozen=True)
class Held:
    """Groups in memory."""

    groups: Sequence[Group]

    @property
    def sizes(self) -> Sequence[Size]:
        return [g.size for g in self.groups]

    def __iter__(self) -> Iterator[Group]:
        return iter(self.groups)


@dataclass(frozen=True)
class _Row:
    problem: str
    sample: int
    prompt: list[int]
    tokens: list[int]
    logprobs: list[float]


class Rollouts:
    """The groups in Parquet blocks: one for each run of rollouts with the same problem, with its scores' rewards.

    Made in one pass over the files, which checks everything and keeps lengths and rewards. Iterating reads them again.
    In memory at once: a batch of rows (table.py), and the group that is being put together.
    """

    def __init__(self, blocks: Sequence[Stream], scores: File, vocabulary: int) -> None:
        self._blocks = blocks
        names: list[tuple[str, int]] = []
        groups: list[tuple[str, list[int], list[int]]] = []  # problem, prompt, lengths
        for row in self._rows(vocabulary):
            if not groups or groups[-1][0] != row.problem:
                groups.append((row.problem, row.prompt, []))
            problem, prompt, lengths = groups[-1]
            if row.prompt != prompt:
                raise invalid(f"problem {problem!r}: its rollouts have different prompts")
            lengths.append(len(row.tokens))
            names.append((row.problem, row.sample))
        if not groups:
            raise invalid("rollouts: none")
        self._rewards = _rewards(scores, names)
        for problem, _, lengths in groups:
            if len(lengths) < 2:
                raise invalid(f"problem {problem!r}: one rollout; leave-one-out needs at least 2")
        self._sizes = [Size(len(prompt), tuple(lengths)) for _, prompt, lengths in groups]

    @property
    def sizes(self) -> Sequence[Size]:
        return self._sizes

    def __iter__(self) -> Iterator[Group]:
        rows, at = self._rows(), 0
        for size in self._sizes:
            k = len(size.responses)
            held = take(rows, k)
            rewards = self._rewards[at : at + k]
            group = Group(held[0].prompt, [r.tokens for r in held], rewards, [r.logprobs for r in held])
            if group.size != size:
                raise Refused(Code.DATA_LOSS, f"rollouts of {held[0].problem!r}: the file changed while it was read")
            at += k
            yield group

    def _rows(self, vocabulary: int = 0) -> Iterator[_Row]:
        """vocabulary above 0: checks the rows, too."""
        for block in self._blocks:
            for table in block.batches(ROLLOUT):
                if vocabulary:
                    _check(block.path, table, vocabulary)
                for i in range(len(table["problem"])):
                    yield _Row(*(table[name][i] for name in ROLLOUT))


def take(rows: Iterator[_Row], count: int) -> list[_Row]:
    held: list[_Row] = []
    while len(held) < count:
        if (row := next(rows, None)) is None:
            raise Refused(Code.DATA_LOSS, "rollouts: a file changed while it was read")
        held.append(row)
    return held


def _check(path: str, table: dict, vocabulary: int) -> None:
    for name in ("prompt", "tokens"):
        check_ids(path, name, table[name], vocabulary)
    if (table["tokens"].lengths != table["logprobs"].lengths).any():
        raise invalid(f"{path}: a row's tokens and logprobs differ in number")


def _rewards(file: File, rollouts: list[tuple[str, int]]) -> list[float]:
    """The scores' rewards, once their rows are those of the rollouts."""
    table = columns(file, ("problem", "sample", "reward"))
    rows = list(zip(table["problem"], table["sample"], strict=True))
    if len(rows) != len(rollouts):
        raise invalid(f"{file.path}: {len(rows)} scores for {len(rollouts)} rollouts")
    for i, (score, rollout) in enumerate(zip(rows, rollouts, strict=True)):
        if score != rollout:
            raise invalid(f"{file.path}: row {i} scores {_name(score)}; the rollout there is {_name(rollout)}")
        if not math.isfinite(table["reward"][i]):
            raise invalid(f"{file.path}: row {i}: reward {table['reward'][i]} is not finite")
    return [float(reward) for reward in table["reward"]]


def _name(row: tuple[str, int]) -> str:
    return f"sample {row[1]} of {row[0]!r}"
