"""Automata of string formats and of patterns."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from agentfast.runtime.grammar.codepoints.automaton import CodepointAutomaton, States, of_length, product
from agentfast.runtime.grammar.codepoints.lazy_automaton import lazy_product
from agentfast.runtime.grammar.codepoints.length_sets import both
from agentfast.runtime.grammar.regex.dfa import automaton_of
from agentfast.runtime.grammar.regex.parser import parse_regex
from agentfast.runtime.grammar.regex.repeats import without_count
from agentfast.runtime.grammar.strings.exact_sets import ExactSet, outer_of
from agentfast.runtime.grammar.strings.formats import STANDARD_FORMATS
from agentfast.runtime.grammar.strings.leap_seconds import leap_seconds
from agentfast.runtime.grammar.strings.more_formats import MORE_FORMATS

FORMATS: Final = {**STANDARD_FORMATS, **MORE_FORMATS}
"""All asserted formats by name."""


@lru_cache(maxsize=1024)
def pattern_automaton(pattern: str) -> CodepointAutomaton:
    """Texts in which a pattern matches somewhere.

    Raises:
        GrammarError: it is malformed or not regular, or takes too many states.
    """
    expression, (least, most) = without_count(parse_regex(pattern))
    found = automaton_of(expression)
    return found if (least, most) == (0, None) else product(found, of_length(least, most), both)


def whole_pattern_automaton(pattern: str, most: int | None = None) -> CodepointAutomaton:
    """Texts that a pattern matches as a whole, of at most so many code points."""
    return product(of_length(0, most), pattern_automaton(f"^(?:{pattern})$"), both)


@dataclass(frozen=True, eq=False)
class FormatSet(ExactSet):
    """The strings of a format, by name; the outer automaton is that of its first pattern and its length."""

    name: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", hashlib.sha256(b"format " + self.name.encode()).digest())

    def make_states(self) -> States:
        definition = FORMATS[self.name]
        found: States = outer_of(self)
        for pattern in definition.patterns[1:]:
            found = lazy_product(found, whole_pattern_automaton(pattern), both)
        return self._without_false_leap_seconds(found) if definition.leap_seconds else found

    def make_outer(self) -> CodepointAutomaton:
        definition = FORMATS[self.name]
        return whole_pattern_automaton(definition.patterns[0], definition.most)

    def _without_false_leap_seconds(self, found: States) -> States:
        """The texts without 60th seconds that are not at 23:59:60 in UTC."""
        real = lazy_product(
            leap_seconds(after_date=self.name == "date-time"), pattern_automaton(":60"), _implied
        )
        return lazy_product(found, real, both)


def _implied(claim: bool, condition: bool) -> bool:
    return claim or not condition
