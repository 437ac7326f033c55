"""Lazy byte DFAs: for reading, and for lengths limited in several ways."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Final, Generic, NamedTuple, TypeVar

from agentfast.runtime.grammar.automaton.byte_dfa import Move
from agentfast.runtime.grammar.automaton.string_body import CLOSED
from agentfast.runtime.grammar.codepoints.length_sets import holds
from agentfast.runtime.grammar.strings.exact_sets import Operand, states_of
from agentfast.runtime.grammar.strings.utf8_encoder import Between, Encoding, Utf8Encoder

T = TypeVar("T")


@dataclass(frozen=True)
class _Indexed(Generic[T]):
    """Read access by index to a function; a finite DFA has tuples instead."""

    function: Callable[[int], T]

    def __getitem__(self, index: int) -> T:
        return self.function(index)


class _At(NamedTuple):
    """A place, and how many code points have begun, as far as that matters; CLOSED is behind the closing quote."""

    place: int
    begun: int


_END: Final = _At(CLOSED, 0)


class LazyByteDfa:
    """Encoded texts of an automaton, behind their opening quote if they have quotes.

    Attributes:
        moves, accepting: per state, as in `ByteDfa`.
    """

    def __init__(self, texts: Operand, encoding: Encoding, content: bytes) -> None:
        """
        Args:
            texts: the automaton, or the expression that makes it.
            content: identifies the texts.
        """
        self._arguments = texts, encoding, content
        automaton = states_of(texts)
        self.moves: _Indexed[tuple[Move, ...]] = _Indexed(self._moves)
        self.accepting: _Indexed[bool] = _Indexed(self._accepting)
        self.digest = hashlib.sha256(content + encoding.encode()).digest()
        self._automaton = automaton
        self._last_change = automaton.last_change
        self._is_quoted = encoding != "plain"
        self._encoder = Utf8Encoder(automaton, encoding)
        self._states = [_At(0, 0)]
        self._ids = {_At(0, 0): 0}
        self._rows: dict[int, tuple[Move, ...]] = {}
        self._lock = Lock()  # grammars that share the DFA may read at the same time

    def __reduce__(self) -> tuple[type[LazyByteDfa], tuple[Operand, Encoding, bytes]]:
        """Pickle the texts alone; the states are made again as they are reached."""
        return LazyByteDfa, self._arguments

    def _moves(self, state: int) -> tuple[Move, ...]:
        found = self._rows.get(state)
        if found is None:
            with self._lock:
                found = self._rows[state] = tuple(self._find_moves(self._states[state]))
        return found

    def _find_moves(self, at: _At) -> list[Move]:
        if at == _END:
            return []
        moves: list[Move] = []
        for low, high, to, counted in self._encoder.moves(at.place):
            if to != CLOSED:
                begun = min(at.begun + counted, self._last_change)
                moves.append((low, high, self._intern(_At(to, begun))))
            elif self._ends(at):
                moves.append((low, high, self._intern(_END)))
        return moves

    def _intern(self, at: _At) -> int:
        found = self._ids.setdefault(at, len(self._states))
        if found == len(self._states):
            self._states.append(at)
        return found

    def _accepting(self, state: int) -> bool:
        at = self._states[state]
        return at == _END if self._is_quoted else self._ends(at)

    def _ends(self, at: _At) -> bool:
        """Test whether the text may end here."""
        place = self._encoder.places[at.place]
        return isinstance(place, Between) and holds(self._automaton.lengths_at(place.state), at.begun)
