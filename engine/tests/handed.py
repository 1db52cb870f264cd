"""Model directories as somebody else would hand them over."""

import json
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from t1_engine import model
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


def edit(path: Path, **changes: Any) -> None:
    """Changes fields of a JSON file; None removes one."""
    merged = json.loads(path.read_text()) | changes if path.exists() else changes
    path.write_text(json.dumps({name: value for name, value in merged.items() if value is not None}))
