"""Lists of tools that cannot all be used."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from mcp.types import Tool as Listed

from agentfast import Agent, ToolDefinitionError, UnsupportedSchemaError, held_by, nano
from agentfast.tools import FunctionToolset
from agentfast.tools.mcp.listing import tools_of

GOOD = Listed(name="good", input_schema={"type": "object", "properties": {"a": {"type": "integer"}}})
BAD = Listed(
    name="bad", input_schema={"type": "object", "properties": {"a": {"$ref": "https://example.com/a"}}}
)
NOT_HELD = Listed(
    name="not_held",
    input_schema={
        "type": "object",
        "properties": {"a": {"type": "array", "items": {"type": "string"}, "uniqueItems": True}},
    },
)


async def never(name: str, arguments: dict[str, Any], is_repeatable: bool) -> Any:
    raise AssertionError


def test_a_schema_that_no_tool_can_have_is_refused_by_the_tools_name() -> None:
    with pytest.raises(
        ToolDefinitionError, match=r"tool 'bad': its schema refers to 'https://example\.com/a'"
    ):
        tools_of([GOOD, BAD], never, {})


def test_it_is_left_out_on_request(caplog: pytest.LogCaptureFixture) -> None:
    tools, skipped = tools_of([GOOD, BAD], never, {"skip_unusable": True})
    assert [each.name for each in tools] == ["good"]
    assert "which it does not hold" in skipped["bad"]
    assert "a tool is left out: tool 'bad'" in caplog.text


def test_two_tools_of_a_name_are_refused() -> None:
    with pytest.raises(ToolDefinitionError, match="two tools named 'good'"):
        tools_of([GOOD, GOOD], never, {})


def test_a_schema_that_the_model_cannot_be_held_to_is_refused_or_filtered(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tools, _ = tools_of([GOOD, NOT_HELD], never, {})
    toolset = FunctionToolset(tools)
    model = nano.load()
    with pytest.raises(UnsupportedSchemaError, match="tool 'not_held'"):
        Agent(model, tools=[toolset])
    with caplog.at_level(logging.WARNING, "agentfast.tools"):
        agent = Agent(model, tools=[toolset.filtered(held_by(model))])
    assert [each.name for each in agent.tools] == ["good"]
    assert "tool not_held is left out" in caplog.text
