"""Expressions of a grammar: immutable nodes over bytes and special tokens, equal when their digests are.

The automaton reads these as continuations (partial derivatives, Antimirov 1996), so nothing is unrolled before it is
reached: a counter is a number in the continuation, a recursive rule a frame of it.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Sequence as SequenceOf
from dataclasses import dataclass
from typing import Any

from agentfast.runtime.grammar.automaton.boolean_formula import Formula, Leaf
from agentfast.runtime.grammar.automaton.byte_dfa import ByteAutomaton, ByteDfa
from agentfast.runtime.grammar.automaton.string_body import ANY_BODY, CLOSED, Body


class Node:
    """Base of all expressions. `digest` identifies the content."""

    __slots__ = ("_least_states", "digest")

    def __init__(self, kind: str, *parts: bytes) -> None:
        self._least_states: int | None = None
        sha = hashlib.sha256(kind.encode())
        for part in parts:
            sha.update(len(part).to_bytes(8, "little") + part)
        self.digest = sha.digest()

    @property
    def children(self) -> tuple[Node, ...]:
        """The expressions that this one is made of."""
        return ()

    @property
    def least_states(self) -> int:
        """Lower estimate of automaton states, to refuse hopeless grammars before they are built."""
        if self._least_states is None:
            self._least_states = self._count_states()
        return self._least_states

    def _count_states(self) -> int:
        return 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Node) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)


class Literal(Node):
    """Exactly these bytes; none at all is the empty expression."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        super().__init__("literal", data)
        self.data = data

    def _count_states(self) -> int:
        return len(self.data)


class Special(Node):
    """One special token, by name."""

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        super().__init__("special", name.encode())
        self.name = name


class Sequence(Node):
    """The parts one after the other."""

    __slots__ = ("parts",)

    def __init__(self, *parts: Node) -> None:
        super().__init__("sequence", *(part.digest for part in parts))
        self.parts = parts

    @property
    def children(self) -> tuple[Node, ...]:
        return self.parts

    def _count_states(self) -> int:
        return sum(part.least_states for part in self.parts)


class Choice(Node):
    """Any one of the options; none at all is the expression that nothing matches."""

    __slots__ = ("options",)

    def __init__(self, options: Iterable[Node]) -> None:
        self.options = tuple(options)
        super().__init__("choice", *(option.digest for option in self.options))

    @property
    def children(self) -> tuple[Node, ...]:
        return self.options

    def _count_states(self) -> int:
        return max((option.least_states for option in self.options), default=0)


class Repeat(Node):
    """`item` from `least` to `most` times; `most` None is without end."""

    __slots__ = ("item", "least", "most")

    def __init__(self, item: Node, least: int, most: int | None) -> None:
        super().__init__("repeat", item.digest, str(least).encode(), str(most).encode())
        self.item = item
        self.least = least
        self.most = most

    @property
    def children(self) -> tuple[Node, ...]:
        return (self.item,)

    def _count_states(self) -> int:
        return max(self.least, self.most or 0) * self.item.least_states


class Terminal(Node):
    """The language of a byte DFA."""

    __slots__ = ("dfa",)

    def __init__(self, dfa: ByteAutomaton) -> None:
        super().__init__("terminal", dfa.digest)
        self.dfa = dfa

    def _count_states(self) -> int:
        return len(self.dfa.accepting) if isinstance(self.dfa, ByteDfa) else 1


class StringBody(Node):
    """The rest of a JSON string after its opening quote, the closing one included.

    `least` to `most` code points, as `body` allows. Kept apart from `Terminal` because it is alive on much of the
    vocabulary and has a counter, so that its lifting is worth sharing (see tokens/lifting/string_lift.py).
    """

    __slots__ = ("body", "least", "most")

    def __init__(self, least: int = 0, most: int | None = None, body: Body = ANY_BODY) -> None:
        super().__init__("string", str(least).encode(), str(most).encode(), body.digest)
        self.least = least
        self.most = most
        self.body = body

    @property
    def counts(self) -> int:
        """Number of different counter values: 0..most, or without an upper bound up to where nothing changes any more."""
        return (max(self.least, self.body.last_change) if self.most is None else self.most) + 1

    @property
    def size(self) -> int:
        """Number of positions: counter values times places, numbered in row-major order."""
        return self.counts * self.body.places

    def may_close(self, position: int) -> bool:
        """Test whether the body's closer may come."""
        count, place = divmod(position, self.body.places)
        return place in self.body.ends and count >= self.least and self.body.closes(place, count)

    def moves(self, position: int) -> list[tuple[int, int, int | None]]:
        """Byte ranges that may come, each with the position after it, None after the closing quote."""
        count, place = divmod(position, self.body.places)
        result: list[tuple[int, int, int | None]] = []
        for low, high, to, counted in self.body.moves[place]:
            if to == CLOSED:
                if count >= self.least and self.body.closes(place, count):
                    result.append((low, high, None))
            elif not counted or self.most is None or count < self.most:
                result.append((low, high, min(count + counted, self.counts - 1) * self.body.places + to))
        return result


