"""Gemma 4's notation for JSON, by a transducer in front of an automaton of JSON.

The notation is that of tool calls in Gemma 4: as compact JSON, but a string stands between two special tokens instead
of quotes and is not escaped, and a key stands bare in front of its colon. While a text is read, its JSON is fed to the
operand's automaton (the composition of a transducer with an acceptor): so every rule for JSON holds here as well, and
a text is accepted just if its JSON is. In JSON, strings are escaped canonically.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from agentfast.runtime.grammar.automaton import nodes
from agentfast.runtime.grammar.automaton.string_body import ESCAPES, UNWRITABLE_IN_KEYS

Move = tuple[int, int, int]
"""From the first to the last byte go to a position."""

_QUOTE: Final = 0x22


class _Mode(Enum):
    """Context in a text: a value, a value or key, a string, a key."""

    VALUE = auto()
    MEMBER = auto()
    STRING = auto()
    KEY = auto()


class JsonAutomaton(Protocol):
    """Automaton of the JSON operand; see `Automaton`."""

    @property
    def start(self) -> int:
        """The first state, -1 if nothing matches."""
        ...

    def step(self, state: int, byte: int) -> int:
        """State after one byte, -1 for none."""
        ...

    def row(self, state: int) -> npt.NDArray[np.int32]:
        """[256] state after each byte, -1 for none."""
        ...

    def is_accepting(self, state: int) -> bool:
        """Test whether the bytes so far are complete."""
        ...

    def string_at(self, state: int) -> tuple[nodes.StringBody, int] | None:
        """The string body that begins at a state, if nothing else may come, and the state after it."""
        ...


class GemmaTransducer:
    """Positions of one `GemmaText` node: a mode and a state of the operand. Position 0 is the start."""

    def __init__(self, operand: JsonAutomaton) -> None:
        self._operand = operand
        self._positions: list[tuple[_Mode, int]] = []
        self._ids: dict[tuple[_Mode, int], int] = {}
        self._moves: dict[int, list[Move]] = {}
        self.is_dead = operand.start < 0
        if not self.is_dead:
            self._intern(_Mode.VALUE, operand.start)

    def accepting(self, position: int) -> bool:
        """Test whether the text so far is the whole of a value."""
        mode, state = self._positions[position]
        return mode in (_Mode.VALUE, _Mode.MEMBER) and self._operand.is_accepting(state)

    def after_quote(self, position: int) -> tuple[int | None, nodes.StringBody | None]:
        """Step over the special token for a quote.

        Returns:
            The position after it, None if it cannot come; and where it opens a JSON string body, that body, and the
            position is the one behind the string.
        """
        mode, state = self._positions[position]
        after = self._operand.step(state, _QUOTE)
        if after < 0 or mode is _Mode.KEY or self.key_at(position) is not None:
            return None, None
        if mode is _Mode.STRING:
            return self._intern(_Mode.VALUE, after), None
        string = self._operand.string_at(after)
        if string is None or string[1] < 0:
            return self._intern(_Mode.STRING, after), None
        return self._intern(_Mode.VALUE, string[1]), string[0]

    def key_at(self, position: int) -> tuple[nodes.StringBody, int] | None:
        """The JSON string body of any key that may begin here, and the position behind its colon."""
        mode, state = self._positions[position]
        start = self._operand.step(state, _QUOTE) if mode is _Mode.MEMBER else -1
        string = self._operand.string_at(start) if start >= 0 else None
        if string is None:
            return None
        after = self._feed(string[1], b":")
        return None if after < 0 else (string[0], self._intern(_Mode.VALUE, after))

    def moves(self, position: int) -> list[Move]:
        """Byte ranges that lead on, disjoint."""
        if position not in self._moves:
            self._moves[position] = _ranges(self._targets(*self._positions[position]))
        return self._moves[position]

    def _targets(self, mode: _Mode, state: int) -> npt.NDArray[np.int64]:
        """[256] position after each byte, -1 for none."""
        match mode:
            case _Mode.STRING:
                return self._interned(_Mode.STRING, self._unescaped(state))
            case _Mode.KEY:
                return self._in_key(state)
            case _Mode.VALUE:
                return self._in_value(state)
            case _Mode.MEMBER:
                targets = self._in_value(state)
                key = self._operand.step(state, _QUOTE)
                if key < 0 or self._operand.string_at(key) is not None:  # any key is read apart, see `key_at`
                    return targets
                # Where a value may begin with the byte this is a list, where it may not an object: no text is both.
                return np.where(targets < 0, self._in_key(key, is_first=True), targets)

    def _in_value(self, state: int) -> npt.NDArray[np.int64]:
        after = self._operand.row(state).copy()
        after[[_QUOTE, ord(":")]] = -1  # quotes are special tokens, and colons end keys
        targets = self._interned(_Mode.VALUE, after)
        for byte in b"{,":
            if after[byte] >= 0:
                targets[byte] = self._intern(_Mode.MEMBER, int(after[byte]))
        return targets

    def _in_key(self, state: int, *, is_first: bool = False) -> npt.NDArray[np.int64]:
        after = self._unescaped(state)
        after[list(UNWRITABLE_IN_KEYS)] = -1
        targets = self._interned(_Mode.KEY, after)
        value = -1 if is_first else self._feed(state, b'":')
        if value >= 0:
            targets[ord(":")] = self._intern(_Mode.VALUE, value)
        return targets

    def _unescaped(self, state: int) -> npt.NDArray[np.int32]:
        """[256] state after each byte of a string, which is read as it is and fed as JSON writes it."""
        after = self._operand.row(state).copy()
        backslash = int(after[ord("\\")])
        for byte, escape in ESCAPES.items():
            after[byte] = self._feed(backslash, escape[1:])
        return after

    def _feed(self, state: int, data: bytes) -> int:
        for byte in data:
            if state < 0:
                break
            state = self._operand.step(state, byte)
        return state

    def _interned(self, mode: _Mode, states: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
        targets = np.full(256, -1, np.int64)
        alive = np.nonzero(states >= 0)[0]
        targets[alive] = [self._intern(mode, state) for state in states[alive].tolist()]
        return targets

    def _intern(self, mode: _Mode, state: int) -> int:
        found = self._ids.setdefault((mode, state), len(self._positions))
        if found == len(self._positions):
            self._positions.append((mode, state))
        return found


def _ranges(targets: npt.NDArray[np.int64]) -> list[Move]:
    cuts = [0, *(np.nonzero(np.diff(targets))[0] + 1).tolist(), 256]
    met: list[int] = targets[cuts[:-1]].tolist()
    return [(low, after - 1, to) for low, after, to in zip(cuts, cuts[1:], met, strict=False) if to >= 0]
