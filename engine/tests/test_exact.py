"""The trainer's update path, through its service, against the recipe in float64 (float64.py): decision 7.

The error of a number is |engine - reference| / |reference|; of a tensor, the same with Euclidean norms; of lists (d,
advantages) and of a whole policy likewise, as vectors. Float32 carries 6e-8; what is promised is LIMIT.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from float64 import Group, Hyper, Numbers, Shape, State, update
from process import Engine, adamw, pb, scratch, write_traces
from safetensors.numpy import load_file

from t1_engine.serve import build

LIMIT = 1e-5
STEPS = 50
VOCABULARY = 29
SHAPE = Shape(layers=2, heads=4, kv_heads=2)
ASK = {
    "learning_rate": 1e-3, "alpha": 0.02, "beta": 0.05, "clip_ratio": 0.2, "anchor_action": "ema",
    "anchor_coefficient": 0.98,
}  # fmt: skip
CASES = [(True, "response"), (False, "token")]
GRADIENT_CLIP = 0.3  # binds in most steps, not in all


class Here(Engine):
    """The engine's services in this process, on one thread: fifty steps in seconds, whatever else the machine does."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(mode=0o700)
        self.socket = directory / "engine.sock"
        self.server, self.compute = build(str(self.socket))

    def stop(self) -> None:
        self.server.stop(0).wait()
        self.compute.close()


@pytest.fixture(scope="module")
def here(tmp_path_factory) -> Iterator[Engine]:
    engine = Here(tmp_path_factory.mktemp("here") / "a").connect()
    yield engine
    engine.stop()


@pytest.fixture(scope="module", params=CASES, ids=["tied-response", "untied-token"])
def run(request, here, tmp_path_factory) -> "Run":
    return Run(here, tmp_path_factory.mktemp("exact"), *request.param)


class Run:
    """STEPS updates by the engine, from a state whose norms have moved, with what it said and wrote."""

    def __init__(self, engine: Engine, at: Path, tied: bool, aggregation: str) -> None:
        shape = scratch()
        shape.tie_embeddings = tied
        engine.trainer.Open(pb.OpenRequest(scratch=shape))
        engine.fine_tune(write_traces(at / "traces.parquet"), 0, 3)
        self.hyper = Hyper(
            lr=ASK["learning_rate"], alpha=ASK["alpha"], beta=ASK["beta"], grad_clip=GRADIENT_CLIP,
            aggregation=aggregation, anchor=ASK["anchor_coefficient"],
        )  # fmt: skip
        optimizer = adamw()
        optimizer.gradient_clip = GRADIENT_CLIP
        self.results, self.batches = [], [batch(seed) for seed in range(STEPS)]
        self.states = {0: read(engine.snapshot(at / "0"))}
        for n, groups in enumerate(self.batches, 1):
            files = write(at / f"b{n}", groups)
            self.results.append(engine.update(files, aggregation=aggregation, optimizer=optimizer, **ASK))
            if n in (1, STEPS - 1, STEPS):
                self.states[n] = read(engine.snapshot(at / str(n)))

    def start(self, n: int) -> State:
        """The engine's own state after n steps, in float64."""
        found = self.states[n]
        if n == 0:  # fine-tuned: the first update makes the anchor, and begins a fresh optimizer
            return State(SHAPE, below(found, "policy"), below(found, "policy"))
        parts = [below(found, kind) for kind in ("policy", "anchor", "exp_avg", "exp_avg_sq")]
        return State(SHAPE, *parts, age=n)

    def gradient(self, before: int, after: int, norm: float) -> dict[str, np.ndarray]:
        """What the engine's first moments say the gradient was, before clipping."""
        b1, clip = self.hyper.betas[0], min(1.0, GRADIENT_CLIP / norm)
        old, new = self.start(before).first, self.start(after).first
        return {n: (m - b1 * old.get(n, 0.0)) / (1 - b1) / clip for n, m in new.items()}


