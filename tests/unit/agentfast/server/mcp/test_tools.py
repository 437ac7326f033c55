"""Tools and agents as an MCP server, asked by the client of the package mcp."""

from __future__ import annotations

from typing import Any

import pytest
from mcp import Client, MCPError
from mcp.types import CallToolResult, TextContent

from agentfast import (
    Agent,
    AssistantMessage,
    ConfigError,
    RunContext,
    ScriptedModel,
    ToolCall,
    ToolError,
    tool,
)
from agentfast.server.mcp.tools import mcp_server
from agentfast.tools import FunctionToolset, ToolRegistry


@tool(pure=True)
def add(a: int, b: int = 1) -> dict[str, int]:
    """Add.

    Args:
        a: the first.
        b: the second.
    """
    return {"sum": a + b}


@tool(idempotent=True)
async def say(text: str) -> str:
    """Say."""
    return text


@tool
def fail() -> None:
    """Fail."""
    raise ToolError("no way")


def text_of(result: CallToolResult) -> str:
    (block,) = result.content
    assert isinstance(block, TextContent)
    return block.text


async def test_tools_are_listed_with_their_schemas_and_hints() -> None:
    async with Client(mcp_server([add, say, fail], name="mine")) as client:
        assert client.server_info is not None
        assert client.server_info.name == "mine"
        listed = {each.name: each for each in (await client.list_tools()).tools}
    assert listed["add"].input_schema == add.parameters
    assert listed["add"].description == "Add."
    hints = {name: each.annotations for name, each in listed.items()}
    assert [(each.read_only_hint, each.idempotent_hint) for each in hints.values() if each] == [
        (True, True),
        (False, True),
        (False, False),
    ]


async def test_results_are_text_and_objects_structured_as_well() -> None:
    async with Client(mcp_server([add, say, fail])) as client:
        added = await client.call_tool("add", {"a": 2})
        assert (text_of(added), added.structured_content) == ('{"sum":3}', {"sum": 3})
        assert text_of(await client.call_tool("say", {"text": 'a "b"'})) == 'a "b"'


async def test_errors_are_results_that_the_model_reads() -> None:
    async with Client(mcp_server([add, fail])) as client:
        failed = await client.call_tool("fail")
        assert (failed.is_error, text_of(failed)) == (True, "no way")
        wrong = await client.call_tool("add", {"a": "x"})
        assert (wrong.is_error, text_of(wrong)) == (
            True,
            "invalid arguments: a: Input should be a valid integer",
        )


async def test_a_tool_that_is_not_there_is_an_error_of_the_protocol() -> None:
    async with Client(mcp_server([add])) as client:
        with pytest.raises(MCPError, match=r"there is no tool 'ad' \(did you mean add\?\)"):
            await client.call_tool("ad", {})


async def test_an_agent_is_a_tool_that_runs_it() -> None:
    model = ScriptedModel([AssistantMessage(calls=(ToolCall("add", {"a": 2}),)), "It is 3."])
    agent = Agent(model, tools=[add], name="adder", description="Adds.")
    async with Client(mcp_server(agent)) as client:
        (listed,) = (await client.list_tools()).tools
        assert (listed.name, listed.description) == ("adder", "Adds.")
        assert text_of(await client.call_tool("adder", {"prompt": "2 + 1?"})) == "It is 3."


@pytest.mark.parametrize(
    "served",
    [
        ToolRegistry([add]),
        FunctionToolset([add]),
        add,
        [add],
        [ToolRegistry([add])],
        [FunctionToolset([add])],
    ],
)
async def test_registries_toolsets_and_lists_are_served(served: Any) -> None:
    async with Client(mcp_server(served)) as client:
        assert [each.name for each in (await client.list_tools()).tools] == ["add"]


async def test_a_tool_that_requires_approval_is_served_only_where_the_client_asks() -> None:
    @tool(requires_approval=True)
    def erase() -> str:
        """Erase."""
        return "erased"

    with pytest.raises(
        ConfigError, match="tool 'erase' requires approval, and an MCP server has nobody to ask"
    ):
        mcp_server([erase])
    async with Client(mcp_server([erase], client_approves=True)) as client:
        (listed,) = (await client.list_tools()).tools
        assert listed.annotations is not None
        assert listed.annotations.destructive_hint is True
        assert text_of(await client.call_tool("erase")) == "erased"


def test_an_approval_inside_a_toolset_of_a_context_is_found_too() -> None:
    @tool(requires_approval=lambda: True)
    def erase(context: RunContext[None]) -> str:
        """Erase."""
        return "erased"

    with pytest.raises(ConfigError, match="'erase'"):
        mcp_server(FunctionToolset([erase]))


@pytest.mark.parametrize("served", [5, "tools", [add, 5], None])
def test_what_cannot_be_served_is_named(served: Any) -> None:
    with pytest.raises(ConfigError, match="an MCP server is given"):
        mcp_server(served)
