"""Numbers against exact arithmetic: every short text, random texts near the bounds, and jsonschema."""

from __future__ import annotations

import itertools
import json
import re
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentfast.runtime.grammar import compile_schema
from agentfast.runtime.grammar.numbers.number import (
    EXPONENTS,
    FRACTION_DIGITS,
    WHOLE_DIGITS,
    Bounds,
    number_dfa,
)

JSON_NUMBER = re.compile(r"(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]+))?")


def value_of(text: str) -> Fraction | None:
    """The number that a text of the spelling "any" means, None if it is not one: the slow, obvious reading."""
    match = JSON_NUMBER.fullmatch(text)
    if match is None:
        return None
    sign, whole, fraction, exponent = match.groups()
    if exponent is not None:
        in_limits = len(whole) <= WHOLE_DIGITS and len((fraction or "").rstrip("0")) <= FRACTION_DIGITS
        if not in_limits or len(exponent.lstrip("+-")) > 3:
            return None
        if not EXPONENTS[0] <= int(exponent) <= EXPONENTS[1]:
            return None
    digits = int(sign + whole + (fraction or ""))
    return Fraction(digits) * Fraction(10) ** (int(exponent or 0) - len(fraction or ""))


def belongs(value: Fraction | None, bounds: Bounds, integral: bool, multiple_of: Decimal | None) -> bool:
    if value is None or (integral and value.denominator != 1):
        return False
    low = None if bounds.low is None else value - Fraction(bounds.low)
    high = None if bounds.high is None else Fraction(bounds.high) - value
    inside = (low is None or low > 0 or (low == 0 and bounds.low_included)) and (
        high is None or high > 0 or (high == 0 and bounds.high_included)
    )
    return inside and (multiple_of is None or (value / Fraction(multiple_of)).denominator == 1)


RULES: list[tuple[Bounds, bool, Decimal | None]] = [
    (Bounds(), False, None),
    (Bounds(), True, None),
    (Bounds(Decimal(0)), False, None),
    (Bounds(Decimal(0), None, False), True, None),
    (Bounds(Decimal(-1), Decimal(10), True, False), False, None),
    (Bounds(Decimal(-20), Decimal(11), False, True), True, None),
    (Bounds(Decimal("0.01"), Decimal("0.2")), False, None),
    (Bounds(Decimal("-1.2"), Decimal("-0.1"), True, False), False, None),
    (Bounds(), False, Decimal("1.5")),
    (Bounds(), True, Decimal(4)),
    (Bounds(Decimal(-11), Decimal(12)), False, Decimal("0.2")),
    (Bounds(Decimal(2)), False, Decimal("0.25")),
]


@lru_cache(maxsize=1)
def short_numbers() -> list[tuple[str, Fraction]]:
    """Every number of at most five characters, over a few digits."""
    texts = ("".join(text) for size in range(1, 6) for text in itertools.product("0125-+.e", repeat=size))
    values = ((text, value_of(text)) for text in texts)
    return [(text, value) for text, value in values if value is not None]


@pytest.mark.parametrize(("bounds", "integral", "multiple_of"), RULES)
def test_every_short_text_is_read_as_decimal_arithmetic_reads_it(
    bounds: Bounds, integral: bool, multiple_of: Decimal | None
) -> None:
    dfa = number_dfa(bounds, integral=integral, multiple_of=multiple_of, encoding="any")
    for text, value in short_numbers():
        expected = belongs(value, bounds, integral, multiple_of)
        assert dfa.accepts(text.encode()) == expected, text


def test_only_numbers_are_read() -> None:
    dfa = number_dfa(Bounds(), integral=False, encoding="any")
    for size in range(1, 5):
        for text in map("".join, itertools.product("019-+.eE", repeat=size)):
            assert dfa.accepts(text.encode()) == (value_of(text) is not None), text


@st.composite
def numerals(draw: st.DrawFn, near: st.SearchStrategy[Decimal]) -> str:
    """A way to write a number near some others, or not."""
    if draw(st.integers(0, 4)) == 0:
        return draw(st.from_regex(JSON_NUMBER, fullmatch=True))
    value = draw(near)
    value += draw(st.sampled_from([0, 0, 1, -1])) * Decimal(10) ** draw(st.integers(-18, 4))
    shift = draw(st.just(0) | st.integers(-20, 20))
    text = format(value.scaleb(-shift), "f")
    if "." in text or draw(st.booleans()):
        text += "" if "." in text else "."
        text += "0" * draw(st.integers(0 if text[-1] != "." else 1, 3))
    if shift or draw(st.booleans()):
        sign = "-" if shift < 0 else draw(st.sampled_from(["", "+"]))
        text += draw(st.sampled_from("eE")) + sign + "0" * draw(st.integers(0, 1)) + str(abs(shift))
    return text


