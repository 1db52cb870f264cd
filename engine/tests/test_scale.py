"""A step of any size in bounded memory: the plan, the reading, the activations."""

import copy
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from test_update import digest, make_groups, moved

from t1_engine import plan
from t1_engine.batch import Tokens, pack
from t1_engine.finetune import sft_step
from t1_engine.optimizer import adamw
from t1_engine.plan import Size, deal, parts, windows
from t1_engine.resources import Resources
from t1_engine.rollout import Group, Rollouts
from t1_engine.table import File, Stream
from t1_engine.update import Hyper, policy_update

sizes = st.lists(
    st.builds(Size, st.integers(1, 9), st.lists(st.integers(1, 60), min_size=2, max_size=9).map(tuple)),
    min_size=1,
    max_size=12,
)


@given(sizes, st.integers(1, 400))
def test_windows_and_parts_hold_every_response_once(given_sizes, limit):
    bounds = list(windows(given_sizes, limit))
    assert [low for low, _ in bounds] == [0, *[high for _, high in bounds]][:-1] and bounds[-1][1] == len(given_sizes)
    for low, high in bounds:
        window = given_sizes[low:high]
        assert len(window) == 1 or sum(s.tokens for s in window) <= limit
        made = parts(window, limit // 2 + 1)
        rows = [row for part in made for row in part.rows]
        assert sorted(rows) == [(g, k) for g, s in enumerate(window) for k in range(len(s.responses))]
        for part in made:
            assert part.tokens == sum(window[g].prompt + window[g].responses[k] for g, k in part.rows)
            assert part.tokens <= limit // 2 + 1 or len(part.rows) == 1
            count = Counter(g for g, _ in part.rows)
            assert part.whole == all(n == len(window[g].responses) for g, n in count.items())
            if not part.whole:  # one prompt, its responses of similar length together
                assert len(count) == 1
    assert not limit or all(a <= b for a, b in bounds)


@given(st.lists(st.integers(1, 1000), max_size=40), st.integers(1, 8))
def test_dealing_gives_every_micro_batch_to_one_process_and_balances(tokens, ranks):
    items = list(range(len(tokens)))
    rounds = deal(items, tokens, ranks)
    assert all(len(r) == ranks for r in rounds) and sorted(i for r in rounds for i in r if i is not None) == items
    if ranks == 1:
        assert rounds == [[i] for i in items]
    elif tokens:
        work = [sum(tokens[r[n]] for r in rounds if r[n] is not None) for n in range(ranks)]
        assert max(work) - min(work) <= max(tokens)


MEASURE = """
import sys, pathlib, numpy as np, pyarrow as pa, pyarrow.parquet as pq
sys.path.insert(0, sys.argv[1])
from t1_engine.rollout import Rollouts
from t1_engine.table import File, Stream
directory, prompts, k, length = pathlib.Path(sys.argv[2]), int(sys.argv[3]), 64, 2048
rows = [(f"p{p}", s) for p in range(prompts) for s in range(k)]
named = {"problem": [p for p, _ in rows], "sample": pa.array([s for _, s in rows], pa.int32())}
offsets = pa.array(np.arange(len(rows) + 1) * length, pa.int32())
random = np.random.default_rng(1)
tokens = pa.ListArray.from_arrays(offsets, pa.array(random.integers(0, 50000, len(rows) * length), pa.int32()))
logprobs = pa.ListArray.from_arrays(offsets, pa.array(random.random(len(rows) * length), pa.float32()))
table = pa.table({**named, "prompt": pa.array([[1, 2]] * len(rows), pa.list_(pa.int32())), "tokens": tokens,
                  "logprobs": logprobs, "text": ["x" * length] * len(rows)})
pq.write_table(table, directory / "b.parquet", compression="zstd")
pq.write_table(pa.table({**named, "reward": [0.0] * len(rows)}), directory / "s.parquet")
del table, tokens, logprobs
pool = pa.system_memory_pool()
pa.set_memory_pool(pool)
before = pool.bytes_allocated()
groups = Rollouts([Stream.open(str(directory / "b.parquet"))], File.read(str(directory / "s.parquet")), 50000)
assert sum(1 for g in groups if len(g.responses) == k) == prompts
print(pool.max_memory() - before)
"""


def test_reading_takes_no_more_memory_for_more_rollouts(tmp_path):
    """One row group of 8 or of 32 prompts; the columns of the larger are 32 MiB."""
    root, peaks = str(Path(__file__).parent.parent), []
    for prompts in (8, 32):
        command = [sys.executable, "-c", MEASURE, root, str(tmp_path), str(prompts)]
        peaks.append(int(subprocess.run(command, check=True, capture_output=True, text=True).stdout) / 2**20)
    assert peaks[1] < peaks[0] + 4 and peaks[1] < 16, f"{peaks} MiB"


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path):
    from process import write_rollouts

    from t1_engine.status import Code, Refused

    blocks, scores = write_rollouts(tmp_path / "a")
    groups = Rollouts([Stream.open(str(b)) for b in blocks], File.read(str(scores)), 50)
    assert [g.size for g in groups] == list(groups.sizes)
    others, _ = write_rollouts(tmp_path / "b", length=7)
    blocks[1].write_bytes(others[1].read_bytes())
    with pytest.raises(Refused) as refused:
        list(groups)
    assert refused.value.code == Code.DATA_LOSS


