"""Boolean combinations of automata that read the same bytes, by a formula over their verdicts.

The product construction (Rabin and Scott 1959), made as it is reached. An operand that has no state left says no for
good; once that decides the formula against the word, there is no way on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from agentfast.runtime.grammar.automaton.boolean_formula import Leaf, evaluate
from agentfast.runtime.grammar.automaton.nodes import Boolean, Operand

Move = tuple[int, int, int]
"""From the first to the last byte go to a position."""


class OperandAutomaton(Protocol):
    """Automaton of an operand; see `Automaton`."""

    @property
    def start(self) -> int:
        """The first state, -1 if nothing matches."""
        ...

    def row(self, state: int) -> npt.NDArray[np.int32]:
        """[256] state after each byte, -1 for none."""
        ...

    def is_accepting(self, state: int) -> bool:
        """Test whether the bytes so far are complete."""
        ...

    def is_cut(self, state: int) -> bool:
        """Test whether the verdict is unknown, past the depth limit."""
        ...


class Product:
    """Positions of one `Boolean` node: tuples of its operands' states, -1 for none. Position 0 is the start."""

    def __init__(self, node: Boolean, operands: Sequence[OperandAutomaton]) -> None:
        self._truth = node.truth
        self._operands = operands
        self._tuples: list[tuple[int, ...]] = []
        self._ids: dict[tuple[int, ...], int] = {}
        self._moves: dict[int, list[Move]] = {}
        start = tuple(operand.start for operand in operands)
        self.is_dead = not self._may_hold(start)
        if not self.is_dead:
            self._intern(start)

    def accepting(self, position: int) -> bool:
        """Test whether the formula holds for the word so far."""
        states = self._tuples[position]

        def holds(leaf: Leaf) -> bool:
            assert isinstance(leaf, Operand)
            state = states[leaf.index]
            return state >= 0 and self._operands[leaf.index].is_accepting(state)

        return evaluate(self._truth, holds) is True

    def moves(self, position: int) -> list[Move]:
        """Byte ranges that lead on."""
        if position not in self._moves:
            self._moves[position] = self._find_moves(self._tuples[position])
        return self._moves[position]

    def _find_moves(self, states: tuple[int, ...]) -> list[Move]:
        alive = [index for index, state in enumerate(states) if state >= 0]
        rows = np.full((len(states), 256), -1, np.int32)
        for index in alive:
            rows[index] = self._operands[index].row(states[index])
        changes = np.any(rows[:, 1:] != rows[:, :-1], axis=0)
        cuts = [0, *(np.nonzero(changes)[0] + 1).tolist(), 256]
        moves: list[Move] = []
        for low, after in zip(cuts, cuts[1:], strict=False):
            target: tuple[int, ...] = tuple(rows[:, low].tolist())
            if self._may_hold(target):
                moves.append((low, after - 1, self._intern(target)))
        return moves

    def _may_hold(self, states: tuple[int, ...]) -> bool:
        """Test whether some word from here on may meet the formula, as far as the dead operands tell."""
        if any(state >= 0 and self._operands[i].is_cut(state) for i, state in enumerate(states)):
            return False  # a verdict past the depth limit would be wrong, so the word is given up

        def alive(leaf: Leaf) -> bool | None:
            assert isinstance(leaf, Operand)
            return None if states[leaf.index] >= 0 else False

        return evaluate(self._truth, alive) is not False

    def _intern(self, states: tuple[int, ...]) -> int:
        position = self._ids.setdefault(states, len(self._tuples))
        if position == len(self._tuples):
            self._tuples.append(states)
        return position
