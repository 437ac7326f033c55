"""JSON Schema keywords, and checks of their values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, TypeGuard

from agentfast.errors import UnsupportedSchemaError
from agentfast.runtime.grammar.schema.unknown_keywords import doubt

JsonSchema = Mapping[str, Any] | bool

TYPES: Final = ("object", "array", "string", "number", "integer", "boolean", "null")

ANNOTATIONS: Final = frozenset(
    "title description default examples example $schema $id id $comment deprecated readOnly writeOnly $defs definitions"
    " contentMediaType contentEncoding contentSchema discriminator xml externalDocs $anchor $dynamicAnchor"
    " $vocabulary".split()
)
"""Keywords that say nothing about validity by themselves. Keywords that begin with "x-" are read so, too."""

OBJECT: Final = frozenset(
    "properties required additionalProperties patternProperties propertyNames minProperties maxProperties"
    " dependentRequired dependencies".split()
)
ARRAY: Final = frozenset(
    "items prefixItems additionalItems minItems maxItems uniqueItems contains minContains maxContains".split()
)
STRING: Final = frozenset(("minLength", "maxLength", "pattern", "format"))
NUMBER: Final = frozenset(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"))
VALUES: Final = frozenset(("enum", "const"))
ASSERTIONS: Final = OBJECT | ARRAY | STRING | NUMBER | VALUES | {"type"}
"""Keywords that speak of the value itself."""
APPLICATORS: Final = frozenset(
    "allOf anyOf oneOf not if then else $ref $dynamicRef dependentSchemas dependencies unevaluatedProperties"
    " unevaluatedItems".split()
)
"""Keywords that apply other schemas to the same value, or depend on those that do."""
CONSTRAINING: Final = ASSERTIONS | APPLICATORS
_KNOWN: Final = CONSTRAINING | ANNOTATIONS


def is_known(keyword: str) -> bool:
    """Test whether a keyword is read, if only as an annotation."""
    return keyword in _KNOWN or keyword.startswith("x-")


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


def check_known(schema: Mapping[str, Any], path: str, *, strict: bool) -> None:
    """Refuse keywords that are not read and could constrain; all others are annotations, see unknown_keywords.py.

    Raises:
        UnsupportedSchemaError: names the first of them.
    """
    for keyword, value in schema.items():
        if is_known(keyword):
            continue
        if (found := doubt(keyword, value, CONSTRAINING, strict=strict)) is not None:
            raise UnsupportedSchemaError(keyword, path, found.reason, hint=found.hint)


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
        is_old = isinstance(value, bool) and keyword.startswith("exclusive")
        hint = "write the bound itself, or name draft-04 in $schema" if is_old else None
        raise UnsupportedSchemaError(keyword, path, f"{value!r} is not a finite number", hint=hint)
    return value if isinstance(value, Decimal) else Decimal(repr(value))


def text(schema: Mapping[str, Any], keyword: str, path: str) -> str | None:
    """The value of a keyword that is a string.

    Raises:
        UnsupportedSchemaError: it is not one.
    """
    value = schema.get(keyword)
    if keyword in schema and not isinstance(value, str):
        raise UnsupportedSchemaError(keyword, path, f"{value!r} is not a string")
    return value


def members(schema: Mapping[str, Any], keyword: str, path: str) -> Mapping[str, Any]:
    """The value of a keyword that is an object; empty where it is missing.

    Raises:
        UnsupportedSchemaError: it is not one, or a name is not Unicode text.
    """
    value = as_object(schema.get(keyword, {}))
    if value is None:
        raise UnsupportedSchemaError(keyword, path, "it is not an object")
    for name in value:
        check_text(name, keyword, path)
    return value


def names(value: Any, keyword: str, path: str) -> tuple[str, ...]:
    """A list of property names, each once.

    Raises:
        UnsupportedSchemaError: it is not one.
    """
    found = as_list(value)
    if found is None or not all(isinstance(name, str) for name in found):
        raise UnsupportedSchemaError(keyword, path, "it is not a list of strings")
    for name in found:
        check_text(name, keyword, path)
    return tuple(dict.fromkeys(found))


def check_text(value: Any, keyword: str, path: str) -> None:
    """Refuse values other than strings of Unicode characters.

    Raises:
        UnsupportedSchemaError: it has lone surrogates, or is no string.
    """
    if not isinstance(value, str) or any("\ud800" <= char <= "\udfff" for char in value):
        raise UnsupportedSchemaError(keyword, path, f"{value!r} is not a text that JSON can write")
