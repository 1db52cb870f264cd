"""The trainer's promises: the same bits from the same log, and nothing moved by a call that fails."""

import json
import shutil
import threading
import time
from itertools import pairwise

import pytest
from process import code, fine_tune_request, pb, refusal, update_request, write_rollouts

pytest_plugins = ["engines"]

UPDATE_METRICS = {
    "loss", "pg_loss", "entropy", "kl", "kl_token", "grad_norm", "clip_fraction", "logprob_gap_mean",
    "logprob_gap_max", "logprob_gap_share", "tokens", "padding", "learning_rate",
}  # fmt: skip


def test_two_processes_begin_alike(engine, other):
    assert engine.state() == other.state()
    assert engine.state().digest != engine.open_scratch(seed=2).digest


def test_four_steps_are_two_and_two(engine, traces):
    whole = engine.fine_tune(traces, 0, 4)
    assert set(whole.metrics) == {"loss", "last_loss", "grad_norm", "learning_rate", "tokens"}
    assert (engine.state().digest, engine.state().step) == (whole.digest, 4)
    engine.open_scratch()
    engine.fine_tune(traces, 0, 2)
    assert engine.fine_tune(traces, 2, 4).digest == whole.digest


@pytest.mark.parametrize("action", ["ema", "keep", "reset", "none"])
def test_a_snapshot_goes_on_as_if_never_closed(engine, traces, rollouts, tmp_path, action):
    engine.fine_tune(traces, 0, 2)
    between = engine.update(rollouts, anchor_action=action)
    engine.snapshot(tmp_path / "s")
    straight = engine.update(rollouts, anchor_action=action)
    reopened = engine.trainer.Open(pb.OpenRequest(snapshot=str(tmp_path / "s"), expect=between.digest))
    assert (reopened.digest, reopened.policy, reopened.step) == (between.digest, between.policy, 3)
    assert engine.update(rollouts, anchor_action=action).digest == straight.digest


def test_replay_elsewhere_gives_the_same_bits(engine, other, traces, rollouts):
    def log(e):
        steps = [e.fine_tune(traces, 0, 3), e.update(rollouts), e.update(rollouts, anchor_action="reset")]
        return [(s.digest, s.policy, dict(s.metrics), list(s.rollouts)) for s in steps]

    first = log(engine)
    assert first == log(other)
    assert set(first[1][2]) == UPDATE_METRICS
    assert len(first[1][3]) == 16
    assert all(r.d == 0 for r in first[1][3])  # the anchor began as the policy
    assert any(r.d != 0 for r in first[2][3])


def test_the_same_request_is_answered_again(engine, traces, rollouts, tmp_path):
    parent = engine.fine_tune(traces, 0, 2).digest
    result = engine.update(rollouts)
    assert engine.update(rollouts, parent=parent) == result  # the bits and the seconds: nothing was computed
    copies = write_rollouts(tmp_path / "elsewhere")
    assert engine.update(copies, parent=parent) == result  # files are known by content
    status, message = refusal(lambda: engine.update(rollouts, parent=parent, beta=0.5))
    assert status.name == "FAILED_PRECONDITION"
    assert parent[:12] in message
    assert result.digest[:12] in message
    assert engine.state().digest == result.digest


def test_a_cancelled_call_leaves_the_state(engine, traces, rollouts, tmp_path):
    before = engine.fine_tune(traces, 0, 2, total=100000)
    whole = engine.fine_tune(traces, 2, 4, total=100000).digest
    engine.open_scratch()
    engine.fine_tune(traces, 0, 2, total=100000)
    call = engine.trainer.FineTune(fine_tune_request(before.digest, traces, 2, 100000, total=100000))
    assert next(iter(call)).progress.done > 0
    call.cancel()
    engine.snapshot(tmp_path / "after")  # waits for the compute thread
    assert engine.state().digest == before.digest
    engine.trainer.Open(pb.OpenRequest(snapshot=str(tmp_path / "after"), expect=before.digest))
    assert engine.fine_tune(traces, 2, 4, total=100000).digest == whole


def test_a_waiting_call_can_be_cancelled(engine, traces):
    parent = engine.state().digest
    long = engine.trainer.FineTune(fine_tune_request(parent, traces, 0, 100000, total=100000))
    next(iter(long))
    waiting = engine.trainer.FineTune(fine_tune_request(parent, traces, 0, 2))
    threading.Timer(0.2, waiting.cancel).start()
    assert code(lambda: waiting).name == "CANCELLED"
    assert engine.state().digest == parent  # State waits for nothing
    long.cancel()
    assert engine.fine_tune(traces, 0, 1).digest


def test_numbers_that_are_not_finite_change_nothing(engine, traces, rollouts, tmp_path):
    before = engine.fine_tune(traces, 0, 2).digest
    assert code(lambda: engine.update(rollouts, alpha=1e39)).name == "ABORTED"
    assert engine.state().digest == before
    changed = engine.update(rollouts).digest
    engine.open_scratch()
    engine.fine_tune(traces, 0, 2)
    assert engine.update(rollouts).digest == changed


