"""Compiled regular expressions and Outlines' terms as grammars, the terms against what Outlines itself makes of them."""

from __future__ import annotations

import importlib
import re
import string
import subprocess
import sys
from datetime import date
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentfast.errors import GrammarError, UnsupportedSchemaError
from agentfast.runtime.grammar import as_grammar

types: Any = importlib.import_module("outlines.types")  # its operators have no types
dsl: Any = importlib.import_module("outlines.types.dsl")

NAMES: list[str] = [name for name in types.__all__ if isinstance(getattr(types, name), dsl.Regex)]
CHARACTERS = st.sampled_from(
    string.printable.replace("\r", "")
)  # which `.` is in Python, but not in ECMA-262


def test_outlines_has_the_terms_that_the_tests_are_about() -> None:
    assert {"integer", "date", "email", "uuid4", "ipv4", "sentence"} <= set(NAMES)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "isbn"])  # which looks ahead: below
@given(st.data())
def test_every_regex_term_of_outlines_is_read_as_python_reads_it(name: str, data: st.DataObject) -> None:
    pattern = re.compile(dsl.to_regex(getattr(types, name)), re.ASCII)
    grammar = as_grammar(getattr(types, name))
    word = data.draw(st.from_regex(pattern, fullmatch=True, alphabet=CHARACTERS))
    at = data.draw(st.integers(0, len(word)))
    other = word[:at] + data.draw(st.sampled_from(["", "0", "-", "a", "\n"])) + word[at + 1 :]
    assert grammar.accepts(word)
    assert grammar.accepts(other) == (pattern.fullmatch(other) is not None)


TERMS: list[tuple[Any, list[str], list[str]]] = [
    (dsl.either("a.b", types.integer), ["a.b", "-7"], ["axb", ""]),
    (types.digit.exactly(3) + "-" + dsl.optional("x"), ["123-", "123-x"], ["12-", "123-xx"]),
    (dsl.Choice(["red", "light blue"]), ["red", "light blue"], ["blue"]),
    (dsl.Choice([1, 2.5, True]), ["1", "2.5", "True"], ["2x5", "true"]),
    (dsl.python_types_to_terms(Literal["yes", "no"]), ["yes", "no"], ["maybe"]),
    (dsl.python_types_to_terms(date), ["2024-02-29"], ["2024-2-29"]),
    (types.isbn, ["978-3-16-148410-0", "9783161484100", "0-306-40615-2"], ["978-3-16-148410", "123"]),
    (dsl.at_least(2, "ab"), ["abab", "ababab"], ["ab"]),
    (dsl.Regex(r"(?P<year>\d{4})"), ["2024"], ["24"]),
]


@pytest.mark.parametrize(("term", "words", "others"), TERMS, ids=range(len(TERMS)))
def test_terms_mean_what_outlines_says(term: Any, words: list[str], others: list[str]) -> None:
    grammar = as_grammar(term)
    pattern = re.compile(dsl.to_regex(term))
    for word in [*words, *others]:
        assert grammar.accepts(word) == (word in words) == (pattern.fullmatch(word) is not None)


SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer", "minimum": 3}},
    "required": ["n"],
    "additionalProperties": False,
}


def test_json_schemas_in_terms_are_enforced_keyword_by_keyword_unlike_in_outlines() -> None:
    term = "Answer: " + dsl.json_schema(SCHEMA) + dsl.optional("!")
    assert re.fullmatch(dsl.to_regex(term), 'Answer: {"n":1}')  # which is why its reading is not used
    grammar = as_grammar(term)
    assert grammar.accepts('Answer: {"n":3}!')
    assert not grammar.accepts('Answer: {"n":1}')
    assert not grammar.accepts('{"n":3}')
    many = as_grammar(dsl.between(1, 2, dsl.either(dsl.json_schema(SCHEMA), "none")))
    assert [many.accepts(text) for text in ('{"n":4}none', "none", "", "nonenonenone")] == [True, True, False, False]  # fmt: skip


def test_a_term_that_cannot_be_a_grammar_says_why() -> None:
    with pytest.raises(GrammarError, match="CFG is not regular"):
        as_grammar(types.cfg('start: "a"'))
    with pytest.raises(GrammarError, match="whitespace_pattern"):
        as_grammar(dsl.JsonSchema({"type": "integer"}, whitespace_pattern=" *"))
    with pytest.raises(UnsupportedSchemaError, match="uniqueItems"):
        as_grammar("a" + dsl.json_schema({"items": {"type": "string"}, "uniqueItems": True}))
    for value in ("a", 3, None, dsl):
        with pytest.raises(GrammarError, match="is not a grammar"):
            as_grammar(value)


def test_a_compiled_regular_expression_is_matched_as_a_whole_and_without_flags() -> None:
    grammar = as_grammar(re.compile(r"\d+|x"))
    assert [grammar.accepts(text) for text in ("12", "x", "12x", "")] == [True, True, False, False]
    assert as_grammar(grammar) is grammar
    with pytest.raises(GrammarError, match="IGNORECASE"):
        as_grammar(re.compile("a", re.IGNORECASE))
    with pytest.raises(GrammarError, match="bytes"):
        as_grammar(re.compile(b"a"))


def test_outlines_is_imported_by_nobody_who_gives_none_of_its_terms() -> None:
    script = (
        "import re, sys; from agentfast import Agent, Grammar, ScriptedModel\n"
        "for kind in (str, int, re.compile('a'), Grammar.from_regex('a')): Agent(ScriptedModel([]), output_type=kind)\n"
        "print('outlines' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"
