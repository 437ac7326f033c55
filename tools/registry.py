"""The tools that a run may call, by name."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from agentfast.errors import ToolDefinitionError, UnknownToolError
from agentfast.tools.checks import check_list, closest, listed
from agentfast.tools.definition import Tool, ToolDefinition, as_tool
from agentfast.tools.toolsets.toolset import Toolset


class ToolRegistry:
    """An immutable set of tools with unique names, in the order given."""

    def __init__(self, tools: Iterable[Tool[Any] | Callable[..., Any] | Toolset] = ()) -> None:
        """Take tools, functions to make tools of, or toolsets, whose tools are read now.

        Raises:
            ConfigError: `tools` is no collection.
            ToolDefinitionError: two tools share a name, or a function cannot become a tool.
            ToolError: a toolset has to be opened first.
        """
        alone = callable(tools) or isinstance(tools, Toolset)
        hint = "put it into a list: tools=[...]" if alone else None
        check_list("tools", tools, "a list of tools, functions or toolsets", hint=hint)
        by_name: dict[str, Tool[Any]] = {}
        for item in itertools.chain.from_iterable(map(_tools_of, tools)):
            if item.name in by_name:
                raise ToolDefinitionError(
                    f"two tools are named {item.name!r}",
                    hint="rename one: tool(f, name=...), or toolset.prefixed(...)",
                )
            by_name[item.name] = item
        self._tools: Mapping[str, Tool[Any]] = by_name
        self.definitions: tuple[ToolDefinition, ...] = tuple(item.definition for item in by_name.values())

    def __len__(self) -> int:
        return len(self._tools)

    def __iter__(self) -> Iterator[Tool[Any]]:
        return iter(self._tools.values())

    def __contains__(self, name: object) -> bool:
        return name in self._tools

    def get(self, name: str) -> Tool[Any] | None:
        """The tool of that name, None if there is none."""
        return self._tools.get(name)

    def __getitem__(self, name: str) -> Tool[Any]:
        """The tool of that name.

        Raises:
            UnknownToolError: there is none; the message offers similar names, or says which there are.
        """
        try:
            return self._tools[name]
        except KeyError:
            hint = closest(name, self._tools) or f"there are: {listed(self._tools)}"
            if not self._tools:
                hint = "there are no tools"
            raise UnknownToolError(f"there is no tool {name!r}", hint=hint) from None


def _tools_of(item: Tool[Any] | Callable[..., Any] | Toolset) -> Sequence[Tool[Any]]:
    return item.tools() if isinstance(item, Toolset) else (as_tool(item),)
