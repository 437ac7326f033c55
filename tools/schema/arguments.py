"""JSON Schemas of a tool's arguments, given in place of a Python signature."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from jsonschema import Draft202012Validator, SchemaError
from jsonschema.validators import validator_for

from agentfast.errors import ToolArgumentsError, ToolDefinitionError
from agentfast.tools.checks import shown
from agentfast.tools.schema.strict_json import strict_json


def object_schema(name: str, schema: object) -> Mapping[str, Any]:
    """The schema, of an object and in strict JSON.

    Raises:
        ToolDefinitionError: it is none of an object; the message names the tool.
    """
    if not isinstance(schema, Mapping) or schema.get("type", "object") != "object":  # pyright: ignore[reportUnknownMemberType]
        raise ToolDefinitionError(f"tool {name!r}: its schema is {shown(schema)}; it takes one of an object")
    try:
        written = strict_json({"type": "object", "properties": {}, **schema})
    except ValueError as error:
        raise ToolDefinitionError(f"tool {name!r}: its JSON Schema {error}") from error
    return written


def validator_of(name: str, schema: Mapping[str, Any]) -> Callable[[bytes], dict[str, Any]]:
    """A function that takes arguments as JSON and gives them decoded, or raises a ToolArgumentsError.

    Raises:
        ToolDefinitionError: it is no schema; the message names the tool.
    """
    kind = validator_for(schema, default=Draft202012Validator)
    try:
        kind.check_schema(dict(schema))
    except SchemaError as error:
        raise ToolDefinitionError(f"tool {name!r}: its schema is none: {error.message}") from error
    validator = kind(dict(schema))

    def validate(written: bytes) -> dict[str, Any]:
        arguments: dict[str, Any] = json.loads(written)
        wrong = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(arguments)]
        if wrong:
            raise ToolArgumentsError("invalid arguments: " + "; ".join(wrong))
        return arguments

    return validate
