"""Reading a draft over, against the obvious way to do it."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from agentfast.runtime.decoding.acceptance import Floats, Verdict, verify_tokens
from agentfast.runtime.grammar import Grammar, TokenGrammar
from tests.support.token_splits import vocabulary_of

VOCABULARY = vocabulary_of([b"a", b"b", b"ab", b"ba", b"aab"])
SHARES = (0.0, 0.1, 0.5, 1.0)
SEEDS = st.integers(0, 2**32 - 1)


@cache
def letters() -> TokenGrammar:
    return Grammar.from_regex("(a|b){0,3}(ab)*b?").compile(VOCABULARY, "")


def read_plainly(
    logits: torch.Tensor,
    tokens: list[int],
    grammar: TokenGrammar | None,
    state: int,
    budget: int,
    shares: Floats,
) -> Verdict:
    """Token by token, in probabilities."""
    states = [state]
    for i, token in enumerate(tokens):
        everything = np.ones(logits.shape[1], np.bool_)
        allowed = everything if grammar is None else grammar.allowed(states[-1], budget - i)
        p = torch.softmax(logits[i].double().masked_fill(~torch.from_numpy(allowed), -torch.inf), dim=-1)
        if p[token] < shares[i] * p.max() * (1 - 1e-12):
            return Verdict(i, int(p.argmax()), np.array(states, np.int32))
        states.append(0 if grammar is None else grammar.advance(states[-1], token))
    return Verdict(len(tokens), None, np.array(states, np.int32))


def same(one: Verdict, other: Verdict) -> bool:
    return (one.stands, one.correction) == (other.stands, other.correction) and np.array_equal(
        one.states, other.states
    )


@given(SEEDS, st.integers(0, 4), st.integers(0, 6))
def test_a_draft_is_judged_as_token_by_token(seed: int, walked: int, spare: int) -> None:
    rng = np.random.default_rng(seed)
    state, tokens = letters().start, list[int]()
    states: list[int] = []
    budget = letters().min_tokens(state) + spare + walked
    while not letters().is_done(state) and len(tokens) < walked + 4:
        token = int(rng.choice(np.flatnonzero(letters().allowed(state, budget - len(tokens)))))
        states.append(state)
        tokens.append(token)
        state = letters().advance(state, token)
    begin = min(walked, len(tokens) - 1)
    logits = torch.from_numpy(rng.normal(0, 2, (len(tokens), VOCABULARY.size)).astype(np.float32))
    shares = rng.choice(SHARES, len(tokens) - begin).astype(np.float32)
    arguments = logits[begin:], tokens[begin:], letters(), states[begin], budget - begin, shares
    assert same(verify_tokens(*arguments), read_plainly(*arguments))


@given(SEEDS, st.integers(1, 6))
def test_a_draft_without_a_grammar_is_judged_as_token_by_token(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    tokens = [int(token) for token in rng.integers(0, VOCABULARY.size, count)]
    logits = torch.from_numpy(rng.normal(0, 1, (count, VOCABULARY.size)).astype(np.float32))
    shares = rng.choice(SHARES, count).astype(np.float32)
    verdict = verify_tokens(logits, tokens, None, 0, 20, shares)
    expected = read_plainly(logits, tokens, None, 0, 20, shares)
    assert (verdict.stands, verdict.correction) == (expected.stands, expected.correction)


def test_a_token_that_would_break_the_budget_is_no_alternative() -> None:
    grammar = Grammar.from_choices(["a", "abab"]).compile(VOCABULARY, "")
    token_a, token_ab = 0, 2
    logits = torch.zeros(1, VOCABULARY.size)
    logits[0, token_ab] = 9.0
    half = np.full(1, 0.5, np.float32)
    roomy = verify_tokens(logits, [token_a], grammar, grammar.start, 3, half)
    tight = verify_tokens(logits, [token_a], grammar, grammar.start, 2, half)
    assert (roomy.stands, roomy.correction, tight.stands) == (0, token_ab, 1)
