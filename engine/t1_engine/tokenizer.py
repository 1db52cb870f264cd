"""Tokenizers: the word-level one of a scratch model, and the one a model directory brings."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers

from t1_engine.status import Code, Refused, invalid

PAD, EOS, UNKNOWN = 0, 1, 2  # token ids of the specials of a scratch model
SPECIALS = ("<pad>", "<eos>", "<unk>")


def word_level(vocabulary: Sequence[str]) -> Tokenizer:
    """One token a word, split at white space; the specials come first. Bad words are INVALID_ARGUMENT."""
    seen: set[str] = set(SPECIALS)
    for word in vocabulary:
        if not word or word.split() != [word]:
            raise invalid(f"vocabulary: {word!r} is not one word without white space")
        if word in seen:
            raise invalid(f"vocabulary: {word!r} stands there twice or is a special")
        seen.add(word)
    ids = {word: i for i, word in enumerate([*SPECIALS, *vocabulary])}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token=SPECIALS[UNKNOWN]))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()  # pyright: ignore[reportAttributeAccessIssue]
    tokenizer.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in SPECIALS])
    return tokenizer


def load(directory: Path) -> Tokenizer:
    """The directory's tokenizer.json. Missing is NOT_FOUND, unreadable DATA_LOSS."""
    path = directory / "tokenizer.json"
    try:
        tokenizer = Tokenizer.from_str(path.read_text("utf-8"))
    except FileNotFoundError:
        raise
    except Exception as error:  # the library raises Exception itself
        raise Refused(Code.DATA_LOSS, f"{path}: not a tokenizer: {error}") from error
    tokenizer.no_truncation()  # some files ask for it, and texts would be cut without a word
    tokenizer.no_padding()
    return tokenizer


def encode(tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    """Token ids of each text, nothing added. A word the vocabulary lacks is INVALID_ARGUMENT."""
    unknown = getattr(tokenizer.model, "unk_token", None)
    unknown = tokenizer.token_to_id(unknown) if unknown else None
    encodings = tokenizer.encode_batch(list(texts), add_special_tokens=False)
    for text, encoding in zip(texts, encodings, strict=True):
        if unknown is not None and unknown in encoding.ids:
            start, stop = encoding.offsets[encoding.ids.index(unknown)]
            raise invalid(f"word {text[start:stop]!r} is not in the vocabulary")
    return [encoding.ids for encoding in encodings]


def decode(tokenizer: Tokenizer, sequences: Sequence[Sequence[int]], vocabulary: int = 0) -> list[str]:
    """The text of each sequence, specials written out. An id the vocabulary lacks is INVALID_ARGUMENT.

    vocabulary: ids the model may give. Some have more than their tokenizer; such an id has no text.
    """
    size = max(vocabulary, tokenizer.get_vocab_size(with_added_tokens=True))
    for ids in sequences:
        if ids and not 0 <= min(ids) <= max(ids) < size:
            raise invalid(f"token ids {min(ids)} to {max(ids)}: allowed are 0 to {size - 1}")
    return tokenizer.decode_batch([list(ids) for ids in sequences], skip_special_tokens=False)


def settings(tokenizer: Tokenizer, eos: int | None) -> dict[str, Any]:
    """What stands in a scratch model's tokenizer_config.json."""
    values = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        "model_max_length": 1 << 20,
    }
    if eos is not None:
        values["eos_token"] = tokenizer.id_to_token(eos)
    for name, token in (("pad_token", SPECIALS[PAD]), ("unk_token", SPECIALS[UNKNOWN])):
        if tokenizer.token_to_id(token) is not None:
            values[name] = token
    return values


def save(tokenizer: Tokenizer, settings: dict[str, Any], directory: Path) -> None:
    """Writes tokenizer.json and the tokenizer_config.json that transformers reads beside it."""
    (directory / "tokenizer.json").write_text(tokenizer.to_str(pretty=False), "utf-8")
    (directory / "tokenizer_config.json").write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n", "utf-8")
