"""Sets of Unicode strings: patterns, formats, listed words and lengths, and every combination of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
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
from agentfast.runtime.grammar.codepoints.lazy_automaton import lazy_complement, lazy_product
from agentfast.runtime.grammar.codepoints.length_sets import EVERY_LENGTH, NO_LENGTH, both, either
from agentfast.runtime.grammar.regex.dfa import automaton_of
from agentfast.runtime.grammar.regex.parser import parse_regex
from agentfast.runtime.grammar.regex.repeats import without_count
from agentfast.runtime.grammar.strings.enumerate import enumerate_texts, liveness_of
from agentfast.runtime.grammar.strings.formats import FORMATS, REFUSED, Format
from agentfast.runtime.grammar.strings.leap_seconds import leap_seconds
from agentfast.runtime.grammar.strings.nodes import read, strings_node
from agentfast.runtime.grammar.strings.utf8_encoder import Spelling

Keep = Callable[[bool, bool], bool]


@dataclass(frozen=True)
class Whole:
    """A set of which only a part is generated: what makes the automata of the set itself and of one around it."""

    states: Callable[[], States]
    outer: Callable[[], CodepointAutomaton]
    digest: bytes


class StringLanguage:
    """An immutable set of Unicode strings; one that holds lone surrogates is in no set.

    Make one with `anything`, `words`, `pattern`, `format` or `length`; combine them with `&`, `|` and `~`. Equal ones
    hold the same strings; two that hold the same strings are mostly, but not always, equal.

    A set whose automaton is large lies between two with small ones: `inner` is what is generated of it, and the
    outer one takes that role in the complement.

    Every operation raises GrammarError where it takes too many states.

    Attributes:
        inner: the automaton of what is generated; not empty unless the set is.
        whole: the set itself, if that is more.
        digest: identifies the content.
    """

    __slots__ = ("digest", "inner", "whole")

    def __init__(self, inner: CodepointAutomaton, whole: Whole | None = None) -> None:
        self.inner = inner
        self.whole = whole
        self.digest = inner.digest if whole is None else whole.digest

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
        return cls(_pattern(pattern))

    @classmethod
    def format(cls, name: str) -> StringLanguage:
        """Strings of a format; see formats.py for what each is.

        Raises:
            GrammarError: it has no definition here.
        """
        if name not in FORMATS:
            why = REFUSED.get(name, "it is unknown")
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
        if self.whole is None:
            return StringLanguage(complement(self.inner))
        states, inner = self.whole.states, self.inner
        return _bounded(
            complement(self.whole.outer()),
            lambda: lazy_complement(states()),
            lambda: complement(inner),
            hashlib.sha256(b"not" + self.digest).digest(),
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StringLanguage) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    @property
    def states(self) -> States:
        """An automaton of the set itself."""
        return self.inner if self.whole is None else self.whole.states()

    @property
    def outer(self) -> CodepointAutomaton:
        """A small automaton of a set that holds this one."""
        return self.inner if self.whole is None else self.whole.outer()

    @property
    def is_empty(self) -> bool:
        """Whether no string is in the set."""
        return not liveness_of(self.inner).starts

    def contains(self, text: str) -> bool:
        """Whether the string is in the set."""
        return contains(self.states, text)

    def finite(self, limit: int) -> tuple[str, ...] | None:
        """All strings, shorter ones first, then by code point; None if there are more than `limit`."""
        found = enumerate_texts(self.inner, limit)
        if found is None or self.whole is None:
            return found
        return enumerate_texts(_explored(self.states), limit)

    def node(self, spelling: Spelling) -> nodes.Node:
        """The strings as they are written, with both quotes where the spelling has quotes.

        Where only lengths matter it is the string body that all grammars share, in any spelling of JSON. Of a format,
        the part that is generated may be less than what is read.
        """
        generated = strings_node(self.inner, spelling)
        if self.whole is None:
            return generated
        content = hashlib.sha256(self.digest + spelling.encode()).digest()
        return nodes.Narrowed(lambda: read(self.states, spelling, content), generated, content)


_EVERY: Final = of_length(0, None)


@lru_cache(maxsize=1024)
def _combined(left: StringLanguage, right: StringLanguage, keep: Keep) -> StringLanguage:
    for one, other in ((left, right), (right, left)):
        if keep is both and one.digest == _EVERY.digest:
            return other
    inner = product(left.inner, right.inner, keep)
    if left.whole is None and right.whole is None:
        return StringLanguage(inner)
    return _bounded(
        inner,
        lambda: lazy_product(left.states, right.states, keep),
        lambda: product(left.outer, right.outer, keep),
        hashlib.sha256(keep.__name__.encode() + left.digest + right.digest).digest(),
    )


def _bounded(
    inner: CodepointAutomaton,
    states: Callable[[], States],
    outer: Callable[[], CodepointAutomaton],
    digest: bytes,
) -> StringLanguage:
    """A set with a part that may turn out empty: then all of it is looked at."""
    if not liveness_of(inner).starts:
        return StringLanguage(_explored(states()))
    return StringLanguage(inner, Whole(cache(states), cache(outer), digest))


def _explored(states: States) -> CodepointAutomaton:
    return states if isinstance(states, CodepointAutomaton) else explore(0, states.row, states.lengths_at)


@lru_cache(maxsize=1024)
def _pattern(pattern: str) -> CodepointAutomaton:
    expression, (least, most) = without_count(parse_regex(pattern))
    found = automaton_of(expression)
    return found if (least, most) == (0, None) else product(found, of_length(least, most), both)


@lru_cache(maxsize=64)
def _format(name: str) -> StringLanguage:
    definition = FORMATS[name]
    first, *others = definition.patterns
    outer = cache(lambda: _matching(first, definition.most))
    if definition.generated is None:
        return StringLanguage(outer())

    def states() -> States:
        found: States = outer()
        for pattern in others:
            found = lazy_product(found, _matching(pattern), both)
        return _with_leap_seconds(found, definition) if definition.leap_seconds else found

    digest = hashlib.sha256(b"format " + name.encode()).digest()
    return StringLanguage(
        _matching(definition.generated, definition.generated_most), Whole(cache(states), outer, digest)
    )


def _with_leap_seconds(found: States, definition: Format) -> States:
    """Without the 60th seconds that are none."""
    real = lazy_product(
        leap_seconds(after_date=definition is FORMATS["date-time"]), _pattern(":60"), _implied
    )
    return lazy_product(found, real, both)


def _implied(claim: bool, condition: bool) -> bool:
    return claim or not condition


def _matching(pattern: str, most: int | None = None) -> CodepointAutomaton:
    """Texts that match a pattern as a whole and are not too long."""
    return product(of_length(0, most), _pattern(f"^(?:{pattern})$"), both)


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
