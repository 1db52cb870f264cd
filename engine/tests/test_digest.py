"""Digests of many tensors: the same whoever hashes which, and the work is shared."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from t1_engine import digest
from t1_engine.digest import owners, shared_digests


@given(st.lists(st.integers(1, 1000), max_size=60), st.integers(1, 9))
def test_no_process_hashes_much_more_than_another(sizes, processes):
    found = owners(sizes, processes)
    assert len(found) == len(sizes)
    work = [sum(size for size, owner in zip(sizes, found, strict=True) if owner == n) for n in range(processes)]
    assert max(work) - min(work) <= max(sizes, default=0)


def tensors() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    made = {f"t{n}": torch.randn(1 + 7 * n % 5, 1 + n, generator=generator) for n in range(20)}
    return made | {"zero": torch.zeros(300), "half": torch.ones(3, 5, dtype=torch.bfloat16)}


SHARED = """
import json, os, sys
sys.path[:0] = sys.argv[2:]
from test_digest import hashed
from t1_engine import group
group.start(sys.argv[1])
print(json.dumps(hashed()))
"""


def hashed() -> tuple[dict[str, str], list[str], int]:
    """The digests of `tensors`, what this process hashed itself, by digest, and how many beats it gave."""
    mine, beats, plain = [], [], digest.tensor_digest

    def noted(tensor: torch.Tensor) -> str:
        mine.append(plain(tensor))
        return mine[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(digest, "tensor_digest", noted)
        given_tensors = {name: (t.numel(), lambda t=t: t) for name, t in tensors().items()}
        found = shared_digests(given_tensors, lambda: beats.append(1))
    return found, mine, len(beats)


def test_two_processes_find_what_one_does_and_share_the_work(tmp_path):
    want, alone, _ = hashed()
    here = Path(__file__).parent
    command = [sys.executable, "-c", SHARED, str(tmp_path / "meeting"), str(here), str(here.parent)]
    pair = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | {"WORLD_SIZE": "2", "RANK": rank})
        for rank in "01"
    ]
    (first, mine, beats), (second, theirs, _) = (json.loads(p.communicate(timeout=60)[0]) for p in pair)
    assert first == second == want == {n: digest.tensor_digest(t) for n, t in tensors().items()}
    assert sorted(mine + theirs) == sorted(alone)  # each tensor once
    assert beats >= len(want)
    bytes_of = {want[n]: t.numel() * t.element_size() for n, t in tensors().items()}
    shares = [sum(map(bytes_of.__getitem__, hashes)) for hashes in (mine, theirs)]
    assert max(shares) < 0.7 * sum(shares)
