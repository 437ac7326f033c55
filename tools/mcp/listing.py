"""An MCP server's list of tools as tools."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar

from agentfast.errors import ToolDefinitionError, ToolError
from agentfast.tools.declaration.names import allowed_names
from agentfast.tools.declaration.options import ToolOptions
from agentfast.tools.definition import Tool
from agentfast.tools.mcp.options import MCPOptions
from agentfast.tools.unicode import well_formed

if TYPE_CHECKING:
    from mcp import types

T = TypeVar("T")
Call = Callable[[str, dict[str, Any], bool], Awaitable[Any]]
"""Calls a tool, by its name, with arguments; the last says whether the call may be repeated."""
_LOG = logging.getLogger("agentfast.tools.mcp")
_MOST_PAGES: Final = 1000


async def all_pages(ask: Callable[[str | None], Awaitable[Any]], items: str) -> list[Any]:
    """The items of all pages of a list.

    Args:
        ask: asks for the page at a cursor, None for the first.
        items: the attribute of a page that has them.

    Raises:
        ToolError: the list has no end.
    """
    found: list[Any] = []
    cursor: str | None = None
    for _ in range(_MOST_PAGES):
        page = await ask(cursor)
        found += getattr(page, items)
        cursor = page.next_cursor
        if not cursor:
            return found
    raise ToolError(f"the server's list of {items} has no end")


def tools_of(
    listed: Sequence[types.Tool], call: Call, options: MCPOptions
) -> tuple[list[Tool[Any]], dict[str, str]]:
    """Tools, in the server's order, and the reasons by the names of those that were left out.

    Raises:
        ToolDefinitionError: no tool can be made of one, and it is not to be left out; or two share a name.
    """
    allowed = allowed_names(each.name for each in listed)
    if len(allowed) < len(listed):
        names = [each.name for each in listed]
        twice = next(name for name in names if names.count(name) > 1)
        raise ToolDefinitionError(f"the MCP server has two tools named {twice!r}")
    made: list[Tool[Any]] = []
    skipped: dict[str, str] = {}
    for each in listed:
        try:
            made.append(_tool(each, allowed[each.name], call, options))
        except ToolDefinitionError as error:
            if not options.get("skip_unusable", False):
                raise ToolDefinitionError(
                    error.message, hint="MCPServer(skip_unusable=True) leaves such tools out"
                ) from error
            skipped[each.name] = error.message
            _LOG.warning("a tool is left out: %s", error.message)
    return made, skipped


def _tool(listed: types.Tool, name: str, call: Call, options: MCPOptions) -> Tool[Any]:
    written = _options(listed.annotations, options)
    is_repeatable = written["idempotent"]

    async def function(**arguments: Any) -> Any:
        return await call(listed.name, arguments, is_repeatable)

    description = well_formed(listed.description or listed.title or "")
    made = Tool.from_schema(name, listed.input_schema, function, description=description, **written)
    return made if name == listed.name else dataclasses.replace(made, original_name=listed.name)


def _options(said: types.ToolAnnotations | None, options: MCPOptions) -> ToolOptions:
    """Options of a tool, by what the server says of it."""
    trusted = said if options.get("trust_annotations", True) else None
    reads = trusted is not None and trusted.read_only_hint is True
    repeats = reads or (trusted is not None and trusted.idempotent_hint is True)
    harmless = reads or (trusted is not None and trusted.destructive_hint is False)
    approval = options.get("requires_approval", False)
    return {
        "timeout": options.get("timeout"),
        "pure": reads,
        "idempotent": repeats,
        "requires_approval": not harmless if approval == "destructive" else approval,
    }
