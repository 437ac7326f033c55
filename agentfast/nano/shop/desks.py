"""The desks of the shop, each with its agent's instructions and tools."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from agentfast.nano.shop.database import Shop
from agentfast.nano.shop.tools import READS, functions_of
from agentfast.tools.definition import Tool, ToolDefinition, tool


@dataclass(frozen=True, slots=True)
class Desk:
    """A desk of the shop: the instructions of its agent (several wordings, the first is the usual) and its tools."""

    name: str
    instructions: tuple[str, ...]
    tools: tuple[str, ...]


DESKS = {
    desk.name: desk
    for desk in (
        Desk(
            "customers",
            ("You run the customer desk.", "You look after customers.", "Help with customers."),
            (
                "find_customer",
                "get_customer",
                "list_customers",
                "get_order",
                "add_customer",
                "set_email",
                "set_city",
            ),
        ),
        Desk(
            "orders",
            ("You run the order desk.", "You look after orders.", "Help with orders."),
            (
                "find_customer",
                "find_product",
                "get_order",
                "list_orders",
                "create_order",
                "set_status",
                "set_date",
            ),
        ),
        Desk(
            "stock",
            ("You run the stock desk.", "You look after products.", "Help with products."),
            ("find_product", "get_product", "low_stock", "set_price", "add_stock", "get_order"),
        ),
        Desk(
            "calendar",
            ("You run the calendar.", "You look after events.", "Help with events."),
            ("list_events", "find_event", "next_event", "add_event", "move_event", "cancel_event"),
        ),
        Desk(
            "messages",
            ("You run the message desk.", "You look after messages.", "Help with messages."),
            (
                "find_customer",
                "get_customer",
                "list_customers",
                "get_order",
                "send_message",
                "list_messages",
                "delete_message",
            ),
        ),
    )
}
TOOL_NAMES = tuple(dict.fromkeys(name for desk in DESKS.values() for name in desk.tools))


def shop_tools(shop: Shop, names: tuple[str, ...] = TOOL_NAMES) -> tuple[Tool[Any], ...]:
    """Tools of those names that work on `shop`."""
    functions, patterns = functions_of(shop), _patterns()
    return tuple(replace(patterns[name], function=functions[name]) for name in names)


@cache
def definitions() -> dict[str, ToolDefinition]:
    """Declarations of all the shop's tools, by name."""
    return {name: pattern.definition for name, pattern in _patterns().items()}


@cache
def _patterns() -> dict[str, Tool[Any]]:
    """The tools of some shop: all but their functions is the same for every shop, and slow to make."""
    shop = Shop()
    try:
        functions = functions_of(shop)
        return {name: tool(functions[name], pure=name in READS) for name in TOOL_NAMES}
    finally:
        shop.close()
