"""Patterns: what ECMA-262 says of them, and what is refused."""

from __future__ import annotations

import pytest

from agentfast.errors import GrammarError, UnsupportedSchemaError
from agentfast.runtime.grammar import compile_schema
from agentfast.runtime.grammar.regex.parser import parse_regex


def matches(pattern: str, text: str) -> bool:
    return compile_schema({"type": "string", "pattern": pattern}).accepts(f'"{text}"')


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        ("b", ["b", "abc"], ["", "ac"]),
        ("^b", ["b", "bc"], ["ab"]),
        ("b$", ["b", "ab"], ["ba"]),
        ("^(?:a|b$)", ["a", "ab", "b"], ["ba", "ca"]),
        ("^$", [""], ["a"]),
        ("", ["", "a"], []),
        ("^[^a-c]{2,3}?$", ["xy", "éé😀"], ["x", "xa", "wxyz"]),
        (r"^\d+\.\w*\s\S$", ["12.a_1 x", "1.\u3000x"], ["٣.a x", "1.é x"]),
        (r"^\u00e9\x41\u{1F600}\cJ$", ["éA😀\\n"], ["eA😀\\n"]),
        (r"^\ud83d\ude00$", ["😀"], ["x"]),
        (r"^[\]\-\\\/]+$", ["]-\\\\/"], ["a"]),
        ("^a{2}b{1,}c{0,2}$", ["aab", "aabbbcc"], ["ab", "aa", "aabccc"]),
        ("^(?<year>[0-9]{4})$", ["2024"], ["24"]),
        ("^.$", ["é", "😀"], ["", "\\n", "\u2028"]),
        ("^a|b|c$", ["ax", "xbx", "xc"], ["xa", "cx"]),
        ("^(a?)*$", ["", "aaa"], ["b"]),
        ("(ab)+$", ["ab", "abab", "xab"], ["aba"]),
        ("^[\\d-]+$", ["1-2"], ["a"]),
        ("a^", [], ["a", "aa", ""]),
        (r"\bword\b", ["word", "a word.", "é word"], ["words", "a_word"]),
        (r"^\B$|^a\B", ["", "ab"], ["a", "a b"]),
        (r"^\p{Lu}\P{L}+$", ["É1_", "A\u0967"], ["a1", "Aa"]),
        (r"^[\p{Nd}\p{gc=Punctuation}]+$", ["1-\u0967!"], ["a", "+"]),
        ("^(?=.*[0-9])(?!.*x)[a-z0-9]{2,}$", ["a1", "22"], ["ab", "ax1", "1"]),
        ("(?<=a)b|(?<!a)c", ["ab", "c", "bc"], ["b", "ac", "bac"]),
        ("^(?:(?!ab).)*$", ["", "ba", "aa"], ["ab", "xaby"]),
        ("^(?:^)*(?:(?=a)){2}a$", ["a"], ["", "b"]),
        ("a(?=b$)", ["ab", "xab"], ["abc", "a"]),
    ],
)
def test_patterns_match_as_ecma_says(pattern: str, good: list[str], bad: list[str]) -> None:
    assert [text for text in good if not matches(pattern, text)] == []
    assert [text for text in bad if matches(pattern, text)] == []


@pytest.mark.parametrize(
    "pattern",
    [
        r"(a)\1", r"(?<x>a)\k<x>", "(?i)a", "a**", "*a", "a{3,2}", "(", ")", "[b-a]", "[a", "\\", r"\z", "a{1,20000}",
        r"[\d-z]", "^*", r"\b+", "(?=a)*", "a{", "]", "(?<x>a)(?<x>b)", r"\p{Script=Greek}", r"\p{letter}", r"\u{110000}",
        "(?<=a(?=b))c", "(?=(?<=a)b)c",
    ],
)  # fmt: skip
def test_what_is_not_read_is_refused_by_name(pattern: str) -> None:
    with pytest.raises(GrammarError):
        parse_regex(pattern)
    with pytest.raises(UnsupportedSchemaError) as error:
        compile_schema({"type": "object", "properties": {"a": {"type": "string", "pattern": pattern}}})
    assert (error.value.keyword, error.value.path) == ("pattern", "/properties/a")


def test_a_pattern_that_would_explode_is_refused_and_not_tried_forever() -> None:
    with pytest.raises(UnsupportedSchemaError, match="states"):
        compile_schema({"type": "string", "pattern": "^(a|b)*a(a|b){40}$"})
