"""The store of compiled grammars: one compilation for all who ask, a bound, and no error that stays."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier, Event

import pytest

from agentfast.errors import GrammarError
from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar import Grammar, TokenGrammar
from agentfast.runtime.grammar.compile import load_or_compile
from agentfast.runtime.grammar.store import GRAMMARS, GrammarStore

BYTES = Vocabulary.byte_level()
GRAMMAR = Grammar.literal("a")


def compiled(grammar: Grammar = GRAMMAR) -> TokenGrammar:
    return load_or_compile(grammar.node, BYTES, "")


def test_threads_that_ask_at_once_share_one_compilation() -> None:
    store, barrier, calls = GrammarStore(), Barrier(4), list[int]()

    def compile_() -> TokenGrammar:
        calls.append(1)
        return compiled()

    def ask(_: int) -> TokenGrammar:
        barrier.wait(10)
        return store.get(GRAMMAR.node, BYTES, compile_)

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(ask, range(4)))
    assert len(calls) == 1
    assert all(grammar is found[0] for grammar in found)


def test_those_who_wait_get_the_error_and_the_next_one_tries_again() -> None:
    store, begun, go = GrammarStore(), Event(), Event()

    def fail() -> TokenGrammar:
        begun.set()
        assert go.wait(10)
        raise GrammarError("too large")

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(store.get, GRAMMAR.node, BYTES, fail)
        assert begun.wait(10)
        second = pool.submit(store.get, GRAMMAR.node, BYTES, fail)
        go.set()
        for future in (first, second):
            with pytest.raises(GrammarError, match="too large"):
                future.result(10)
    assert store.get(GRAMMAR.node, BYTES, compiled).start == 0


def test_an_interrupted_compilation_is_taken_over_by_those_who_wait() -> None:
    store, begun, go = GrammarStore(), Event(), Event()

    def interrupted() -> TokenGrammar:
        begun.set()
        assert go.wait(10)
        raise KeyboardInterrupt

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(store.get, GRAMMAR.node, BYTES, interrupted)
        assert begun.wait(10)
        second = pool.submit(store.get, GRAMMAR.node, BYTES, compiled)
        go.set()
        with pytest.raises(KeyboardInterrupt):
            first.result(10)
        assert second.result(10).start == 0


def test_the_grammars_used_longest_ago_go_first() -> None:
    store = GrammarStore(2)
    one, two, three = map(Grammar.literal, "123")
    for grammar in (one, two, one, three):
        store.get(grammar.node, BYTES, partial(compiled, grammar))
    kept = [store.find(grammar.node, BYTES) is not None for grammar in (one, two, three)]
    assert kept == [True, False, True]
    assert len(store) == 2


def test_a_grammar_is_found_when_an_equal_one_was_compiled() -> None:
    GRAMMARS.forget()
    assert Grammar.literal("b").find_compiled(BYTES) is None
    found = Grammar.literal("b").compile(BYTES, "")
    assert Grammar.literal("b").find_compiled(BYTES) is found
    assert Grammar.literal("b").find_compiled(Vocabulary.byte_level(("<eos>", "<|call|>"))) is None
