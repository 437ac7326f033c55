"""JSON strings: every escape, well-formed Unicode only, lengths in code points."""

from __future__ import annotations

import pytest

from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar import compile_schema

ANY = compile_schema({"type": "string"})


@pytest.mark.parametrize(
    "text",
    [
        r'""',
        r'"\" \\ \/ \b \f \n \r \t"',
        r'"\u0041\u00e9\uD7FF\ue000\uFFFF"',
        r'"\ud83d\ude00\uDBFF\uDFFF"',
        '"é 漢 😀 \u2028 \x7f"',
        '"<|call|>"',
    ],
)
def test_what_json_allows_is_allowed(text: str) -> None:
    assert ANY.accepts(text)


@pytest.mark.parametrize(
    "text",
    [
        '"',
        "a",
        '"a" ',
        '"a\nb"',
        '"\x00"',
        r'"\x41"',
        r'"\u12"',
        r'"\u12g4"',
        r'"\ud83d"',
        r'"\ud83dx"',
        r'"\ud83d\u0041"',
        r'"\ude00"',
        '"\ud83d"',
        '""',
    ],
)
def test_what_json_or_unicode_forbids_is_refused(text: str) -> None:
    assert ANY.accepts(text) == (text == '""')


@pytest.mark.parametrize(
    "data",
    [
        b'"\xc0\x80"',  # overlong
        b'"\xe0\x80\x80"',
        b'"\xed\xa0\x80"',  # a surrogate
        b'"\xf4\x90\x80\x80"',  # beyond U+10FFFF
        b'"\x80"',
        b'"\xe2\x82"',  # cut off
        b'"\xff"',
    ],
)
def test_malformed_utf8_is_refused(data: bytes) -> None:
    assert not ANY.accepts(data)


@pytest.mark.parametrize("text", ['"ab"', '"é😀"', r'"\n\u00e9"', r'"\ud83d\ude00a"', '"abc"', r'"\\\"\/"'])
def test_lengths_count_code_points_however_they_are_written(text: str) -> None:
    assert compile_schema({"type": "string", "minLength": 2, "maxLength": 3}).accepts(text)


@pytest.mark.parametrize(
    "text", ['""', '"a"', r'"\ud83d\ude00"', '"abcd"', r'"\u0061\u0061\u0061\u0061"', '"😀😀😀😀"']
)
def test_too_short_and_too_long_strings_are_refused(text: str) -> None:
    assert not compile_schema({"type": "string", "minLength": 2, "maxLength": 3}).accepts(text)


def test_a_lower_bound_alone_has_no_upper_one() -> None:
    grammar = compile_schema({"type": "string", "minLength": 3})
    assert grammar.accepts('"' + "x" * 5000 + '"')
    assert not grammar.accepts('"xx"')


def test_crossed_lengths_match_nothing() -> None:
    assert not compile_schema({"type": "string", "minLength": 3, "maxLength": 2}).accepts('"aaa"')


def test_strings_with_a_pattern_are_written_canonically() -> None:
    grammar = compile_schema({"type": "string", "pattern": '^[\\n"\\\\aé\\u0001]+$'})
    assert grammar.accepts('"\\n\\"\\\\aé\\u0001"')
    assert not grammar.accepts('"\\u0061"')
    assert not grammar.accepts('"\\u000a"')


def test_a_pattern_and_lengths_hold_together() -> None:
    grammar = compile_schema({"type": "string", "pattern": "b", "minLength": 2, "maxLength": 3})
    assert [text for text in ("b", "ab", "aab", "aaab", "aaa") if grammar.accepts(f'"{text}"')] == [
        "ab",
        "aab",
    ]


def test_what_is_generated_stays_within_the_states_that_ten_thousand_code_points_take() -> None:
    for rules in ({"maxLength": 12_000}, {"maxLength": 12_000, "pattern": "^[a-z]*é$"}):
        grammar = compile_schema({"type": "string", **rules})
        assert grammar.compile(Vocabulary.byte_level()).state_count < 230_000
        assert grammar.accepts('"' + "x" * 11_999 + 'é"')
        assert not grammar.accepts('"' + "x" * 12_000 + 'é"')
