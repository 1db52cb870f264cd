"""Files of a model directory that somebody else made: plain files of that directory, of bounded size, and nothing else.

A name is never a path, a symbolic link is never followed, and no file is ever run or unpickled.
"""

import json
import re
import stat
from pathlib import Path
from typing import Any

from t1_engine.status import Code, Refused, invalid

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
TEXT_BYTES = 128 << 20  # of a JSON file or template; the largest tokenizer.json in use has about 35 MB


def find(directory: Path, name: str) -> Path | None:
    """The file of that name, or None where there is none. Anything but a plain file is INVALID_ARGUMENT."""
    if not NAME.fullmatch(name):
        raise invalid(f"{directory}: it names {name!r}, which is not the name of a file in it")
    path = directory / name
    try:
        about = path.lstat()
    except FileNotFoundError:
        return None
    if stat.S_ISLNK(about.st_mode):
        raise invalid(f"{path}: a symbolic link, which is not followed; copy the model with `cp -rL`")
    if not stat.S_ISREG(about.st_mode):
        raise invalid(f"{path}: not a plain file")
    return path


def text(directory: Path, name: str) -> str | None:
    """A file's text, or None where there is none."""
    path = find(directory, name)
    if path is None:
        return None
    if (size := path.stat().st_size) > TEXT_BYTES:
        raise invalid(f"{path}: {size} bytes; at most {TEXT_BYTES}")
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise Refused(Code.DATA_LOSS, f"{path}: not UTF-8: {error.reason}") from error


def json_object(directory: Path, name: str) -> dict[str, Any] | None:
    """A file's JSON object, or None where there is no file."""
    source = text(directory, name)
    if source is None:
        return None
    try:
        value = json.loads(source)
    except (ValueError, RecursionError) as error:
        raise Refused(Code.DATA_LOSS, f"{directory / name}: not JSON: {error}") from error
    if not isinstance(value, dict):
        raise invalid(f"{directory / name}: not a JSON object")
    return value
