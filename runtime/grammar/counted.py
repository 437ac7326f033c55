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
from agentfast.runtime.grammar.spelling import Between, Spelling, spelled
from agentfast.runtime.grammar.strings import CLOSED
from agentfast.runtime.grammar.words import Liveness

T = TypeVar("T")


@dataclass(frozen=True)
class _Indexed(Generic[T]):
    """A function written as a sequence: what a finite machine has as a tuple."""

    function: Callable[[int], T]

    def __getitem__(self, index: int) -> T:
        return self.function(index)


class CountedMachine:
    """The spelled texts of an automaton that limits lengths in several ways, its states made as they are asked for.

    A state is count * places + place; the count stays at `counts - 1` once more code points make no difference. The
    last state is that behind the closing quote.

    Attributes:
        moves, accepting: per state, as in `Machine`.
        counts: number of different counts.
    """

    def __init__(self, automaton: CodepointAutomaton, spelling: Spelling) -> None:
        """Raises: GrammarError if spelling takes too many places."""
        self._spelled = spelled(automaton, spelling)
        self._is_quoted = spelling != "plain"
        self.counts = 1 + max(cut for lengths in automaton.lengths for cut in lengths)
        self.moves: _Indexed[tuple[Move, ...]] = _Indexed(self._moves)
        self.accepting: _Indexed[bool] = _Indexed(self._accepting)
        self.digest = hashlib.sha256(automaton.digest + spelling.encode()).digest()
        self._automaton = automaton
        self._liveness = Liveness(automaton)

    @property
    def closed(self) -> int:
        """The state behind the closing quote."""
        return self.counts * self._spelled.body.places

    def _moves(self, state: int) -> tuple[Move, ...]:
        if state == self.closed:
            return ()
        count, place = divmod(state, self._spelled.body.places)
        result: list[Move] = []
        for low, high, to, counted in self._spelled.body.moves[place]:
            if to == CLOSED:
                if self._ends(place, count):
                    result.append((low, high, self.closed))
                continue
            after = min(count + counted, self.counts - 1)
            if self._liveness.alive(after) & self._reach[to]:
                result.append((low, high, after * self._spelled.body.places + to))
        return tuple(result)

    def _accepting(self, state: int) -> bool:
        if self._is_quoted:
            return state == self.closed
        count, place = divmod(state, self._spelled.body.places)
        return self._ends(place, count)

    def _ends(self, place: int, count: int) -> bool:
        """Whether the text may end here."""
        at = self._spelled.places[place]
        return isinstance(at, Between) and holds(self._automaton.lengths[at.state], count)

    @cached_property
    def _reach(self) -> list[int]:
        """Per place, the states of the automaton that it leads to before another code point begins, as bits."""
        known = {
            place: 1 << at.state for place, at in enumerate(self._spelled.places) if isinstance(at, Between)
        }

        def reach(place: int) -> int:
            if place not in known:
                known[place] = 0
                for _, _, to, _ in self._spelled.body.moves[place]:
                    known[place] |= reach(to)
            return known[place]

        return [reach(place) for place in range(self._spelled.body.places)]
