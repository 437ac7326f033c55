"""Tools of a JSON Schema: what is refused when they are made, and what when they are called."""

from __future__ import annotations

import functools
from typing import Any

import pytest

from agentfast.errors import ConfigError, ToolArgumentsError, ToolDefinitionError
from agentfast.tools import Executor, Tool, ToolCall, ToolRegistry
from agentfast.tools.context import RunContext

SCHEMA: dict[str, Any] = {
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city"],
}


def weather(city: str, days: int = 1) -> str:
    return f"{city} {days}"


def test_arguments_are_checked_against_the_schema_and_given_as_they_are() -> None:
    made = Tool.from_schema("weather", SCHEMA, weather, description="The weather.", pure=True)
    assert (made.description, made.pure, made.parameters["additionalProperties"]) == (
        "The weather.",
        True,
        False,
    )
    assert made.validate({"city": "Oslo"}) == {"city": "Oslo"}
    for wrong, said in [
        ({}, "required"),
        ({"city": 1}, r"\$\.city"),
        ({"city": "a", "x": 1}, "'x' was unexpected"),
    ]:
        with pytest.raises(ToolArgumentsError, match=said):
            made.validate(wrong)


async def test_sync_and_async_functions_are_called_with_the_context_first() -> None:
    async def ask(context: RunContext[int], **arguments: Any) -> Any:
        return [context.deps, arguments]

    made = Tool.from_schema("ask", SCHEMA, ask)
    result = await Executor(ToolRegistry([made])).run(ToolCall("ask", {"city": "Oslo"}), RunContext(7))
    assert result.content == '[7,{"city":"Oslo"}]'
    plain = Tool.from_schema("weather", SCHEMA, weather)
    assert (
        await Executor(ToolRegistry([plain])).run(ToolCall("weather", {"city": "Oslo"}))
    ).content == '"Oslo 1"'


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "array"}, "one of an object"),
        (5, "one of an object"),
        ({"properties": {"city": {"type": "txt"}}, "required": ["city"]}, r"\$\.properties\.city\.type"),
        ({"properties": {"city": {"pattern": "("}}, "required": ["city"]}, "regex"),
        ({"properties": {"city": {"$ref": "https://example.com/a"}}, "required": ["city"]}, "does not hold"),
        ({"properties": {"city": {"$ref": "#/$defs/a"}}, "required": ["city"]}, "does not hold"),
        ({"properties": {"city": {}}}, "the schema does not require it"),
        ({"properties": {"city": {}, "zip": {}}, "required": ["city"]}, "no parameter for 'zip'"),
        ({"properties": {"city": {"const": float("nan")}}, "required": ["city"]}, "JSON cannot hold"),
    ],
)
def test_what_cannot_be_called_is_refused_when_the_tool_is_made(schema: Any, said: str) -> None:
    with pytest.raises(ToolDefinitionError, match=said):
        Tool.from_schema("weather", schema, weather)


def test_functions_names_and_options_are_checked_as_for_other_tools() -> None:
    def days() -> Any:
        yield 1

    for name, function, said in [
        ("w", days, "generator"),
        ("a b", weather, "not a tool name"),
        ("w", int, "function"),
    ]:
        with pytest.raises(ToolDefinitionError, match=said):
            Tool.from_schema(name, {}, function)
    with pytest.raises(ConfigError, match="timeout"):
        Tool.from_schema("weather", SCHEMA, weather, timeout=0)
    assert Tool.from_schema("oslo", {}, functools.partial(weather, "Oslo")).validate({}) == {}


def test_references_inside_of_a_schema_and_open_objects_are_taken() -> None:
    def act(**arguments: Any) -> Any:
        return arguments

    tree = {
        "$defs": {"t": {"type": "array", "items": {"$ref": "#/$defs/t"}}},
        "properties": {"t": {"$ref": "#/$defs/t"}},
    }
    made = Tool.from_schema("act", tree, act)
    assert made.validate({"t": [[]]}) == {"t": [[]]}
    with pytest.raises(ToolArgumentsError):
        made.validate({"t": [1]})
    opened = Tool.from_schema("act", {"additionalProperties": {"type": "integer"}}, act)
    assert opened.validate({"any": 1}) == {"any": 1}
