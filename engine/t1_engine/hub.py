"""python -m t1_engine.hub NAME DESTINATION [--revision REVISION]: the files of a model on a hub, for t1_engine.convert.

NAME is organisation/model; the hub is that of HF_ENDPOINT, a token that of HF_TOKEN, as everywhere with
huggingface_hub, which comes with the dependency group `import`. Fetched are the files that a model is read from, at the
top of the repository: safetensors, tokenizer, configuration. Never pickles, never code. The revision is resolved to a
commit first, so that all files are of one; weights are checked against the digest that the hub states.

Prints a line a file as it begins, and last one line of JSON. Exit status: 0; 2 no model that can be read, gated, or no
huggingface_hub; 3 not there; 5 no room; 6 damaged; 75 the hub does not answer; 1 otherwise.

Example: {"commit": "2f0c...", "files": 7}
"""

import argparse
import errno
import hashlib
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

ENDINGS = (".json", ".safetensors", ".txt", ".model", ".jinja")  # FetchSource in library/transfer.go says the same
PIECE = 1 << 20  # bytes read at once


class Failed(Exception):
    """A sentence for the user and the exit status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def main() -> int:
    parser = argparse.ArgumentParser(prog="t1_engine.hub", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("name", help="organisation/model")
    parser.add_argument("destination", type=Path, help="directory to make")
    parser.add_argument("--revision", default="main", help="branch, tag or commit")
    arguments = parser.parse_args()
    os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    try:
        print(json.dumps(download(arguments.name, arguments.revision, arguments.destination)))
    except Failed as failed:
        print(failed, file=sys.stderr)
        return failed.status
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        print(f"{error.filename or 'disk'}: no space left", file=sys.stderr)
        return 5
    return 0


def download(name: str, revision: str, destination: Path) -> dict[str, Any]:
    try:
        from huggingface_hub import HfApi, constants, hf_hub_download
    except ImportError:
        raise Failed(2, "huggingface_hub is not installed, which fetches models") from None
    try:
        about = HfApi().model_info(name, revision=revision, files_metadata=True)
        wanted = choose(name, about.siblings or [])
        destination.mkdir(parents=True)
        for file in wanted:
            print(f"fetching {file.rfilename}, {file.size or 0} bytes", flush=True)
            path = hf_hub_download(name, file.rfilename, revision=about.sha, local_dir=destination)
            check(Path(path), file)
    except (Failed, MemoryError):
        raise
    except Exception as error:  # the library raises its own, its transport's and ValueError
        raise explain(error, name, revision, constants.ENDPOINT) from error
    shutil.rmtree(destination / ".cache", ignore_errors=True)  # the library's own notes
    return {"commit": about.sha, "files": len(wanted)}


def choose(name: str, files: list[Any]) -> list[Any]:
    """The files to fetch. Some repositories hold the weights twice; then those called model* are meant."""
    top = [f for f in files if "/" not in f.rfilename and f.rfilename.endswith(ENDINGS)]
    weights = [f for f in top if f.rfilename.endswith(".safetensors")]
    if not weights:
        raise Failed(2, f"model {name} has no safetensors on the hub, and nothing else is fetched")
    plain = [f for f in weights if f.rfilename.startswith("model")]
    return [f for f in top if f not in weights] + (plain or weights)


def check(path: Path, file: Any) -> None:
    """The digest that the hub states of a large file, and any file's length."""
    if file.size is not None and path.stat().st_size != file.size:
        raise Failed(6, f"{file.rfilename}: {path.stat().st_size} bytes came, the hub says {file.size}")
    if file.lfs is None:
        return
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(PIECE):
            digest.update(piece)
    if digest.hexdigest() != file.lfs.sha256:
        raise Failed(6, f"{file.rfilename}: its bytes are not those that the hub states")


def explain(error: Exception, name: str, revision: str, endpoint: str) -> Exception:
    """The sentence for what the library raised; what is not known stays as it is."""
    from huggingface_hub import errors

    if isinstance(error, errors.GatedRepoError):
        return Failed(2, f"model {name} is gated: accept its terms on the hub, and set HF_TOKEN")
    if isinstance(error, errors.RevisionNotFoundError):
        return Failed(3, f"model {name} has no revision {revision} on the hub")
    if isinstance(error, errors.RepositoryNotFoundError):
        return Failed(3, f"the hub at {endpoint} has no model {name}, or none that HF_TOKEN may read")
    if isinstance(error, errors.HFValidationError):
        return Failed(2, str(error))
    status = getattr(getattr(error, "response", None), "status_code", 0)
    transport = type(error).__module__.startswith(("httpx", "httpcore"))
    if transport or status >= 429 or isinstance(error, (errors.LocalEntryNotFoundError, ConnectionError)):
        return Failed(75, f"the hub at {endpoint} does not answer")
    return error


if __name__ == "__main__":
    sys.exit(main())
