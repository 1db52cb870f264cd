"""The process: how it starts, and what ends it."""

import json
import signal
import stat
import subprocess
import sys

import pytest
from process import LIMIT, ROOT, Engine, code, pb, scratch

from t1_engine import serve

pytest_plugins = ["engines"]


def test_describe_names_the_environment(engine):
    environment = engine.engine.Describe(pb.DescribeRequest()).environment
    assert environment["threads"] == "2"
    assert {"engine", "python", "torch", "numpy", "machine", "device", "capability", "devices"} < set(environment)


def test_socket_is_private(engine):
    assert stat.S_IMODE(engine.socket.stat().st_mode) == 0o600


def test_an_open_directory_is_refused(tmp_path):
    tmp_path.chmod(0o755)
    command = [sys.executable, "-m", "t1_engine", "serve", "--socket", str(tmp_path / "e"), "--threads", "1"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.wait(LIMIT) == 2
        assert b"0700" in process.stderr.read()


def test_log_lines_are_json(engine):
    lines = [json.loads(line) for line in engine.log.read_text().splitlines()]
    assert lines[0]["message"] == "serving"


def test_sigterm_cancels_what_runs_and_ends_well(tmp_path):
    engine = Engine(tmp_path / "e").connect()
    policy = engine.open_scratch().policy
    prompts = [pb.Prompt(tokens=[3], samples=400)]
    busy = engine.sampler.Generate(
        pb.GenerateRequest(policy=policy, prompts=prompts, temperature=1, top_p=1, max_tokens=4000)
    )
    next(iter(busy))
    engine.process.send_signal(signal.SIGTERM)
    assert engine.process.wait(60) == 0  # seconds, for a busy machine; the generation would go on for minutes
    assert json.loads(engine.log.read_text().splitlines()[-1])["message"] == "stopped"


def test_bad_scratch_names_the_field(engine):
    request = scratch()
    request.kv_heads = 3
    assert code(lambda: engine.trainer.Open(pb.OpenRequest(scratch=request))).name == "INVALID_ARGUMENT"
    assert engine.state().digest  # the old state stays


@pytest.mark.parametrize(("rank", "gpus", "refused"), [(3, 4, False), (4, 4, True), (4, 0, False)])
def test_more_trainers_than_gpus_are_refused(monkeypatch, rank, gpus, refused):
    monkeypatch.setenv("WORLD_SIZE", "8")
    monkeypatch.setenv("LOCAL_RANK", str(rank))
    monkeypatch.setattr("torch.cuda.device_count", lambda: gpus)
    assert (serve.crowded() is not None) == refused
    assert not refused or serve.crowded() == "trainers: 8; this machine has 4 GPUs, and each takes one"
