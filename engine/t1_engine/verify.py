"""python -m t1_engine.verify: grades mathematics by math-verify, in the protocol of Go's package infra/program.

One JSON object a line on standard input, {"id", "prompt", "answer", "data", "response"}; one a line on standard output,
{"id", "correct", "answer"}. `answer` of an item is the reference answer, in LaTeX or plain; its `prompt` and `data` are
not looked at.

What is judged is the last closed \\boxed{} of the response; where there is none, what math-verify finds as the last
expression. `answer` of a verdict is verify_normal.py's form of that.

math-verify's own time limits are switched off. They use SIGALRM, which interrupts Python code and not a C function
such as one big power of integers; and they make a verdict of "wrong" where there was none. The one time limit is
that of who started this program: it kills, and says "timeout". The program holds no state between items.
"""

import json
import logging
import os
import sys
from typing import Any, TextIO

from math_verify import ExprExtractionConfig, LatexExtractionConfig, parse, verify

from t1_engine.verify_box import last_boxed
from t1_engine.verify_normal import normal

TAIL = 2000  # characters of a response without a box in which the last expression is looked for

IN_BOX = (LatexExtractionConfig(boxed_match_priority=0),)
IN_TEXT = (LatexExtractionConfig(boxed_match_priority=-1), ExprExtractionConfig())


def judge(answer: str, response: str) -> tuple[bool, str]:
    """Whether a response's answer equals the reference answer, and that answer normalised; empty for none."""
    content = last_boxed(response)
    found = in_box(content) if content is not None else in_text(response)
    if not found:
        return False, ""
    # The reference comes first: verify treats the two differently.
    correct = verify(reference(answer), found, timeout_seconds=None)
    return bool(correct), normal(found)


def reference(answer: str) -> list[Any]:
    """The reference answer, parsed: what it boxes, or all of it."""
    content = last_boxed(answer)
    return in_box(answer.strip().strip("$") if content is None else content)


def in_box(content: str) -> list[Any]:
    """The expression that a box holds, and its text; the text alone where it is no expression."""
    if not content.strip():
        return []
    return parse(f"\\boxed{{{content}}}", IN_BOX, extraction_mode="first_match", parsing_timeout=None)  # pyright: ignore[reportArgumentType]


def in_text(response: str) -> list[Any]:
    """The last expression of a text, and its text."""
    tail = response[-TAIL:]
    if len(response) > TAIL and "\n" in tail:
        tail = tail[tail.index("\n") :]  # from the beginning of a line: half a formula is another
    return parse(tail, IN_TEXT, parsing_timeout=None)  # pyright: ignore[reportArgumentType]


def serve(items: TextIO, verdicts: TextIO) -> None:
    """Judges items until there are no more. A line that is no item raises: the other side is broken."""
    for line in items:
        item = json.loads(line)
        try:
            correct, answer = judge(item["answer"], item["response"])
        except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
            # What a response may lead math-verify or sympy into; out of memory is not among them.
            print(f"{item['id']}: {type(error).__name__}: {error}", file=sys.stderr)
            correct, answer = False, ""
        verdicts.write(json.dumps({"id": item["id"], "correct": correct, "answer": answer}) + "\n")
        verdicts.flush()


def main() -> int:
    logging.disable(logging.WARNING)  # math-verify warns that its limits are off
    # Verdicts alone stand on standard output, whatever a library prints.
    verdicts = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    serve(os.fdopen(0, encoding="utf-8", errors="replace"), verdicts)
    return 0


if __name__ == "__main__":
    sys.exit(main())
