"""The command's options for compiling a schema, and the limits that they put on its language."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from agentfast.runtime.grammar import Grammar, compile_schema
from agentfast.runtime.grammar.automaton.whitespace import MAX_INDENT, Whitespace
from agentfast.runtime.grammar.numbers.number import EXPONENTS, FRACTION_DIGITS, WHOLE_DIGITS
from agentfast.runtime.grammar.schema.build.mode import Order
from agentfast.runtime.grammar.schema.document import Documents

_WHITESPACE: Final = {
    "compact": "no whitespace between the parts of objects and arrays",
    "spaced": "one space after , and :, as json.dumps writes by default",
    "flexible": f"between the parts nothing, one space, or a line break and at most {MAX_INDENT} spaces",
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
class SchemaOptions:
    """The options of `compile_schema`."""

    whitespace: Whitespace = "compact"
    closed: bool = True
    order: Order | None = None
    assert_format: bool = True
    documents: Documents | None = None

    def compile(self, schema: Any) -> Grammar:
        """The grammar of a schema under these options."""
        return compile_schema(
            schema,
            whitespace=self.whitespace,
            closed=self.closed,
            order=self.order,
            assert_format=self.assert_format,
            documents=self.documents,
        )

    def limits(self, *, numbers: bool, formats: bool) -> Iterator[str]:
        """Limits of the language beyond the schema's own, where it has numbers or formats."""
        if self.closed:
            yield "objects that do not say so have no further properties (--open for JSON Schema's own reading)"
        else:
            yield "objects that do not say otherwise have any further properties, as JSON Schema has it"
        in_order = self.order == "declared" or (self.order is None and self.closed)
        yield "properties come in declared order" if in_order else "properties come in any order"
        yield _WHITESPACE[self.whitespace]
        if numbers:
            yield _CANONICAL if self.closed else _ANY
        if formats and not self.assert_format:
            yield "formats are annotations: any string has them"
