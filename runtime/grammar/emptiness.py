"""Emptiness of expressions: those that no text matches, told without making their automata.

The expressions that have a word are a least fixed point: a literal has one, a sequence whose parts all have one, a choice
of which one has one. A Boolean node alone needs a search among the states of its automaton. What is not told within a
few steps is taken to have a word.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Final

from agentfast.errors import GrammarTooLargeError
from agentfast.runtime.grammar.automaton import nodes
from agentfast.runtime.grammar.automaton.automaton import Automaton

_MAX_POSITIONS: Final = 300
"""Positions of an object or array that are looked at."""
_MAX_STATES: Final = 150
"""States of a Boolean node that are looked at; each takes tens of microseconds."""
_MAX_DEPTH: Final = 4
"""References that may be open in such a state."""


def is_empty(root: nodes.Node) -> bool:
    """True if it is certain that no word matches."""
    wordless = dict.fromkeys(list(nodes.walk(root))[::-1])  # inner ones first, but for recursion
    before = len(wordless) + 1
    while root in wordless and len(wordless) < before:
        before = len(wordless)
        for node in list(wordless):
            if _has_word(node, wordless):
                del wordless[node]
    return root in wordless


def _has_word(node: nodes.Node, wordless: Container[nodes.Node]) -> bool:
    """Test for a word, given the expressions of which none is known."""
    match node:
        case nodes.Sequence():
            return all(part not in wordless for part in node.parts)
        case nodes.Choice():
            return any(option not in wordless for option in node.options)
        case nodes.Repeat():
            return not node.least or node.item not in wordless
        case nodes.Narrowed() | nodes.Reference():
            return node.children[0] not in wordless
        case nodes.GemmaText():
            return node.operand not in wordless
        case nodes.Steps():
            return _has_way(node, wordless)
        case nodes.Boolean():
            return _has_state(node)
        case nodes.Terminal():
            return _accepts_any(node)
        case _:
            return True


def _accepts_any(node: nodes.Terminal) -> bool:
    return node.dfa.accepting[0] or bool(node.dfa.moves[0])


def _has_way(walk: nodes.Steps, wordless: Container[nodes.Node]) -> bool:
    """Test for a way to a final position, the last step of each position first, as it is the one that ends."""
    seen, pending = {0}, [0]
    while pending and len(seen) <= _MAX_POSITIONS:
        position = pending.pop()
        if walk.is_final(position):
            return True
        ahead = [after for node, after in walk.steps(position) if node not in wordless and after not in seen]
        seen.update(ahead)
        pending += ahead
    return bool(pending)


def _has_state(node: nodes.Boolean) -> bool:
    """Test for a state that accepts, nearest first."""
    try:
        automaton = Automaton(node, max_depth=_MAX_DEPTH, max_states=100 * _MAX_STATES, blocks=False)
        seen, order = {automaton.start}, [automaton.start]
        for state in order:  # grows while it is read
            if state < 0:
                continue
            if automaton.is_accepting(state) or len(seen) > _MAX_STATES:
                return True
            ahead = {target for _, _, target in automaton.successors(state)} - seen
            seen |= ahead
            order += ahead
    except GrammarTooLargeError:
        return True
    return automaton.depth_was_cut