class Narrowed(Node):
    """A language that is read as a whole, also as an operand of `Boolean`, and generated in part.

    Attributes:
        generated: the part.
    """

    __slots__ = ("_exact", "_make", "generated")

    def __init__(self, exact: Callable[[], Node], generated: Node, content: bytes) -> None:
        """
        Args:
            exact: makes the whole language, when it is first asked for; it can be pickled.
            content: identifies both.
        """
        super().__init__("narrowed", content)
        self._make = exact
        self._exact: Node | None = None
        self.generated = generated

    def __getstate__(self) -> tuple[None, dict[str, Any]]:
        """State for pickling, without the cached `exact`."""
        state: dict[str, Any] = {
            name: getattr(self, name) for name in ("_least_states", "digest", "_make", "generated")
        }
        return None, state | {"_exact": None}

    @property
    def exact(self) -> Node:
        """The whole language."""
        if self._exact is None:
            self._exact = self._make()
        return self._exact

    @property
    def children(self) -> tuple[Node, ...]:
        return (self.generated,)


class Steps(Node, ABC):
    """A walk over small integers: each step matches a node and leads to the next position, from 0 until a final one.

    Subclasses say what the steps are; a position appears only when it is reached.
    """

    __slots__ = ()

    @abstractmethod
    def steps(self, position: int) -> SequenceOf[tuple[Node, int]]:
        """Nodes that may come at a position, each with the position after it."""

    @abstractmethod
    def is_final(self, position: int) -> bool:
        """Test whether the walk may end here."""


@dataclass(frozen=True)
class Operand(Leaf):
    """Condition that the word matches an operand, by index."""

    index: int


class Boolean(Node):
    """The words for which `truth`, a formula over `Operand`s, holds. Operands have no special tokens."""

    __slots__ = ("operands", "truth")

    def __init__(self, operands: Iterable[Node], truth: Formula) -> None:
        self.operands = tuple(operands)
        super().__init__("boolean", repr(truth).encode(), *(operand.digest for operand in self.operands))
        self.truth = truth

    @property
    def children(self) -> tuple[Node, ...]:
        return self.operands


class GemmaText(Node):
    """Texts in Gemma 4's notation whose JSON an operand matches; `quote` is the special token for quotes.

    See gemma_notation.py. The operand has no special tokens.
    """

    __slots__ = ("operand", "quote")

    def __init__(self, operand: Node, quote: str) -> None:
        super().__init__("translated", operand.digest, quote.encode())
        self.operand = operand
        self.quote = quote

    @property
    def children(self) -> tuple[Node, ...]:
        return (self.operand, Special(self.quote))


class Rule:
    """A named expression that may contain references to itself; `body` is set once, by whoever made the rule.

    Attributes:
        followed_by: bytes that follow the rule wherever it is worth making its automaton once for all uses; the body
            is not empty and takes none of them where it may end. None: the rule is explored anew in each place.
    """

    __slots__ = ("body", "followed_by", "name")

    def __init__(self, name: str, followed_by: bytes | None = None) -> None:
        self.name = name
        self.followed_by = followed_by
        self.body: Node = NOTHING


class Reference(Node):
    """A recursive use of a rule. The rule's name must identify its content, as the digest rests on it."""

    __slots__ = ("rule",)

    def __init__(self, rule: Rule) -> None:
        super().__init__("reference", rule.name.encode())
        self.rule = rule

    @property
    def children(self) -> tuple[Node, ...]:
        return (self.rule.body,)


EMPTY = Literal(b"")
NOTHING = Choice(())


def walk(root: Node) -> Iterator[Node]:
    """Every expression in another, itself included, once each."""
    seen: set[Node] = set()
    pending = [root]
    while pending:
        node = pending.pop()
        if node not in seen:
            seen.add(node)
            pending += node.children
            yield node
