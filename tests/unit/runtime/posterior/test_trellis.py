"""Plans: what a canvas can meet, shared by whoever stands at the same place."""

from __future__ import annotations

from functools import cache

import pytest

from agentfast.errors import GrammarError
from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar import Grammar, TokenGrammar, compile_schema
from agentfast.runtime.posterior.trellis import TrellisCache


@cache
def letters() -> TokenGrammar:
    return (Grammar.literal("a") | Grammar.literal("b")).repeat(1, 6).compile(Vocabulary.byte_level())


def test_layers_hold_what_can_be_met_and_can_still_end() -> None:
    trellis = TrellisCache().trellis(letters(), letters().start, 3, 3)
    layers = [trellis.states[trellis.layer_start[i] : trellis.layer_start[i + 1]].tolist() for i in range(4)]
    assert layers[0] == [letters().start]
    assert layers[3] == [letters().done]
    assert all(letters().min_tokens(state) <= 3 - i for i, layer in enumerate(layers) for state in layer)


def test_edges_lead_to_the_next_layer() -> None:
    trellis = TrellisCache().trellis(letters(), letters().start, 5, 20)
    for i in range(5):
        for node in range(trellis.layer_start[i], trellis.layer_start[i + 1]):
            targets = trellis.edge_to[trellis.edge_start[node] : trellis.edge_start[node + 1]]
            assert len(targets)
            assert all(trellis.layer_start[i + 1] <= to < trellis.layer_start[i + 2] for to in targets)


def test_a_plan_may_begin_with_some_of_the_edges_only() -> None:
    grammar = (Grammar.literal("aaaa") | Grammar.literal("bb")).compile(Vocabulary.byte_level())
    low, high = grammar.edge_start[grammar.start : grammar.start + 2]
    after = [grammar.advance(grammar.start, ord(letter)) for letter in "ab"]
    cache = TrellisCache()
    whole = cache.trellis(grammar, grammar.start, 4, 20)
    for state in after:
        first = bytes(int(grammar.edge_target[edge] == state) for edge in range(low, high))
        trellis = cache.trellis(grammar, grammar.start, 4, 20, first)
        alone = cache.trellis(grammar, state, 3, 19)
        assert len(trellis.edge_to) == len(trellis.edge_label) == len(alone.edge_to) + 1 < len(whole.edge_to)
        assert trellis.states.tolist() == [grammar.start, *alone.states.tolist()]


def test_budgets_that_do_not_bind_share_a_plan() -> None:
    cache = TrellisCache()
    assert cache.trellis(letters(), 0, 4, 50) is cache.trellis(letters(), 0, 4, 60)
    assert cache.trellis(letters(), 0, 4, 4) is not cache.trellis(letters(), 0, 4, 5)
    assert cache.trellis(letters(), 0, 4, 4) is cache.trellis(letters(), 0, 4, 4)


def test_the_oldest_trellises_are_dropped_when_the_cache_is_full() -> None:
    size = len(TrellisCache().trellis(letters(), 0, 6, 50).edge_to)
    cache = TrellisCache(kept_edges=size + 1)
    first = cache.trellis(letters(), 0, 6, 50)
    assert cache.trellis(letters(), 0, 6, 50) is first
    second = cache.trellis(letters(), 0, 5, 50)
    assert cache.trellis(letters(), 0, 5, 50) is second
    assert cache.trellis(letters(), 0, 6, 50) is not first


def test_a_trellis_of_too_many_edges_is_refused() -> None:
    cache = TrellisCache(max_edges=3000)
    long = compile_schema({"type": "string", "maxLength": 300}).compile(Vocabulary.byte_level())
    with pytest.raises(GrammarError, match=r"more than 3000 edges.*maxLength"):
        cache.trellis(long, long.start, 100, 400)
    assert len(cache.trellis(long, long.start, 10, 400).edge_to) < 3000
