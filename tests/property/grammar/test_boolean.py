"""Boolean combinations of automata against the verdicts of `re` on every word over a small alphabet."""

from __future__ import annotations

import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentfast.errors import GrammarError
from agentfast.runtime.grammar import Grammar
from agentfast.runtime.grammar.automaton import nodes
from agentfast.runtime.grammar.automaton.automaton import Automaton
from agentfast.runtime.grammar.automaton.boolean_formula import (
    Formula,
    Leaf,
    all_of,
    evaluate,
    negation,
    one_of,
    some_of,
)
from agentfast.runtime.grammar.automaton.nodes import Operand
from agentfast.runtime.grammar.tokens.lifting.explore import explore
from tests.property.grammar.test_grammar import BYTES, regexes
from tests.support.token_splits import ends, splits, vocabulary_of

WORDS = ["".join(letters) for size in range(6) for letters in product("ab", repeat=size)]


def formulas(count: int) -> st.SearchStrategy[Formula]:
    """Formulas over so many operands, counted from 1."""
    leaves: st.SearchStrategy[Formula] = st.integers(1, count).map(Operand)

    def extend(inner: st.SearchStrategy[Formula]) -> st.SearchStrategy[Formula]:
        several = st.lists(inner, min_size=2, max_size=3)
        return st.one_of(inner.map(negation), several.map(all_of), several.map(some_of), several.map(one_of))

    return st.recursive(leaves, extend, max_leaves=5)


def combined(truth: Formula, parts: list[tuple[str, Grammar]]) -> Grammar:
    """The words of ab+ or less for which the formula holds."""
    universe = nodes.Repeat(nodes.Choice((nodes.Literal(b"a"), nodes.Literal(b"b"))), 0, None)
    operands = [universe, *(grammar.node for _, grammar in parts)]
    shifted = all_of([Operand(0), truth])
    return Grammar(nodes.Boolean(operands, shifted))


def holds(truth: Formula, parts: list[tuple[str, Grammar]], word: str) -> bool:
    def matches(leaf: Leaf) -> bool:
        assert isinstance(leaf, Operand)
        return re.fullmatch(parts[leaf.index - 1][0], word) is not None

    return evaluate(truth, matches) is True


@given(st.lists(regexes(), min_size=3, max_size=3), formulas(3))
def test_boolean_combinations_agree_with_re(parts: list[tuple[str, Grammar]], truth: Formula) -> None:
    grammar = combined(truth, parts)
    assert [grammar.accepts(word) for word in WORDS] == [holds(truth, parts, word) for word in WORDS]


@given(regexes(), regexes(), st.lists(st.text("ab", min_size=2, max_size=4), max_size=4), st.data())
def test_boolean_combinations_lift_like_other_grammars(
    left: tuple[str, Grammar], right: tuple[str, Grammar], extra: list[str], data: st.DataObject
) -> None:
    truth = all_of([Operand(1), negation(Operand(2))])
    inner = combined(truth, [left, right])
    grammar = Grammar.literal("a") + inner + (inner | Grammar.literal("b"))
    vocabulary = vocabulary_of([text.encode() for text in ["a", "b", *extra]])
    if not any(holds(truth, [left, right], word) for word in WORDS):
        return
    compiled = grammar.compile(vocabulary)
    for word in data.draw(st.lists(st.sampled_from(WORDS), min_size=4, max_size=4)):
        assert ends(compiled, splits(data, word.encode(), vocabulary)) == grammar.accepts(word)


def nested(inner: str) -> tuple[Grammar, nodes.Rule]:
    """Brackets around `inner` to any depth."""
    rule = nodes.Rule(f"brackets around {inner}")
    reference = nodes.Reference(rule)
    rule.body = nodes.Choice(
        (nodes.Literal(inner.encode()), nodes.Sequence(nodes.Literal(b"["), reference, nodes.Literal(b"]")))
    )
    return Grammar(reference), rule


def test_a_word_past_the_depth_limit_is_given_up_and_not_taken_for_a_mismatch() -> None:
    shallow = nodes.Repeat(nodes.Choice(nodes.Literal(c.encode()) for c in "[]ab"), 0, None)
    deep, _ = nested("a")
    grammar = Grammar(nodes.Boolean([shallow, deep.node], all_of([Operand(0), negation(Operand(1))])))
    vocabulary = vocabulary_of([b"[", b"]", b"a", b"b"])
    compiled = grammar.compile(vocabulary)
    for depth in range(40):
        word = b"[" * depth + b"a" + b"]" * depth
        assert not grammar.accepts(word)
        assert not ends(compiled, [b"[]ab".index(byte) for byte in word])
    assert ends(compiled, [0, 3, 1])


def test_operands_that_nothing_meets_together_match_nothing() -> None:
    empty = combined(
        all_of([Operand(1), Operand(2)]), [("a", Grammar.literal("a")), ("b", Grammar.literal("b"))]
    )
    with pytest.raises(GrammarError, match="matches nothing"):
        empty.compile(vocabulary_of(BYTES))


def test_the_states_of_operands_count_towards_the_budget() -> None:
    counted = nodes.Repeat(nodes.Literal(b"a"), 600, None)
    other = nodes.Repeat(nodes.Literal(b"a"), 0, None)
    node = nodes.Boolean([other, counted], all_of([Operand(0), negation(Operand(1))]))
    automaton = Automaton(node, max_depth=1, max_states=1000)
    with pytest.raises(GrammarError, match="more than 1000 states"):
        explore(automaton, vocabulary_of([b"a"]))
    assert automaton.total_states == 1000 // 4 + 1  # one that is expanded counts as four


def test_recursion_through_a_complement_is_lazy() -> None:
    rule = nodes.Rule("a value whose inside is not itself")
    inside = nodes.Sequence(nodes.Literal(b"["), nodes.Reference(rule), nodes.Literal(b"]"))
    anything = nodes.Repeat(nodes.Choice(nodes.Literal(c.encode()) for c in "[]"), 0, None)
    rule.body = nodes.Boolean([anything, inside], all_of([Operand(0), negation(Operand(1))]))
    grammar = Grammar(nodes.Reference(rule))

    def expected(word: str) -> bool:
        return not (len(word) >= 2 and word[0] == "[" and word[-1] == "]" and expected(word[1:-1]))

    words = ["".join(letters) for size in range(9) for letters in product("[]", repeat=size)]
    assert [grammar.accepts(word) for word in words] == [expected(word) for word in words]
