"""Invented tools that can be called: they know the gold calls' results, and nothing else."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import Field

from agentfast.nano.tasks.invented.tasks import InventedTask
from agentfast.tools.definition import Tool, ToolDefinition, tool

_TYPES: dict[str, Any] = {"string": str, "integer": int, "number": float, "boolean": bool}


def live_tools(task: InventedTask) -> tuple[Tool[Any], ...]:
    """The task's tools. Called with other arguments than the gold ones, they find nothing."""
    return tuple(_live(definition, task) for definition in task.tools)


def _live(definition: ToolDefinition, task: InventedTask) -> Tool[Any]:
    known = [
        (call.arguments, result)
        for turn in task.solution.turns
        for call, result in zip(turn.calls, turn.results, strict=True)
        if call.name == definition.name
    ]

    def answer(**arguments: Any) -> Any:
        for gold, result in known:
            if arguments == gold:
                return result
        return {"error": "Nothing was found."}

    # The declaration stays the invented one, which says less about defaults than a signature would.
    return replace(tool(_signed(answer, definition)), definition=definition)


def _signed(function: Callable[..., Any], definition: ToolDefinition) -> Callable[..., Any]:
    """The function with the signature that its declaration describes."""
    properties: Mapping[str, Mapping[str, Any]] = definition.parameters["properties"]
    required = definition.parameters["required"]
    types = {name: _type_of(schema) for name, schema in properties.items()}
    function.__name__ = definition.name
    function.__annotations__ = types
    parameters = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if name in required else None,
            annotation=type_,
        )
        for name, type_ in types.items()
    ]
    function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # pyright: ignore[reportFunctionMemberAccess]
    return function


def _type_of(schema: Mapping[str, Any]) -> Any:
    """The annotation that has this schema."""
    if "enum" in schema:
        return Literal[tuple(schema["enum"])]
    if schema["type"] == "array":
        return list[_type_of(schema["items"])]  # type: ignore[misc]
    plain = _TYPES[schema["type"]]
    extra = {"format": schema["format"]} if "format" in schema else None
    return Annotated[plain, Field(json_schema_extra=extra)] if extra else plain
