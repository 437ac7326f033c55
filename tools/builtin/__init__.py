"""Tools that are safe by default: files of a folder, read-only SQL, HTTP GET, arithmetic, Python with limits.

Each factory gives tools for `Agent(tools=[...])`. What a tool refuses becomes an error result that the model reads.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agentfast.tools.builtin.calculator import calculator
    from agentfast.tools.builtin.files import files
    from agentfast.tools.builtin.http_get import http_get
    from agentfast.tools.builtin.python import python
    from agentfast.tools.builtin.sqlite import sqlite

__all__ = ["calculator", "files", "http_get", "python", "sqlite"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{name}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
