"""python -m t1_engine.convert SOURCE DESTINATION: a pretrained model as a directory the engine opens.

SOURCE is a directory in Hugging Face's layout (safetensors, one file or shards) or a .gguf file. DESTINATION is new and
gets config.json, generation_config.json, model.safetensors, tokenizer.json and tokenizer_config.json, which holds the
chat template. The same source gives the same bytes, whatever its files are called or how it is cut into shards.

Weights keep the source's element type: float32 would double a bfloat16 model's bytes and add nothing, since the engine
widens exactly when it opens the model. GGUF becomes float32: no narrower type holds its products of scale and number.

Prints one line of JSON. Exit status: 0; 2 the source is not supported; 3 not there; 6 damaged; 5 no room; 1 otherwise.

Example: {"architecture": "llama", "parameters": 134515008, "dtype": "F32", "vocabulary": 49152, "context": 8192,
"eos": [2], "chat_template": true}
"""

import argparse
import json
import math
import sys
from pathlib import Path
from typing import Any

import torch

from t1_engine import gguf_file, pretrained, snapshot, tokenizer, weights
from t1_engine.directory import new_directory
from t1_engine.pretrained import Pretrained
from t1_engine.status import Code, Refused, status_of

EXITS = {Code.INVALID_ARGUMENT: 2, Code.NOT_FOUND: 3, Code.RESOURCE_EXHAUSTED: 5, Code.DATA_LOSS: 6}
DTYPES = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"}


def main() -> int:
    parser = argparse.ArgumentParser(prog="t1_engine.convert", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("source", type=Path, help="Hugging Face directory or .gguf file")
    parser.add_argument("destination", type=Path, help="directory to make")
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # it copies; other work on the machine goes before it
    try:
        model = read(arguments.source)
        write(model, arguments.destination.absolute())
    except Exception as error:
        code, message = status_of(error)
        print(message, file=sys.stderr)
        return EXITS.get(code, 1)
    print(json.dumps(about(model)))
    return 0


def read(source: Path) -> Pretrained:
    if source.suffix != ".gguf":
        return pretrained.read(source)
    if not source.is_file():
        raise Refused(Code.NOT_FOUND, f"model {source}: not there, or not a file")
    return gguf_file.read(source)


def write(model: Pretrained, destination: Path) -> None:
    """Writes the model into a new directory, whole or not at all."""
    with new_directory(destination) as directory:
        config = model.config.to_hf() | {"torch_dtype": DTYPES[dtype(model)]}
        snapshot.write_json(directory / "config.json", config)
        snapshot.write_json(directory / "generation_config.json", snapshot.generation(model.config))
        tokenizer.save(model.language.tokenizer, model.language.settings, directory)
        weights.write(model.tensors, directory / weights.SINGLE)


def dtype(model: Pretrained) -> str:
    """The element type of most of the parameters."""
    counts: dict[str, int] = {}
    for t in model.tensors.values():
        counts[t.dtype] = counts.get(t.dtype, 0) + math.prod(t.shape)
    return max(sorted(counts), key=lambda name: counts[name])


def about(model: Pretrained) -> dict[str, Any]:
    return {
        "architecture": model.config.model_type,
        "parameters": sum(math.prod(t.shape) for t in model.tensors.values()),
        "dtype": dtype(model),
        "vocabulary": model.config.vocab_size,
        "context": model.config.max_position_embeddings,  # tokens
        "eos": model.config.eos_ids,
        "chat_template": model.language.template is not None,
    }


if __name__ == "__main__":
    sys.exit(main())
