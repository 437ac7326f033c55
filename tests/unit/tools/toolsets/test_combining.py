"""Toolsets that combine, filter, rename and prefix; and how they are opened."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import pytest

from agentfast.errors import ConfigError, ToolDefinitionError, ToolError
from agentfast.tools import FunctionToolset, Tool, ToolRegistry, combine, tool
from agentfast.tools.toolsets.combining import BaseToolset


@tool(timeout=3)
def find(number: int) -> int:
    """Find."""
    return number


def count() -> int:
    return 1


def names(toolset: BaseToolset) -> list[str]:
    return [each.name for each in toolset.tools()]


class Remote(BaseToolset):
    """Has its tool while it is open."""

    def __init__(self, log: list[str], name: str, *, fails: bool = False) -> None:
        self.log, self.name, self.fails, self.is_open = log, name, fails, False

    def tools(self) -> Sequence[Tool[Any]]:
        if not self.is_open:
            raise ToolError(f"{self.name} has to be opened first")
        return [tool(count, name=self.name)]

    async def __aenter__(self) -> Self:
        if self.fails:
            raise ToolError("out of reach")
        self.is_open = True
        self.log.append(f"open {self.name}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.is_open = False
        self.log.append(f"close {self.name}")


def test_tools_are_combined_filtered_renamed_and_prefixed() -> None:
    both = combine(FunctionToolset([find]), FunctionToolset([count]))
    assert names(both) == ["find", "count"]
    assert names(both.filtered(lambda each: each.name != "count")) == ["find"]
    changed = both.renamed({"find": "search"}).prefixed("shop_")
    assert names(changed) == ["shop_search", "shop_count"]
    search = changed.tools()[0]
    assert (search.original_name, search.timeout, search.validate({"number": 1})) == (
        "find",
        3,
        {"number": 1},
    )
    assert find.original_name is None


def test_a_registry_takes_tools_functions_and_toolsets() -> None:
    registry = ToolRegistry([find, FunctionToolset([count]).prefixed("a_"), count])
    assert [each.name for each in registry] == ["find", "a_count", "count"]
    with pytest.raises(ToolDefinitionError, match="two tools are named 'find'"):
        ToolRegistry([find, FunctionToolset([find])])
    alone: Any = FunctionToolset([find])
    with pytest.raises(ConfigError, match="put it into a list"):
        ToolRegistry(alone)


def test_wrong_names_are_refused() -> None:
    toolset = FunctionToolset([find])
    with pytest.raises(ToolDefinitionError, match="did you mean find"):
        toolset.renamed({"fnd": "search"}).tools()
    with pytest.raises(ToolDefinitionError, match="'a b' is not a tool name"):
        toolset.renamed({"find": "a b"})
    with pytest.raises(ToolDefinitionError, match="is not a tool name"):
        toolset.prefixed("1")
    with pytest.raises(ToolDefinitionError, match="is not a tool name"):
        toolset.prefixed("x" * 62).tools()
    wrong: Any = find
    with pytest.raises(ConfigError, match="it takes toolsets"):
        combine(wrong)


async def test_toolsets_are_opened_in_their_order_and_closed_in_the_other() -> None:
    log: list[str] = []
    toolset = combine(Remote(log, "a"), Remote(log, "b")).prefixed("x_")
    with pytest.raises(ToolError, match="opened first"):
        ToolRegistry([toolset])
    async with toolset:
        assert names(toolset) == ["x_a", "x_b"]
    assert log == ["open a", "open b", "close b", "close a"]


async def test_what_was_opened_is_closed_where_another_cannot_be_opened() -> None:
    log: list[str] = []
    with pytest.raises(ToolError, match="out of reach"):
        async with combine(Remote(log, "a"), Remote(log, "b", fails=True)):
            raise AssertionError("it was opened")
    assert log == ["open a", "close a"]
