"""How a model's token ids are written and read: its tokenizer, its special tokens, its chat template.

Text is content: whatever it says, no special token comes of it. A problem that contains the words of an
end-of-turn token must not end the turn. Special tokens are written by the chat template alone; see chat.py.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from t1_engine import tokenizer, untrusted
from t1_engine.status import invalid

NAMES = ("bos_token", "eos_token", "pad_token", "unk_token")
TEMPLATE = "chat_template"


@dataclass(frozen=True)
class Language:
    tokenizer: Tokenizer  # makes special tokens of what looks like one
    settings: dict[str, Any]  # of tokenizer_config.json: the special tokens by name, and the chat template
    vocabulary: int = 0  # ids the model may give, which may be more than the tokenizer has; 0: the tokenizer's

    @cached_property
    def plain(self) -> Tokenizer:
        """The same tokenizer, for content: blind to special tokens."""
        copy = Tokenizer.from_str(self.tokenizer.to_str())
        copy.encode_special_tokens = True
        return copy

    @cached_property
    def specials(self) -> dict[str, int]:
        """The special tokens' texts and ids."""
        added = self.tokenizer.get_added_tokens_decoder()
        return {token.content: i for i, token in added.items() if token.special and token.content}

    def find(self, text: str) -> list[tuple[int, int]]:
        """Where special tokens stand in a text: (begin, end), in order, the longest where several begin."""
        if not self.specials:
            return []
        longest_first = sorted(self.specials, key=lambda s: (-len(s), s))
        return [m.span() for m in re.finditer("|".join(map(re.escape, longest_first)), text)]

    @property
    def size(self) -> int:
        """One more than the greatest token id."""
        return 1 + max(self.tokenizer.get_vocab(with_added_tokens=True).values(), default=-1)

    @property
    def template(self) -> str | None:
        return self.settings.get(TEMPLATE)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, as content. A word the vocabulary lacks is INVALID_ARGUMENT."""
        return tokenizer.encode(self.plain, texts)

    def decode(self, sequences: Sequence[Sequence[int]]) -> list[str]:
        return tokenizer.decode(self.tokenizer, sequences, self.vocabulary)


def read_settings(directory: Path) -> dict[str, Any]:
    """What is kept of a directory's tokenizer_config.json and chat_template.jinja. Neither need be there."""
    raw = untrusted.json_object(directory, "tokenizer_config.json") or {}
    template = untrusted.text(directory, "chat_template.jinja")
    return clean(raw if template is None else raw | {TEMPLATE: template})


def clean(raw: dict[str, Any]) -> dict[str, Any]:
    """A tokenizer_config.json that names no code: transformers takes tokenizer.json as it stands."""
    settings: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
    }
    for name in NAMES:
        token = raw.get(name)
        token = token.get("content") if isinstance(token, dict) else token  # the older way to write it
        if token is not None:
            settings[name] = string(name, token)
    template = raw.get(TEMPLATE)
    if isinstance(template, list):  # several by name
        named = {t.get("name"): t.get("template") for t in template if isinstance(t, dict)}
        template = named.get("default")
    if template is not None:
        settings[TEMPLATE] = string(TEMPLATE, template)
    length = raw.get("model_max_length")
    settings["model_max_length"] = int(length) if isinstance(length, int | float) and 0 < length < 1 << 31 else 1 << 20
    return settings


def string(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise invalid(f"tokenizer_config.json: {name}: {value!r} is not a string")
    return value
