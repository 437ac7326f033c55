"""Notes on keywords: enforcement, refusals, and alternatives to write instead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from agentfast.runtime.grammar.schema.walk import subschemas
from agentfast.runtime.grammar.strings.format_sets import FORMATS


@dataclass(frozen=True, slots=True)
class KeywordNote:
    """Notes on one keyword.

    Attributes:
        reading: what is enforced.
        refused: the uses that raise UnsupportedSchemaError; empty if there are none.
        instead: how to say it otherwise; empty if nothing is refused.
        example: a schema that is refused with this keyword, and one to write instead.
    """

    reading: str
    refused: str = ""
    instead: str = ""
    example: tuple[Any, Any] | None = None


def _object(**keywords: Any) -> dict[str, Any]:
    return {"type": "object", **keywords}


def _array(items: Any, **keywords: Any) -> dict[str, Any]:
    return {"type": "array", "items": items, **keywords}


_BOUND: Final = KeywordNote("exact to the last digit, however the number is written")
_ITEM_COUNT: Final = KeywordNote("counted; a thousand items cost states, not time to read")
_CODE_POINTS: Final = KeywordNote("in code points, counted")
_CONTAINS: Final = KeywordNote(
    "how many items meet a schema, counted",
    "more than four `contains` at once, by allOf say: each item is told apart by all of them",
    "state the items with prefixItems, or check some of them in the tool",
    (
        {"type": "array", "allOf": [{"contains": {"const": value}} for value in range(5)]},
        {"type": "array", "prefixItems": [{"const": value} for value in range(5)], "minItems": 5},
    ),
)
_UNDECLARED: Final = "declare the properties by name, and close the object with additionalProperties false"
_BY_NAME: Final = _object(properties={"a": True, "b": True, "c": True}, additionalProperties=False)
_NEGATED: Final = (
    "under `not` (or where oneOf or if negate it), values of keys that are not declared: an automaton cannot remember"
    " which keys came, and a key may come twice"
)
_DOCUMENT: Final = KeywordNote(
    "references by pointer, anchor or URI, recursive ones included, also into documents that are given with the schema",
    "documents that are not given, and schemas that refer to themselves without an object or array between",
    "give the document (documents=, --documents), or put the schema under $defs",
    (
        {"$ref": "https://example.com/other"},
        {"$ref": "#/$defs/other", "$defs": {"other": {"type": "string"}}},
    ),
)
_UNEVALUATED: Final = KeywordNote(
    "members that no other keyword has evaluated, case by case, for up to 256 cases"
)

KEYWORD_NOTES: Final[Mapping[str, KeywordNote]] = {
    "type": KeywordNote("one type or a list; where numbers have every notation, 1.0 is an integer"),
    "enum": KeywordNote("the listed values that meet the other keywords; 1 is 1.0, but not true"),
    "const": KeywordNote("the value, if it meets the other keywords; 1 is 1.0, but not true"),
    "properties": KeywordNote("a declared property comes once at most"),
    "required": KeywordNote("the property is there"),
    "additionalProperties": KeywordNote(
        "false, true or a schema for the properties that are not declared; missing is false unless read as open",
        _NEGATED,
        _UNDECLARED,
        (
            {"not": _object(additionalProperties={"type": "string"})},
            {"not": _object(properties={"a": {"type": "string"}})},
        ),
    ),
    "patternProperties": KeywordNote(
        "the values of keys that match; a key may match several patterns",
        f"{_NEGATED}; patterns that cut the keys into very many classes",
        _UNDECLARED,
        (
            {"not": _object(patternProperties={"^a": {"type": "string"}})},
            {"not": _object(properties={"a": {"type": "string"}})},
        ),
    ),
    "propertyNames": KeywordNote("what every key has to meet"),
    "minProperties": KeywordNote(
        "counted over declared properties",
        "two or more properties that are neither declared nor required: an automaton cannot tell whether keys differ",
        "declare the properties, require some, or use minProperties 1",
        (_object(minProperties=2, additionalProperties=True), _BY_NAME | {"minProperties": 2}),
    ),
    "maxProperties": KeywordNote(
        "counted",
        "under `not`, over properties that are not declared: an automaton cannot tell whether keys differ",
        _UNDECLARED,
        ({"not": _object(maxProperties=2)}, _BY_NAME | {"minProperties": 3}),
    ),
    "dependentRequired": KeywordNote("the properties that another one calls for"),
    "dependentSchemas": KeywordNote("a schema for the object, where a property is there"),
    "dependencies": KeywordNote("draft-07's dependentRequired and dependentSchemas"),
    "items": KeywordNote("the items after those of prefixItems; a list is draft-07's prefixItems"),
    "prefixItems": KeywordNote("the first items, each with its schema"),
    "additionalItems": KeywordNote("draft-07's items after a list"),
    "minItems": _ITEM_COUNT,
    "maxItems": _ITEM_COUNT,
    "uniqueItems": KeywordNote(
        "over items of at most 64 values, remembered as a set",
        "items of more values: an automaton cannot remember them",
        "list the values with enum, or check it in the tool",
        (_array({"type": "string"}, uniqueItems=True), _array({"enum": ["a", "b", "c"]}, uniqueItems=True)),
    ),
    "contains": _CONTAINS,
    "minContains": _CONTAINS,
    "maxContains": _CONTAINS,
    "minLength": _CODE_POINTS,
    "maxLength": _CODE_POINTS,
    "pattern": KeywordNote(
        "ECMA 262 with Unicode, and unanchored: it may match anywhere unless it has ^ and $",
        "back-references, which are not regular, and patterns whose automaton is too large",
        "spell the alternatives out, or use shorter repetitions",
        ({"pattern": r"^(a|b)\1$"}, {"pattern": "^(aa|bb)$"}),
    ),
    "format": KeywordNote(
        f"asserted: {', '.join(sorted(FORMATS))}; others are annotations, as the specification says"
    ),
    "minimum": _BOUND,
    "maximum": _BOUND,
    "exclusiveMinimum": _BOUND,
    "exclusiveMaximum": _BOUND,
    "multipleOf": KeywordNote(
        "exact, for decimals and in every notation",
        "values of many digits: there is a state for each remainder",
        "use a value with fewer digits, such as 0.0001",
        ({"multipleOf": 0.123456789}, {"multipleOf": 0.0001}),
    ),
    "allOf": KeywordNote("the values that meet all of them"),
    "anyOf": KeywordNote("the values that meet one of them or more"),
    "oneOf": KeywordNote("the values that meet exactly one of them"),
    "not": KeywordNote("all other JSON values"),
    "if": KeywordNote("decides between then and else"),
    "then": KeywordNote("where `if` holds"),
    "else": KeywordNote("where `if` does not hold"),
    "$ref": _DOCUMENT,
    "$dynamicRef": KeywordNote("the outermost $dynamicAnchor on the way, as the specification says"),
    "unevaluatedProperties": _UNEVALUATED,
    "unevaluatedItems": _UNEVALUATED,
    "nullable": KeywordNote(
        "",
        "it is OpenAPI's, not JSON Schema's",
        'use a list of types, or {"anyOf": [..., {"type": "null"}]}',
        ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
    ),
}
"""By keyword; annotations such as `title` and `description` are not in it: they say nothing about validity."""


def keywords_used(schema: Any) -> list[str]:
    """The keywords of a document that `KEYWORD_NOTES` knows, in its order."""
    used = {keyword for _, rules in subschemas(schema) for keyword in rules}
    return [keyword for keyword in KEYWORD_NOTES if keyword in used]
