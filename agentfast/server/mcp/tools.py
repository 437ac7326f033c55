"""Tools and agents as an MCP server of the package `mcp`."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from importlib import metadata
from typing import TYPE_CHECKING, Any, cast

from agentfast.agent.agent import Agent
from agentfast.errors import ConfigError, UnknownToolError
from agentfast.tools.call import ToolCall, ToolResult
from agentfast.tools.checks import check_text, shown
from agentfast.tools.definition import Tool
from agentfast.tools.executor import Executor
from agentfast.tools.mcp.options import check_package
from agentfast.tools.registry import ToolRegistry
from agentfast.tools.toolsets.toolset import Toolset

if TYPE_CHECKING:
    from mcp import types
    from mcp.server import Server


def registry_of(served: object) -> ToolRegistry:
    """The tools to serve, given a registry, a toolset, a tool, a function or an agent, or a list of these.

    An agent is one tool that runs it.

    Raises:
        ConfigError: it is something else, or an agent has no description.
        ToolDefinitionError: a function cannot become a tool, or two tools share a name.
    """
    if isinstance(served, ToolRegistry):
        return served
    items = cast("Iterable[object]", served) if isinstance(served, (list, tuple)) else [served]
    return ToolRegistry(itertools.chain.from_iterable(map(_tools_of, items)))


def _tools_of(item: object) -> Iterable[Any]:
    if isinstance(item, Agent):
        agent: Agent[Any, Any] = item  # pyright: ignore[reportUnknownVariableType]
        return (agent.as_tool(),)
    if isinstance(item, ToolRegistry):
        return item
    if not isinstance(item, (Tool, Toolset)) and not callable(item):
        raise ConfigError(f"an MCP server is given {shown(item)}; it takes tools, toolsets and agents")
    return [item]


def mcp_server(served: object, *, name: str = "agentfast", client_approves: bool = False) -> Server[Any]:
    """A server of the package mcp that offers tools. Calls are checked and limited as an agent's are.

    Args:
        served: a registry, toolset, tool, function or agent, or a list of these.
        name: what it says it is.
        client_approves: serve tools that require approval, too, as its clients ask their users before each call.

    Raises:
        ConfigError: it is something else, a tool requires approval that nobody could give, or mcp is not installed.
        ToolDefinitionError: a function cannot become a tool, or two tools share a name.
    """
    check_package()
    check_text("name", name)
    registry = registry_of(served)
    for tool in registry:
        if tool.requires_approval and not client_approves:
            raise ConfigError(
                f"tool {tool.name!r} requires approval, and an MCP server has nobody to ask",
                hint="leave it out, or say that the clients ask their users: client_approves=True, --client-approves",
            )
    executor = Executor(registry)
    from mcp import MCPError, types
    from mcp.server import Server

    listed = [_listed(tool) for tool in registry]

    async def list_tools(context: object, asked: object) -> types.ListToolsResult:
        return types.ListToolsResult(tools=listed)

    async def call_tool(context: object, asked: types.CallToolRequestParams) -> types.CallToolResult:
        try:
            registry[asked.name]
        except UnknownToolError as error:  # of the protocol, in MCP
            raise MCPError(types.INVALID_PARAMS, str(error)) from error
        return _answer(await executor.run(ToolCall(asked.name, asked.arguments or {})))

    return Server(
        name, version=metadata.version("agentfast"), on_list_tools=list_tools, on_call_tool=call_tool
    )


def _listed(tool: Tool[Any]) -> types.Tool:
    from mcp import types

    hints = types.ToolAnnotations(
        read_only_hint=tool.pure,
        idempotent_hint=tool.idempotent or tool.pure,
        destructive_hint=bool(tool.requires_approval) or None,
    )
    return types.Tool(
        name=tool.name,
        description=tool.description,
        input_schema=dict(tool.parameters),
        annotations=hints,
    )


def _answer(result: ToolResult) -> types.CallToolResult:
    """A result: an object as structured content as well, a text as the text, an error as its message."""
    from mcp import types

    value: Any = json.loads(result.content)
    if result.is_error:
        return types.CallToolResult(content=[types.TextContent(text=str(value["error"]))], is_error=True)
    content: list[types.ContentBlock] = [
        types.TextContent(text=value if isinstance(value, str) else result.content)
    ]
    if isinstance(value, dict):
        return types.CallToolResult(content=content, structured_content=value)
    return types.CallToolResult(content=content)
