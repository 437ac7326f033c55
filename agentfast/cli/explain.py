"""`agentfast schema FILE --explain`: what a schema's automaton looks like, and what bounds it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from agentfast.cli.fields import Compile, FieldCost, field_costs, fields_text
from agentfast.cli.sections import section, shortened, wrapped
from agentfast.runtime.grammar import TokenGrammar
from agentfast.runtime.grammar.grammar import MAX_STATES
from agentfast.runtime.grammar.numbers import EXPONENTS, FRACTION_DIGITS, WHOLE_DIGITS
from agentfast.runtime.grammar.samples import Sampler
from agentfast.runtime.grammar.support import SUPPORT, keywords_used, subschemas

_WHITESPACE: Final = {
    "compact": "no whitespace between the parts of objects and arrays",
    "spaced": "one space after , and :, as json.dumps writes by default",
    "flexible": "between the parts nothing, one space, or a line break and a bounded indent",
}
_CANONICAL: Final = (
    "numbers as a model should write them: integers without point or exponent; others with bounds or multipleOf have no"
    " exponent, and no more digits after the point than double precision tells apart"
)
_ANY: Final = (
    f"numbers in every notation; with an exponent at most {WHOLE_DIGITS} digits before the point, no digit but 0 further"
    f" than {FRACTION_DIGITS} places after it, and an exponent from {EXPONENTS[0]} to {EXPONENTS[1]}"
)


@dataclass(frozen=True, slots=True)
class KeywordNote:
    """A keyword that the schema uses, and how it is read."""

    keyword: str
    reading: str
    refused: str
    instead: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is added to a report.

    Attributes:
        byte_states: states of the automaton over bytes that was lifted to tokens.
        recursion: references that may be open at a time in what is generated, None without recursion.
        samples: instances drawn at random.
        fields: each compiled alone.
        limits: what bounds the language beyond the schema.
    """

    byte_states: int
    recursion: int | None
    samples: tuple[str, ...]
    fields: tuple[FieldCost, ...]
    limits: tuple[str, ...]
    keywords: tuple[KeywordNote, ...]

    def text(self) -> str:
        """For people; the report comes before it."""
        return "\n".join(
            (
                f"bytes     {self.byte_states:,} states before they were lifted to tokens",
                *section("sampled instances", map(shortened, self.samples)),
                *fields_text(self.fields),
                *section("limits", map(wrapped, self.limits)),
                *section("keywords", (f"{note.keyword:<20}  {note.reading}" for note in self.keywords)),
            )
        )


def explain(
    schema: Any,
    grammar: TokenGrammar,
    compile_alone: Compile,
    *,
    whitespace: str,
    closed: bool,
    samples: int,
    seed: int,
) -> Explanation:
    """Explain a schema that compiles."""
    sampler = Sampler(grammar, seed)
    return Explanation(
        byte_states=grammar.byte_states,
        recursion=grammar.recursion,
        samples=tuple(sampler.draw() for _ in range(samples)),
        fields=tuple(field_costs(schema, compile_alone, grammar.vocabulary)),
        limits=tuple(_limits(schema, grammar.recursion, whitespace=whitespace, closed=closed)),
        keywords=tuple(
            KeywordNote(keyword, SUPPORT[keyword].reading, SUPPORT[keyword].refused, SUPPORT[keyword].instead)
            for keyword in keywords_used(schema)
        ),
    )


def _limits(schema: Any, recursion: int | None, *, whitespace: str, closed: bool) -> Iterable[str]:
    yield (
        "objects that do not say so have no further properties (--open for JSON Schema's own reading)"
        if closed
        else "objects that do not say otherwise have any further properties, as JSON Schema has it"
    )
    yield _WHITESPACE[whitespace]
    if _has_numbers(schema):
        yield _CANONICAL if closed else _ANY
    if recursion is not None:
        yield f"references are open at most {recursion} deep in what is generated; deeper values are valid, never written"
    yield f"a grammar has at most {MAX_STATES:,} states; more is refused"


def _has_numbers(schema: Any) -> bool:
    return any(
        kind in str(rules.get("type", "number"))
        for _, rules in subschemas(schema)
        for kind in ("number", "integer")
    )
