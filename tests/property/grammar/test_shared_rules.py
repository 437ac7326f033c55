"""Rules that are explored and lifted once for all their uses, against the same grammars explored in each place."""

from __future__ import annotations

from functools import partial
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentfast.errors import GrammarError
from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar import Grammar, TokenGrammar, compile_schema
from agentfast.runtime.grammar.automaton.automaton import Automaton
from agentfast.runtime.grammar.automaton.whitespace import Whitespace
from agentfast.runtime.grammar.tokens.graph import UNREACHABLE
from agentfast.runtime.grammar.tokens.lifting.explore import explore, rule_automaton
from agentfast.runtime.grammar.tokens.token_grammar import token_grammar

ANY: dict[str, dict[str, Any]] = {"a": {}, "b": {"type": "array", "items": {}}}
SCHEMAS: dict[str, dict[str, Any]] = {
    "an open object": {"type": "object"},
    "any value": {},
    "any items": {"type": "array", "items": {}},
    "any items after a first": {"type": "array", "prefixItems": [{"type": "integer"}], "maxItems": 3},
    "several fields": {"type": "object", "properties": ANY, "required": ["a", "b"]},
    "a map": {"type": "object", "additionalProperties": {"type": "array", "items": {}, "maxItems": 2}},
    "any value or a word": {
        "type": "object",
        "properties": {"a": {"anyOf": [{"enum": ["x", 12]}, {"type": ["object", "number"]}]}},
        "required": ["a"],
    },
    "a recursive schema": {
        "type": "object",
        "properties": {"next": {"$ref": "#"}, "data": {}},
        "additionalProperties": False,
    },
    "any value but": {"type": "object", "properties": {"a": {"not": {"type": "string"}}}, "required": ["a"]},
}
PIECES = [
    b"{",
    b"}",
    b"[",
    b"]",
    b'"',
    b":",
    b",",
    b" ",
    b"\n",
    b"1",
    b"0",
    b".5",
    b"e",
    b"-",
    b"a",
    b"null",
    b"true",
    b"\\",
    b"next",
]


def vocabulary_of(tokens: list[bytes]) -> Vocabulary:
    """All single bytes, these, and an end."""
    every = (
        *(bytes([byte]) for byte in range(256)),
        *dict.fromkeys(token for token in tokens if len(token) > 1),
    )
    return Vocabulary((*every, None), {"<eos>": len(every)}, frozenset({len(every)}))


tokens = st.lists(st.lists(st.sampled_from(PIECES), min_size=1, max_size=4).map(b"".join), max_size=40)


def lifted(grammar: Grammar, vocabulary: Vocabulary, depth: int, *, shared: bool) -> TokenGrammar:
    """The grammar with so many references open, its rules shared or not."""
    automaton = Automaton(
        grammar.node,
        max_depth=depth,
        max_states=100_000,
        rule_automaton=partial(rule_automaton, vocabulary) if shared else None,
    )
    return token_grammar(explore(automaton, vocabulary), vocabulary)


def after_each_token(grammar: TokenGrammar, state: int) -> np.ndarray:
    """[V] the state after each token."""
    of_class = np.full(grammar.classes.count, grammar.DEAD)
    for target, classes in grammar.edges(state):
        assert (of_class[classes] == grammar.DEAD).all(), "no token takes two edges"
        of_class[classes] = target
    return of_class[grammar.classes.token_class]


def assert_alike(one: TokenGrammar, other: TokenGrammar) -> None:
    """Walk both together: the same tokens lead to states that are as far from the end."""
    found = [(one.start, other.start)]
    seen = set(found)
    for a, b in found:  # grows while it is read
        assert one.min_tokens(a) == other.min_tokens(b) < UNREACHABLE
        pairs = np.unique(np.stack([after_each_token(one, a), after_each_token(other, b)]), axis=1)
        assert ((pairs[0] == one.DEAD) == (pairs[1] == other.DEAD)).all()
        for pair in map(tuple, pairs.T.tolist()):
            if pair not in seen and pair[0] != one.DEAD:
                seen.add(pair)
                found.append(pair)
    assert one.state_count == other.state_count


@pytest.mark.parametrize("whitespace", get_args(Whitespace))
@pytest.mark.parametrize("name", SCHEMAS)
def test_a_shared_rule_gives_the_same_grammar(name: str, whitespace: Whitespace) -> None:
    vocabulary = vocabulary_of(
        [
            b'"}',
            b'"]',
            b'":',
            b'"}]}',
            b"}}",
            b'},{"',
            b"]}",
            b"1,",
            b"12",
            b"[[",
            b"[]",
            b'{"a":{',
            b"0]",
            b"null}",
            b'", "',
            b'"\n ',
            b"\n  ",
        ]
    )
    grammar = compile_schema(SCHEMAS[name], whitespace=whitespace)
    for depth in (2, 3):
        assert_alike(*(lifted(grammar, vocabulary, depth, shared=shared) for shared in (True, False)))


@given(tokens, st.sampled_from(sorted(SCHEMAS)), st.sampled_from(get_args(Whitespace)[:2]), st.integers(1, 3))
def test_it_does_so_over_any_tokens(
    tokens: list[bytes], name: str, whitespace: Whitespace, depth: int
) -> None:
    vocabulary = vocabulary_of(tokens)
    grammar = compile_schema(SCHEMAS[name], whitespace=whitespace)
    assert_alike(*(lifted(grammar, vocabulary, depth, shared=shared) for shared in (True, False)))


def test_bytes_that_the_vocabulary_lacks_are_left_out() -> None:
    letters = [bytes([byte]) for byte in b'{}[]":,1ab ']
    vocabulary = Vocabulary(
        (*letters, b'"}', b"1]", None), {"<eos>": len(letters) + 2}, frozenset({len(letters) + 2})
    )
    for schema in SCHEMAS.values():
        grammar = compile_schema(schema)
        try:
            expected = lifted(grammar, vocabulary, 3, shared=False)
        except GrammarError as error:
            with pytest.raises(type(error)):
                lifted(grammar, vocabulary, 3, shared=True)
            continue
        assert_alike(lifted(grammar, vocabulary, 3, shared=True), expected)


def test_nested_values_are_copied_and_not_explored_again() -> None:
    vocabulary = vocabulary_of([])
    automaton = Automaton(
        compile_schema({"type": "array", "items": {}}).node,
        max_depth=5,
        max_states=100_000,
        rule_automaton=partial(rule_automaton, vocabulary),
    )
    explored = explore(automaton, vocabulary)
    assert explored.copies
    assert len(explored.states) < len(automaton) / 10
