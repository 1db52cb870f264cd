"""The answer that a response puts into \\boxed{}; the same rule as Go's package tasks/boxed."""

MARKS = ("\\boxed{", "\\fbox{")


def last_boxed(text: str) -> str | None:
    """The content of the closed box that opens last; None where there is none."""
    opened: list[int] = []  # where each brace now open begins its content; -1 for one that is no box
    best, end, i = -1, 0, 0
    while i < len(text):
        if text[i] == "\\":
            mark = next((m for m in MARKS if text.startswith(m, i)), "")
            if mark:
                i += len(mark) - 1
                opened.append(i + 1)
            elif text[i + 1 : i + 2] in ("{", "}"):
                i += 1  # a brace to read, not to group
        elif text[i] == "{":
            opened.append(-1)
        elif text[i] == "}" and opened:
            start = opened.pop()
            if start > best:
                best, end = start, i
        i += 1
    return text[best:end].strip() if best >= 0 else None
