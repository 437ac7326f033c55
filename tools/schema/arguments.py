"""JSON Schemas of a tool's arguments, given in place of a Python signature."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any, Final, cast

from jsonschema import Draft202012Validator, SchemaError
from jsonschema.validators import validator_for
from referencing.exceptions import Unresolvable
from referencing.jsonschema import SchemaRegistry, SchemaResource, specification_with

from agentfast.errors import ToolArgumentsError, ToolDefinitionError
from agentfast.tools.checks import shown
from agentfast.tools.schema.strict_json import strict_json

_DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
_OPENING: Final = (
    "additionalProperties",
    "unevaluatedProperties",
    "patternProperties",
    "propertyNames",
    "$ref",
    "allOf",
    "anyOf",
    "oneOf",
    "if",
)
"""Keywords with which a schema says itself which members there may be."""
_SPECIFICATIONS: Final[SchemaRegistry] = import_module("jsonschema_specifications").REGISTRY
_VALUES: Final = ("const", "default", "enum", "example", "examples")


def object_schema(name: str, schema: object) -> dict[str, Any]:
    """The schema, of an object and in strict JSON; closed, unless it says otherwise.

    Raises:
        ToolDefinitionError: it is none of an object; the message names the tool.
    """
    if not isinstance(schema, Mapping) or schema.get("type", "object") != "object":  # pyright: ignore[reportUnknownMemberType]
        raise ToolDefinitionError(f"tool {name!r}: its schema is {shown(schema)}; it takes one of an object")
    try:
        written = strict_json({"type": "object", "properties": {}, **schema})
    except ValueError as error:
        raise ToolDefinitionError(f"tool {name!r}: its JSON Schema {error}") from error
    if not any(keyword in written for keyword in _OPENING):
        written["additionalProperties"] = False
    return written


def validator_of(name: str, schema: Mapping[str, Any]) -> Callable[[bytes], dict[str, Any]]:
    """A function that takes arguments as JSON and gives them decoded, or raises a ToolArgumentsError.

    No schema is fetched from elsewhere.

    Raises:
        ToolDefinitionError: it is no schema, or refers to what it does not hold; the message names the tool.
    """
    given = dict(schema)
    kind: Any = validator_for(given, default=Draft202012Validator)
    try:
        kind.check_schema(given, format_checker=kind.FORMAT_CHECKER)
    except SchemaError as error:
        raise ToolDefinitionError(
            f"tool {name!r}: its schema is none: {error.json_path}: {error.message}"
        ) from error
    registry = _with_references(name, given)
    validator = kind(given, registry=registry)

    def validate(written: bytes) -> dict[str, Any]:
        arguments: dict[str, Any] = json.loads(written)
        wrong = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(arguments)]
        if wrong:
            raise ToolArgumentsError("invalid arguments: " + "; ".join(wrong))
        return arguments

    return validate


def _with_references(name: str, schema: dict[str, Any]) -> SchemaRegistry:
    """The drafts' own schemas and this one, in which each of its references was found."""
    resource: SchemaResource = specification_with(str(schema.get("$schema", _DRAFT))).create_resource(schema)
    base = str(schema.get("$id", ""))
    registry: SchemaRegistry = _SPECIFICATIONS.with_resource(base, resource).crawl()
    resolver = registry.resolver(base)
    for reference in references(schema):
        try:
            resolver.lookup(reference)
        except Unresolvable as error:
            raise ToolDefinitionError(
                f"tool {name!r}: its schema refers to {reference!r}, which it does not hold",
                hint="put it under $defs",
            ) from error
    return registry


def references(schema: object) -> Iterator[str]:
    """The targets of a schema's references."""
    if isinstance(schema, list):
        for item in cast("list[object]", schema):
            yield from references(item)
    if not isinstance(schema, dict):
        return
    for keyword, value in cast("dict[str, object]", schema).items():
        if keyword == "$ref" and isinstance(value, str):
            yield value
        elif keyword not in _VALUES or isinstance(value, dict):
            yield from references(value)
