"""Large sets of strings as expressions, whose automata are made lazily.

An expression is plain data and can be pickled; its automata are kept apart, by digest.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from agentfast.runtime.grammar.codepoints.automaton import CodepointAutomaton, States, complement, product
from agentfast.runtime.grammar.codepoints.lazy_automaton import lazy_complement, lazy_product

Keep = Callable[[bool, bool], bool]


class ExactSet(ABC):
    """A set that is read as a whole and generated in part. Equal sets have equal digests.

    Attributes:
        digest: identifies the content.
    """

    digest: bytes

    @abstractmethod
    def make_states(self) -> States:
        """Build an automaton of the set itself."""

    @abstractmethod
    def make_outer(self) -> CodepointAutomaton:
        """Build a small automaton of a set around it."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ExactSet) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)


Operand = CodepointAutomaton | ExactSet


@lru_cache(maxsize=256)
def _states_of(exact: ExactSet) -> States:
    return exact.make_states()


@lru_cache(maxsize=256)
def _outer_of(exact: ExactSet) -> CodepointAutomaton:
    return exact.make_outer()


def states_of(operand: Operand) -> States:
    """An automaton of the set itself; kept."""
    return _states_of(operand) if isinstance(operand, ExactSet) else operand


def outer_of(operand: Operand) -> CodepointAutomaton:
    """A small automaton of a set around it; kept."""
    return _outer_of(operand) if isinstance(operand, ExactSet) else operand


@dataclass(frozen=True, eq=False)
class ExactComplement(ExactSet):
    """The strings that are not in a set.

    Attributes:
        inner: the part of the set that is generated.
    """

    exact: ExactSet
    inner: CodepointAutomaton

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", hashlib.sha256(b"not" + self.exact.digest).digest())

    def make_states(self) -> States:
        return lazy_complement(states_of(self.exact))

    def make_outer(self) -> CodepointAutomaton:
        return complement(self.inner)


@dataclass(frozen=True, eq=False)
class ExactProduct(ExactSet):
    """The strings for which `keep` says so of (in left, in right)."""

    left: Operand
    right: Operand
    keep: Keep

    def __post_init__(self) -> None:
        name = self.keep.__name__.encode()
        object.__setattr__(
            self, "digest", hashlib.sha256(name + self.left.digest + self.right.digest).digest()
        )

    def make_states(self) -> States:
        return lazy_product(states_of(self.left), states_of(self.right), self.keep)

    def make_outer(self) -> CodepointAutomaton:
        return product(outer_of(self.left), outer_of(self.right), self.keep)