def test_a_sampler_too_far_away_is_not_learnt_from(engine, traces, rollouts):
    before = engine.fine_tune(traces, 0, 2).digest
    status, message = refusal(lambda: engine.update(rollouts, gap_limit=1e-3))
    assert (status.name, "allowed are 0.001" in message) == ("OUT_OF_RANGE", True)
    assert engine.state().digest == before
    checked = engine.update(rollouts, gap_limit=1e3)
    assert 1e-3 < checked.metrics["logprob_gap_mean"] <= checked.metrics["logprob_gap_max"]
    assert 0 < checked.metrics["logprob_gap_share"] <= 1
    engine.open_scratch()
    engine.fine_tune(traces, 0, 2)
    assert engine.update(rollouts).digest == checked.digest  # looking changes nothing
    assert code(lambda: engine.update(rollouts, gap_limit=-1)).name == "INVALID_ARGUMENT"


def test_bad_input_is_named(engine, traces, rollouts, tmp_path):
    blocks, scores = rollouts
    assert code(lambda: engine.update(([tmp_path / "none"], scores))).name == "NOT_FOUND"
    torn = tmp_path / "torn.parquet"
    torn.write_bytes(blocks[0].read_bytes()[:-40])
    status, message = refusal(lambda: engine.update(([torn, blocks[1]], scores)))
    assert (status.name, str(torn) in message) == ("DATA_LOSS", True)
    assert code(lambda: engine.update((blocks[:1], scores))).name == "INVALID_ARGUMENT"  # scores left over
    assert code(lambda: engine.update((blocks[::-1], scores))).name == "INVALID_ARGUMENT"  # another order
    status, message = refusal(lambda: engine.update(write_rollouts(tmp_path / "k1", k=1)))
    assert (status.name, "at least 2" in message) == ("INVALID_ARGUMENT", True)
    assert code(lambda: engine.update(rollouts, anchor_action="move")).name == "INVALID_ARGUMENT"
    assert code(lambda: engine.fine_tune(traces, 4, 4)).name == "INVALID_ARGUMENT"
    assert code(lambda: engine.fine_tune(blocks[0], 0, 1)).name == "INVALID_ARGUMENT"  # no column response


def test_a_damaged_snapshot_is_refused(engine, tmp_path):
    whole = engine.snapshot(tmp_path / "whole")
    for name in ("state.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json", "state.json"):
        damaged = tmp_path / f"damaged-{name}"
        shutil.copytree(whole, damaged)
        data = bytearray((damaged / name).read_bytes())
        data[-9] ^= 4
        (damaged / name).write_bytes(data)
        assert code(lambda d=damaged: engine.trainer.Open(pb.OpenRequest(snapshot=str(d)))).name == "DATA_LOSS"
    assert code(lambda: engine.trainer.Open(pb.OpenRequest(snapshot=str(tmp_path / "no")))).name == "NOT_FOUND"
    assert engine.state().digest


def test_write_asks_for_the_state_and_a_new_directory(engine, tmp_path):
    request = pb.WriteRequest(directory=str(tmp_path / "s"), expect="00" * 32)
    assert code(lambda: engine.trainer.Snapshot(request)).name == "FAILED_PRECONDITION"
    request.expect = engine.state().digest
    names = ["config.json", "state.json", "state.safetensors", "tokenizer.json", "tokenizer_config.json"]
    assert list(engine.trainer.Snapshot(request).files) == names
    assert code(lambda: engine.trainer.Snapshot(request)).name == "INVALID_ARGUMENT"


def test_progress_is_heard_while_it_works(engine, traces):
    parent = engine.state().digest
    call = engine.trainer.FineTune(fine_tune_request(parent, traces, 0, 100000, total=100000))
    times = [time.monotonic()]
    for _ in range(4):
        next(iter(call))
        times.append(time.monotonic())
    call.cancel()
    assert max(b - a for a, b in pairwise(times)) < 2


def test_update_needs_a_state_of_that_parent(engine, rollouts):
    request = update_request("00" * 32, rollouts)
    assert code(lambda: engine.trainer.Update(request)).name == "FAILED_PRECONDITION"


def test_a_snapshot_from_before_tokenizer_config_opens(engine, tmp_path):
    directory = engine.snapshot(tmp_path / "s")
    (directory / "tokenizer_config.json").unlink()
    about = json.loads((directory / "state.json").read_text())
    del about["files"]["tokenizer_config.json"]
    (directory / "state.json").write_text(json.dumps(about))
    state = engine.state()
    assert engine.trainer.Open(pb.OpenRequest(snapshot=str(directory), expect=state.digest)) == state
    engine.trainer.Publish(pb.WriteRequest(directory=str(tmp_path / "p"), expect=state.policy))
    assert json.loads((tmp_path / "p" / "tokenizer_config.json").read_text())["eos_token"] == "<eos>"
