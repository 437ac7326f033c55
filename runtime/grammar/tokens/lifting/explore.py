"""Exploration of a byte automaton: every state that bytes of a vocabulary reach."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

import numpy as np

from agentfast.errors import GrammarTooLargeError
from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar.automaton import nodes
from agentfast.runtime.grammar.automaton.automaton import Automaton, Block, Copy, Explored
from agentfast.runtime.grammar.progress import report
from agentfast.runtime.grammar.tokens.trie import trie_of

HINT: Final = "lower maxLength or maxItems, or split the schema"
MAX_EDGES: Final = 16_000_000
"""Edges over tokens that a grammar may take; more is a GrammarError."""
MAX_RULE_STATES: Final = 64_000
"""States of one shared rule."""
_REPORTED: Final = 1000  # states between two reports of progress


@lru_cache(maxsize=64)
def rule_automaton(vocabulary: Vocabulary, reference: nodes.Reference, levels: int) -> Explored:
    """Explore the automaton of a shared rule, or find it.

    Args:
        levels: references that may be open at a time, the one to the rule included.

    Raises:
        GrammarTooLargeError: it has more than MAX_RULE_STATES states.
    """
    automaton = Automaton(
        reference.rule.body,
        max_depth=levels - 1,
        max_states=MAX_RULE_STATES,
        rule_automaton=lambda inner, depth: rule_automaton(vocabulary, inner, depth),
    )
    explored = explore(automaton, vocabulary, followed_by=reference.rule.followed_by)
    assert not explored.specials, "a shared rule has no special tokens"
    return explored


def explore(automaton: Automaton, vocabulary: Vocabulary, *, followed_by: bytes | None = None) -> Explored:
    """Make every state that bytes of the vocabulary reach from the start.

    The states of a string body, and those of a shared rule, are passed over as one.

    Args:
        followed_by: of the rule whose automaton it is; see `Explored`.

    Raises:
        GrammarError: the budget of states or of edges is used up.
    """
    occurs = np.zeros(257, np.int64)
    occurs[trie_of(vocabulary).alphabet + 1] = 1
    before: list[int] = np.cumsum(occurs).tolist()  # of the bytes below each, those that occur
    found = Explored(automaton, [], [], [], [], followed_by)
    seen = {-1, automaton.start}
    pending = [automaton.start] if automaton.start >= 0 else []
    regions_seen: set[int] = set()
    while pending:
        state = pending.pop()
        region = automaton.region_at(state)
        if region is None:
            found.states.append(state)
            if len(found.states) % _REPORTED == 0:
                report(len(automaton), None, "states")
            ranges = automaton.successors(state)
            after = {to for low, high, to in ranges if before[high + 1] > before[low]}
            for name, target in automaton.specials(state).items():
                found.specials.append((state, name, target))
                after.add(target)
        elif region.first_state in regions_seen:
            continue
        else:
            regions_seen.add(region.first_state)
            after = {automaton.state_after_region(region)}
            if isinstance(region, Copy):
                found.copies.append(region)
            else:
                found.blocks.append(region)
                found.specials.extend(_closers(automaton, region))
            if len(found.specials) > MAX_EDGES:
                raise too_many_edges()
        after -= seen
        seen |= after
        pending.extend(after)
    return found


def _closers(automaton: Automaton, block: Block) -> Iterator[tuple[int, str, int]]:
    """The special token that closes a string body, if that is how it is closed, wherever it may come."""
    body, after = block.node.body, automaton.state_after_region(block)
    if body.closer is None or after < 0:
        return
    for count in range(block.node.least, block.node.counts):
        for place in sorted(body.ends):
            if body.closes(place, count):
                yield block.first_state + count * body.places + place, body.closer, after


def too_many_edges() -> GrammarTooLargeError:
    """Error for a grammar that would have more than MAX_EDGES edges."""
    return GrammarTooLargeError(f"the grammar needs more than {MAX_EDGES} edges over tokens", hint=HINT)
