"""Fixed JSON values: how they are written, and whether a schema's other keywords let them pass."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

from agentfast.errors import UnsupportedSchemaError
from agentfast.runtime.grammar import keywords, nodes
from agentfast.runtime.grammar.formats import FORMATS, UNCONSTRAINED
from agentfast.runtime.grammar.keywords import pointer
from agentfast.runtime.grammar.string_language import StringLanguage

_HAS_OWN_RULES = keywords.OBJECT | keywords.ARRAY | keywords.COMBINING


def value_node(value: Any, gap: nodes.Node, keyword: str, path: str) -> nodes.Node:
    """One JSON value in canonical form: escapes only where JSON needs them, 1.0 as 1, keys in the given order.

    Raises:
        UnsupportedSchemaError: it is no JSON value, or has lone surrogates.
    """
    mapping = keywords.as_object(value)
    if mapping is not None:
        pairs: list[nodes.Node] = [
            nodes.Sequence(
                nodes.Literal(_text(name, keyword, path) + b":"), gap, value_node(item, gap, keyword, path)
            )
            for name, item in mapping.items()
        ]
        return _bracketed(b"{", pairs, b"}", gap)
    items = keywords.as_list(value)
    if items is not None:
        return _bracketed(b"[", [value_node(item, gap, keyword, path) for item in items], b"]", gap)
    return nodes.Literal(_text(value, keyword, path))


def _bracketed(opening: bytes, items: list[nodes.Node], closing: bytes, gap: nodes.Node) -> nodes.Node:
    parts: list[nodes.Node] = [nodes.Literal(opening), gap]
    for index, item in enumerate(items):
        parts += [nodes.Literal(b","), gap, item] if index else [item]
    return nodes.Sequence(*parts, *([gap] if items else []), nodes.Literal(closing))


def _text(value: Any, keyword: str, path: str) -> bytes:
    if isinstance(value, (float, Decimal)) and value == value // 1:
        value = int(value)
    try:
        text = (
            str(value)
            if isinstance(value, Decimal)
            else json.dumps(value, ensure_ascii=False, allow_nan=False)
        )
        return text.encode()
    except (TypeError, ValueError) as error:
        raise UnsupportedSchemaError(keyword, path, f"{value!r} is not a JSON value: {error}") from error


def type_of(value: Any) -> str:
    """JSON's type of a value; "integer" for every number without a fraction."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float() | Decimal():
            return "integer" if value == value // 1 else "number"
        case str():
            return "string"
        case Mapping():
            return "object"
        case _:
            return "array"


def passes(value: Any, schema: Mapping[str, Any], keyword: str, path: str) -> bool:
    """Whether a value listed under enum or const meets the schema's other keywords.

    Raises:
        UnsupportedSchemaError: they are keywords for the inside of objects and arrays, or combine schemas.
    """
    kind = type_of(value)
    types = keywords.types_of(schema, path)
    if kind not in types and not (kind == "integer" and "number" in types):
        return False
    own = sorted(_HAS_OWN_RULES & schema.keys())
    if own and (kind in ("object", "array") or keywords.COMBINING & schema.keys()):
        raise UnsupportedSchemaError(keyword, path, f"beside {own[0]!r} it is not supported")
    if kind == "string":
        return _string_passes(value, schema, path)
    return kind not in ("integer", "number") or _number_passes(value, schema, path)


def _string_passes(value: str, schema: Mapping[str, Any], path: str) -> bool:
    least, most, pattern, format_name = string_rules(schema, path)
    if len(value) < least or (most is not None and len(value) > most):
        return False
    rules = [] if pattern is None else [StringLanguage.pattern(pattern)]
    rules += [] if format_name is None else [StringLanguage.format(format_name)]
    return all(rule.contains(value) for rule in rules)


def _number_passes(value: float | Decimal, schema: Mapping[str, Any], path: str) -> bool:
    exact = value if isinstance(value, Decimal) else Decimal(repr(value))
    low, high = keywords.number(schema, "minimum", path), keywords.number(schema, "maximum", path)
    above, below = (keywords.number(schema, name, path) for name in ("exclusiveMinimum", "exclusiveMaximum"))
    return (
        (low is None or exact >= low)
        and (high is None or exact <= high)
        and (above is None or exact > above)
        and (below is None or exact < below)
    )


def string_rules(schema: Mapping[str, Any], path: str) -> tuple[int, int | None, str | None, str | None]:
    """minLength, maxLength, pattern and format of a schema.

    Raises:
        UnsupportedSchemaError: a value of the wrong type, or a format without a definition here.
    """
    least = keywords.count(schema, "minLength", path) or 0
    most = keywords.count(schema, "maxLength", path)
    pattern = schema.get("pattern")
    if "pattern" in schema and not isinstance(pattern, str):
        raise UnsupportedSchemaError("pattern", path, f"{pattern!r} is not a string")
    return least, most, pattern, _format(schema, path)


def _format(schema: Mapping[str, Any], path: str) -> str | None:
    name = schema.get("format")
    if "format" not in schema or name in UNCONSTRAINED:
        return None
    if name not in FORMATS:
        raise UnsupportedSchemaError("format", path, f"{name!r} has no definition here", hint="use pattern")
    return str(name)


def resolve(root: keywords.JsonSchema, reference: Any, path: str) -> tuple[keywords.JsonSchema, str]:
    """The schema that a $ref means, and its own pointer.

    Raises:
        UnsupportedSchemaError: it is not a JSON pointer into the same document, or leads nowhere.
    """
    if not isinstance(reference, str) or not re.match(r"#(/|$)", reference):
        raise UnsupportedSchemaError("$ref", path, f"{reference!r} is not a pointer into this schema")
    target: Any = root
    steps = [unquote(step).replace("~1", "/").replace("~0", "~") for step in reference[1:].split("/")[1:]]
    for step in steps:
        mapping, items = keywords.as_object(target), keywords.as_list(target)
        if mapping is not None and step in mapping:
            target = mapping[step]
        elif items is not None and step.isdecimal() and int(step) < len(items):
            target = items[int(step)]
        else:
            raise UnsupportedSchemaError("$ref", path, f"{reference!r} leads nowhere")
    return target, pointer("", *steps)
