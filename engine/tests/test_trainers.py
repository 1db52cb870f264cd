"""Two processes that train together: the same numbers as one, the same bits each time, and no half of them left."""

import contextlib
import json
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from process import Engine, code, fine_tune_request, pb, scratch, write_rollouts, write_traces
from safetensors.numpy import load_file

T = TypeVar("T")

LIMIT = 1e-5
SMALL = ("--micro-tokens", "25")  # some prompts whole, some cut, several micro-batches for each process


@contextlib.contextmanager
def engine(directory: Path, *options: str, trainers: int = 2) -> Iterator[Engine]:
    made = Engine(directory, *options, trainers=trainers, threads=1)
    try:
        made.connect().open_scratch()
        yield made
        if made.process.poll() is None:
            made.stop()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(made.process.pid, signal.SIGKILL)


def log(e: Engine, traces, rollouts) -> list[pb.StepResult]:
    first = e.fine_tune(traces, 0, 3)
    return [first, *(e.update(rollouts, anchor_action=a, beta=0.05) for a in ("ema", "ema", "reset", "none"))]


def facts(results: list[pb.StepResult]) -> list:
    return [
        (r.digest, r.policy, dict(r.metrics), [(x.d, x.advantage, x.mean_logprob) for x in r.rollouts]) for r in results
    ]


def error(got, want) -> float:
    got, want = np.asarray(got, np.float64), np.asarray(want, np.float64)
    return float(np.linalg.norm(got - want) / np.linalg.norm(want))


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> tuple[Path, tuple[list[Path], Path]]:
    base = tmp_path_factory.mktemp("data")
    return write_traces(base / "traces.parquet"), write_rollouts(base / "r", problems=5, k=4)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory) -> Iterator[Engine]:
    """Two processes that the module shares: they are slow to start."""
    with engine(tmp_path_factory.mktemp("pair") / "e", *SMALL) as e:
        yield e


@pytest.fixture
def pair(pairs) -> Engine:
    """Two processes that hold a fresh scratch state."""
    pairs.open_scratch()
    return pairs


@pytest.fixture(scope="module")
def singles(tmp_path_factory) -> Iterator[Engine]:
    with engine(tmp_path_factory.mktemp("single") / "e", trainers=1) as e:
        yield e


@pytest.fixture
def single(singles) -> Engine:
    """One process, its micro-batches large enough for all prompts, that holds a fresh scratch state."""
    singles.open_scratch()
    return singles


@pytest.fixture(scope="module")
def halves(tmp_path_factory) -> Iterator[Engine]:
    """Two processes whose passes are bfloat16."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MALLOC_MMAP_THRESHOLD_", str(1 << 16))  # what is freed is given back, and not measured
        with engine(tmp_path_factory.mktemp("halves") / "e", *SMALL, "--precision", "bfloat16") as e:
            yield e


@pytest.fixture(scope="module")
def two(data, pairs, tmp_path_factory) -> tuple[list[pb.StepResult], Path]:
    """What two processes made of the log, and a snapshot at its end."""
    base = tmp_path_factory.mktemp("two")
    pairs.open_scratch()
    results = log(pairs, *data)
    pairs.snapshot(base / "end")
    return results, base


def test_the_same_bits_each_time(data, two, tmp_path):
    """Offloaded, and with activations recomputed: the same numbers, whatever is kept where."""
    with engine(tmp_path / "e", *SMALL, "--offload", "--recompute") as e:
        assert facts(log(e, *data)) == facts(two[0])
        assert e.engine.Describe(pb.DescribeRequest()).environment["devices"] == "2"
        assert not reachable(e.process.pid)


def test_the_numbers_of_one_process(data, two, single, tmp_path):
    """The same log on one process, one response at a time, and with prompts whole: only rounding differs."""
    with engine(tmp_path / "e", "--micro-tokens", "1", trainers=1) as e:
        logs = log(e, *data), log(single, *data)
    for results in logs:
        for got, want in zip(two[0], results, strict=True):
            for name in ("entropy", "grad_norm", "last_loss", "logprob_gap_mean"):
                if name in want.metrics:
                    assert got.metrics[name] == pytest.approx(want.metrics[name], rel=LIMIT), name
            if got.rollouts:
                scale = abs(want.metrics["pg_loss"]) + 1e-3 * want.metrics["entropy"]
                assert abs(got.metrics["loss"] - want.metrics["loss"]) <= LIMIT * scale
                assert error([r.advantage for r in got.rollouts], [r.advantage for r in want.rollouts]) <= LIMIT
            else:
                assert got.metrics["loss"] == pytest.approx(want.metrics["loss"], rel=LIMIT)


def first_moments(e: Engine, data, directory: Path) -> dict[str, np.ndarray]:
    """The gradient of one update, as AdamW's first moments say it."""
    directory.mkdir()
    e.open_scratch()
    e.fine_tune(data[0], 0, 2)
    e.update(data[1], alpha=0.02)  # makes the anchor lag
    e.snapshot(directory / "before")
    e.update(data[1], beta=0.05, alpha=0.02)
    e.snapshot(directory / "after")
    old, new = (load_file(directory / n / "state.safetensors") for n in ("before", "after"))
    return {n: m - 0.9 * old[n] for n, m in new.items() if n.startswith("exp_avg.")}


