"""Automata that read whole texts, kept for `Grammar.accepts`: bounded, by digest, apart from the grammars."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Final

from agentfast.runtime.grammar.automaton.automaton import Automaton
from agentfast.runtime.grammar.automaton.nodes import Node

_MAX_READ_STATES: Final = 20_000_000
"""States that one automaton may take while it reads; more is a GrammarError."""
_KEPT_STATES: Final = 500_000
_KEPT: Final = 256


class Acceptor:
    """A lazily built automaton of one grammar, which grows while it reads."""

    def __init__(self, root: Node) -> None:
        self._lock = Lock()  # the automaton grows
        self._automaton = Automaton(root, max_depth=None, max_states=_MAX_READ_STATES, blocks=False)

    @property
    def states(self) -> int:
        """States made so far."""
        return self._automaton.total_states

    def accepts(self, data: bytes) -> bool:
        """Test whether the bytes match as a whole."""
        automaton = self._automaton
        state, step = automaton.start, automaton.step
        with self._lock:
            for byte in data:
                if state < 0:
                    return False
                state = step(state, byte)
            return state >= 0 and automaton.is_accepting(state)


class AcceptorStore:
    """Acceptors by grammar digest, those used longest ago dropped. Thread-safe."""

    def __init__(self, *, grammars: int = _KEPT, states: int = _KEPT_STATES) -> None:
        """
        Args:
            grammars: acceptors kept.
            states: automaton states kept in all of them together.
        """
        self._most = grammars
        self._most_states = states
        self._lock = Lock()
        self._acceptors: OrderedDict[bytes, Acceptor] = OrderedDict()

    def __len__(self) -> int:
        return len(self._acceptors)

    def accepts(self, root: Node, data: bytes) -> bool:
        """Test whether a grammar matches the bytes as a whole.

        Raises:
            GrammarError: reading takes too many states.
        """
        acceptor = self._acceptor_of(root)
        before = acceptor.states
        try:
            return acceptor.accepts(data)
        finally:
            if acceptor.states != before:
                self._shrink()

    def _acceptor_of(self, root: Node) -> Acceptor:
        with self._lock:
            acceptor = self._acceptors.get(root.digest)
            if acceptor is not None:
                self._acceptors.move_to_end(root.digest)
                return acceptor
        acceptor = Acceptor(root)
        with self._lock:
            acceptor = self._acceptors.setdefault(root.digest, acceptor)
            if len(self._acceptors) > self._most:
                self._acceptors.popitem(last=False)
        return acceptor

    def _shrink(self) -> None:
        """Drop acceptors until their states are within bounds."""
        with self._lock:
            states = sum(acceptor.states for acceptor in self._acceptors.values())
            while self._acceptors and states > self._most_states:
                states -= self._acceptors.popitem(last=False)[1].states


ACCEPTORS: Final = AcceptorStore()
"""The store of this process."""
