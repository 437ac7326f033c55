"""JSON Schemas as short type expressions, which take a model fewer tokens to read than the schema."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def dump_json(value: Any) -> str:
    """Compact JSON as the model writes and reads it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def render_signature(parameters: Mapping[str, Any]) -> str:
    """`(a:int,b?:str)` for an object schema."""
    return "(" + _members(parameters, parameters) + ")"


def _members(schema: Mapping[str, Any], root: Mapping[str, Any]) -> str:
    required = set(schema.get("required", ()))
    return ",".join(
        f"{name}{'' if name in required else '?'}:{render_type(value, root)}"
        for name, value in schema.get("properties", {}).items()
    )


_SCALARS = {"string": "str", "integer": "int", "number": "num", "boolean": "bool", "null": "null"}


def render_type(schema: Mapping[str, Any], root: Mapping[str, Any]) -> str:
    """A short type expression for a schema; what has no short form is shown as JSON."""
    if "$ref" in schema and schema["$ref"].startswith("#/$defs/"):
        name = schema["$ref"].removeprefix("#/$defs/")
        target = root.get("$defs", {}).get(name)
        # A recursive definition has no finite expansion: its name has to do.
        return (
            name
            if target is None or f'"{schema["$ref"]}"' in json.dumps(target)
            else render_type(target, root)
        )
    if "enum" in schema:
        return "|".join(dump_json(value) for value in schema["enum"])
    if "const" in schema:
        return dump_json(schema["const"])
    if "anyOf" in schema:
        return "|".join(render_type(option, root) for option in schema["anyOf"])
    kind = schema.get("type")
    if kind == "object":
        return "{" + _members(schema, root) + "}"
    if kind == "array":
        return "[" + render_type(schema.get("items", {}), root) + "]"
    if kind == "string" and "format" in schema:
        return str(schema["format"])
    if isinstance(kind, str) and kind in _SCALARS:
        return _SCALARS[kind]
    return "any" if not schema else dump_json(schema)
