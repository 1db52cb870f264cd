"""Weights on disk: safetensors files read and written one tensor at a time, so that a model need not fit in memory.

Layout of a safetensors file: 8 bytes, the header's length, little-endian; the header, JSON, padded with spaces to a
multiple of 8; the tensors' elements without gaps.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor

from t1_engine import untrusted
from t1_engine.digest import DTYPES
from t1_engine.status import invalid

FLOATS = {"F32": 4, "F16": 2, "BF16": 2}  # element types a model may have, and their bytes
INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"


@dataclass(frozen=True)
class Stored:
    """A tensor that is read when it is asked for."""

    dtype: str  # as in a safetensors header
    shape: tuple[int, ...]
    load: Callable[[], Tensor]

    @property
    def bytes(self) -> int:
        size = FLOATS[self.dtype]
        for n in self.shape:
            size *= n
        return size


def stored(tensor: Tensor) -> Stored:
    """A tensor that is in memory already."""
    return Stored(DTYPES[tensor.dtype], tuple(tensor.shape), lambda: tensor)


def read(directory: Path) -> dict[str, Stored]:
    """The tensors of a Hugging Face directory, in one file or in shards, by name."""
    index = untrusted.json_object(directory, INDEX)
    if index is None:
        if untrusted.find(directory, SINGLE) is None:
            raise invalid(f"{directory}: no {SINGLE} and no {INDEX}; weights in other formats are not read")
        return shard(directory, SINGLE)
    places = index.get("weight_map")
    if not isinstance(places, dict) or not all(isinstance(file, str) for file in places.values()):
        raise invalid(f"{directory / INDEX}: weight_map: must name a file for each tensor")
    found: dict[str, Stored] = {}
    for file in sorted(set(places.values())):
        held = shard(directory, file)
        if lost := [name for name, place in places.items() if place == file and name not in held]:
            raise invalid(f"{directory / file}: lacks {lost[0]}, which {INDEX} says is there")
        found |= {name: tensor for name, tensor in held.items() if places.get(name) == file}
    return found


def shard(directory: Path, name: str) -> dict[str, Stored]:
    """The tensors of one file. A damaged one raises SafetensorError."""
    path = untrusted.find(directory, name)
    if path is None or not name.endswith(".safetensors"):
        raise invalid(f"{directory / name}: not there, or not a safetensors file")
    file = safe_open(path, framework="pt")  # maps the file; the mapping lives as long as a tensor's `load`
    found: dict[str, Stored] = {}
    for tensor in file.keys():  # noqa: SIM118
        about = file.get_slice(tensor)
        load = lambda tensor=tensor: file.get_tensor(tensor)  # noqa: E731
        found[tensor] = Stored(about.get_dtype(), tuple(about.get_shape()), load)
    return found


def write(tensors: Mapping[str, Stored], path: Path) -> None:
    """Writes one safetensors file. The same tensors give the same bytes, in whatever order they come."""
    # Wide elements first: every tensor then begins at a multiple of its element's size.
    order = sorted(tensors, key=lambda name: (-FLOATS[tensors[name].dtype], name))
    with path.open("xb") as file:
        file.write(header(order, tensors))
        for name in order:
            flat = tensors[name].load().detach().cpu().contiguous().reshape(-1)
            file.write(memoryview(flat.view(torch.uint8).numpy()))  # pyright: ignore[reportArgumentType]


def header(order: Iterable[str], tensors: Mapping[str, Stored]) -> bytes:
    entries: dict[str, object] = {"__metadata__": {"format": "pt"}}
    at = 0
    for name in order:
        tensor = tensors[name]
        entries[name] = {
            "dtype": tensor.dtype,
            "shape": list(tensor.shape),
            "data_offsets": [at, at + tensor.bytes],
        }
        at += tensor.bytes
    encoded = json.dumps(entries, separators=(",", ":")).encode()
    encoded += b" " * (-len(encoded) % 8)
    return len(encoded).to_bytes(8, "little") + encoded
