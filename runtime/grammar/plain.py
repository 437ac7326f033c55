"""Plain texts as expressions: any at all, those without something, those of a regular expression, a few fixed ones."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import lru_cache
from typing import Final

from agentfast.errors import GrammarError
from agentfast.runtime.grammar import nodes, regex
from agentfast.runtime.grammar.codepoint_automaton import Minimal
from agentfast.runtime.grammar.codepoints import (
    ALL,
    Intervals,
    complement,
    machine_over_codepoints,
    normalise,
)

MAX_STATES: Final = 20_000
"""States that one regular expression may take before minimisation."""


def literal_node(text: str | bytes) -> nodes.Node:
    """Exactly this text.

    Raises:
        GrammarError: UTF-8 cannot carry it.
    """
    try:
        return nodes.Literal(text.encode() if isinstance(text, str) else text)
    except UnicodeEncodeError as error:
        raise GrammarError(f"{text!r} holds a lone surrogate, which no token can write") from error


def choice_node(texts: Iterable[str]) -> nodes.Node:
    """Any one of the texts.

    Raises:
        GrammarError: there is none, or UTF-8 cannot carry one of them.
    """
    options = [literal_node(text) for text in texts]
    if not options:
        raise GrammarError("a choice of no texts matches nothing", hint="give at least one")
    return nodes.Choice(options)


@lru_cache(maxsize=256)
def regex_node(pattern: str) -> nodes.Node:
    """Texts that a regular expression matches as a whole.

    Raises:
        GrammarError: the pattern is not read, or takes too many states.
    """
    whole = regex.Concat(
        (regex.Anchor(at_start=True), regex.parse_regex(pattern), regex.Anchor(at_start=False))
    )
    automaton = Minimal(whole, MAX_STATES)
    return _terminal(automaton.start, automaton.moves, automaton.accepting)


@lru_cache(maxsize=64)
def text_node(without: str, without_match: str) -> nodes.Node:
    """Any text that does not hold the string `without`, and that the pattern `without_match` matches nowhere.

    Raises:
        GrammarError: the pattern is not read, takes too many states, or matches even the empty text.
    """
    unwanted: list[regex.Regex] = []
    if without:
        unwanted.append(regex.Concat(tuple(regex.Chars(((ord(char), ord(char)),)) for char in without)))
    if without_match:
        unwanted.append(regex.parse_regex(without_match))
    if not unwanted:
        return _terminal(_ANYTHING, lambda _: [(ALL, _ANYTHING)], lambda _: True)
    automaton = Minimal(regex.Union(tuple(unwanted)), MAX_STATES)
    if automaton.accepting(automaton.start):
        raise GrammarError(f"{without_match!r} matches the empty text, so that no text is without it")

    def moves(state: Hashable) -> Sequence[tuple[Intervals, Hashable]]:
        if state == _ANYTHING:
            return [(ALL, _ANYTHING)]
        found = automaton.moves(state)
        known = normalise(interval for over, _ in found for interval in over)
        return [*found, (complement(known), _ANYTHING)]

    def accepting(state: Hashable) -> bool:
        return state == _ANYTHING or not automaton.accepting(state)

    return _terminal(automaton.start, moves, accepting)


_ANYTHING: Final = "anything"
"""The state from which nothing unwanted can come any more."""


def _terminal(
    start: Hashable,
    moves: Callable[[Hashable], Sequence[tuple[Intervals, Hashable]]],
    accepting: Callable[[Hashable], bool],
) -> nodes.Node:
    machine = machine_over_codepoints(start, moves, accepting, limit=MAX_STATES, quoted=False)
    return nodes.NOTHING if machine.is_empty else nodes.Terminal(machine)
