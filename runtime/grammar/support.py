"""Keyword by keyword: how JSON Schema is read, what of it is refused, and what to write instead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from agentfast.runtime.grammar.keywords import as_list, as_object, pointer


@dataclass(frozen=True, slots=True)
class Support:
    """How one keyword is read.

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


_BOUND: Final = Support("exact to the last digit, however the number is written")
_COUNT: Final = Support("a counter, so a large number costs no more than a small one in compile time")
_ALTERNATIVES: Final = Support("the values of any alternative")

SUPPORT: Final[Mapping[str, Support]] = {
    "type": Support("one type or a list; 1.0 is an integer where numbers have every spelling"),
    "enum": Support("the listed values that meet the other keywords; 1 is 1.0 but not true"),
    "const": Support("the value, if it meets the other keywords; 1 is 1.0 but not true"),
    "properties": Support("a declared property comes at most once"),
    "required": Support("the property is there"),
    "additionalProperties": Support(
        "false, true or a schema; missing is false unless the schema is read as open"
    ),
    "items": Support("the items after those of prefixItems"),
    "prefixItems": Support("the first items, each with its schema"),
    "minItems": _COUNT,
    "maxItems": _COUNT,
    "uniqueItems": Support(
        "over items of finitely many values, remembered as a set",
        "items of very many or infinitely many values: an automaton cannot remember them",
        "list the values with enum, or drop uniqueItems and check it in the tool",
        (
            {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
            {"type": "array", "items": {"enum": ["a", "b", "c"]}, "uniqueItems": True},
        ),
    ),
    "minLength": Support("in code points"),
    "maxLength": Support("in code points; a counter, so 10,000 compiles"),
    "pattern": Support(
        "ECMA 262 with Unicode, unanchored: the pattern may match anywhere unless it has ^ and $",
        "back-references, which are not regular, and patterns whose automaton is too large",
        "spell the repeated part out, or use a shorter repetition",
        ({"pattern": r"^(a|b)\1$"}, {"pattern": "^(aa|bb)$"}),
    ),
    "format": Support(
        "asserted: date, time, date-time, duration, email, hostname, ipv4, ipv6, uri, uuid and others of the specification",
        "a format without a definition here",
        "use pattern",
        ({"format": "isbn"}, {"pattern": "^[0-9]{13}$"}),
    ),
    "minimum": _BOUND,
    "maximum": _BOUND,
    "exclusiveMinimum": _BOUND,
    "exclusiveMaximum": _BOUND,
    "anyOf": _ALTERNATIVES,
    "oneOf": Support("the values of exactly one alternative"),
    "allOf": Support("the values that meet all of them"),
    "$ref": Support(
        "references into the same document, recursive ones included",
        "other documents",
        "put the schema under $defs",
        (
            {"$ref": "https://example.com/schema.json"},
            {"$ref": "#/$defs/other", "$defs": {"other": {"type": "string"}}},
        ),
    ),
    "nullable": Support(
        "",
        "the keyword is OpenAPI's, not JSON Schema's",
        'use {"anyOf": [..., {"type": "null"}]} or a list of types',
        ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
    ),
}
"""By keyword; annotations such as `title` and `description` are not in it: they say nothing about validity."""

_OF_NAMES: Final = (
    "properties",
    "patternProperties",
    "$defs",
    "definitions",
    "dependentSchemas",
    "dependencies",
)
_OF_LISTS: Final = ("anyOf", "oneOf", "allOf", "prefixItems", "items")
_OF_ONE: Final = (
    "items additionalItems additionalProperties propertyNames contains not if then else unevaluatedItems"
    " unevaluatedProperties".split()
)


def subschemas(schema: Any, path: str = "") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The schemas of a document that are objects, each with its JSON pointer, from the outside in."""
    rules = as_object(schema)
    if rules is None:
        return
    yield path, rules
    for keyword in _OF_NAMES:
        for name, inner in (as_object(rules.get(keyword)) or {}).items():
            yield from subschemas(inner, pointer(path, keyword, name))
    for keyword in _OF_LISTS:
        for index, inner in enumerate(as_list(rules.get(keyword)) or []):
            yield from subschemas(inner, pointer(path, keyword, index))
    for keyword in _OF_ONE:
        yield from subschemas(rules.get(keyword), pointer(path, keyword))


def keywords_used(schema: Any) -> list[str]:
    """The keywords of a document that `SUPPORT` knows, in its order."""
    used = {keyword for _, rules in subschemas(schema) for keyword in rules}
    return [keyword for keyword in SUPPORT if keyword in used]