def test_windows_do_not_change_the_step(tiny, monkeypatch):
    """Read in one window or prompt by prompt: other micro-batches perhaps, the same numbers."""
    runs = []
    for limit in (1 << 20, 1):
        monkeypatch.setattr("t1_engine.plan.windows.__defaults__", (limit,))
        policy = copy.deepcopy(tiny)
        result = policy_update(
            policy, moved(tiny), adamw(policy), make_groups(), Hyper(lr=1e-3), resources=Resources(1)
        )
        runs.append((digest(policy), result))
    assert plan.WINDOW_TOKENS == 1 << 20
    assert runs[0] == runs[1]  # one response a micro-batch either way: the same bits


def test_recomputing_activations_gives_the_same_bits(tiny):
    runs = []
    for recompute in (False, True):
        policy, resources = copy.deepcopy(tiny), Resources(60, recompute)
        optimizer = adamw(policy)
        sequences = [Tokens(g.prompt, y) for g in make_groups() for y in g.responses]
        tuned = sft_step(policy, optimizer, sequences, 1e-3, resources=resources)
        result = policy_update(policy, moved(tiny), optimizer, make_groups(), Hyper(lr=1e-3), resources=resources)
        runs.append((digest(policy), tuned, result))
    assert runs[0] == runs[1]


def test_recomputing_keeps_less(tiny):
    """What is kept for the backward pass: a layer's input instead of all it makes."""
    packed = pack([Tokens([1] * 40, [2] * 40)])
    kept = []
    for recompute in (False, True):
        sizes: dict[int, int] = {}

        def note(t, sizes=sizes):
            sizes[t.untyped_storage().data_ptr()] = t.untyped_storage().nbytes()
            return t

        with torch.autograd.graph.saved_tensors_hooks(note, lambda t: t):
            tiny(packed, recompute=recompute)
        weights = {p.untyped_storage().data_ptr() for p in tiny.parameters()}
        kept.append(sum(n for at, n in sizes.items() if at not in weights))
    assert kept[1] < kept[0] / 3, kept


def test_a_response_longer_than_a_micro_batch_is_computed_whole(tiny):
    groups = [Group([1, 2], [[3] * 90, [4] * 70], [1.0, 0.0], [[-1.0] * 90, [-1.0] * 70])]
    alone, together = (
        policy_update(tiny, None, adamw(tiny), groups, Hyper(lr=0.0), resources=Resources(n)).metrics
        for n in (10, 1000)
    )
    assert alone["entropy"] == pytest.approx(together["entropy"], rel=1e-5)
    assert alone["grad_norm"] == pytest.approx(together["grad_norm"], rel=1e-5)
