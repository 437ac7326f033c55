"""Collections of tools: those of functions, of OpenAPI documents, and what combines and renames them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentfast.tools.toolsets.combining import BaseToolset, FunctionToolset, combine
    from agentfast.tools.toolsets.openapi.toolset import OpenAPIToolset, from_openapi
    from agentfast.tools.toolsets.toolset import Toolset

__all__ = ["BaseToolset", "FunctionToolset", "OpenAPIToolset", "Toolset", "combine", "from_openapi"]

_HOMES = {
    "BaseToolset": "combining",
    "FunctionToolset": "combining",
    "OpenAPIToolset": "openapi.toolset",
    "Toolset": "toolset",
    "combine": "combining",
    "from_openapi": "openapi.toolset",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
