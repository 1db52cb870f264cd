"""The process: how it starts, and what ends it."""

import json
import signal
import stat
import subprocess
import sys

from process import LIMIT, ROOT, Engine, code, pb, scratch

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
    run = subprocess.run(command, cwd=ROOT, stdin=subprocess.PIPE, stderr=subprocess.PIPE, input=None, timeout=LIMIT)
    assert run.returncode in (0, 2)  # standard input may end first


def test_log_lines_are_json(engine):
    lines = [json.loads(line) for line in engine.log.read_text().splitlines()]
    assert lines[0]["message"] == "serving"


def test_ends_with_standard_input_and_on_sigterm(tmp_path):
    first, second = Engine(tmp_path / "a"), Engine(tmp_path / "b")
    first.connect().process.stdin.close()
    assert first.process.wait(2) == 0
    second.connect()
    second.open_scratch()
    prompts = [pb.Prompt(tokens=[3], samples=400)]
    policy = second.state().policy
    busy = second.sampler.Generate(
        pb.GenerateRequest(policy=policy, prompts=prompts, temperature=1, top_p=1, max_tokens=4000)
    )
    next(iter(busy))
    second.process.send_signal(signal.SIGTERM)
    assert second.process.wait(10) == 0
    assert json.loads(second.log.read_text().splitlines()[-1])["message"] == "stopped"


def test_bad_scratch_names_the_field(engine):
    request = scratch()
    request.kv_heads = 3
    assert code(lambda: engine.trainer.Open(pb.OpenRequest(scratch=request))).name == "INVALID_ARGUMENT"
    assert engine.state().digest  # the old state stays
