"""Chat templates: messages to token ids, as transformers renders them, with special tokens from the template alone.

A model's template is a program from whoever made the model, so it runs in Jinja's sandbox. Its messages come from
data sets and must not be able to write special tokens: a problem that contains "<|im_end|>" would end its own turn
and speak as another. So a mark, a character that occurs nowhere, goes before every place in a message where a special
token begins or, with what follows the message, might begin. After rendering, a special token at a mark is content,
and becomes the tokens its letters would be; any other is the template's. Without such a place the ids are those that
transformers gives.
"""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.exceptions import SecurityError
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace

from t1_engine.language import NAMES, Language
from t1_engine.status import invalid

ROLES = ("system", "user", "assistant")
PRIVATE = range(0xE000, 0xF900)  # code points that mean nothing; one of them is the mark


def render(language: Language, messages: Sequence[tuple[str, str]]) -> list[int]:
    """Token ids of (role, content) messages up to where the assistant's answer begins. Errors are INVALID_ARGUMENT."""
    if language.template is None:
        raise invalid("the model has no chat template; encode its prompts as text")
    if not messages:
        raise invalid("messages: none given; at least 1")
    for role, _ in messages:
        if role not in ROLES:
            raise invalid(f"role: {role!r}; allowed: {', '.join(ROLES)}")
    mark = unused(language.template + "".join(content for _, content in messages))
    marked = [{"role": role, "content": guard(content, language, mark)} for role, content in messages]
    return encode(language, fill(language, marked), mark)


def unused(text: str) -> str:
    """A private character that the text does not have."""
    there = set(text)
    for point in PRIVATE:
        if chr(point) not in there:
            return chr(point)
    raise invalid("messages: they use every private character of Unicode")


def guard(content: str, language: Language, mark: str) -> str:
    """The content with a mark before every special token, and before a beginning of one that ends the content."""
    specials = sorted(language.specials)
    if not specials:
        return content
    begins = {m.start() for m in re.finditer("|".join(f"(?={re.escape(s)})" for s in specials), content)}
    end = len(content.rstrip())  # templates trim
    for special in specials:
        begins |= {end - n for n in range(1, min(len(special), end + 1)) if content.startswith(special[:n], end - n)}
    parts, at = [], 0
    for begin in sorted(begins):
        parts += [content[at:begin], mark]
        at = begin
    return "".join([*parts, content[at:]])


def encode(language: Language, rendered: str, mark: str) -> list[int]:
    """Token ids of a rendered text: special tokens at a mark as content, the others as what they are."""
    special_ids = set(language.specials.values())
    ids: list[int] = []
    for piece, content in cut(language, rendered, mark):
        source = language.plain if content else language.tokenizer
        found = source.encode(piece, add_special_tokens=False).ids
        allowed = 0 if content else len(language.find(piece))
        if sum(i in special_ids for i in found) > allowed:  # by a normalizer, or a vocabulary that has it as a word
            raise invalid("messages: a special token stands in one that this tokenizer cannot write as text")
        ids += found
    return ids


def cut(language: Language, rendered: str, mark: str) -> Iterator[tuple[str, bool]]:
    """The text without its marks, in pieces: (text, whether it is a special token that a message spelled)."""
    parts = rendered.split(mark)
    marks, length = set(), 0
    for part in parts[:-1]:
        length += len(part)
        marks.add(length)
    text, at = "".join(parts), 0
    for begin, end in language.find(text) if marks else []:
        if begin in marks:
            yield text[at:begin], False
            yield text[begin:end], True
            at = end
    yield text[at:], False


def fill(language: Language, messages: list[dict[str, str]]) -> str:
    """The template's text. What a template raises, or does that the sandbox forbids, is INVALID_ARGUMENT."""
    assert language.template is not None
    tokens = {name: language.settings[name] for name in NAMES if name in language.settings}
    try:
        return compiled(language.template).render(messages=messages, add_generation_prompt=True, **tokens)
    except MemoryError:
        raise
    except Exception as error:  # a template may fail in any way a program may
        raise invalid(f"chat template: {error}") from error


@lru_cache(maxsize=4)
def compiled(template: str) -> jinja2.Template:
    """The template in an environment like the one transformers makes for it."""
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols, Generation]
    )
    environment.filters["tojson"] = tojson
    environment.globals |= {
        "raise_exception": refuse,
        "strftime_now": lambda form: datetime.now().strftime(form),
        "dict": lambda *args, **named: dict(*args, **named),  # the type itself would be a way out
        "namespace": Names,
    }
    return environment.from_string(template)


class Generation(Extension):
    """{% generation %} marks what the assistant says, for training libraries; here it is what it holds."""

    tags = {"generation"}  # noqa: RUF012

    def parse(self, parser: Any) -> nodes.Node:
        line = next(parser.stream).lineno
        return nodes.Scope(parser.parse_statements(("name:endgeneration",), drop_needle=True), lineno=line)


class Names(Namespace):
    """Jinja's namespace, without names that reach Python's own."""

    def __init__(self, *args: Any, **named: Any) -> None:
        values = dict(*args, **named)
        for name in values:
            check_name(name)
        super().__init__(values)

    def __setitem__(self, name: str, value: Any) -> None:
        check_name(name)
        super().__setitem__(name, value)


def check_name(name: Any) -> None:
    if str(name).startswith("_"):
        raise SecurityError(f"namespace: {name!r} begins with an underscore")


def tojson(value: Any, ensure_ascii: bool = False, indent: int | None = None, **other: Any) -> str:
    """Jinja's own filter escapes HTML."""
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, **other)


def refuse(message: str) -> None:
    raise jinja2.TemplateError(message)
