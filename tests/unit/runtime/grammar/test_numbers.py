"""Numbers: JSON's notation, and bounds exact to the last digit."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentfast.runtime.grammar import compile_schema
from agentfast.runtime.grammar.numbers import Bounds, number_machine


def accepted(schema: dict[str, Any], texts: str) -> list[str]:
    grammar = compile_schema(schema)
    return [text for text in texts.split() if grammar.accepts(text)]


def test_integers_have_no_fraction_and_no_leading_zero() -> None:
    texts = "0 7 -3 -0 123456789012345678901234567890 01 1.0 1e3 + - 1. .5 --1"
    assert accepted({"type": "integer"}, texts) == "0 7 -3 -0 123456789012345678901234567890".split()


def test_numbers_may_have_a_fraction_and_a_short_exponent() -> None:
    texts = "0 -1.50 2e3 2E-07 0.1e+10 1e100 1. .5 01 1e 1e+ NaN Infinity 0x1"
    assert accepted({"type": "number"}, texts) == "0 -1.50 2e3 2E-07 0.1e+10".split()


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"minimum": 1, "maximum": 20}, "1 9 10 20"),
        ({"exclusiveMinimum": 1, "exclusiveMaximum": 20}, "9 10"),
        ({"minimum": -10.5, "maximum": -1}, "-10 -9 -1"),
        ({"maximum": -9.5}, "-21 -11 -10"),
        ({"minimum": 0, "maximum": 0}, "0 -0"),
        ({"minimum": 5, "exclusiveMinimum": 9}, "10 20 21"),
        ({"minimum": 9, "exclusiveMinimum": 9, "maximum": 10}, "10"),
    ],
)
def test_integer_bounds_are_exact(schema: dict[str, Any], expected: str) -> None:
    texts = "-21 -11 -10 -9 -1 0 -0 1 9 10 20 21"
    assert accepted({"type": "integer", **schema}, texts) == expected.split()


def test_number_bounds_are_exact_to_the_last_digit() -> None:
    texts = "0.1 0.10 0.09999999999999 0.10000000000001 1.25 1.2500 1.2500001 1.24 1 2 -0.1 1e0"
    schema = {"type": "number", "exclusiveMinimum": 0.1, "maximum": 1.25}
    assert accepted(schema, texts) == "0.10000000000001 1.25 1.2500 1.24 1".split()


def test_bounds_written_with_an_exponent_are_read() -> None:
    assert accepted(
        {"type": "number", "minimum": 1e-7, "maximum": 2e2}, "0.0000001 0.00000001 200 200.1"
    ) == [
        "0.0000001",
        "200",
    ]


def test_a_fraction_never_has_more_digits_than_a_double_tells_apart() -> None:
    grammar = compile_schema({"type": "number", "exclusiveMaximum": 100})
    assert grammar.accepts("99." + "9" * 12)
    assert not grammar.accepts("99." + "9" * 13)


def test_bounds_without_a_number_between_them_match_nothing() -> None:
    assert accepted({"type": "integer", "exclusiveMinimum": 1, "exclusiveMaximum": 2}, "1 2 1.5") == []


decimals = st.decimals(-2000, 2000, places=3) | st.integers(-2000, 2000).map(Decimal)


@given(st.none() | decimals, st.none() | decimals, st.booleans(), st.booleans(), decimals, st.integers(0, 3))
def test_bounds_agree_with_decimal_arithmetic(
    low: Decimal | None,
    high: Decimal | None,
    low_included: bool,
    high_included: bool,
    value: Decimal,
    places: int,
) -> None:
    number = round(value, places)
    text = format(number, "f")
    inside = (low is None or number > low or (number == low and low_included)) and (
        high is None or number < high or (number == high and high_included)
    )
    bounds = Bounds(low, high, low_included, high_included)
    assert number_machine(bounds, integral=False).accepts(text.encode()) == inside
    assert number_machine(bounds, integral=True).accepts(text.encode()) == (inside and "." not in text)
