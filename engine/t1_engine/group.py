"""The processes that train together, one a device; most engines are one process, and then everything here is nothing.

torchrun starts them and says in the environment who is who. They meet over a file and talk over loopback. Bytes are
sent as bytes: nothing that comes out of a socket is ever unpickled.

Sums are the same bits in every process, and for one number of processes the same bits every time.
"""

import os
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor

PATIENCE = timedelta(minutes=10)  # for a process that is late at a sum; a dead one is noticed at once
IDLE = timedelta(days=365)  # for the next command
LOOPBACK = {
    "GLOO_SOCKET_IFNAME": "lo",
    "NCCL_SOCKET_IFNAME": "lo",  # to meet; tensors go over NVLink, PCIe or shared memory
    "NCCL_IB_DISABLE": "1",
}

_control: Any = None  # gloo, for commands and small sums: its tensors are on the CPU


def rank() -> int:
    """0 answers calls; the others follow."""
    return int(os.environ.get("RANK", "0"))


def size() -> int:
    return int(os.environ.get("WORLD_SIZE", "1"))


def device() -> torch.device:
    """Where this process computes: its own GPU where there are any, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    return torch.device("cpu")


def start(meeting: str) -> None:
    """Joins the others. meeting: path of a file in a directory of ours alone."""
    global _control
    if size() == 1:
        return
    import torch.distributed as dist

    os.environ.update(LOOPBACK)
    place = device()
    if place.type == "cuda":
        torch.cuda.set_device(place)
    backend = "cpu:gloo,cuda:nccl" if place.type == "cuda" else "gloo"
    dist.init_process_group(backend, init_method=f"file://{meeting}", rank=rank(), world_size=size(), timeout=PATIENCE)
    _control = dist.new_group(backend="gloo", timeout=IDLE)


def send(data: bytes) -> None:
    """Tells the others; rank 0 only."""
    _broadcast(torch.tensor([len(data)], device="cpu"))
    _broadcast(torch.frombuffer(bytearray(data), dtype=torch.uint8))


def receive() -> bytes:
    """What rank 0 tells next."""
    length = torch.zeros(1, dtype=torch.int64, device="cpu")
    _broadcast(length)
    data = torch.zeros(int(length), dtype=torch.uint8, device="cpu")
    _broadcast(data)
    return data.numpy().tobytes()


def _broadcast(tensor: Tensor) -> None:
    import torch.distributed as dist

    dist.broadcast(tensor, 0, group=_control)


def total(tensor: Tensor) -> Tensor:
    """The sum over all processes, on the CPU."""
    return _reduce(tensor, "SUM")


def largest(number: float) -> float:
    return float(_reduce(torch.tensor([number], dtype=torch.float64), "MAX"))


def any_of(flag: bool) -> bool:
    """Whether some process says so. All must ask."""
    return bool(largest(float(flag)))


def _reduce(tensor: Tensor, how: str) -> Tensor:
    if size() == 1:
        return tensor
    import torch.distributed as dist

    tensor = tensor.detach().to("cpu", copy=True)
    dist.all_reduce(tensor, getattr(dist.ReduceOp, how), group=_control)
    return tensor
