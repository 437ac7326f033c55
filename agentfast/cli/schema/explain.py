"""`agentfast schema FILE --explain`: samples, field costs, limits and keywords of a schema."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from agentfast.cli.schema.field_cost import Begin, FieldCost, field_costs, fields_text
from agentfast.cli.schema.options import SchemaOptions
from agentfast.cli.schema.sections import section, shortened, wrapped
from agentfast.runtime.grammar import TokenGrammar
from agentfast.runtime.grammar.compile import MAX_STATES
from agentfast.runtime.grammar.schema.keyword_notes import KEYWORD_NOTES, keywords_used
from agentfast.runtime.grammar.schema.notes import schema_notes
from agentfast.runtime.grammar.schema.walk import subschemas
from agentfast.runtime.grammar.tokens.sampling import Sampler


@dataclass(frozen=True, slots=True)
class KeywordNote:
    """A keyword that the schema uses, and its reading."""

    keyword: str
    reading: str
    refused: str
    instead: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """The explanation that is added to a report.

    Attributes:
        byte_states: states of the automaton over bytes that was lifted to tokens.
        recursion: references that may be open at a time in generated values, None without recursion.
        samples: instances drawn at random.
        fields: each compiled alone.
        limits: of the language, beyond the schema's own.
        notes: parts of the schema that are not enforced, or read in another way than one may think.
    """

    byte_states: int
    recursion: int | None
    samples: tuple[str, ...]
    fields: tuple[FieldCost, ...]
    limits: tuple[str, ...]
    notes: tuple[str, ...]
    keywords: tuple[KeywordNote, ...]

    def text(self) -> str:
        """The explanation as text for people, to follow the report."""
        return "\n".join(
            (
                f"bytes     {self.byte_states:,} states before they were lifted to tokens",
                *section("sampled instances", map(shortened, self.samples)),
                *fields_text(self.fields),
                *section("limits", map(wrapped, self.limits)),
                *section("notes", map(wrapped, self.notes)),
                *section("keywords", (f"{note.keyword:<20}  {note.reading}" for note in self.keywords)),
            )
        )


def explain(
    schema: Any, grammar: TokenGrammar, options: SchemaOptions, *, samples: int, seed: int, begin: Begin
) -> Explanation:
    """Explain a schema that compiles.

    Args:
        begin: told of each phase as it begins.
    """
    begin("drawing instances")
    sampler = Sampler(grammar, seed)
    return Explanation(
        byte_states=grammar.byte_states,
        recursion=grammar.recursion,
        samples=tuple(sampler.draw() for _ in range(samples)),
        fields=tuple(field_costs(schema, options.compile, grammar.vocabulary, begin)),
        limits=tuple(_limits(schema, grammar.recursion, options)),
        notes=tuple(
            f"{note.path or '/'}: {note.text}"
            for note in schema_notes(schema, closed=options.closed, assert_format=options.assert_format)
        ),
        keywords=tuple(
            KeywordNote(
                keyword,
                KEYWORD_NOTES[keyword].reading,
                KEYWORD_NOTES[keyword].refused,
                KEYWORD_NOTES[keyword].instead,
            )
            for keyword in keywords_used(schema)
        ),
    )


def _limits(schema: Any, recursion: int | None, options: SchemaOptions) -> Iterator[str]:
    found = [rules for _, rules in subschemas(schema)]
    numbers = any(kind in str(rules.get("type", kind)) for rules in found for kind in ("number", "integer"))
    yield from options.limits(numbers=numbers, formats=any("format" in rules for rules in found))
    if recursion is not None:
        yield f"references are open at most {recursion} deep in what is generated; deeper values are valid, never written"
    yield f"a grammar has at most {MAX_STATES:,} states; more is refused"
