"""Which JSON Schema keywords are read, and how their values are checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, TypeGuard

from agentfast.errors import UnsupportedSchemaError

JsonSchema = Mapping[str, Any] | bool

TYPES: Final = ("object", "array", "string", "number", "integer", "boolean", "null")

ANNOTATIONS: Final = frozenset(
    "title description default examples example $schema $id $comment deprecated readOnly writeOnly $defs definitions"
    " contentMediaType contentEncoding contentSchema discriminator".split()
)
"""Keywords that say nothing about validity. Keywords that begin with "x-" are read so, too."""

OBJECT: Final = frozenset(("properties", "required", "additionalProperties"))
ARRAY: Final = frozenset(("items", "prefixItems", "minItems", "maxItems", "uniqueItems"))
STRING: Final = frozenset(("minLength", "maxLength", "pattern", "format"))
NUMBER: Final = frozenset(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"))
COMBINING: Final = frozenset(("anyOf", "oneOf", "allOf", "$ref"))
CONSTRAINTS: Final = OBJECT | ARRAY | STRING | NUMBER | COMBINING | {"type", "enum", "const"}

_HINTS: Final = {
    "multipleOf": "use type integer for multiples of 1; state the rest in the description",
    "patternProperties": "declare the properties by name",
    "not": "state what is allowed instead",
    "if": "use anyOf with one branch per case",
    "nullable": 'use {"anyOf": [..., {"type": "null"}]}',
    "additionalItems": "use prefixItems and items",
}


def as_object(value: Any) -> Mapping[str, Any] | None:
    """The value if it is a JSON object."""
    return value if _is_object(value) else None


def as_list(value: Any) -> list[Any] | None:
    """The value if it is a JSON array."""
    return value if _is_list(value) else None


def _is_object(value: object) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping)


def _is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def constraints(schema: Mapping[str, Any], path: str) -> dict[str, Any]:
    """The keywords of a schema that bear on validity.

    Raises:
        UnsupportedSchemaError: a keyword is not read.
    """
    for keyword in schema:
        if keyword == "$id" and path:
            raise UnsupportedSchemaError("$id", path, "a base URI below the root is not supported")
        if keyword not in CONSTRAINTS and keyword not in ANNOTATIONS and not keyword.startswith("x-"):
            raise UnsupportedSchemaError(
                keyword, path, "the keyword is not supported", hint=_HINTS.get(keyword)
            )
    return {keyword: value for keyword, value in schema.items() if keyword in CONSTRAINTS}


def pointer(path: str, *steps: str | int) -> str:
    """A JSON pointer further down."""
    return path + "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in steps)


def types_of(schema: Mapping[str, Any], path: str) -> tuple[str, ...]:
    """The types that a schema allows, in order of `TYPES`; "number" covers "integer".

    Raises:
        UnsupportedSchemaError: `type` is not a type name or a list of them.
    """
    value = schema.get("type", list(TYPES))
    names = as_list(value) or [value]
    if any(name not in TYPES for name in names):
        raise UnsupportedSchemaError("type", path, f"{value!r} is not a type or a list of types")
    found = [name for name in TYPES if name in names]
    return tuple(name for name in found if name != "integer" or "number" not in found)


def count(schema: Mapping[str, Any], keyword: str, path: str) -> int | None:
    """The value of a keyword that counts something.

    Raises:
        UnsupportedSchemaError: it is not a non-negative integer.
    """
    value = schema.get(keyword)
    if value is None and keyword not in schema:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0 or value != int(value):
        raise UnsupportedSchemaError(keyword, path, f"{value!r} is not a non-negative integer")
    return int(value)


def number(schema: Mapping[str, Any], keyword: str, path: str) -> Decimal | None:
    """The value of a keyword that bounds a number, as the decimal that JSON wrote.

    Raises:
        UnsupportedSchemaError: it is not a finite number.
    """
    value = schema.get(keyword)
    if value is None and keyword not in schema:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)) or not math.isfinite(value):
        raise UnsupportedSchemaError(keyword, path, f"{value!r} is not a finite number")
    return value if isinstance(value, Decimal) else Decimal(repr(value))