def test_gradients_do_not_depend_on_processes_or_micro_batches(data, single, pair, tmp_path):
    """One process in other micro-batches: test_exact_batches.py."""
    whole = first_moments(single, data, tmp_path / "whole")
    found = [first_moments(pair, data, tmp_path / "pair")]
    for tokens in ("1", "4096"):
        with engine(tmp_path / f"e{tokens}", "--micro-tokens", tokens) as e:
            found.append(first_moments(e, data, tmp_path / tokens))
    for gradient in found:
        for name, want in whole.items():
            assert error(gradient[name], want) <= LIMIT, name


def test_a_snapshot_opens_on_any_number_of_processes(data, two, single, pair, tmp_path):
    """And is byte for byte the same file, whoever writes it."""
    result, base = two[0][-1], two[1]
    state = single.trainer.Open(pb.OpenRequest(snapshot=str(base / "end"), expect=result.digest))
    assert state.policy == result.policy
    single.update(data[1])  # with an anchor again
    mine = single.state().digest
    single.snapshot(tmp_path / "again")

    pair.trainer.Open(pb.OpenRequest(snapshot=str(tmp_path / "again"), expect=mine))
    pair.snapshot(tmp_path / "back")
    pair.trainer.Publish(pb.WriteRequest(directory=str(tmp_path / "p"), expect=pair.state().policy))
    sampled = sample(pair)
    assert code(lambda: pair.trainer.Open(pb.OpenRequest(snapshot=str(tmp_path / "no")))).name == "NOT_FOUND"
    other = pb.OpenRequest(snapshot=str(tmp_path / "again"), expect="0")
    assert code(lambda: pair.trainer.Open(other)).name == "DATA_LOSS"
    assert pair.update(data[1]).digest  # a refusal leaves the state, in every process
    for name in ("state.safetensors", "state.json", "config.json"):
        assert (tmp_path / "back" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()

    single.open_scratch(seed=2)  # what comes back is the file
    single.trainer.Open(pb.OpenRequest(snapshot=str(tmp_path / "back"), expect=mine))
    policy = single.state().policy
    single.sampler.OpenPolicy(pb.OpenPolicyRequest(policy=policy, directory=str(tmp_path / "p")))
    assert sample(single) == sampled  # rank 0 samples alone: the tokens of one process


def sample(e: Engine) -> list:
    prompts = [pb.Prompt(tokens=[3, 4], seed=5, samples=3), pb.Prompt(tokens=[7], seed=6, samples=2)]
    policy = e.state().policy
    replies = e.sampler.Generate(
        pb.GenerateRequest(policy=policy, prompts=prompts, temperature=1, top_p=0.9, max_tokens=8)
    )
    found = [(r.response.prompt, r.response.sample, list(r.response.tokens)) for r in replies if r.HasField("response")]
    return sorted(found)


def test_bfloat16_on_two_processes(data, halves, tmp_path):
    """The same bits again, near one process; what is kept is float32."""
    halves.open_scratch()
    results = log(halves, *data)
    state = load_file(halves.snapshot(tmp_path / "s") / "state.safetensors")
    assert {t.dtype for t in state.values()} == {np.dtype(np.float32)}
    halves.open_scratch()
    assert facts(log(halves, *data)) == facts(results)
    with engine(tmp_path / "one", *SMALL, "--precision", "bfloat16", trainers=1) as e:
        for got, want in zip(results, log(e, *data), strict=True):
            for name in ("grad_norm", "entropy") if got.rollouts else ("loss", "grad_norm"):
                assert got.metrics[name] == pytest.approx(want.metrics[name], rel=0.02), name


def test_probes_of_a_policy_that_no_process_holds_whole(single, halves, tmp_path):
    """Asked of the float32 masters, though the passes are bfloat16: what one process answers, and no copy is made."""
    prompts = [[3, 24], [4, 24, 5, 6, 7], [9]]
    large = scratch()
    large.MergeFrom(pb.Scratch(hidden_size=512, intermediate_size=2048, layers=6, tie_embeddings=True))
    state = single.trainer.Open(pb.OpenRequest(scratch=large))
    want = published(single, tmp_path / "p1", prompts)
    single.snapshot(tmp_path / "s")
    halves.trainer.Open(pb.OpenRequest(snapshot=str(tmp_path / "s"), expect=state.digest))
    ranks, whole = workers(halves.process.pid), 4 * state.parameters
    grown, got = peak_growth(ranks, lambda: published(halves, tmp_path / "p2", prompts))
    assert max(grown) < whole / 2, grown
    assert published(halves, tmp_path / "p3", prompts) == got  # the answers found before are its first guess
    grown, _ = peak_growth(ranks, lambda: sample(halves))
    assert grown[0] > whole > 2 * grown[1], grown  # it would have been seen
    for mine, theirs in zip(got, want, strict=True):
        assert (mine["prompt"], mine["tokens"]) == (theirs["prompt"], theirs["tokens"])
        assert mine["logprobs"] == pytest.approx(theirs["logprobs"], abs=LIMIT)


def published(e: Engine, directory: Path, prompts: list[list[int]]) -> list[dict]:
    """The probes of the policy that is held."""
    asked = [pb.Tokens(ids=p) for p in prompts]
    e.trainer.Publish(pb.WriteRequest(directory=str(directory), expect=e.state().policy, probes=asked))
    return json.loads((directory / "probes.json").read_bytes())["probes"]


def peak_growth(pids: list[int], work: Callable[[], T]) -> tuple[list[int], T]:
    """By how many bytes each process is larger while it works, at most; and what the work gives."""
    before, peaks, over = resident(pids), resident(pids), threading.Event()

    def watch() -> None:
        while not over.wait(0.005):
            peaks[:] = map(max, peaks, resident(pids))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        result = work()
    finally:
        over.set()
        watcher.join()
    return [peak - old for peak, old in zip(peaks, before, strict=True)], result


def resident(pids: list[int]) -> list[int]:
    """Bytes of memory that each process has, files it maps left out."""
    table = [Path(f"/proc/{pid}/status").read_text() for pid in pids]
    return [1024 * int(re.search(r"RssAnon:\s+(\d+) kB", text)[1]) for text in table]  # pyright: ignore


def test_cancelling_leaves_both_as_they_were(data, two, pair):
    parent = pair.state().digest
    call = pair.trainer.FineTune(fine_tune_request(parent, data[0], 0, 100000, total=100000))
    next(iter(call))
    call.cancel()
    assert code(lambda: pair.update(data[1], alpha=1e39)).name == "ABORTED"  # not finite
    assert facts(log(pair, *data)) == facts(two[0])


def test_a_process_that_dies_ends_all_and_the_run_goes_on(data, two, pair, tmp_path):
    """kill -9 of rank 1, in the middle of a call."""
    with engine(tmp_path / "e", *SMALL) as e:
        e.fine_tune(data[0], 0, 3)
        e.update(data[1], beta=0.05)
        snapshot, digest = e.snapshot(tmp_path / "s"), e.state().digest
        call = e.trainer.FineTune(fine_tune_request(digest, data[0], 0, 100000, total=100000))
        next(iter(call))
        started, ranks = time.monotonic(), workers(e.process.pid)
        assert len(ranks) == 2
        os.kill(ranks[1], signal.SIGKILL)
        assert code(lambda: call).name == "UNAVAILABLE"
        assert e.process.wait(20) != 0
        while any(Path(f"/proc/{pid}").exists() for pid in ranks) and time.monotonic() < started + 20:
            time.sleep(0.1)
        assert not any(Path(f"/proc/{pid}").exists() for pid in ranks) and time.monotonic() - started < 20
    pair.trainer.Open(pb.OpenRequest(snapshot=str(snapshot), expect=digest))
    assert pair.update(data[1], anchor_action="ema", beta=0.05).digest == two[0][2].digest


def workers(launcher: int) -> list[int]:
    """The processes of the group, by rank."""
    found = {}
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            environment = dict(v.partition("=")[::2] for v in (entry / "environ").read_text().split("\0"))
            if parent == launcher and "RANK" in environment:
                found[int(environment["RANK"])] = int(entry.name)
    return [found[n] for n in sorted(found)]


def reachable(launcher: int) -> list[str]:
    """Listening TCP sockets of the launcher and its processes that are not on loopback."""
    inodes = set()
    for pid in (launcher, *workers(launcher)):
        for file in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                inodes.add(str(file.readlink()).removeprefix("socket:[").removesuffix("]"))
    found = []
    for table, loopback in (("tcp", "0100007F"), ("tcp6", "00000000000000000000000001000000")):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes and not fields[1].startswith(loopback):
                found.append(fields[1])
    return found
