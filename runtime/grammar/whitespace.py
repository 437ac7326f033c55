"""How JSON texts are spaced."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, Literal

from agentfast.runtime.grammar import nodes
from agentfast.runtime.grammar.machine import machine_from_steps

Whitespace = Literal["compact", "flexible"]

MAX_INDENT: Final = 12
"""Most spaces after a line break in the flexible style."""


@lru_cache(maxsize=4)
def gap(style: Whitespace) -> nodes.Node:
    """What may stand after `{`, `[`, `,` and `:` and before `}` and `]`.

    Compact: nothing. Flexible: nothing, one space, or a line break and up to MAX_INDENT spaces: what models write.
    """
    if style == "compact":
        return nodes.EMPTY

    def moves(state: int) -> list[tuple[int, int, int]]:
        if state == 0:
            return [(0x0A, 0x0A, 1), (0x20, 0x20, -1)]
        return [(0x20, 0x20, state + 1)] if 0 < state <= MAX_INDENT else []

    return nodes.Terminal(machine_from_steps(0, moves, lambda _: True, MAX_INDENT + 3))
