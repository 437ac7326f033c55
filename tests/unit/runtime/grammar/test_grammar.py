"""Grammars are plain data: they can be pickled, and what reads texts with them is kept apart."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from typing import Any

import pytest

from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar import Grammar, compile_schema
from agentfast.runtime.grammar.acceptors import AcceptorStore
from agentfast.runtime.grammar.compile import load_or_compile, to_arrays
from bench.data.schemas import SCHEMAS

BYTES = Vocabulary.byte_level(("<eos>", "<|call|>"))


def copied(grammar: Grammar) -> Grammar:
    found: Grammar = pickle.loads(pickle.dumps(grammar))
    return found


def nested(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "integer"}
    for _ in range(depth):
        schema = {"type": "object", "properties": {"a": schema}, "required": ["a"]}
    return schema


GRAMMARS = {
    "text": Grammar.text(without="</", without_match="[0-9]{3}", most=40),
    "regex": Grammar.from_regex(r"\bfoo\b|(?=a)a.*") | Grammar.from_choices(["x", "é"]),
    "sequence": Grammar.text() + Grammar.special("<|call|>") + Grammar.literal("x").repeat(2, 5),
    "formats": compile_schema({"enum": ["a"]})
    | compile_schema({"type": "string", "format": "date-time"})
    | compile_schema({"type": "string", "not": {"format": "email"}}, closed=False),
    "two formats": compile_schema(
        {"type": "string", "allOf": [{"format": "uri"}, {"not": {"format": "email"}}]}, closed=False
    ),
    "long strings": compile_schema({"type": "string", "maxLength": 20_000}),
    "several limits": compile_schema(
        {"anyOf": [{"pattern": "^a*$", "maxLength": 9000}, {"pattern": "^b*$"}]}
    ),
    "deep": compile_schema(nested(60)),
    "native notation": compile_schema(SCHEMAS["deep"]).in_native_notation("<|call|>"),
}


@pytest.mark.parametrize("name", GRAMMARS)
def test_a_pickled_grammar_is_equal_and_compiles_to_the_same(name: str) -> None:
    grammar = GRAMMARS[name]
    copy = copied(grammar)
    assert copy == grammar
    assert hash(copy) == hash(grammar)
    assert copy.digest == grammar.digest
    assert copy.specials == grammar.specials
    found = grammar.compile(BYTES, "")
    assert copy.find_compiled(BYTES) is found
    assert copy.compile(BYTES, "") is found
    again = to_arrays(load_or_compile(copy.node, BYTES, ""))
    assert {name: array.tolist() for name, array in to_arrays(found).items()} == {
        name: array.tolist() for name, array in again.items()
    }


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_pickled_schema_is_equal(name: str) -> None:
    grammar = compile_schema(SCHEMAS[name])
    assert copied(grammar) == deepcopy(grammar) == grammar


def test_a_copy_reads_what_the_grammar_reads_after_either_was_used() -> None:
    grammar = compile_schema({"type": "string", "format": "date-time"})
    texts = ['"2024-02-29T23:59:60Z"', '"2024-02-29T23:58:60Z"', '"2024-02-30T00:00:00Z"']
    read = [grammar.accepts(text) for text in texts]
    grammar.compile(BYTES, "")
    assert [copied(copied(grammar)).accepts(text) for text in texts] == read
    assert read == [True, False, False]


def test_a_grammar_holds_nothing_but_its_expression() -> None:
    grammar = Grammar.text()
    grammar.accepts("text")
    assert Grammar.__slots__ == ("node",)
    assert len(pickle.dumps(grammar)) == len(pickle.dumps(Grammar.text()))


def test_threads_read_with_one_grammar_at_once() -> None:
    grammar = compile_schema(nested(3))
    text = '{"a":{"a":{"a":17}}}'
    with ThreadPoolExecutor(4) as pool:
        read = list(pool.map(grammar.accepts, [text, text[:-1]] * 20))
    assert read == [True, False] * 20


def test_acceptors_are_bounded_in_number_and_in_states() -> None:
    few, small = AcceptorStore(grammars=2), AcceptorStore(states=30)
    for word in ("a", "ab", "abc", "abcd" * 10):
        node = Grammar.literal(word).node
        for store in (few, small):
            assert store.accepts(node, word.encode())
            assert not store.accepts(node, word.encode() + b"!")
    assert len(few) == 2
    assert len(small) == 0
