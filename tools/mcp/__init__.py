"""Tools of MCP servers. The package `mcp` is imported when a server is first connected to."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentfast.tools.mcp.reading import Prompt, PromptArgument, PromptMessage, Resource, ResourceContents
    from agentfast.tools.mcp.server import MCPServer

__all__ = ["MCPServer", "Prompt", "PromptArgument", "PromptMessage", "Resource", "ResourceContents"]

_HOMES = {
    "MCPServer": "server",
    "Prompt": "reading",
    "PromptArgument": "reading",
    "PromptMessage": "reading",
    "Resource": "reading",
    "ResourceContents": "reading",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
