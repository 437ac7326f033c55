"""The JSON chat format, which the embedded model speaks.

    <|system|>INSTRUCTIONS
    find_order(id:int,status?:"open"|"shipped")Finds an order.<|end|>
    <|user|>TEXT<|end|>
    <|assistant|><|call|>{"name":"find_order","arguments":{"id":1042}}<|end|>
    <|result|>{"id":1042,"status":"open"}<|end|>
    <|assistant|>The order is open.<|end|>

(Without the line breaks before the special tokens.) Every text is encoded apart from the special tokens, so
that no text can contain one: user input and tool results cannot open a turn or a call.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agentfast.messages import AssistantMessage, Message, SystemMessage, ToolCall, ToolMessage, UserMessage
from agentfast.tools.definition import ToolDefinition

END, SYSTEM, USER = "<|end|>", "<|system|>", "<|user|>"
ASSISTANT, CALL, RESULT = "<|assistant|>", "<|call|>", "<|result|>"
PAD = "<pad>"
SPECIAL_TOKENS = (PAD, END, SYSTEM, USER, ASSISTANT, CALL, RESULT)

Segment = tuple[bool, str]
"""(True, name of a special token) or (False, text)."""


def dump_json(value: Any) -> str:
    """Compact JSON as the model writes and reads it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def render_call(call: ToolCall) -> str:
    """The JSON text of one call, as it stands after a call token."""
    return dump_json({"name": call.name, "arguments": call.arguments})


def render_message(message: Message, declarations: str = "") -> Iterator[Segment]:
    """Segments of one message; `declarations` go into the system message."""
    match message:
        case SystemMessage(text):
            yield True, SYSTEM
            yield False, text + declarations
        case UserMessage(text):
            yield True, USER
            yield False, text
        case ToolMessage(content=content):
            yield True, RESULT
            yield False, content
        case AssistantMessage(text, calls):
            yield True, ASSISTANT
            if text:
                yield False, text
            for call in calls:
                yield True, CALL
                yield False, render_call(call)
    yield True, END


def render_declarations(tools: Sequence[ToolDefinition], output_schema: Mapping[str, Any] | None = None) -> str:
    """Tool declarations, a line each, then the type of the answer if one is asked for."""
    lines = [f"\n{tool.name}{render_signature(tool.parameters)}{tool.description}" for tool in tools]
    if output_schema is not None:
        lines.append("\nreturn " + render_type(output_schema, output_schema))
    return "".join(lines)


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
        return name if target is None or f'"{schema["$ref"]}"' in json.dumps(target) else render_type(target, root)
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