@pytest.mark.parametrize("before", [0, STEPS - 1], ids=["first-step", "last-step"])
def test_one_step_is_the_recipe(run, before):
    """From the engine's own state: at the first step d is 0; at the last the anchor lags and moments are warm."""
    state = run.start(before)
    want = update(state, run.batches[before], run.hyper)
    agrees(run.results[before], want)
    if before:
        assert error([r.d for r in run.results[before].rollouts], want.d) <= LIMIT
    got = run.gradient(before, before + 1, want.grad_norm)
    for name, g in want.grad.items():
        assert error(got[name], g) <= LIMIT, name
    assert state_error(run.start(before + 1), state) <= LIMIT


def test_fifty_steps_are_the_recipe(run):
    """The reference goes its own way from the first state: errors of all the steps add up."""
    state = run.start(0)
    for result, groups in zip(run.results, run.batches, strict=True):
        agrees(result, update(state, groups, run.hyper))
    assert state_error(run.start(STEPS), state) <= LIMIT


def agrees(result: pb.StepResult, want: Numbers) -> None:
    m = result.metrics
    assert error(m["entropy"], want.entropy) <= LIMIT
    assert error(m["grad_norm"], want.grad_norm) <= LIMIT
    assert error([r.advantage for r in result.rollouts], want.advantage) <= LIMIT
    # L_PG and -alpha H may cancel: the scale is theirs, not their sum's.
    assert abs(m["loss"] - want.loss) <= LIMIT * (abs(want.pg_loss) + ASK["alpha"] * want.entropy)
    # d is a difference of two log-probabilities, each rounded by itself: the scale is theirs.
    d = np.array([r.d for r in result.rollouts])
    assert np.linalg.norm(d - want.d) <= 0.1 * LIMIT * np.linalg.norm(want.total)


def error(got, want) -> float:
    got, want = np.asarray(got, np.float64), np.asarray(want, np.float64)
    return float(np.linalg.norm(got - want) / np.linalg.norm(want))


def state_error(got: State, want: State) -> float:
    """The larger of policy's and anchor's error, each as one vector."""
    return max(error(flat(got.policy), flat(want.policy)), error(flat(got.anchor), flat(want.anchor)))


def flat(tensors: dict[str, np.ndarray]) -> np.ndarray:
    return np.concatenate([tensors[n].ravel() for n in sorted(tensors)])


def batch(seed: int) -> list[Group]:
    """Three prompts of several lengths; 3 to 6 responses each, of 1 to 24 tokens."""
    rng = np.random.default_rng(seed)

    def ids(n: int) -> list[int]:
        return rng.integers(3, VOCABULARY, n).tolist()

    groups = []
    for _ in range(3):
        responses = [ids(n) for n in rng.integers(1, 25, rng.integers(3, 7))]
        rewards = rng.permutation([1.0, -1.0, *rng.integers(-1, 2, len(responses) - 2)])
        groups.append(Group(ids(rng.integers(1, 9)), responses, rewards.tolist()))
    return groups


def write(directory: Path, groups: list[Group]) -> tuple[list[Path], Path]:
    """The batch as Go writes it."""
    directory.mkdir()
    rows = [(f"p{n}", k, g) for n, g in enumerate(groups) for k in range(len(g.responses))]
    named = {"problem": [p for p, _, _ in rows], "sample": pa.array([k for _, k, _ in rows], pa.int32())}
    tokens = [g.responses[k] for _, k, g in rows]
    rollouts = named | {
        "prompt": pa.array([g.prompt for _, _, g in rows], pa.list_(pa.int32())),
        "tokens": pa.array(tokens, pa.list_(pa.int32())),
        "logprobs": pa.array([[-3.0] * len(y) for y in tokens], pa.list_(pa.float32())),
        "finish": ["stop"] * len(rows),
        "text": [""] * len(rows),
        "policy": [""] * len(rows),
    }
    scores = named | {"reward": pa.array([g.rewards[k] for _, k, g in rows], pa.float64())}
    pq.write_table(pa.table(rollouts), directory / "rollouts.parquet")
    pq.write_table(pa.table(scores), directory / "scores.parquet")
    return [directory / "rollouts.parquet"], directory / "scores.parquet"


def read(snapshot: Path) -> dict[str, np.ndarray]:
    return {n: t.astype(np.float64) for n, t in load_file(snapshot / "state.safetensors").items()}


def below(named: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {n.removeprefix(f"{prefix}."): t for n, t in named.items() if n.startswith(f"{prefix}.")}
