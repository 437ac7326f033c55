"""Sets of Unicode strings: patterns, formats, listed words and lengths, and every combination of them."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from functools import lru_cache

from agentfast.errors import GrammarError
from agentfast.runtime.grammar import nodes
from agentfast.runtime.grammar.codepoint_automaton import (
    CodepointAutomaton,
    complement,
    explore,
    product,
)
from agentfast.runtime.grammar.counted import CountedMachine
from agentfast.runtime.grammar.formats import FORMATS
from agentfast.runtime.grammar.lengths import EVERY_LENGTH, NO_LENGTH, between, spans
from agentfast.runtime.grammar.machine import Machine
from agentfast.runtime.grammar.matching import automaton_of
from agentfast.runtime.grammar.regex import parse_regex
from agentfast.runtime.grammar.spelling import Between, Spelling, spelled
from agentfast.runtime.grammar.words import Liveness, words_of


class StringLanguage:
    """An immutable set of Unicode strings; one that holds lone surrogates is in no set.

    Make one with `anything`, `words`, `pattern`, `format` or `length`; combine them with `&`, `|` and `~`. Equality
    is that of the automaton, which is the smallest one: two equal sets may still be unequal if they limit lengths in
    different ways.

    Every operation raises GrammarError where it takes too many states.
    """

    __slots__ = ("automaton",)

    def __init__(self, automaton: CodepointAutomaton) -> None:
        self.automaton = automaton

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
        return cls(_format(name))

    @classmethod
    def length(cls, least: int, most: int | None) -> StringLanguage:
        """Strings of `least` to `most` code points, both included; `most` None is without end."""
        return cls(CodepointAutomaton((((0, 0),),), (between(least, most),)))

    def __and__(self, other: StringLanguage) -> StringLanguage:
        return StringLanguage(product(self.automaton, other.automaton, operator.and_))

    def __or__(self, other: StringLanguage) -> StringLanguage:
        return StringLanguage(product(self.automaton, other.automaton, operator.or_))

    def __invert__(self) -> StringLanguage:
        return StringLanguage(complement(self.automaton))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StringLanguage) and self.automaton == other.automaton

    def __hash__(self) -> int:
        return hash(self.automaton)

    @property
    def digest(self) -> bytes:
        """Identifies the content."""
        return self.automaton.digest

    @property
    def is_empty(self) -> bool:
        """Whether no string is in the set."""
        return not _liveness(self.automaton).alive(0) & 1

    def contains(self, text: str) -> bool:
        """Whether the string is in the set."""
        return self.automaton.contains(text)

    def finite(self, limit: int) -> tuple[str, ...] | None:
        """All strings, shorter ones first, then by code point; None if there are more than `limit`."""
        return words_of(self.automaton, _liveness(self.automaton), limit)

    def node(self, spelling: Spelling) -> nodes.Node:
        """The strings as they are written, with both quotes where the spelling has quotes.

        Where only lengths matter it is the string body that all grammars share, in any spelling of JSON.
        """
        return _node(self.automaton, spelling)


@lru_cache(maxsize=256)
def _liveness(automaton: CodepointAutomaton) -> Liveness:
    return Liveness(automaton)


@lru_cache(maxsize=1024)
def _pattern(pattern: str) -> CodepointAutomaton:
    return automaton_of(parse_regex(pattern))


@lru_cache(maxsize=64)
def _format(name: str) -> CodepointAutomaton:
    if name not in FORMATS:
        raise GrammarError(f"the format {name!r} has no definition here", hint="use pattern")
    return _pattern(f"^(?:{FORMATS[name]})$")


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


@lru_cache(maxsize=1024)
def _node(automaton: CodepointAutomaton, spelling: Spelling) -> nodes.Node:
    if not _liveness(automaton).alive(0) & 1:
        return nodes.NOTHING
    quote = nodes.Literal(b'"')
    if spelling == "plain":
        if any(lengths not in (NO_LENGTH, EVERY_LENGTH) for lengths in automaton.lengths):
            return nodes.Terminal(CountedMachine(automaton, spelling))
        return nodes.Terminal(_machine(automaton))
    if len(automaton.rows) == 1:
        bodies = [nodes.StringBody(least, most) for least, most in spans(automaton.lengths[0])]
        return nodes.Sequence(quote, bodies[0] if len(bodies) == 1 else nodes.Choice(bodies))
    if automaton.limits is None:
        return nodes.Sequence(quote, nodes.Terminal(CountedMachine(automaton, spelling)))
    return nodes.Sequence(quote, nodes.StringBody(*automaton.limits, spelled(automaton, spelling).body))


def _machine(automaton: CodepointAutomaton) -> Machine:
    found = spelled(automaton, "plain")
    accepting = tuple(isinstance(at, Between) and bool(automaton.lengths[at.state]) for at in found.places)
    return Machine(tuple(tuple(move[:3] for move in row) for row in found.body.moves), accepting)
