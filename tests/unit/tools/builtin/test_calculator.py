"""Arithmetic without eval: right values, and nothing that is no arithmetic or takes long."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentfast.errors import ToolError
from agentfast.tools.builtin import calculator

calculate = calculator()


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("0.1 + 0.2", 0.3),
        ("2 ** 10 - 1", 1023),
        ("7 // 2 + 7 % 4", 6),
        ("-(3 - 5) * 2", 4),
        ("sqrt(16)", 4),
        ("sqrt(2)", math.sqrt(2)),
        ("2 ** 0.5", math.sqrt(2)),
        ("2 ** -1", 0.5),
        ("(-1) ** 1000001", -1),
        ("round(2.675, 2)", 2.68),
        ("max(1, 2.5) + min(3, 4) + abs(-1) + floor(1.9) + ceil(1.1)", 9.5),
        ("cos(pi) + log(e)", 0),
        (" 1e3 ", 1000),
    ],
)
def test_the_value_is_that_of_arithmetic(expression: str, value: float) -> None:
    assert calculate(expression) == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ("__import__('os').system('x')", "no part of arithmetic|not a function"),
        ("(1).__class__", "no part of arithmetic"),
        ("[x for x in (1,)]", "no part of arithmetic"),
        ("lambda: 1", "no part of arithmetic"),
        ("True + 1", "no part of arithmetic"),
        ("'a' * 10", "no part of arithmetic"),
        ("open('/etc/passwd')", "not a function|no part of"),
        ("max(1, key=abs)", "no part of arithmetic"),
        ("1 +", "not an arithmetic expression"),
        ("", "not an arithmetic expression"),
        ("(" * 300 + "1" + ")" * 300, "not an arithmetic expression"),
        ("-" * 100 + "1", "levels deep"),
        ("9 ** 9 ** 9", "more than 10000 bits"),
        ("9 ** -(9 ** 9)", "more than 10000 bits"),
        ("(2 ** 9999) * (2 ** 9999)", "more than 10000 bits"),
        ("1e400", "no value|not an"),
        ("10 ** 400 / 3", "no value"),
        ("exp(1000)", "no value"),
        ("(-2) ** 0.5", "no value"),
        ("1 / 0", "division by zero"),
        ("5 % 0", "division by zero"),
        ("0 ** -1", "division by zero"),
        ("1 + " * 300 + "1", "characters"),
        ("round(1, 99999999)", "whole number of digits"),
        ("sqrt()", "not a function"),
        ("max()", "other arguments"),
    ],
)
def test_all_else_is_refused(expression: str, complaint: str) -> None:
    with pytest.raises(ToolError, match=complaint):
        calculate(expression)


numbers = st.integers(-99, 99).map(str) | st.decimals(0, 99, places=2).map(str)
expressions = st.recursive(
    numbers,
    lambda inner: st.tuples(inner, st.sampled_from("+-*"), inner).map(
        lambda parts: "({}{}{})".format(*parts)
    ),
    max_leaves=8,
)


@given(expressions)
def test_sums_and_products_are_exact(expression: str) -> None:
    exact = eval(
        "".join(f"Fraction('{part}')" if part[0].isdigit() else part for part in _pieces(expression)),
        {"Fraction": Fraction},
    )
    assert calculate(expression) == (exact.numerator if exact.denominator == 1 else float(exact))


def _pieces(expression: str) -> list[str]:
    pieces: list[str] = []
    for sign in expression:
        if pieces and (sign.isdigit() or sign == ".") and pieces[-1][0].isdigit():
            pieces[-1] += sign
        else:
            pieces.append(sign)
    return pieces
