"""A normal form of answers, for majority votes: equal answers become equal strings, as far as that is cheap.

A rational number becomes "3/4", whatever it was written as; another constant its value to 12 digits; a polynomial is
expanded; tuples, sets and intervals become so item by item. Anything else is its own text without white space. Only
expressions of small size and small exponents are worked on: the form must not take longer than the verdict.
"""

import math
from typing import Any

import sympy
from sympy import Basic, Expr, FiniteSet, Float, Interval, MatrixBase, Rational, Tuple
from sympy.core.relational import Relational

DIGITS = 12  # significant, of a constant that is not rational
LARGEST_EXPONENT = 64
LARGEST_SIZE = 100  # nodes of an expression, and terms it may expand to
LABORIOUS = (sympy.factorial, sympy.binomial, sympy.Sum, sympy.Product, sympy.Integral, sympy.Limit, sympy.Derivative)
RELATIONS: dict[type, str] = {
    sympy.Eq: "=",
    sympy.Ne: "!=",
    sympy.Lt: "<",
    sympy.Le: "<=",
    sympy.Gt: ">",
    sympy.Ge: ">=",
}


def normal(found: list[Any]) -> str:
    """The normal form of what math-verify's parse gave: an expression where there is one, and a text."""
    text = "".join(str(found[-1]).split()) if isinstance(found[-1], str) else ""
    if isinstance(found[0], str):
        return text
    try:
        return form(found[0]) or text or str(found[0])
    except (ArithmeticError, AttributeError, LookupError, NotImplementedError, RecursionError, TypeError, ValueError):
        return text


def form(value: Any) -> str:
    """The form of one expression; empty where it has none but its text."""
    if isinstance(value, MatrixBase):
        return f"matrix{value.rows}x{value.cols}({items(value)})"
    if not isinstance(value, Basic) or not small(value):
        return ""
    if isinstance(value, FiniteSet):
        return "{" + ",".join(sorted(form(x) or str(x) for x in value.args)) + "}"
    if isinstance(value, Tuple):
        return f"({items(value)})"
    if isinstance(value, Interval):
        opening, closing = "[("[bool(value.left_open)], "])"[bool(value.right_open)]
        return f"{opening}{items((value.start, value.end))}{closing}"
    if isinstance(value, sympy.Eq) and isinstance(value.lhs, sympy.Symbol):
        return form(value.rhs)  # math-verify takes x = 5 for 5, too
    if isinstance(value, Relational):
        return f"{form(value.lhs)}{RELATIONS.get(type(value), '?')}{form(value.rhs)}"
    return scalar(value) if isinstance(value, Expr) else str(value)


def items(values: Any) -> str:
    return ",".join(form(x) or str(x) for x in values)


def scalar(value: Expr) -> str:
    """A number's value, or an expanded expression."""
    exact: Any = value.replace(lambda x: isinstance(x, Float), lambda x: Rational(str(x)))  # 0.5 is 1/2
    exact = exact.doit()
    if exact.is_number:
        exact = sympy.expand(exact) if terms(exact) <= LARGEST_SIZE else exact
        return str(exact if isinstance(exact, Rational) else exact.evalf(DIGITS))
    if terms(exact) <= LARGEST_SIZE:
        exact = sympy.expand(exact)
    return str(exact).replace(" ", "")


def terms(value: Basic) -> int:
    """A bound on the terms that an expression expands to."""
    if isinstance(value, sympy.Add):
        return sum(terms(x) for x in value.args)
    if isinstance(value, sympy.Pow) and value.exp.is_Integer:
        return terms(value.base) ** abs(int(value.exp))  # small() bounds the exponent
    return math.prod(terms(x) for x in value.args)


def small(value: Basic) -> bool:
    """Whether working on an expression cannot take long: few parts, small exponents, nothing to sum up or multiply."""
    for size, part in enumerate(sympy.preorder_traversal(value)):
        if size == LARGEST_SIZE or isinstance(part, LABORIOUS):
            return False
        if (
            isinstance(part, sympy.Pow)
            and part.exp.is_number
            and not (part.exp.is_Number and abs(part.exp) <= LARGEST_EXPONENT)
        ):
            return False
    return True
