"""Digests of named tensors: what a state or a policy is called.

Byte layout, so that any language can check it. The digest of a set of tensors is the lower-case hex SHA-256
of this UTF-8 text, one line a tensor, sorted by the bytes of the name:

    <tensor digest> <dtype> [<shape>] <name>\\n

- tensor digest: lower-case hex SHA-256 of the elements, little-endian, row-major, without gaps;
- dtype: as in a safetensors header: F64, F32, F16, BF16, I64, I32, U8, BOOL;
- shape: decimal sizes joined by commas, nothing else; a scalar is [];
- one space between the fields; the name comes last.

A policy's digest is that of its tensors under their Hugging Face names. A state's has three lines before them:

    phase <sft|rl>\\n
    step <decimal>\\n
    age <decimal>\\n

and its tensors are named policy.*, anchor.*, exp_avg.* and exp_avg_sq.*; see state.py.

Example line:
9b1f...e0 F32 [205,128] policy.model.embed_tokens.weight
"""

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import torch
from torch import Tensor

from t1_engine import group

SHARED_THREADS = 2  # that hash in each of several processes; it holds a whole tensor for each, and one more

DTYPES = {
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16",
    torch.int64: "I64", torch.int32: "I32", torch.uint8: "U8", torch.bool: "BOOL",
}  # fmt: skip


def tensor_digest(tensor: Tensor) -> str:
    """SHA-256 of a tensor's elements, lower-case hex. Host byte order must be little-endian."""
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    # A view as bytes: numpy has no bfloat16.
    return hashlib.sha256(memoryview(flat.view(torch.uint8).numpy())).hexdigest()  # pyright: ignore[reportArgumentType]


def tensor_digests(
    tensors: Mapping[str, Callable[[], Tensor]],
    beat: Callable[[], None] = lambda: None,
    mine: Callable[[str], bool] = lambda name: True,
    threads: int = 0,
) -> dict[str, str]:
    """One digest a tensor, by name: what to compare when two sets differ. Few are loaded at once.

    beat: called for each. mine: which to hash; the others are loaded, and let go. threads: 0 takes torch's number.
    """
    threads = threads or torch.get_num_threads()
    found: dict[str, str] = {}
    waiting: deque[tuple[str, Future[str]]] = deque()

    def take() -> None:
        name, future = waiting.popleft()
        found[name] = future.result()

    with ThreadPoolExecutor(threads) as pool:  # hashlib lets go of the interpreter lock
        for name, load in tensors.items():
            tensor = load()
            if mine(name):
                waiting.append((name, pool.submit(tensor_digest, tensor)))
            if len(waiting) > threads:
                take()
            beat()
        while waiting:
            take()
            beat()
    return found


def shared_digests(
    tensors: Mapping[str, tuple[int, Callable[[], Tensor]]], beat: Callable[[], None] = lambda: None
) -> dict[str, str]:
    """`tensor_digests` of all processes together, each of which hashes its share of the tensors and learns the others'.

    tensors: by name the elements, and what loads it and needs every process to. All give the same names in one order.
    """
    loads = {name: load for name, (_, load) in tensors.items()}
    if group.size() == 1:
        return tensor_digests(loads, beat)
    owner = dict(zip(tensors, owners([size for size, _ in tensors.values()], group.size()), strict=True))
    found = tensor_digests(loads, beat, lambda name: owner[name] == group.rank(), SHARED_THREADS)
    known = torch.zeros(len(owner), 32, dtype=torch.uint8, device="cpu")
    for row, name in zip(known, owner, strict=True):
        if name in found:
            row.copy_(torch.frombuffer(bytearray.fromhex(found[name]), dtype=torch.uint8))
    all_known = group.total(known)  # of each row, one process has what is not zero
    return {name: row.numpy().tobytes().hex() for row, name in zip(all_known, owner, strict=True)}


def owners(sizes: Iterable[int], processes: int) -> list[int]:
    """Whose each tensor is, in turn: the process with the least so far, the first of several."""
    load = [0] * processes
    found: list[int] = []
    for size in sizes:
        found.append(load.index(min(load)))
        load[found[-1]] += size
    return found


def digest(tensors: Mapping[str, Tensor], digests: Mapping[str, str], header: str = "") -> str:
    """The digest of a set of tensors. digests: theirs, by name, from `tensor_digests`."""
    whole = hashlib.sha256(header.encode())
    for name in sorted(tensors, key=str.encode):
        t = tensors[name]
        shape = ",".join(map(str, t.shape))
        whole.update(f"{digests[name]} {DTYPES[t.dtype]} [{shape}] {name}\n".encode())
    return whole.hexdigest()


def policy_digest(tensors: Mapping[str, Tensor]) -> str:
    """The digest of a policy, from its state dict."""
    return digest(tensors, tensor_digests({name: t.detach for name, t in tensors.items()}))
