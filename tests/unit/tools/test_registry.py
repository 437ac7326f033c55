"""The registry: unique names, lookups, and help when a name is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from agentfast.errors import ConfigError, ToolDefinitionError, UnknownToolError
from agentfast.tools import ToolRegistry, tool


def find_order(number: int) -> int:
    return number


def find_customer(name: str) -> str:
    return name


def test_tools_are_found_by_name_in_the_order_given() -> None:
    registry = ToolRegistry([tool(find_order), find_customer])
    assert [item.name for item in registry] == ["find_order", "find_customer"]
    assert [item.name for item in registry.definitions] == ["find_order", "find_customer"]
    assert registry["find_order"].function is find_order
    assert "find_customer" in registry
    assert "nothing" not in registry
    assert len(registry) == 2


def test_two_tools_of_one_name_are_refused() -> None:
    with pytest.raises(ToolDefinitionError, match="find_order"):
        ToolRegistry([find_order, tool(find_customer, name="find_order")])


def test_an_unknown_name_is_an_error_that_offers_close_ones() -> None:
    with pytest.raises(UnknownToolError, match="did you mean find_order"):
        ToolRegistry([find_order, find_customer])["find_ordr"]
    with pytest.raises(UnknownToolError, match="there are no tools"):
        ToolRegistry()["x"]


def test_an_unknown_name_like_no_other_is_told_which_there_are() -> None:
    with pytest.raises(UnknownToolError) as caught:
        ToolRegistry([find_order, find_customer])["weather"]
    assert str(caught.value) == "there is no tool 'weather' (there are: find_order, find_customer)"


@pytest.mark.parametrize("tools", [find_order, tool(find_order), "find_order", None, 5, {"a": find_order}])
def test_tools_come_in_a_list(tools: Any) -> None:
    with pytest.raises(ConfigError, match=r"tools is .*; it takes a list of tools"):
        ToolRegistry(tools)
