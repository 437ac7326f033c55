"""Python functions as tools: declared by their signature, checked, and run with limits.

Names load on first use, so that importing a part of agentfast does not import pydantic.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentfast.tools.call import ToolCall, ToolDefinition, ToolResult
    from agentfast.tools.definition import Tool, as_tool, tool
    from agentfast.tools.executor import Executor
    from agentfast.tools.registry import ToolRegistry
    from agentfast.tools.toolsets.combining import FunctionToolset, combine
    from agentfast.tools.toolsets.openapi.toolset import from_openapi
    from agentfast.tools.toolsets.toolset import Toolset

__all__ = [
    "Executor",
    "FunctionToolset",
    "Tool",
    "ToolCall",
    "ToolDefinition",
    "ToolRegistry",
    "ToolResult",
    "Toolset",
    "as_tool",
    "combine",
    "from_openapi",
    "tool",
]

_HOMES = {
    "Executor": "executor",
    "FunctionToolset": "toolsets.combining",
    "Tool": "definition",
    "ToolCall": "call",
    "ToolDefinition": "call",
    "ToolRegistry": "registry",
    "ToolResult": "call",
    "Toolset": "toolsets.toolset",
    "as_tool": "definition",
    "combine": "toolsets.combining",
    "from_openapi": "toolsets.openapi.toolset",
    "tool": "definition",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
