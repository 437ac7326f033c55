"""Whitespace styles of JSON texts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from agentfast.runtime.grammar.automaton import nodes
from agentfast.runtime.grammar.automaton.byte_dfa import build_byte_dfa

Whitespace = Literal["compact", "flexible", "spaced"]

MAX_INDENT: Final = 12
"""Most spaces after a line break in the flexible style."""


@dataclass(frozen=True)
class Gaps:
    """Whitespace between the parts of objects and arrays.

    Attributes:
        inside: after `{` and `[`, and before `}` and `]`.
        after: after `,` and `:`.
    """

    inside: nodes.Node
    after: nodes.Node


@lru_cache(maxsize=4)
def gaps(style: Whitespace) -> Gaps:
    """The gaps of a style.

    Compact: nothing. Spaced: one space after `,` and `:`, as `json.dumps` writes by default. Flexible: nothing, one
    space, or a line break and up to MAX_INDENT spaces, anywhere: what models write.
    """
    if style == "compact":
        return Gaps(nodes.EMPTY, nodes.EMPTY)
    if style == "spaced":
        return Gaps(nodes.EMPTY, nodes.Literal(b" "))

    def moves(state: int) -> list[tuple[int, int, int]]:
        if state == 0:
            return [(0x0A, 0x0A, 1), (0x20, 0x20, -1)]
        return [(0x20, 0x20, state + 1)] if 0 < state <= MAX_INDENT else []

    gap = nodes.Terminal(build_byte_dfa(0, moves, lambda _: True, MAX_INDENT + 3))
    return Gaps(gap, gap)
