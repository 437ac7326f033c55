"""The explanation of a schema's refusal, with advice on rewriting the schema."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from agentfast.cli.schema.field_cost import Begin, Compile, FieldCost, field_costs, fields_text
from agentfast.cli.schema.sections import section, shortened, wrapped
from agentfast.errors import GrammarError, UnsupportedSchemaError
from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar.schema.keyword_notes import KEYWORD_NOTES

_EXACT_OR_NOT: Final = "a schema is enforced exactly or not at all: no request runs with a keyword ignored, or read as something near it"
_UNKNOWN: Final = 'leave the keyword out, or begin its name with "x-" if it is a note of your own'
_TOO_LARGE: Final = (
    "the automaton of all instances is too large. Counters cost least on plain strings and arrays; a pattern with long"
    " repetitions, and combinations (allOf, not, oneOf) of large alternatives, cost most"
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """The reason of a refusal, and advice.

    Attributes:
        keyword, path: where, if one keyword is to blame.
        instead: how to rewrite it.
        example: a schema that is refused for this keyword, and one to write instead; None if there is none.
        fields: each compiled alone, those that are refused first.
    """

    reason: str
    keyword: str | None
    path: str | None
    meaning: str
    instead: str
    example: tuple[Any, Any] | None
    fields: tuple[FieldCost, ...]

    def text(self) -> str:
        """The explanation as text for people."""
        rewriting = [wrapped(self.instead)]
        if self.example is not None:
            refused, written = map(json.dumps, self.example)
            rewriting += [f"refused  {shortened(refused)}", f"instead  {shortened(written)}"]
        return "\n".join(
            (
                *section("refused", (wrapped(self.reason),)),
                *section("what it means", (wrapped(self.meaning),)),
                *section("how to rewrite it", rewriting),
                *fields_text(self.fields),
            )
        ).lstrip("\n")


def refusal(
    schema: Any, error: GrammarError, compile_alone: Compile, vocabulary: Vocabulary, begin: Begin
) -> Refusal:
    """Explain why a schema was refused."""
    fields = tuple(field_costs(schema, compile_alone, vocabulary, begin))
    if isinstance(error, UnsupportedSchemaError):
        known = KEYWORD_NOTES.get(error.keyword)
        return Refusal(
            reason=error.message,
            keyword=error.keyword,
            path=error.path,
            meaning=_EXACT_OR_NOT,
            instead=error.hint or (known.instead if known is not None else "") or _UNKNOWN,
            example=None if known is None else known.example,
            fields=fields,
        )
    is_empty = "matches nothing" in error.message
    return Refusal(
        reason=error.message,
        keyword=None,
        path=None,
        meaning="no value meets all of the schema, so there is nothing to generate"
        if is_empty
        else _TOO_LARGE,
        instead=error.hint
        or ("loosen the fields that are refused alone" if is_empty else "split the schema"),
        example=None,
        fields=fields,
    )
