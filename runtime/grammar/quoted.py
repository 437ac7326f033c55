"""JSON strings with a pattern or a format: their machines, made once and shared."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from agentfast.runtime.grammar import nodes
from agentfast.runtime.grammar.codepoint_automaton import Both, CodepointAutomaton, Length, Minimal
from agentfast.runtime.grammar.codepoints import machine_over_codepoints
from agentfast.runtime.grammar.formats import FORMATS
from agentfast.runtime.grammar.machine import Machine
from agentfast.runtime.grammar.regex import parse_regex

MAX_STATES: Final = 20_000
"""States that one pattern may take before minimisation."""


def string_node(least: int, most: int | None, pattern: str | None, format_name: str | None) -> nodes.Node:
    """A JSON string, quotes included.

    With a pattern or a format, only canonical escapes are written (see `json_encoding`); else every escape may be.

    Raises:
        GrammarError: the pattern is not read, or takes too many states.
    """
    if most is not None and most < least:
        return nodes.NOTHING
    if pattern is None and format_name is None:
        return nodes.Sequence(nodes.Literal(b'"'), nodes.StringBody(least, most))
    machine = string_machine(least, most, pattern, format_name)
    return nodes.NOTHING if machine.is_empty else nodes.Terminal(machine)


@lru_cache(maxsize=256)
def string_machine(least: int, most: int | None, pattern: str | None, format_name: str | None) -> Machine:
    """Machine of a quoted string that meets all of the conditions."""
    parts: list[CodepointAutomaton] = []
    if pattern is not None:
        parts.append(Minimal(parse_regex(pattern), MAX_STATES))
    if format_name is not None:
        parts.append(Minimal(parse_regex(f"^(?:{FORMATS[format_name]})$"), MAX_STATES))
    if least > 0 or most is not None:
        parts.append(Length(least, most))
    automaton = parts[0]
    for part in parts[1:]:
        automaton = Both(automaton, part)
    return machine_over_codepoints(
        automaton.start, automaton.moves, automaton.accepting, limit=MAX_STATES, quoted=True
    )