# Magnitudes as schemas have them, and some that are hard.
usual = st.decimals(-2000, 2000, places=3) | st.integers(-2000, 2000).map(Decimal)
hard = st.sampled_from(
    [Decimal(text) for text in ("0", "1e-7", "-1e-7", "1e15", "99999.99", "0.1", "-0.001", "1e25")]
)


@st.composite
def rules(draw: st.DrawFn, ends: st.SearchStrategy[Decimal]) -> tuple[Bounds, bool, Decimal | None]:
    low, high = draw(st.none() | ends), draw(st.none() | ends)
    integral = draw(st.booleans())
    steps = [None, None, *map(Decimal, ("1", "2", "0.01", "1.5", "5", "0.25", "3", "60", "1e-8"))]
    step = draw(st.sampled_from(steps))
    return Bounds(low, high, draw(st.booleans()), draw(st.booleans())), integral, step


@settings(max_examples=40)
@given(rules(usual | hard), st.data())
def test_any_spelling_agrees_with_exact_arithmetic(
    rule: tuple[Bounds, bool, Decimal | None], data: st.DataObject
) -> None:
    bounds, integral, multiple_of = rule
    near = st.sampled_from([end for end in (bounds.low, bounds.high, Decimal(0)) if end is not None])
    dfa = number_dfa(bounds, integral=integral, multiple_of=multiple_of, encoding="any")
    for text in data.draw(st.lists(numerals(near | usual | hard), min_size=20, max_size=20)):
        expected = belongs(value_of(text), bounds, integral, multiple_of)
        assert dfa.accepts(text.encode()) == expected, text


@settings(max_examples=50)
@given(rules(usual), st.lists(st.decimals(-2000, 2000, places=4), min_size=5, max_size=5), st.integers(0, 3))
def test_the_canonical_spelling_agrees_with_exact_arithmetic(
    rule: tuple[Bounds, bool, Decimal | None], values: list[Decimal], places: int
) -> None:
    bounds, integral, multiple_of = rule
    dfa = number_dfa(bounds, integral=integral, multiple_of=multiple_of)
    for value in values:
        text = format(round(value, places), "f")
        expected = belongs(value_of(text), bounds, integral, multiple_of) and not (integral and "." in text)
        assert dfa.accepts(text.encode()) == expected, text


eighths = st.integers(-4000, 4000).map(lambda n: n / 8)


@given(
    st.fixed_dictionaries(
        {"type": st.sampled_from(["integer", "number"])},
        optional={
            "minimum": eighths,
            "maximum": eighths,
            "multipleOf": st.sampled_from([1, 2, 3, 7, 10, 0.5, 0.125, 2.5, 12]),
        },
    ),
    st.lists(eighths, min_size=10, max_size=10),
    st.sampled_from(["", "e0", "0e-0", "E+00"]),
)
def test_binary_fractions_are_judged_as_jsonschema_judges_them(
    schema: dict[str, Any], values: list[float], ending: str
) -> None:
    low, high, step = (schema.get(keyword) for keyword in ("minimum", "maximum", "multipleOf"))
    dfa = number_dfa(
        Bounds(None if low is None else Decimal(low), None if high is None else Decimal(high)),
        integral=schema["type"] == "integer",
        multiple_of=None if step is None else Decimal(step),
        encoding="any",
    )
    validator = jsonschema.Draft202012Validator(schema)
    for value in values:
        text = json.dumps(value) + ending
        assert dfa.accepts(text.encode()) == validator.is_valid(value), text


@pytest.mark.parametrize(
    "schema",
    [
        {"minimum": 1.2},
        {"type": "integer"},
        {"multipleOf": 0.2},
        {"exclusiveMinimum": -1, "maximum": 5},
        {"enum": [0, 12, 0.5]},
    ],
    ids=json.dumps,
)
def test_the_complement_of_numbers_is_exact_among_all_numbers(schema: dict[str, Any]) -> None:
    inside = compile_schema({"type": "number", **schema}, closed=False)
    outside = compile_schema({"type": "number", "not": schema}, closed=False)
    for text, _ in short_numbers():
        assert inside.accepts(text) != outside.accepts(text), text
    for text in ("1e-325", "1e0000", "0.12345678901234567e1", "12345678901234567e1", "01"):
        assert not inside.accepts(text)
        assert not outside.accepts(text)
