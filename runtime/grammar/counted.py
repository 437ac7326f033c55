"""Byte automata whose words have a limited number of code points: the count is a number beside the place."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

from agentfast.runtime.grammar.codepoint_automaton import CodepointAutomaton
from agentfast.runtime.grammar.lengths import holds
from agentfast.runtime.grammar.machine import Move
from agentfast.runtime.grammar.spelling import Between, Quote, Spelled, Spelling, spelled
from agentfast.runtime.grammar.words import Liveness

T = TypeVar("T")


@dataclass(frozen=True)
class _Indexed(Generic[T]):
    """A function written as a sequence: what a finite machine has as a tuple."""

    function: Callable[[int], T]

    def __getitem__(self, index: int) -> T:
        return self.function(index)


class CountedMachine:
    """The spelled texts of an automaton that limits lengths, with states made as they are asked for.

    A state is count * places + place; the count stays at `counts - 1` once more code points make no difference.

    Attributes:
        moves, accepting: per state, as in `Machine`.
        spelled: the places, and the moves between them.
        counts: number of different counts.
    """

    def __init__(self, automaton: CodepointAutomaton, spelling: Spelling) -> None:
        """Raises: GrammarError if spelling takes too many places."""
        self.spelled: Spelled = spelled(automaton, spelling)
        self.counts = 1 + max(cut for lengths in automaton.lengths for cut in lengths)
        self.moves: _Indexed[tuple[Move, ...]] = _Indexed(self._moves)
        self.accepting: _Indexed[bool] = _Indexed(self._accepting)
        self.digest = hashlib.sha256(automaton.digest + spelling.encode()).digest()
        self._automaton = automaton
        self._liveness = Liveness(automaton)

    @property
    def size(self) -> int:
        """Number of states."""
        return self.counts * len(self.spelled.places)

    def _moves(self, state: int) -> tuple[Move, ...]:
        count, place = divmod(state, len(self.spelled.places))
        result: list[Move] = []
        for low, high, to, counted in self.spelled.moves[place]:
            after = min(count + counted, self.counts - 1)
            if self._leads_on(place, to, after):
                result.append((low, high, after * len(self.spelled.places) + to))
        return tuple(result)

    def _leads_on(self, place: int, to: int, count: int) -> bool:
        """Whether a word can be completed after a move."""
        if self.spelled.places[to] == Quote(closed=True):
            return self._ends(place, count)
        return bool(self._liveness.alive(count) & self._reach[to])

    def _accepting(self, state: int) -> bool:
        count, place = divmod(state, len(self.spelled.places))
        return self.spelled.places[place] == Quote(closed=True) or (
            not self.spelled.is_quoted and self._ends(place, count)
        )

    def _ends(self, place: int, count: int) -> bool:
        """Whether the text may end here."""
        at = self.spelled.places[place]
        return isinstance(at, Between) and holds(self._automaton.lengths[at.state], count)

    @cached_property
    def _reach(self) -> list[int]:
        """Per place, the states of the automaton that it leads to before another code point begins, as bits."""
        reach: list[int | None] = [
            1 << at.state if isinstance(at, Between) else None for at in self.spelled.places
        ]

        def fill(place: int) -> int:
            known = reach[place]
            if known is None:
                known = reach[place] = 0
                for _, _, to, _ in self.spelled.moves[place]:
                    known |= fill(to)
                reach[place] = known
            return known

        return [fill(place) for place in range(len(reach))]
