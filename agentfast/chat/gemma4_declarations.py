"""Tool declarations as Gemma 4 reads them: a JSON Schema in its own notation, with type names in upper case.

The chat template shows of a property its description, the values of an enumerated string, the items of an array, the
properties of an object, whether it may be null, and its type; what else a schema says is not shown (the grammar
enforces it all the same). References are followed here, and a choice between a type and null is shown as nullable,
as the template has no other place for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

from agentfast.chat.base import Segment
from agentfast.chat.gemma4_notation import in_order, render_object, render_string, render_value
from agentfast.tools.call import ToolDefinition

Schema = Mapping[str, Any]
Members = list[tuple[str, Iterable[Segment]]]

_MAX_DEPTH = 8  # a recursive schema is shown so far


def render_declaration(tool: ToolDefinition) -> Iterator[Segment]:
    """`declaration:NAME{description:...,parameters:{...}}`."""
    root = tool.parameters
    parameters: Members = []
    if root.get("properties"):
        parameters.append(("properties", _properties(root["properties"], root, 0)))
    if root.get("required"):
        parameters.append(("required", render_value(root["required"])))
    parameters.append(("type", render_string("OBJECT")))
    yield False, f"declaration:{tool.name}"
    yield from render_object(
        [("description", render_string(tool.description)), ("parameters", render_object(parameters))]
    )


def _properties(properties: Schema, root: Schema, depth: int) -> Iterator[Segment]:
    return render_object(
        (name, render_object(_members(schema, root, depth))) for name, schema in in_order(properties)
    )


def _members(schema: Schema, root: Schema, depth: int) -> Members:
    shown, nullable = _plain(schema, root)
    kind = _type_of(shown)
    members: Members = []
    if shown.get("description"):
        members.append(("description", render_string(shown["description"])))
    if kind == "string" and (values := shown.get("enum", [shown["const"]] if "const" in shown else None)):
        members.append(("enum", render_value(values)))
    if kind == "array" and isinstance(shown.get("items"), Mapping) and depth < _MAX_DEPTH:
        members.append(("items", render_object(_members(shown["items"], root, depth + 1))))
    if nullable:
        members.append(("nullable", [(False, "true")]))
    if kind == "object" and depth < _MAX_DEPTH:
        members.append(("properties", _properties(shown.get("properties", {}), root, depth + 1)))
        if shown.get("required"):
            members.append(("required", render_value(shown["required"])))
    members.append(("type", render_string(kind.upper())))
    return members


def _plain(schema: Schema, root: Schema) -> tuple[Schema, bool]:
    """The schema behind references and choices with null, keeping what is said beside them; whether null is a choice."""
    nullable = False
    for _ in range(_MAX_DEPTH):
        beside = {
            name: value for name, value in schema.items() if name not in ("$ref", "anyOf", "oneOf", "allOf")
        }
        target = _target(schema, root)
        options = cast("list[Schema]", schema.get("anyOf", schema.get("oneOf", schema.get("allOf", []))))
        others = [option for option in options if option.get("type") != "null"]
        nullable |= len(others) < len(options)
        if target is None and len(others) != 1:
            break
        schema = {**(others[0] if target is None else target), **beside}
    return schema, nullable or "null" in _types(schema)[1:]


def _target(schema: Schema, root: Schema) -> Schema | None:
    reference = schema.get("$ref")
    if not isinstance(reference, str) or not reference.startswith("#/$defs/"):
        return None
    target: object = root.get("$defs", {}).get(reference.removeprefix("#/$defs/"))
    return cast("Schema", target) if isinstance(target, Mapping) else None


def _types(schema: Schema) -> list[str]:
    value: object = schema.get("type", [])
    names = [value] if isinstance(value, str) else cast("list[str]", value)
    return sorted(names, key=lambda name: name == "null")


def _type_of(schema: Schema) -> str:
    """The first type that is not null; that of the listed values where none is named."""
    names = _types(schema)
    if names:
        return names[0]
    values = schema.get("enum", [schema["const"]] if "const" in schema else [])
    return "string" if values and all(isinstance(value, str) for value in values) else ""
