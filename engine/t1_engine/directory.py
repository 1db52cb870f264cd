"""New directories, written whole or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from t1_engine.status import invalid


@contextmanager
def new_directory(path: Path) -> Iterator[Path]:
    """A temporary sibling to write into; it is synced to disk and takes its name when the block ends well."""
    if not path.is_absolute():
        raise invalid(f"directory {path}: must be an absolute path")
    if path.exists():
        raise invalid(f"directory {path}: must not exist")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)  # of an engine that was killed
    partial.mkdir()
    try:
        yield partial
        for file in partial.iterdir():
            sync(file)
        sync(partial)
        partial.rename(path)
        sync(path.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def sync(path: Path) -> None:
    """Waits until a file's bytes, or a directory's entries, are on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def names(path: Path) -> list[str]:
    return sorted(file.name for file in path.iterdir())
