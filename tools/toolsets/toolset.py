"""The interface of a collection of tools, which may have to be opened before its tools are known."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Protocol, Self, runtime_checkable

from agentfast.tools.definition import Tool


@runtime_checkable
class Toolset(Protocol):
    """A collection of tools, local or remote. `async with` opens it."""

    def tools(self) -> Sequence[Tool[Any]]:
        """Its tools, in their order.

        Raises:
            ToolError: it has to be opened first.
        """
        ...

    async def __aenter__(self) -> Self:
        """Open what its tools need, such as a connection."""
        ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        """Close it again."""
        ...
