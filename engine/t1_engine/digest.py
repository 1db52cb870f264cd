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
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import torch
from torch import Tensor

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
    tensors: Mapping[str, Callable[[], Tensor]], beat: Callable[[], None] = lambda: None
) -> dict[str, str]:
    """One digest a tensor, by name: what to compare when two sets differ. Few are loaded at once.

    beat: called for each.
    """
    threads = max(1, torch.get_num_threads())
    found: dict[str, str] = {}
    waiting: deque[tuple[str, Future[str]]] = deque()

    def take() -> None:
        name, future = waiting.popleft()
        found[name] = future.result()
        beat()

    with ThreadPoolExecutor(threads) as pool:  # hashlib lets go of the interpreter lock
        for name, load in tensors.items():
            waiting.append((name, pool.submit(tensor_digest, load())))
            if len(waiting) > threads:
                take()
        while waiting:
            take()
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
