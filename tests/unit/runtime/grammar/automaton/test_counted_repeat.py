"""Bounded repeats whose rounds a special token counts: which are found, and what they become."""

from __future__ import annotations

import pytest

from agentfast.runtime.grammar import Grammar
from agentfast.runtime.grammar.automaton.counted_repeat import counted_repeat

CALL, END = Grammar.special("<call>"), Grammar.special("<end>")
A, B = Grammar.literal("a"), Grammar.literal("b")


@pytest.mark.parametrize(
    "grammar",
    [
        (CALL + A).repeat(1, 8),
        (CALL + A + END).repeat(0, 8) + B,
        A | ((CALL + A) | (CALL + B)).repeat(1, 8),
        (END + A).repeat(0, 1) + (A | (CALL + A).repeat(1, 8)),
    ],
)
def test_a_repeat_becomes_endless_beside_a_bound_on_its_special_token(grammar: Grammar) -> None:
    found = counted_repeat(grammar.node)
    assert found is not None
    assert (found.special, found.most) == ("<call>", 8)
    assert Grammar(found.root).specials == grammar.specials


@pytest.mark.parametrize(
    ("grammar", "why"),
    [
        (A.repeat(1, 8), "no special token"),
        ((CALL + A).repeat(1, None), "no bound"),
        ((CALL + A).repeat(1, 1), "one round"),
        ((CALL + A).repeat(2, 8), "two rounds at least"),
        ((CALL + A | B).repeat(1, 8), "a round without the token"),
        ((CALL + A | END + B).repeat(1, 8), "two tokens"),
        ((CALL + A + CALL).repeat(1, 8), "a round with two of them"),
        ((CALL + A).repeat(1, 8) + CALL, "the token elsewhere"),
        ((CALL + A).repeat(1, 8) + (CALL + A).repeat(1, 8), "the repeat twice"),
        (((CALL + A).repeat(1, 8) + B).repeat(0, None), "the repeat inside another"),
    ],
)
def test_other_repeats_stay_as_they_are(grammar: Grammar, why: str) -> None:
    assert counted_repeat(grammar.node) is None, why


def test_a_choice_of_a_thousand_rounds_is_no_deep_recursion() -> None:
    options = CALL + Grammar.literal("0")
    for number in range(1, 2000):
        options = options | (CALL + Grammar.literal(str(number)))
    assert counted_repeat(options.repeat(1, 8).node) is not None
