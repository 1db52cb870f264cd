"""What steps learn from: traces to fine-tune on, rollouts and scores to update on.

Column names and types are those of Go's t1.Trace, t1.Rollout and t1.Score.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from t1_engine.batch import Tokens
from t1_engine.status import invalid
from t1_engine.table import File, Lists, check_ids, columns
from t1_engine.update import Group


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


def read_groups(blocks: Sequence[File], scores: File, vocabulary: int) -> list[Group]:
    """One group for each run of rollouts with the same problem, in order, with the rewards of its scores."""
    rows = [row for block in blocks for row in _block(block, vocabulary)]
    rewards = _rewards(scores, [(r.problem, r.sample) for r in rows])
    groups: list[list[int]] = []
    for i, row in enumerate(rows):
        if not i or rows[i - 1].problem != row.problem:
            groups.append([])
        groups[-1].append(i)
    if not groups:
        raise invalid("rollouts: none")
    return [_group([rows[i] for i in group], [rewards[i] for i in group]) for group in groups]


@dataclass(frozen=True)
class _Row:
    problem: str
    sample: int
    prompt: list[int]
    tokens: list[int]
    logprobs: list[float]


def _block(file: File, vocabulary: int) -> list[_Row]:
    table = columns(file, ("problem", "sample", "prompt", "tokens", "logprobs"))
    for name in ("prompt", "tokens"):
        check_ids(file.path, name, table[name], vocabulary)
    if (table["tokens"].offsets != table["logprobs"].offsets).any():
        raise invalid(f"{file.path}: a row's tokens and logprobs differ in number")
    names = ("problem", "sample", "prompt", "tokens", "logprobs")
    return [_Row(*(table[name][i] for name in names)) for i in range(len(table["problem"]))]


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


def _group(rows: list[_Row], rewards: list[float]) -> Group:
    first = rows[0]
    if len(rows) < 2:
        raise invalid(f"problem {first.problem!r}: one rollout; leave-one-out needs at least 2")
    if any(row.prompt != first.prompt for row in rows):
        raise invalid(f"problem {first.problem!r}: its rollouts have different prompts")
    return Group(first.prompt, [r.tokens for r in rows], rewards, [r.logprobs for r in rows])


def _name(row: tuple[str, int]) -> str:
    return f"sample {row[1]} of {row[0]!r}"
