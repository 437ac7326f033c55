"""Canvas lengths: what the grammar says of them, against enumeration, and what is chosen."""

from __future__ import annotations

from functools import cache

from hypothesis import given
from hypothesis import strategies as st

from agentfast.runtime.decoding.canvas_length import CanvasLengths
from agentfast.runtime.grammar import Grammar, TokenGrammar
from agentfast.runtime.grammar.tokens.graph import UNREACHABLE
from tests.support.token_splits import vocabulary_of

VOCABULARY = vocabulary_of([b"a", b"b", b"ab", b"aba"])
CHOICES = (4, 8, 16)
WORDS = st.lists(st.text("ab", min_size=0, max_size=7), min_size=1, max_size=3)


@cache
def numbers_of_tokens(grammar: TokenGrammar, state: int) -> frozenset[int]:
    """Possible numbers of tokens of a completion, by trying all of them."""
    if grammar.is_done(state):
        return frozenset({0})
    after = {grammar.advance(state, token) for token in range(VOCABULARY.size)} - {grammar.DEAD}
    return frozenset(n + 1 for state in after for n in numbers_of_tokens(grammar, state))


@given(WORDS)
def test_the_most_and_the_fewest_tokens_are_those_of_an_enumeration(words: list[str]) -> None:
    grammar = Grammar.from_choices(words).compile(VOCABULARY, "")
    for state in range(grammar.state_count):
        counts = numbers_of_tokens(grammar, state)
        assert (grammar.min_tokens(state), grammar.max_tokens(state)) == (min(counts), max(counts))


def test_what_may_go_on_for_ever_has_no_most_tokens_and_neither_has_what_leads_there() -> None:
    grammar = (Grammar.literal("b") + Grammar.literal("a").repeat(0)).compile(VOCABULARY, "")
    assert grammar.max_tokens(grammar.start) == UNREACHABLE
    assert grammar.max_tokens(grammar.done) == 0
    assert grammar.max_tokens(TokenGrammar.DEAD) == UNREACHABLE


@given(
    WORDS,
    st.booleans(),
    st.integers(0, 30),
    st.one_of(st.none(), st.integers(1, 30)),
    st.sampled_from(CHOICES),
)
def test_a_canvas_holds_what_is_expected_and_no_position_that_nothing_can_fill(
    words: list[str], more: bool, spare: int, expected: int | None, usual: int
) -> None:
    grammar = (Grammar.from_choices(words) + Grammar.literal("a").repeat(0, None if more else 0)).compile(
        VOCABULARY, ""
    )
    budget = grammar.min_tokens(grammar.start) + spare
    counts = {n for n in ({40} if more else numbers_of_tokens(grammar, grammar.start)) if n <= budget}
    length = CanvasLengths(usual, CHOICES).choose(grammar, grammar.start, budget, expected)
    shortest = grammar.min_tokens(grammar.start)
    wanted = max(shortest, expected or (min(2 * shortest, usual) if shortest > 1 else usual))
    assert CHOICES[0] <= length <= CHOICES[-1]
    assert length >= min(wanted, budget, CHOICES[-1], 99 if more else max(counts))
    assert length <= max(CHOICES[0], budget)
    if not more:
        assert length <= max(CHOICES[0], grammar.max_tokens(grammar.start))
    assert all(length <= other or other < wanted for other in CHOICES)


def test_without_lengths_to_choose_from_or_a_grammar_every_canvas_has_the_usual_one() -> None:
    grammar = Grammar.literal("a").compile(VOCABULARY, "")
    assert CanvasLengths(12).choose(grammar, grammar.start, 3) == 12
    assert CanvasLengths(12).shrunk(12, 2) == 12
    assert CanvasLengths(12, CHOICES).choose(None, 0, 3) == 12


@given(st.integers(1, 16), st.data())
def test_a_canvas_shrinks_to_its_completion_and_a_little_room(current: int, data: st.DataObject) -> None:
    length = data.draw(st.integers(1, current))
    shrunk = CanvasLengths(8, CHOICES).shrunk(current, length)
    assert length <= shrunk <= current
    assert shrunk in (current, CHOICES[0], length + 1)
