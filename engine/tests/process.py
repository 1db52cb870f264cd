"""A real engine in a process of its own, and small requests to put to it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import grpc
import pyarrow as pa
import pyarrow.parquet as pq

from t1_engine.pb import engine_pb2 as pb
from t1_engine.pb import engine_pb2_grpc as rpc

ROOT = Path(__file__).parents[1]
WORDS = [str(n) for n in range(20)] + ["+", "-", "=", "make", "from", "ok"]
LIMIT = 60  # seconds


class Engine:
    """python -m t1_engine serve, and a stub for each service."""

    def __init__(self, directory: Path, *options: str, trainers: int = 1, threads: int = 2) -> None:
        directory.mkdir(mode=0o700)
        self.trainers = trainers
        self.socket = directory / "engine.sock"
        start = ["t1_engine.launch", "--trainers", str(trainers)] if trainers > 1 else ["t1_engine", "serve"]
        command = [sys.executable, "-m", *start, "--socket", str(self.socket), "--threads", str(threads), *options]
        self.log = directory / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.PIPE, stderr=log, start_new_session=True
            )  # as Go starts it: leader of a group

    def connect(self) -> "Engine":
        for _ in range(LIMIT * 10):
            if self.socket.exists() or self.process.poll() is not None:
                break
            time.sleep(0.1)
        channel = grpc.insecure_channel(f"unix:{self.socket}")
        grpc.channel_ready_future(channel).result(LIMIT)
        self.engine = rpc.EngineStub(channel)
        self.trainer = rpc.TrainerStub(channel)
        self.sampler = rpc.SamplerStub(channel)
        self.text = rpc.TextStub(channel)
        return self

    def stop(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.wait(2 if self.trainers == 1 else 20) == 0  # at once, whatever it does

    def open_scratch(self, seed: int = 1) -> pb.StateReply:
        return self.trainer.Open(pb.OpenRequest(scratch=scratch(seed)))

    def state(self) -> pb.StateReply:
        return self.trainer.State(pb.StateRequest())

    def fine_tune(self, traces: Path, first: int, last: int, **other) -> pb.StepResult:
        request = fine_tune_request(self.state().digest, traces, first, last, **other)
        return final(self.trainer.FineTune(request))

    def update(self, files: "tuple[list[Path], Path]", **other) -> pb.StepResult:
        return final(self.trainer.Update(update_request(other.pop("parent", self.state().digest), files, **other)))

    def snapshot(self, directory: Path) -> Path:
        self.trainer.Snapshot(pb.WriteRequest(directory=str(directory), expect=self.state().digest))
        return directory


def scratch(seed: int = 1) -> pb.Scratch:
    return pb.Scratch(
        seed=seed, vocabulary=WORDS, hidden_size=32, intermediate_size=64, layers=2, heads=4, kv_heads=2,
        rope_theta=10000, tie_embeddings=True,
    )  # fmt: skip


def adamw(rate: float = 1e-2) -> pb.AdamW:
    return pb.AdamW(learning_rate=rate, warmup=0.1, beta1=0.9, beta2=0.95, weight_decay=0.1, gradient_clip=1)


def fine_tune_request(parent: str, traces: Path, first: int, last: int, **other) -> pb.FineTuneRequest:
    fields = {"seed": 3, "batch_size": 5, "total": 8, "optimizer": adamw(), "from": first, "to": last} | other
    return pb.FineTuneRequest(parent=parent, traces=str(traces), **fields)


def update_request(parent: str, files: tuple[list[Path], Path], **other) -> pb.UpdateRequest:
    blocks, scores = files
    fields = {
        "learning_rate": 1e-3, "beta": 2e-4, "alpha": 1e-3, "clip_ratio": 0.2, "aggregation": "response",
        "optimizer": adamw(), "anchor_action": "ema", "anchor_coefficient": 0.9,
    }  # fmt: skip
    rollouts = [str(b) for b in blocks]
    return pb.UpdateRequest(parent=parent, rollouts=rollouts, scores=str(scores), **(fields | other))


def final(replies) -> pb.StepResult:
    *_, last = replies
    return last.result


def write_traces(path: Path, rows: int = 12) -> Path:
    prompts = [[3 + i % 9, 26, 4] for i in range(rows)]
    responses = [[3 + (i + k) % 20 for k in range(3 + i % 4)] + [1] for i in range(rows)]
    pq.write_table(
        pa.table({
            "problem": [f"p{i}" for i in range(rows)],
            "prompt": pa.array(prompts, pa.list_(pa.int32())),
            "response": pa.array(responses, pa.list_(pa.int32())),
        }),
        path,
    )  # fmt: skip
    return path


def write_rollouts(directory: Path, problems: int = 4, k: int = 4, length: int = 9) -> tuple[list[Path], Path]:
    """Two blocks and their scores, as Go writes them."""
    directory.mkdir()
    rows = [(f"p{p}", s) for p in range(problems) for s in range(k)]
    tokens = [[3 + (7 * p + 3 * s + t) % 20 for t in range(length - s)] for p in range(problems) for s in range(k)]
    blocks, half = [], len(rows) // 2
    for n, part in enumerate((slice(0, half), slice(half, None))):
        blocks.append(directory / f"s00-b{n:03}.parquet")
        pq.write_table(
            pa.table({
                "problem": [p for p, _ in rows[part]],
                "sample": pa.array([s for _, s in rows[part]], pa.int32()),
                "prompt": pa.array([[3 + int(p[1:]), 24] for p, _ in rows[part]], pa.list_(pa.int32())),
                "tokens": pa.array(tokens[part], pa.list_(pa.int32())),
                "logprobs": pa.array([[-3.0] * len(y) for y in tokens[part]], pa.list_(pa.float32())),
                "finish": ["stop" for _ in rows[part]],
                "text": ["" for _ in rows[part]],
                "policy": ["" for _ in rows[part]],
            }),
            blocks[-1],
        )  # fmt: skip
    scores = directory / "scores.parquet"
    pq.write_table(
        pa.table({
            "problem": [p for p, _ in rows],
            "sample": pa.array([s for _, s in rows], pa.int32()),
            "reward": pa.array([float(s % 2) - (s == 3) for _, s in rows], pa.float64()),
        }),
        scores,
    )  # fmt: skip
    return blocks, scores


def code(call) -> grpc.StatusCode:
    """The status that refuses a call."""
    return refusal(call)[0]


def refusal(call) -> tuple[grpc.StatusCode, str]:
    try:
        reply = call()
        if hasattr(reply, "__next__"):
            list(reply)
    except grpc.RpcError as error:
        return error.code(), error.details()  # pyright: ignore
    raise AssertionError("the call was not refused")


os.environ.setdefault("GRPC_VERBOSITY", "NONE")
