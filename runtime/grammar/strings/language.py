"""Sets of Unicode strings: patterns, formats, listed words and lengths, and every combination of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import lru_cache, partial
from typing import Final

from agentfast.errors import GrammarError
from agentfast.runtime.grammar.automaton import nodes
from agentfast.runtime.grammar.codepoints.automaton import (
    CodepointAutomaton,
    States,
    complement,
    contains,
    explore,
    of_length,
    product,
)
from agentfast.runtime.grammar.codepoints.length_sets import EVERY_LENGTH, NO_LENGTH, both, either
from agentfast.runtime.grammar.strings.enumerate import enumerate_texts, liveness_of
from agentfast.runtime.grammar.strings.exact_sets import (
    ExactComplement,
    ExactProduct,
    ExactSet,
    Keep,
    outer_of,
    states_of,
)
from agentfast.runtime.grammar.strings.format_sets import (
    FORMATS,
    FormatSet,
    pattern_automaton,
    whole_pattern_automaton,
)
from agentfast.runtime.grammar.strings.formats import UNDEFINED
from agentfast.runtime.grammar.strings.nodes import lazy_node, strings_node
from agentfast.runtime.grammar.strings.utf8_encoder import Encoding


class StringLanguage:
    """An immutable set of Unicode strings; one that holds lone surrogates is in no set.

    Make one with `anything`, `words`, `pattern`, `format` or `length`; combine them with `&`, `|` and `~`. Equal ones
    hold the same strings; two that hold the same strings are mostly, but not always, equal.

    A set whose automaton is large lies between two with small ones: `inner` is what is generated of it, and the
    outer one takes that role in the complement.

    Every operation raises GrammarError where it takes too many states.

    Attributes:
        inner: the automaton of what is generated; not empty unless the set is.
        exact: the set itself, if that is more.
        digest: identifies the content.
    """

    __slots__ = ("digest", "exact", "inner")

    def __init__(self, inner: CodepointAutomaton, exact: ExactSet | None = None) -> None:
        self.inner = inner
        self.exact = exact
        self.digest = inner.digest if exact is None else exact.digest

    @classmethod
    def anything(cls) -> StringLanguage:
        """Every string."""
        return cls.length(0, None)

    @classmethod
    def words(cls, words: Iterable[str]) -> StringLanguage:
        """These strings.

        Raises:
            GrammarError: one has lone surrogates.
        """
        return cls(_words(tuple(words)))

    @classmethod
    def pattern(cls, pattern: str) -> StringLanguage:
        """Strings in which an ECMA-262 regular expression (flag `u`) matches somewhere.

        Raises:
            GrammarError: it is malformed or not regular; says what and where.
        """
        return cls(pattern_automaton(pattern))

    @classmethod
    def format(cls, name: str) -> StringLanguage:
        """Strings of a format, see formats.py.

        Raises:
            GrammarError: it has no definition here.
        """
        if name not in FORMATS:
            why = UNDEFINED.get(name, "it is unknown")
            raise GrammarError(f"the format {name!r} has no definition here: {why}", hint="use pattern")
        return _format(name)

    @classmethod
    def length(cls, least: int, most: int | None) -> StringLanguage:
        """Strings of `least` to `most` code points, both included; `most` None is without end."""
        return cls(of_length(least, most))

    def __and__(self, other: StringLanguage) -> StringLanguage:
        return _combined(self, other, both)

    def __or__(self, other: StringLanguage) -> StringLanguage:
        return _combined(self, other, either)

    def __invert__(self) -> StringLanguage:
        if self.exact is None:
            return StringLanguage(complement(self.inner))
        return _bounded(complement(outer_of(self.exact)), ExactComplement(self.exact, self.inner))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StringLanguage) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    @property
    def operand(self) -> CodepointAutomaton | ExactSet:
        """The set itself, as an automaton or an expression."""
        return self.inner if self.exact is None else self.exact

    @property
    def outer(self) -> CodepointAutomaton:
        """A small automaton of a set that holds this one."""
        return outer_of(self.operand)

    @property
    def is_empty(self) -> bool:
        """True if no string is in the set."""
        return not liveness_of(self.inner).starts

    def contains(self, text: str) -> bool:
        """Test whether the string is in the set."""
        return contains(states_of(self.operand), text)

    def finite(self, limit: int) -> tuple[str, ...] | None:
        """All strings, shorter ones first, then by code point; None if there are more than `limit`."""
        found = enumerate_texts(self.inner, limit)
        if found is None or self.exact is None:
            return found
        return enumerate_texts(_explored(states_of(self.operand)), limit)

    def node(self, encoding: Encoding) -> nodes.Node:
        """The strings as they are written, with both quotes where the encoding has quotes.

        Where only lengths matter it is the string body that all grammars share, in any encoding of JSON. Of a format,
        the part that is generated may be less than what is read.
        """
        generated = strings_node(self.inner, encoding)
        if self.exact is None:
            return generated
        content = hashlib.sha256(self.digest + encoding.encode()).digest()
        return nodes.Narrowed(partial(lazy_node, self.exact, encoding, content), generated, content)


_EVERY: Final = of_length(0, None)


@lru_cache(maxsize=1024)
def _combined(left: StringLanguage, right: StringLanguage, keep: Keep) -> StringLanguage:
    for one, other in ((left, right), (right, left)):
        if keep is both and one.digest == _EVERY.digest:
            return other
    inner = product(left.inner, right.inner, keep)
    if left.exact is None and right.exact is None:
        return StringLanguage(inner)
    return _bounded(inner, ExactProduct(left.operand, right.operand, keep))


def _bounded(inner: CodepointAutomaton, exact: ExactSet) -> StringLanguage:
    """A set with a part that may turn out empty: then all of it is looked at."""
    if not liveness_of(inner).starts:
        return StringLanguage(_explored(states_of(exact)))
    return StringLanguage(inner, exact)


def _explored(states: States) -> CodepointAutomaton:
    return states if isinstance(states, CodepointAutomaton) else explore(0, states.row, states.lengths_at)


@lru_cache(maxsize=64)
def _format(name: str) -> StringLanguage:
    definition, exact = FORMATS[name], FormatSet(name)
    if definition.generated is None:
        return StringLanguage(outer_of(exact))
    return StringLanguage(whole_pattern_automaton(definition.generated, definition.generated_most), exact)


@lru_cache(maxsize=1024)
def _words(words: tuple[str, ...]) -> CodepointAutomaton:
    if any("\ud800" <= char <= "\udfff" for word in words for char in word):
        raise GrammarError("a text with lone surrogates cannot be written")

    def row_of(rests: frozenset[str]) -> list[tuple[int, frozenset[str]]]:
        row: list[tuple[int, frozenset[str]]] = [(0, frozenset())]
        by_first: dict[str, set[str]] = {}
        for rest in rests:
            if rest:
                by_first.setdefault(rest[0], set()).add(rest[1:])
        for char, after in sorted(by_first.items()):
            code = ord(char)
            if row[-1][0] == code:
                row.pop()
            row += [(code, frozenset(after)), (code + 1, frozenset())]
        return row if row[-1][0] <= 0x10FFFF else row[:-1]

    limit = sum(map(len, words)) + 2
    return explore(frozenset(words), row_of, lambda rests: EVERY_LENGTH if "" in rests else NO_LENGTH, limit)
