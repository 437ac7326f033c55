"""Toolsets made of functions and of other toolsets: combined, filtered, renamed, prefixed."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self

from agentfast.errors import ConfigError, ToolDefinitionError
from agentfast.tools.checks import check_list, closest, listed, shown
from agentfast.tools.declaration.names import checked_name
from agentfast.tools.definition import Tool, as_tool
from agentfast.tools.toolsets.toolset import Toolset


class BaseToolset(ABC):
    """A toolset with the methods that make others of it. Subclasses have `tools`, and override what opens and closes."""

    @abstractmethod
    def tools(self) -> Sequence[Tool[Any]]:
        """Its tools, in their order."""

    async def __aenter__(self) -> Self:
        """Open it; there is nothing to do for tools that are at hand."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        """Close it."""
        return None

    def filtered(self, keep: Callable[[Tool[Any]], bool]) -> BaseToolset:
        """The tools for which `keep` is true.

        Raises:
            ConfigError: `keep` is no function.
        """
        if not callable(keep):
            raise ConfigError(f"filtered() is given {shown(keep)}; it takes a function of a Tool")
        return _Derived(self, lambda tools: [tool for tool in tools if keep(tool)])

    def renamed(self, names: Mapping[str, str]) -> BaseToolset:
        """The same tools, some under other names.

        Args:
            names: new names by old ones.

        Raises:
            ToolDefinitionError: a new name is not allowed. `tools` raises it where an old one is not among the tools.
        """
        if not isinstance(names, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigError(f"renamed() is given {shown(names)}; it takes a dict of new names by old ones")
        wanted = {old: checked_name(new) for old, new in names.items()}

        def rename(tools: Sequence[Tool[Any]]) -> list[Tool[Any]]:
            there = [tool.name for tool in tools]
            for old in wanted:
                if old not in there:
                    raise ToolDefinitionError(
                        f"renamed(): there is no tool {old!r}",
                        hint=closest(old, there) or f"there are: {listed(there)}",
                    )
            return [with_name(tool, wanted.get(tool.name, tool.name)) for tool in tools]

        return _Derived(self, rename)

    def prefixed(self, prefix: str) -> BaseToolset:
        """The same tools, with a prefix before each name, such as "git_".

        Raises:
            ToolDefinitionError: no name can begin so. `tools` raises it where a name becomes too long.
        """
        checked_name(f"{prefix}x" if isinstance(prefix, str) else prefix)  # pyright: ignore[reportUnnecessaryIsInstance]
        return _Derived(
            self, lambda tools: [with_name(tool, checked_name(prefix + tool.name)) for tool in tools]
        )


class FunctionToolset(BaseToolset):
    """A toolset of functions and tools."""

    def __init__(self, tools: Iterable[Tool[Any] | Callable[..., Any]]) -> None:
        """Take tools, or functions to make tools of.

        Raises:
            ConfigError: `tools` is no list.
            ToolDefinitionError: a function cannot become a tool.
        """
        check_list("tools", tools, "a list of tools or functions")
        self._tools = tuple(map(as_tool, tools))

    def tools(self) -> Sequence[Tool[Any]]:
        """The tools, in the order given."""
        return self._tools


def combine(*toolsets: Toolset) -> BaseToolset:
    """All the tools of several toolsets. Opening it opens them in their order, closing it closes all that were opened.

    Raises:
        ConfigError: one of them is no toolset.
    """
    for each in toolsets:
        if not isinstance(each, Toolset):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigError(
                f"combine() is given {shown(each)}; it takes toolsets",
                hint="make one of functions: FunctionToolset([f, g])",
            )
    return _Combined(toolsets)


def with_name(tool: Tool[Any], name: str) -> Tool[Any]:
    """The tool under another name; `original_name` keeps the one that it had first."""
    if name == tool.name:
        return tool
    definition = dataclasses.replace(tool.definition, name=name)
    return dataclasses.replace(tool, definition=definition, original_name=tool.original_name or tool.name)


class _Combined(BaseToolset):
    def __init__(self, toolsets: Sequence[Toolset]) -> None:
        self._toolsets = toolsets
        self._opened: list[AsyncExitStack] = []

    def tools(self) -> Sequence[Tool[Any]]:
        return [tool for toolset in self._toolsets for tool in toolset.tools()]

    async def __aenter__(self) -> Self:
        async with (
            AsyncExitStack() as stack
        ):  # closes the first ones again where a later one cannot be opened
            for toolset in self._toolsets:
                await stack.enter_async_context(toolset)
            self._opened.append(stack.pop_all())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._opened.pop().__aexit__(kind, error, trace)


class _Derived(BaseToolset):
    """The tools of another toolset, changed; opened and closed with it."""

    def __init__(self, source: Toolset, change: Callable[[Sequence[Tool[Any]]], Sequence[Tool[Any]]]) -> None:
        self._source = source
        self._change = change

    def tools(self) -> Sequence[Tool[Any]]:
        return self._change(self._source.tools())

    async def __aenter__(self) -> Self:
        await self._source.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return await self._source.__aexit__(kind, error, trace)
