"""Repeats that a special token counts, one copy and a counter, against the same repeats with a copy for each round."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar import Grammar, TokenGrammar
from agentfast.runtime.grammar.automaton.automaton import Automaton
from agentfast.runtime.grammar.compile import lift_to_tokens
from agentfast.runtime.grammar.tokens.lifting.explore import explore
from agentfast.runtime.grammar.tokens.token_grammar import token_grammar
from tests.support.enumeration import agrees_with_enumeration, random_logits

TOKENS = (b"a", b"b", b"ab", b"ba", b"aa")
VOCABULARY = Vocabulary((*TOKENS, None, None, None), {"<call>": 5, "<end>": 6, "<eos>": 7}, frozenset({7}))
CALL, END = Grammar.special("<call>"), Grammar.special("<end>")

texts = st.sampled_from(["a", "b", "ab", "aab", "(a|ab)", "b*", "a{1,3}", "(ab){0,2}"]).map(
    Grammar.from_regex
)


@st.composite
def rounds(draw: st.DrawFn) -> Grammar:
    """What a repeat repeats: a call and a text, perhaps another special token behind it, or several such."""
    options = [
        CALL + draw(texts) + (END if draw(st.booleans()) else Grammar.literal(""))
        for _ in range(draw(st.integers(1, 3)))
    ]
    found = options[0]
    for option in options[1:]:
        found = found | option
    return found


@st.composite
def grammars(draw: st.DrawFn) -> Grammar:
    """A bounded repeat, perhaps one option of several, and with something before or behind it."""
    found = draw(rounds()).repeat(draw(st.integers(0, 1)), draw(st.integers(2, 4)))
    if draw(st.booleans()):
        found = draw(texts) + found
    if draw(st.booleans()):
        found = found + draw(texts)
    return found | draw(texts) if draw(st.booleans()) else found


def copied(grammar: Grammar) -> TokenGrammar:
    """The grammar with a copy for each round."""
    automaton = Automaton(grammar.node, max_depth=None, max_states=100_000)
    return token_grammar(explore(automaton, VOCABULARY), VOCABULARY)


def pairs(grammar: Grammar) -> list[tuple[TokenGrammar, int, TokenGrammar, int]]:
    """The states of both forms that the same tokens lead to."""
    one, other = lift_to_tokens(grammar.node, VOCABULARY), copied(grammar)
    found = [(one.start, other.start)]
    seen = set(found)
    for a, b in found:  # grows while it is read
        for token in range(VOCABULARY.size):
            after = one.advance(a, token), other.advance(b, token)
            if after not in seen and after != (one.DEAD, other.DEAD):
                seen.add(after)
                found.append(after)
    return [(one, a, other, b) for a, b in found]


@given(grammars())
def test_a_counter_and_copies_allow_the_same_tokens_and_are_as_far_from_the_end(grammar: Grammar) -> None:
    for one, a, other, b in pairs(grammar):
        assert (a == one.DEAD) == (b == other.DEAD)
        assert one.is_done(a) == other.is_done(b)
        assert one.min_tokens(a) == other.min_tokens(b)
        assert one.max_tokens(a) == other.max_tokens(b)
        for budget in (*range(8), 1000):
            np.testing.assert_array_equal(one.allowed(a, budget), other.allowed(b, budget))


@given(grammars(), st.integers(1, 4), st.integers(0, 3), st.data())
def test_the_posterior_of_a_counted_repeat_agrees_with_enumeration(
    grammar: Grammar, canvas: int, more: int, data: st.DataObject
) -> None:
    found = pairs(grammar)
    one, state, _, _ = found[data.draw(st.integers(0, len(found) - 1))]
    assume(not one.is_done(state))
    logits = data.draw(random_logits(canvas, VOCABULARY.size))
    agrees_with_enumeration(one, logits, one.min_tokens(state) + more, state)


@given(rounds(), st.integers(2, 40))
def test_the_states_do_not_grow_with_the_bound(item: Grammar, most: int) -> None:
    once = lift_to_tokens(item.repeat(1, 2).node, VOCABULARY)
    often = lift_to_tokens(item.repeat(1, most).node, VOCABULARY)
    assert often.state_count == once.state_count
    assert often.counter.most == most
