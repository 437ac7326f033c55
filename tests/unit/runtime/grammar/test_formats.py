"""Formats: what each accepts and refuses."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentfast.runtime.grammar import Grammar, compile_schema
from agentfast.runtime.grammar.formats import FORMATS

CASES: dict[str, tuple[list[str], list[str]]] = {
    "date": (
        ["2024-02-29", "2000-02-29", "0004-02-29", "1999-12-31", "0001-01-01"],
        [
            "2023-02-29",
            "1900-02-29",
            "2024-02-30",
            "2024-13-01",
            "2024-00-10",
            "2024-04-31",
            "24-01-01",
            "0000-02-29",
        ],
    ),
    "time": (
        ["00:00:00Z", "23:59:59.123456789Z", "12:30:00+05:30", "12:30:00-00:00"],
        [
            "24:00:00Z",
            "12:60:00Z",
            "12:00:60Z",
            "12:00Z",
            "12:00:00",
            "12:00:00z",
            "12:00:00.Z",
            "12:00:00+24:00",
        ],
    ),
    "date-time": (
        ["2024-02-29T10:00:00Z", "1999-12-31T23:59:59.5-08:00"],
        ["2023-02-29T10:00:00Z", "2024-02-29 10:00:00Z", "2024-02-29T10:00:00", "2024-02-29"],
    ),
    "duration": (
        ["P1D", "P2W", "PT5S", "P1Y2M3DT4H5M6S", "PT1H30M", "P1M"],
        ["P", "PT", "1D", "P1W2D", "P1DT", "PT1H30S", "P-1D", "P1.5D"],
    ),
    "email": (
        ["a@b.co", "first.last+tag@sub.example.org", "o'neil@x-y.com"],
        ["a", "a@b", "@b.co", "a@.co", "a..b@c.de", ".a@b.co", "a.@b.co", "a b@c.de", "a@-b.co", "a@b.c0"],
    ),
    "hostname": (
        ["localhost", "a.b-c.example", "xn--bcher-kva.example", "1.2"],
        ["", "-a", "a-", "a..b", ".a", "a_b", "a.", "a" * 64],
    ),
    "uuid": (
        ["123e4567-e89b-12d3-a456-426614174000", "ABCDEF00-0000-0000-0000-00000000000f"],
        [
            "123e4567e89b12d3a456426614174000",
            "123e4567-e89b-12d3-a456-42661417400",
            "{123e4567-e89b-12d3-a456-426614174000}",
        ],
    ),
    "ipv4": (
        ["0.0.0.0", "255.255.255.255", "192.168.1.10"],
        ["256.0.0.1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.4 "],
    ),
    "ipv6": (
        [
            "::",
            "::1",
            "2001:db8::8a2e:370:7334",
            "1:2:3:4:5:6:7:8",
            "::ffff:1.2.3.4",
            "1::8",
            "1:2:3:4:5:6::8",
        ],
        ["1:2:3:4:5:6:7", ":::", "1::2::3", "12345::", "1:2:3:4:5:6:7:8:9", "::g", "1.2.3.4", "::1.2.3.4:5"],
    ),
    "uri": (
        [
            "https://example.com/a?b=c#d",
            "mailto:a@b.co",
            "urn:isbn:0451450523",
            "http://[::1]:80/",
            "a:",
            "file:///x/%20y",
        ],
        ["example.com", "//a/b", "http://a b", "http://a/%2", "1a:b", "http://[::1", "https://é.example", ""],
    ),
}


def grammar_of(name: str) -> Grammar:
    return compile_schema({"type": "string", "format": name})


def test_every_format_has_cases() -> None:
    assert CASES.keys() == FORMATS.keys()


@pytest.mark.parametrize(
    ("name", "text"), [(name, text) for name, (good, _) in CASES.items() for text in good]
)
def test_instances_are_accepted(name: str, text: str) -> None:
    assert grammar_of(name).accepts(f'"{text}"')


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, (_, bad) in CASES.items() for text in bad])
def test_near_misses_are_refused(name: str, text: str) -> None:
    assert not grammar_of(name).accepts(f'"{text}"')


@given(st.integers(0, 9999), st.integers(0, 13), st.integers(0, 32))
def test_dates_are_the_days_that_exist(year: int, month: int, day: int) -> None:
    text = f"{year:04}-{month:02}-{day:02}"
    try:
        datetime.date.fromisoformat(text)
        exists = True
    except ValueError:
        exists = False
    assert grammar_of("date").accepts(f'"{text}"') == exists


def test_a_format_and_a_pattern_hold_together() -> None:
    grammar = compile_schema({"type": "string", "format": "date", "pattern": "^2024-02"})
    assert grammar.accepts('"2024-02-29"')
    assert not grammar.accepts('"2024-03-01"')
    assert not grammar.accepts('"2024-02-30"')


def test_formats_that_name_a_use_allow_any_string() -> None:
    assert grammar_of("password").accepts('"a\\u0062 "')
