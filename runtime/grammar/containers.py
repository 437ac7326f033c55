"""Objects and arrays: the brackets, commas and counts around the values inside."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from agentfast.errors import UnsupportedSchemaError
from agentfast.runtime.grammar import keywords, nodes
from agentfast.runtime.grammar.keywords import JsonSchema, pointer

Build = Callable[[JsonSchema, str], nodes.Node]
"""Makes the node of a schema at a path."""

_COMMA = nodes.Literal(b",")


def object_node(
    schema: Mapping[str, Any], path: str, build: Build, gap: nodes.Node, *, closed: bool
) -> nodes.Node:
    """An object: declared properties in declared order, or a map from any keys to values of one schema.

    Raises:
        UnsupportedSchemaError: a keyword's value is malformed, or the object is both declared and open.
    """
    properties = keywords.as_object(schema.get("properties", {}))
    if properties is None:
        raise UnsupportedSchemaError("properties", path, "it is not an object")
    required = keywords.as_list(schema.get("required", []))
    if required is None or not all(isinstance(name, str) for name in required):
        raise UnsupportedSchemaError("required", path, "it is not a list of strings")
    additional = schema.get("additionalProperties", not closed)
    if additional is False:
        if not set(required) <= properties.keys():
            return nodes.NOTHING
        return _declared(properties, frozenset(required), path, build, gap)
    if properties or required:
        raise UnsupportedSchemaError(
            "additionalProperties",
            path,
            "further properties beside declared or required ones are not supported",
            hint="set additionalProperties to false",
        )
    return map_node(build(additional, pointer(path, "additionalProperties")), gap)


def map_node(value: nodes.Node, gap: nodes.Node) -> nodes.Node:
    """Any keys, each with such a value. A key may come twice; readers take the last one, which is as valid."""
    key = nodes.Sequence(nodes.Literal(b'"'), nodes.StringBody(), nodes.Literal(b":"), gap)
    return list_node(b"{", nodes.Sequence(key, value), b"}", gap, 0, None)


def list_node(
    opening: bytes, item: nodes.Node, closing: bytes, gap: nodes.Node, least: int, most: int | None
) -> nodes.Node:
    """Items between brackets, separated by commas."""
    if most is not None and most < least:
        return nodes.NOTHING
    begin = nodes.Sequence(nodes.Literal(opening), gap)
    end = nodes.Literal(closing)
    more = nodes.Repeat(
        nodes.Sequence(_COMMA, gap, item), max(least - 1, 0), None if most is None else max(most - 1, 0)
    )
    some = nodes.Sequence(begin, item, more, gap, end)
    none = nodes.Sequence(begin, end)
    return none if most == 0 else some if least else nodes.Choice((none, some))


def _declared(
    properties: Mapping[str, Any], required: frozenset[str], path: str, build: Build, gap: nodes.Node
) -> nodes.Node:
    """Built from the back; `first` is what may follow the bracket, `later` what may follow a value."""
    first: nodes.Node = nodes.Literal(b"}")
    later: nodes.Node = nodes.Sequence(gap, nodes.Literal(b"}"))
    for name, schema in reversed(list(properties.items())):
        try:
            key = json.dumps(name, ensure_ascii=False).encode() + b":"
        except (UnicodeEncodeError, TypeError) as error:
            raise UnsupportedSchemaError("properties", path, f"the name {name!r} is not text") from error
        value = nodes.Sequence(
            nodes.Literal(key), gap, build(schema, pointer(path, "properties", name)), later
        )
        follow = nodes.Sequence(_COMMA, gap, value)
        if name in required:
            first, later = value, follow
        else:
            first, later = nodes.Choice((value, first)), nodes.Choice((follow, later))
    return nodes.Sequence(nodes.Literal(b"{"), gap, first)


def array_node(schema: Mapping[str, Any], path: str, build: Build, gap: nodes.Node) -> nodes.Node:
    """An array: fixed items first, then any number of equal ones.

    Raises:
        UnsupportedSchemaError: a keyword's value is malformed, or items must be unique.
    """
    if schema.get("uniqueItems") not in (None, False):
        raise UnsupportedSchemaError(
            "uniqueItems", path, "the keyword is not supported", hint="check it in the tool"
        )
    least = keywords.count(schema, "minItems", path) or 0
    most = keywords.count(schema, "maxItems", path)
    items = schema.get("items", True)
    if isinstance(items, list):
        raise UnsupportedSchemaError("items", path, "a list of schemas is draft 7", hint="use prefixItems")
    prefix = keywords.as_list(schema.get("prefixItems", []))
    if prefix is None:
        raise UnsupportedSchemaError("prefixItems", path, "it is not a list")
    if items is False:
        most = len(prefix) if most is None else min(most, len(prefix))
    if most is not None and most < least:
        return nodes.NOTHING
    # A schema of items that cannot occur is not read.
    rest = build(items, pointer(path, "items")) if most is None or most > len(prefix) else nodes.NOTHING
    if not prefix:
        return list_node(b"[", rest, b"]", gap, least, most)
    fixed = [build(item, pointer(path, "prefixItems", i)) for i, item in enumerate(prefix[:most])]
    return _tuple(fixed, rest, gap, least, most)


def _tuple(
    fixed: list[nodes.Node], rest: nodes.Node, gap: nodes.Node, least: int, most: int | None
) -> nodes.Node:
    """Built from the back, like the properties of an object."""
    size = len(fixed)
    end = nodes.Sequence(gap, nodes.Literal(b"]"))
    more = nodes.Repeat(
        nodes.Sequence(_COMMA, gap, rest), max(least - size, 0), None if most is None else most - size
    )
    follow: nodes.Node = nodes.Sequence(more, end)
    for index in range(size - 1, 0, -1):
        item = nodes.Sequence(_COMMA, gap, fixed[index], follow)
        follow = item if index < least else nodes.Choice((item, end))
    begin = nodes.Sequence(nodes.Literal(b"["), gap)
    if not fixed:
        return nodes.Sequence(begin, nodes.Literal(b"]"))
    some = nodes.Sequence(begin, fixed[0], follow)
    return some if least else nodes.Choice((nodes.Sequence(begin, nodes.Literal(b"]")), some))
