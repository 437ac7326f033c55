"""Checks of arguments: the error names the argument, what it is and what it takes."""

from __future__ import annotations

import math

import pytest

from agentfast.errors import ConfigError
from agentfast.tools.checks import (
    check_choice,
    check_flag,
    check_integer,
    check_list,
    check_number,
    check_text,
    listed,
    shown,
)


class Silent:
    def __repr__(self) -> str:
        raise RuntimeError("no repr")


@pytest.mark.parametrize("value", ["1", 1.0, True, None, 0, math.nan])
def test_an_integer_is_an_int_within_its_bound(value: object) -> None:
    with pytest.raises(ConfigError, match=r"steps is .*; it takes an int of at least 1$"):
        check_integer("steps", value, least=1)
    check_integer("steps", 1, least=1)
    check_integer("steps", None, optional=True)


@pytest.mark.parametrize("value", ["1", True, None, -1, 0, 2, math.nan, math.inf])
def test_a_number_is_finite_and_within_its_bounds(value: object) -> None:
    with pytest.raises(ConfigError, match=r"below is .*; it takes a finite number above 0 and at most 1$"):
        check_number("below", value, above=0, most=1)
    check_number("below", 0.5, above=0, most=1)
    check_number("below", None, optional=True)


def test_a_flag_is_a_bool() -> None:
    with pytest.raises(ConfigError, match="quiet is 1"):
        check_flag("quiet", 1)


def test_a_text_is_a_str_of_characters() -> None:
    with pytest.raises(ConfigError, match="prompt is 5"):
        check_text("prompt", 5)
    with pytest.raises(ConfigError, match=r"prompt holds the lone surrogate '\\ud83d' at position 2"):
        check_text("prompt", "ab\ud83d")


def test_a_choice_offers_a_similar_one() -> None:
    with pytest.raises(ConfigError, match="did you mean required"):
        check_choice("tool_choice", "reqired", ("auto", "required"))
    with pytest.raises(ConfigError) as caught:
        check_choice("tool_choice", "xyz", ("auto", "required"))
    assert caught.value.hint is None


@pytest.mark.parametrize("value", ["ab", b"ab", {"a": 1}, {"a"}, None, 5])
def test_a_list_is_no_text_and_has_an_order(value: object) -> None:
    with pytest.raises(ConfigError, match="tools is"):
        check_list("tools", value, "a list")
    assert list(check_list("tools", iter("ab"), "a list")) == ["a", "b"]


def test_any_value_is_shown_in_one_short_line() -> None:
    assert shown(Silent()) == "... (Silent)"
    assert shown(int) == "the class int"
    assert len(shown("x" * 1000)) < 100
    assert shown("a\nb\ud83d") == r"'a\nb\ud83d' (str)"


def test_long_lists_of_names_are_cut() -> None:
    assert listed([str(number) for number in range(12)]).endswith("8, 9 and 2 more")
    assert listed([]) == "none"
