"""A GGUF file, read by transformers in a directory where it is alone, and de-quantised to float32.

transformers and gguf are in the dependency group `import`: a run needs neither.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from tokenizers import Tokenizer

from t1_engine.config import ARCHITECTURES
from t1_engine.language import NAMES, TEMPLATE, Language, clean
from t1_engine.pretrained import Pretrained, check
from t1_engine.status import Code, Refused, invalid
from t1_engine.weights import stored

NAME = "model.gguf"


def read(path: Path) -> Pretrained:
    """The model in a GGUF file. A damaged file is DATA_LOSS, a model that is not supported INVALID_ARGUMENT."""
    gguf, transformers = packages()
    with parsed_once(gguf), tempfile.TemporaryDirectory(prefix="t1-gguf-") as alone:
        extra_end = inspect(gguf, path)
        (Path(alone) / NAME).symlink_to(path.absolute())
        named: dict[str, Any] = {"gguf_file": NAME, "local_files_only": True, "trust_remote_code": False}
        try:
            words = transformers.AutoTokenizer.from_pretrained(alone, **named)
            model = transformers.AutoModelForCausalLM.from_pretrained(alone, dtype=torch.float32, **named)
        except (ValueError, KeyError, RuntimeError, OSError, NotImplementedError) as error:
            raise invalid(f"{path}: transformers does not read it: {error}") from error
    settings = {name: getattr(words, name) for name in NAMES} | {TEMPLATE: words.chat_template}
    raw = {name: value for name, value in model.config.to_dict().items() if name != "quantization_config"}
    settings["model_max_length"] = raw.get("max_position_embeddings")
    language = Language(Tokenizer.from_str(words.backend_tokenizer.to_str()), clean(settings))
    tensors = {name: stored(t) for name, t in model.state_dict().items()}
    return check(str(path), raw, {"eos_token_id": extra_end}, language, tensors)


@contextmanager
def parsed_once(gguf: ModuleType) -> Iterator[None]:
    """Parses a file once: transformers asks for a reader of its own for config, tokenizer and weights, and for the
    table of names once a module. Each takes seconds, of which an import would be half."""
    originals = {name: getattr(gguf, name) for name in ("GGUFReader", "get_tensor_name_map")}
    parsed = cache(originals["GGUFReader"])
    names = cache(originals["get_tensor_name_map"])
    vars(gguf).update(GGUFReader=lambda path: parsed(os.path.realpath(path)), get_tensor_name_map=names)
    try:
        yield
    finally:
        vars(gguf).update(originals)


def packages() -> tuple[ModuleType, ModuleType]:
    """gguf and transformers, kept from the network."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        import gguf
        import transformers
    except ImportError as error:
        raise invalid(
            f"reading GGUF needs Python package {error.name}, which is not installed; "
            "run `cd engine && uv sync --frozen --no-dev --inexact --group import`"
        ) from error
    transformers.utils.logging.set_verbosity_error()
    return gguf, transformers


def inspect(gguf: ModuleType, path: Path) -> list[int]:
    """Refuses what transformers would read as another model than it is; answers further ids that end a turn."""
    try:
        reader = gguf.GGUFReader(path)
    except (ValueError, IndexError, KeyError, OverflowError, UnicodeDecodeError) as error:
        raise Refused(Code.DATA_LOSS, f"{path}: not a whole GGUF file: {error}") from error
    about = {key: field.contents() for key, field in reader.fields.items() if key.startswith("general.arch")}
    family = about.get("general.architecture")
    if family not in ARCHITECTURES:
        raise invalid(f"{path}: architecture {family!r} is not supported; allowed: {', '.join(ARCHITECTURES)}")
    if f"{family}.expert_count" in reader.fields and reader.fields[f"{family}.expert_count"].contents():
        raise invalid(f"{path}: a mixture of experts is not supported")
    scaling = reader.fields.get(f"{family}.rope.scaling.type")
    scaled = scaling is not None and scaling.contents() != "none"
    if scaled or any(t.name.startswith("rope_freqs") for t in reader.tensors):
        raise invalid(f"{path}: scaled rotary embedding is not supported")
    turn = reader.fields.get("tokenizer.ggml.eot_token_id")
    return [] if turn is None else [int(turn.contents())]
