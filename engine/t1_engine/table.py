"""Parquet files as columns: what Go writes, checked before it is trained on."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from t1_engine.status import Code, Refused, invalid

BATCH_ROWS = 64  # decoded at once from a stream: a prompt's responses in the recipe
LISTS = {"prompt": "int64", "tokens": "int64", "response": "int64", "logprobs": "float32"}  # columns of lists


@dataclass(frozen=True)
class File:
    """A file read once: what was hashed is what is parsed."""

    path: str
    data: bytes
    sha256: str

    @classmethod
    def read(cls, path: str) -> "File":
        data = Path(path).read_bytes()
        return cls(path, data, hashlib.sha256(data).hexdigest())


@dataclass(frozen=True)
class Stream:
    """A file too large to hold: hashed in one pass, then read from the same place a few rows at a time.

    Nothing may write to it meanwhile; Go stages it for the call.
    """

    path: str
    sha256: str

    @classmethod
    def open(cls, path: str) -> "Stream":
        with Path(path).open("rb") as file:
            return cls(path, hashlib.file_digest(file, "sha256").hexdigest())

    def batches(self, names: Sequence[str], rows: int = BATCH_ROWS) -> Iterator[dict[str, Any]]:
        """The named columns of the next rows, in order; errors as those of `columns`.

        In memory: about `rows` rows, and a page of each column. Other columns, such as the texts, are not read.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            with pq.ParquetFile(self.path, page_checksum_verification=True, buffer_size=1 << 20) as file:
                _names(self.path, file.schema_arrow.names, names)
                for batch in file.iter_batches(rows, columns=list(names), use_threads=False):
                    yield _columns(self.path, names, batch.column)
        except (pa.ArrowException, OSError) as error:
            if isinstance(error, FileNotFoundError):
                raise
            raise Refused(Code.DATA_LOSS, f"{self.path}: not a whole Parquet file: {error}") from error


@dataclass(frozen=True)
class Lists:
    """A column of lists: row i is values[offsets[i] : offsets[i + 1]]."""

    values: np.ndarray
    offsets: np.ndarray  # [rows + 1] int64

    def __getitem__(self, row: int) -> list[Any]:
        return self.values[self.offsets[row] : self.offsets[row + 1]].tolist()

    @property
    def lengths(self) -> np.ndarray:
        return np.diff(self.offsets)


Column = Lists | list[Any]


def columns(file: File, names: Sequence[str]) -> dict[str, Any]:
    """The named columns: Lists for those in LISTS, Python lists of values for others, all of the same length.

    A file that is no Parquet file or is damaged is DATA_LOSS; a column that is missing, of another type or has
    nulls is INVALID_ARGUMENT.
    """
    import pyarrow as pa  # here: a sampler never needs it
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(pa.BufferReader(file.data), page_checksum_verification=True, use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise Refused(Code.DATA_LOSS, f"{file.path}: not a whole Parquet file: {error}") from error
    _names(file.path, table.column_names, names)
    return _columns(file.path, names, lambda name: table.column(name).combine_chunks())


def _names(path: str, found: Sequence[str], names: Sequence[str]) -> None:
    if missing := [name for name in names if name not in found]:
        raise invalid(f"{path}: no column {', '.join(missing)}; it has {', '.join(found)}")


def _columns(path: str, names: Sequence[str], column: Callable[[str], Any]) -> dict[str, Any]:
    import pyarrow as pa

    try:
        return {name: _column(column(name), LISTS.get(name)) for name in names}
    except (pa.ArrowException, AttributeError, TypeError, ValueError) as error:
        raise invalid(f"{path}: {error}") from error


def _column(array: Any, dtype: str | None) -> Column:
    if array.null_count:
        raise ValueError(f"{array.null_count} nulls where none may be")
    if dtype is None:
        return array.to_pylist()
    values = array.flatten()
    if values.null_count:
        raise ValueError(f"{values.null_count} nulls inside lists where none may be")
    offsets = array.offsets.to_numpy().astype(np.int64)
    return Lists(values.to_numpy(zero_copy_only=False).astype(dtype, copy=False), offsets - offsets[0])


def check_ids(path: str, column: str, lists: Lists, vocabulary: int) -> None:
    """Every list has a token, and every token is one of the vocabulary's; else INVALID_ARGUMENT."""
    if (lists.lengths == 0).any():
        raise invalid(f"{path}: row {int((lists.lengths == 0).argmax())}: {column} is empty")
    values = lists.values
    if len(values) and not 0 <= values.min() <= values.max() < vocabulary:
        given = f"{values.min()} to {values.max()}"
        raise invalid(f"{path}: {column} has token ids {given}; the model's are 0 to {vocabulary - 1}")
