"""Numbers: JSON's notation, bounds exact to the last digit, multiples."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Literal

import pytest

from agentfast.errors import GrammarError
from agentfast.runtime.grammar import compile_schema
from agentfast.runtime.grammar.automaton import nodes
from agentfast.runtime.grammar.numbers.number import Bounds, number_dfa, number_node, value_dfa


def accepted(schema: dict[str, Any], texts: str) -> list[str]:
    grammar = compile_schema(schema)
    return [text for text in texts.split() if grammar.accepts(text)]


def written(
    texts: str,
    low: str | None = None,
    high: str | None = None,
    *,
    integral: bool = False,
    multiple_of: str | None = None,
    encoding: Literal["canonical", "any"] = "any",
) -> str:
    """Those of the texts that are numbers within inclusive bounds."""
    bounds = Bounds(None if low is None else Decimal(low), None if high is None else Decimal(high))
    multiple = None if multiple_of is None else Decimal(multiple_of)
    dfa = number_dfa(bounds, integral=integral, multiple_of=multiple, encoding=encoding)
    return " ".join(text for text in texts.split() if dfa.accepts(text.encode()))


# The canonical spelling


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
    empty = number_node(Bounds(Decimal(1), Decimal(2), False, False), integral=True, encoding="any")
    assert empty == nodes.NOTHING


def test_canonical_multiples_are_exact() -> None:
    texts = "0 -0 1 1.5 3 4.50 4.6 -7.5 15 35"
    assert written(texts, multiple_of="1.5", encoding="canonical") == "0 -0 1.5 3 4.50 -7.5 15"
    assert written(texts, multiple_of="1.5", integral=True, encoding="canonical") == "0 -0 3 15"
    assert written("0.01 0.010 0.011 7", multiple_of="0.01", encoding="canonical") == "0.01 0.010 7"
    assert (
        written("99 100 250 1000 10000", "100", "1000", multiple_of="50", encoding="canonical")
        == "100 250 1000"
    )


# Any spelling


def test_an_integer_may_be_written_with_a_point_or_an_exponent() -> None:
    texts = "1 1.0 1e0 10e-1 0.1E+01 -0 -0.0e-5 12391239123.000 1.5 15e-1 0.1e0 100e-3 1. 1e 01e0 1e+-1"
    expected = "1 1.0 1e0 10e-1 0.1E+01 -0 -0.0e-5 12391239123.000"
    assert written(texts, integral=True) == expected


def test_bounds_hold_whatever_the_exponent() -> None:
    texts = "1e5 99999 99998 9.9999e4 9.99989e4 0.00000000000000999e19 100000000000000e-9 1e-324 1e308"
    assert written(texts, "99999") == "1e5 99999 9.9999e4 100000000000000e-9 1e308"


def test_a_number_without_an_exponent_has_no_limit() -> None:
    long = "1" + "0" * 400 + "." + "0" * 400 + "1"
    assert written(f"{long} -{long}", "1") == long


def test_a_number_with_an_exponent_keeps_to_the_limits_that_all_of_them_share() -> None:
    within = "1234567890123456e3 0.1234567890123456e3 1.2345678901234560000e3 1e308 1e-324 1e007 0.000000000000000000e1"
    beyond = "12345678901234567e3 0.12345678901234567e3 1e309 1e-325 1e0007"
    assert written(f"{within} {beyond}") == within
    assert written(f"{within} {beyond}", "-1e300") == within
    assert (
        written(f"{within} {beyond}", integral=True)
        == "1234567890123456e3 1e308 1e007 0.000000000000000000e1"
    )
    assert written(f"{within} {beyond}", high="-1") == ""


def test_one_value_is_found_in_every_spelling() -> None:
    two = value_dfa(Decimal("-2"), "any")
    for text in ("-2", "-2.0", "-20e-1", "-0.002E3", "-2000e-003"):
        assert two.accepts(text.encode())
    for text in ("2", "-2.00001", "-0", "-2e1"):
        assert not two.accepts(text.encode())
    big = value_dfa(Decimal(9007199254740992), "any")
    assert [
        big.accepts(t) for t in (b"9007199254740992.0", b"9.007199254740992e15", b"9007199254740991")
    ] == [
        True,
        True,
        False,
    ]


def test_one_value_has_one_canonical_spelling() -> None:
    for value, text in (("1.0", b"1"), ("-2.50", b"-2.50"), ("1E+3", b"1000"), ("0.1", b"0.1")):
        dfa = value_dfa(Decimal(value))
        assert dfa.accepts(text)
        assert not dfa.accepts(text + b"0")


def test_multiples_hold_whatever_the_exponent() -> None:
    assert written("4.5 45e-1 0.45e1 35 3.5e1 0e9 -15E-1", multiple_of="1.5") == "4.5 45e-1 0.45e1 0e9 -15E-1"
    assert written("0.0075 0.00751 75e-4 751e-5 7.51e1", multiple_of="0.0001") == "0.0075 75e-4 7.51e1"
    assert written("12391239123 1e-1 1e1", integral=True, multiple_of="1e-8") == "12391239123 1e1"
    assert written("1e308 1e0 5e-1 25e-2", integral=True, multiple_of="0.5") == "1e308 1e0"


@pytest.mark.parametrize("multiple_of", ["0.123456789", "12345679", "0", "-1", "1e-999"])
def test_a_multiple_that_takes_too_many_states_is_refused(multiple_of: str) -> None:
    with pytest.raises(GrammarError):
        number_node(Bounds(), multiple_of=Decimal(multiple_of))


def test_a_bound_of_thousands_of_digits_is_refused() -> None:
    with pytest.raises(GrammarError, match="digits"):
        number_node(Bounds(Decimal("1e6000")))


# Sizes


@pytest.mark.parametrize(
    ("low", "high", "integral", "multiple_of", "canonical", "spelled"),
    [
        (None, None, False, None, 10, 60),
        (None, None, True, None, 5, 750),
        ("0", None, False, None, 35, 60),
        ("0", "1", False, None, 35, 1000),
        ("-90", "90", False, None, 35, 1100),
        ("0", "100", True, None, 10, 500),
        ("1.5", "9.75", False, None, 35, 700),
        ("1", "1000000", True, None, 20, 2000),
        ("0", None, False, "0.01", 35, 1000),
        (None, None, True, "15", 10, 1000),
        ("3.141592653589793", None, False, None, 40, 1200),
    ],
)
def test_automata_stay_within_their_stated_sizes(
    low: str | None, high: str | None, integral: bool, multiple_of: str | None, canonical: int, spelled: int
) -> None:
    bounds = Bounds(None if low is None else Decimal(low), None if high is None else Decimal(high))
    step = None if multiple_of is None else Decimal(multiple_of)
    sizes = [
        len(number_dfa(bounds, integral=integral, multiple_of=step, encoding=encoding).moves)
        for encoding in ("canonical", "any")
    ]
    assert sizes[0] <= canonical
    assert sizes[1] <= spelled
