"""Distributions that tokens were taken from, against a softmax over each token that can still end."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agentfast.runtime.confidence.evidence import TokenDistribution, choices_of
from agentfast.runtime.grammar import Grammar, TokenGrammar
from tests.support.token_splits import vocabulary_of

VOCABULARY = vocabulary_of([b"a", b"b", b"c", b"ab", b"ba", b"aab", b"cc"])


@cache
def grammar() -> TokenGrammar:
    return Grammar.from_regex("c(a|b){0,3}(ab)*c").compile(VOCABULARY, "")


def allowed_plainly(state: int, budget: int) -> list[int]:
    """Tokens after which the rest still fits, found by trying each."""
    after = [grammar().advance(state, token) for token in range(VOCABULARY.size)]
    return [token for token, then in enumerate(after) if grammar().min_tokens(then) <= budget - 1]


def choice_plainly(
    logits: torch.Tensor, state: int, budget: int, token: int, most: int
) -> TokenDistribution | None:
    ids = allowed_plainly(state, budget)
    if len(ids) == 1:
        return None
    p = torch.softmax(logits.double()[ids], dim=0).numpy()
    kept = [i for i, each in enumerate(ids) if len(ids) <= most or each == token]
    return TokenDistribution(np.array(ids)[kept], p[kept])


def walk(rng: np.random.Generator, budget: int) -> tuple[list[int], list[int]]:
    """Tokens that the grammar allows, to the end, and the state before each."""
    states, tokens = [grammar().start], list[int]()
    while not grammar().is_done(states[-1]):
        tokens.append(int(rng.choice(allowed_plainly(states[-1], budget - len(tokens)))))
        states.append(grammar().advance(states[-1], tokens[-1]))
    return tokens, states[:-1]


@given(st.integers(0, 2**32 - 1), st.integers(0, 6), st.sampled_from([1, 3, 4096]))
def test_a_choice_is_the_softmax_over_what_is_allowed(seed: int, spare: int, most: int) -> None:
    rng = np.random.default_rng(seed)
    budget = grammar().min_tokens(grammar().start) + spare
    tokens, states = walk(rng, budget)
    logits = torch.from_numpy(rng.normal(0, 3, (len(tokens), VOCABULARY.size)).astype(np.float32))
    choices = choices_of(logits, tokens, grammar(), states, budget, most=most)
    for i, choice in enumerate(choices):
        expected = choice_plainly(logits[i], states[i], budget - i, tokens[i], most)
        assert (choice is None) == (expected is None)
        if choice is not None and expected is not None:
            assert choice.tokens.tolist() == expected.tokens.tolist()
            assert choice.probabilities == pytest.approx(expected.probabilities, rel=1e-9)


@given(st.integers(0, 2**32 - 1), st.integers(0, 6))
def test_a_mask_allows_what_can_still_end_within_the_budget(seed: int, spare: int) -> None:
    budget = grammar().min_tokens(grammar().start) + spare
    for i, state in enumerate(walk(np.random.default_rng(seed), budget)[1]):
        assert np.flatnonzero(grammar().allowed(state, budget - i)).tolist() == allowed_plainly(
            state, budget - i
        )


def test_the_distributions_of_many_tokens_are_all_kept() -> None:
    long = Grammar.from_regex("[a-c]{200,400}").compile(VOCABULARY, "")
    states = [long.start]
    for _ in range(150):
        states.append(long.advance(states[-1], 0))
    choices = choices_of(torch.zeros(150, VOCABULARY.size), [0] * 150, long, states[:-1], 500)
    assert [len(choice.tokens) for choice in choices if choice is not None] == [7] * 150
    assert all(choice is not None and choice.of(0) == pytest.approx(1 / 7) for choice in choices)
