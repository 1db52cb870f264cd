"""Mathematics graded as package infra/program asks for it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from t1_engine.verify import judge
from t1_engine.verify_box import last_boxed

ENGINE = Path(__file__).parents[1]
MATH500 = [json.loads(line) for line in (Path(__file__).parent / "math500.jsonl").read_text("utf-8").splitlines()]


def run(lines: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "t1_engine.verify"], input=lines, capture_output=True, text=True, encoding="utf-8",
        cwd=ENGINE, env={**os.environ, **environment},
    )  # fmt: skip


@pytest.mark.parametrize("row", MATH500, ids=lambda row: row["id"])
def test_reference_solutions_are_right(row):
    correct, form = judge(row["answer"], row["solution"])
    assert correct and form
    assert judge(row["answer"], f"So it is \\boxed{{{row['answer']}}}.") == (True, form)


@pytest.mark.parametrize("row", MATH500, ids=lambda row: row["id"])
def test_answers_of_other_problems_are_wrong(row):
    other = MATH500[MATH500.index(row) - 1]["answer"]
    assert not judge(row["answer"], f"\\boxed{{{other}}}")[0]
    assert not judge(row["answer"], f"\\boxed{{{row['answer']}}} no, \\boxed{{123456789}}")[0]


@pytest.mark.parametrize(
    ("answer", "response", "expected"),
    [
        ("\\frac{1}{2}", "\\boxed{0.5}", (True, "1/2")),
        ("0.5", "\\boxed{\\dfrac12}", (True, "1/2")),
        ("$\\frac{1}{2}$", "\\boxed{\\frac{2}{4}}", (True, "1/2")),
        ("so \\boxed{7}", "\\boxed{7}", (True, "7")),
        ("5", "\\boxed{x = 5}", (True, "5")),
        ("1234", "\\boxed{1{,}234}", (True, "1234")),
        ("(x-1)^2", "\\boxed{x^2 - 2x + 1}", (True, "x**2-2*x+1")),
        ("x^2 - 2x + 1", "\\boxed{(x-1)^2}", (True, "x**2-2*x+1")),
        ("\\frac{\\sqrt{2}}{2}", "\\boxed{\\frac{1}{\\sqrt{2}}}", (True, "0.707106781187")),
        ("(1, 2)", "\\boxed{(1, 2)}", (True, "(1,2)")),
        ("\\{1, 2\\}", "\\boxed{2, 1}", (True, "{1,2}")),
        ("[1, 2)", "\\boxed{[1,2)}", (True, "[1,2)")),
        ("\\text{Evelyn}", "\\boxed{\\text{Evelyn}}", (True, "evelyn")),
        ("2 < x", "\\boxed{2 < x}", (True, "2<x")),
        ("(x+1)^{64}", "\\boxed{(x+1)^{64}}", (True, "(x+1)**64")),  # too much to expand
        ("(x+1)^{100}", "\\boxed{(x+1)^{100}}", (True, "(x+1)^{100}")),
        ("2^{1000}", "\\boxed{2^{1000}}", (True, "2^{1000}")),
        # Without a box: the last expression.
        ("7", "First 3, then 4, so the answer is 7.", (True, "7")),
        ("\\frac{3}{4}", "The answer is $\\frac{3}{4}$.", (True, "3/4")),
        ("7", "The answer is 7, not 8\n" + "so " * 3000 + "\nit is 7", (True, "7")),
        # The box decides, and the last one.
        ("7", "The answer is 7. \\boxed{8}", (False, "8")),
        ("7", "\\boxed{7} or \\boxed{8}", (False, "8")),
        ("7", "\\boxed{7} and \\boxed{8", (True, "7")),
        ("7", "7 \\boxed{}", (False, "")),
        # Wrong.
        ("7", "", (False, "")),
        ("7", "no idea", (False, "")),
        ("7", "\\boxed{7, 8}", (False, "{7,8}")),
        ("\\frac{1}{3}", "\\boxed{0.33}", (False, "33/100")),
        ("(1, 2)", "\\boxed{(2, 1)}", (False, "(2,1)")),
        ("[1, 2)", "\\boxed{[1, 2]}", (False, "[1,2]")),
        ("", "\\boxed{7}", (False, "7")),
    ],
)
def test_judge(answer, response, expected):
    assert judge(answer, response) == expected


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("\\boxed{1} then \\boxed{ \\frac{1}{2} }", "\\frac{1}{2}"),
        ("\\boxed{\\{1, 2\\}}", "\\{1, 2\\}"),
        ("\\boxed{4} and \\boxed{5", "4"),
        ("\\boxed{\\text{so \\boxed{6}}}", "6"),
        ("\\fbox{3}", "3"),
        ("{ \\boxed{5} } } \\boxed{6}", "6"),
        ("\\boxed{5", None),
        ("", None),
    ],
)
def test_last_boxed(text, content):
    assert last_boxed(text) == content


ITEMS = "".join(
    json.dumps({"id": str(i), "prompt": "", "answer": row["answer"], "data": "", "response": row["solution"]}) + "\n"
    for i, row in enumerate(MATH500[:12])
)


def test_the_protocol_and_that_hashing_does_not_show():
    first, second = (run(ITEMS, PYTHONHASHSEED=seed) for seed in "12")
    assert first.returncode == 0 and first.stdout == second.stdout
    verdicts = [json.loads(line) for line in first.stdout.splitlines()]
    assert [v["id"] for v in verdicts] == [str(i) for i in range(12)]
    assert all(set(v) == {"id", "correct", "answer"} and v["correct"] is True and v["answer"] for v in verdicts)


def test_odd_items():
    odd = [
        "\\boxed{" * 2000 + "}" * 2000,
        "\\boxed{" + "(" * 500 + "}",
        "\\boxed{\\frac{1}{0}}",
        "\x00\ud800\u2028",
        "$" * 999,
    ]
    lines = "".join(json.dumps({"id": str(i), "answer": "5", "response": text}) + "\n" for i, text in enumerate(odd))
    done = run(lines)
    assert done.returncode == 0, done.stderr
    assert [(v["id"], v["correct"]) for v in map(json.loads, done.stdout.splitlines())] == [
        (str(i), False) for i in range(len(odd))
    ]


def test_a_line_that_is_no_item_ends_it():
    done = run("hello\n")
    assert done.returncode != 0 and not done.stdout


def test_it_needs_no_torch():
    source = "import sys, t1_engine.verify; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", source], cwd=ENGINE).returncode == 0
