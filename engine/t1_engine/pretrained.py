"""A pretrained model: a directory in Hugging Face's layout, read with distrust and checked as a whole.

What is read, and nothing else: config.json, generation_config.json, tokenizer.json, tokenizer_config.json,
chat_template.jinja, and the safetensors files. The model must be one that config.py describes, its tensors exactly
that model's, its tokens all within the vocabulary.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from t1_engine import tokenizer, untrusted, weights
from t1_engine.anchor import blank
from t1_engine.config import Config
from t1_engine.language import Language, read_settings
from t1_engine.model import Model
from t1_engine.resources import Resources
from t1_engine.shard import put
from t1_engine.state import State
from t1_engine.status import Code, Refused, invalid
from t1_engine.weights import FLOATS, Stored


@dataclass(frozen=True)
class Pretrained:
    config: Config  # its eos_token_id is a list: every id that ends a response, the one that fine-tuning appends first
    language: Language
    tensors: dict[str, Stored]

    def state(self, resources: Resources = Resources()) -> State:  # noqa: B008
        """The state a run begins with: this policy in float32, step 0, no anchor, no moments."""
        policy = blank(self.config, resources)
        for name, p in policy.named_parameters():
            put(p, self.tensors[name].load().to(torch.float32))
        return State(policy, self.language.tokenizer, settings=self.language.settings, resources=resources)


def read(directory: Path) -> Pretrained:
    """A model directory. Missing is NOT_FOUND, a torn file DATA_LOSS, an unsupported model INVALID_ARGUMENT."""
    if not directory.is_dir():
        raise Refused(Code.NOT_FOUND, f"model {directory}: not there, or not a directory")
    raw = untrusted.json_object(directory, "config.json")
    if raw is None:
        raise invalid(f"{directory}: no config.json; a model directory in Hugging Face's layout has one")
    generation = untrusted.json_object(directory, "generation_config.json") or {}
    if untrusted.find(directory, "tokenizer.json") is None:
        raise invalid(f"{directory}: no tokenizer.json; `save_pretrained` of the model's fast tokenizer writes one")
    words = tokenizer.load(directory)
    settings = read_settings(directory)
    try:
        tensors = weights.read(directory)
    except SafetensorError as error:
        raise Refused(Code.DATA_LOSS, f"{directory}: {error}") from error
    return check(str(directory), raw, generation, Language(words, settings), tensors)


def check(
    where: str, raw: dict[str, Any], generation: dict[str, Any], language: Language, tensors: dict[str, Stored]
) -> Pretrained:
    """Puts the parts together; INVALID_ARGUMENT says what does not fit."""
    if "auto_map" in raw:
        raise invalid(f"{where}: config.json: auto_map: the model brings code of its own, which is never run")
    if "model_type" not in raw:
        raise invalid(f"{where}: config.json: model_type: missing")
    try:
        config = Config.from_hf(raw)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, ZeroDivisionError) as error:
        reason = f"{error.args[0]}: missing" if isinstance(error, KeyError) else str(error)
        raise invalid(f"{where}: {reason}") from error
    if language.size > config.vocab_size:
        raise invalid(f"{where}: tokenizer.json has {language.size} tokens, config.json vocab_size {config.vocab_size}")
    eos = eos_ids(where, language, config, generation)
    config = replace(config, eos_token_id=eos[0] if len(eos) == 1 else eos, pad_token_id=pad_id(language, config))
    return Pretrained(config, language, fitting(where, config, tensors))


def eos_ids(where: str, language: Language, config: Config, generation: dict[str, Any]) -> list[int]:
    """Every id that ends a response: that of the tokenizer's eos_token, which chats end a turn with, comes first."""
    token = language.settings.get("eos_token")
    found = [language.tokenizer.token_to_id(token)] if token else []
    for given in (config.eos_token_id, generation.get("eos_token_id")):
        found += given if isinstance(given, list) else [given]
    ids = list(dict.fromkeys(i for i in found if i is not None))
    if not ids or not all(type(i) is int and 0 <= i < config.vocab_size for i in ids):
        raise invalid(f"{where}: eos_token_id: {ids}; at least one id from 0 to {config.vocab_size - 1}")
    return ids


def pad_id(language: Language, config: Config) -> int | None:
    token = language.settings.get("pad_token")
    return language.tokenizer.token_to_id(token) if token else config.pad_token_id


def fitting(where: str, config: Config, tensors: dict[str, Stored]) -> dict[str, Stored]:
    """The model's tensors, each of its shape; some writers add what can be computed."""
    kept = {name: t for name, t in tensors.items() if not name.endswith(".rotary_emb.inv_freq")}
    if config.tie_word_embeddings:
        kept.pop("lm_head.weight", None)
    if config.num_hidden_layers > len(kept):
        raise invalid(f"{where}: {config.num_hidden_layers} layers in config.json, {len(kept)} tensors in the weights")
    with torch.device("meta"):  # shapes alone: a number in config.json allocates nothing
        wanted = {name: tuple(t.shape) for name, t in Model(config).state_dict().items()}
    if wanted.keys() != kept.keys():
        missing, unknown = sorted(wanted.keys() - kept.keys()), sorted(kept.keys() - wanted.keys())
        raise invalid(f"{where}: tensors missing: {few(missing)}; not of a {config.model_type} model: {few(unknown)}")
    for name, t in kept.items():
        if t.shape != wanted[name]:
            raise invalid(f"{where}: {name} has shape {list(t.shape)}; config.json says {list(wanted[name])}")
        if t.dtype not in FLOATS:
            raise invalid(f"{where}: {name} has elements of type {t.dtype}; allowed: {', '.join(FLOATS)}")
    return kept


def few(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "") if names else "none"
