"""Ways to speak of a row that has to be looked up: a phrase, and the calls that lead from it to the row.

A reference draws its row at once and returns the calls as a generator, so that a request's slots are filled even when
a call fails. The suffix tells the slots of two references in one request apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, cast

from agentfast.messages import ToolCall
from agentfast.nano.world.scenarios.base import Draw, call

Found = dict[str, Any]
Path = Generator[list[ToolCall], list[Any], Found]
"""Yields the calls of a turn, receives their results, returns what is known of the row, its id at least."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One way to speak of a row.

    Attributes:
        noun: what kind of row.
        phrase: as it stands in a request.
        turns: the calls of each turn, as `shape_of` writes them.
        fields: what the calls find out.
        find: draws the row, says it, and returns the calls.
    """

    name: str
    noun: str
    phrase: str
    turns: tuple[str, ...]
    fields: frozenset[str]
    find: Callable[[Draw, str], Path]

    def phrased(self, suffix: str) -> str:
        """The phrase with its slots' names ending in the suffix."""
        return re.sub(r"(?<=\w)\}", f"{suffix}}}", self.phrase)


def _reference(
    noun: str, phrase: str, turns: str = "", fields: str = "id"
) -> Callable[[Callable[[Draw, str], Path]], Reference]:
    def make(find: Callable[[Draw, str], Path]) -> Reference:
        every = tuple(turn for turn in turns.split(" > ") if turn)
        return Reference(find.__name__, noun, phrase, every, frozenset(fields.split()), find)

    return make


def _say(draw: Draw, suffix: str, **slots: object) -> None:
    draw.say(**{name + suffix: value for name, value in slots.items()})


def _path(found: Found, *steps: Callable[[Found], ToolCall]) -> Path:
    """Calls one after the other; a result, or the first row of a list, adds to what is known."""
    for step in steps:
        [result] = yield [step(found)]
        row: Found = cast("list[Found]", result)[0] if isinstance(result, list) else result
        found = {**found, **row}
    return found


@_reference("customer", "customer {customer}")
def customer_by_id(d: Draw, suffix: str) -> Path:
    id_ = d.customer_id()
    _say(d, suffix, customer=id_)
    return _path({"id": id_})


@_reference("customer", "{name}", "find_customer", "id email city")
def customer_by_name(d: Draw, suffix: str) -> Path:
    name = d.customer_name()
    _say(d, suffix, name=name)
    return _path({}, lambda _: call("find_customer", name=name))


@_reference("customer", "the [first|top] customer [in|from|of] {town}", "list_customers", "id name")
def first_of_city(d: Draw, suffix: str) -> Path:
    city = d.customer().city
    _say(d, suffix, town=city)
    return _path({}, lambda _: call("list_customers", city=city))


@_reference("customer", "the [customer|buyer] of order {order}", "get_order", "id")
def buyer(d: Draw, suffix: str) -> Path:
    id_ = d.order_id()
    _say(d, suffix, order=id_)

    def path() -> Path:
        [order] = yield [call("get_order", id=id_)]
        return {"id": order["customer"]}

    return path()


@_reference("product", "product {product}")
def product_by_id(d: Draw, suffix: str) -> Path:
    id_ = d.product_id()
    _say(d, suffix, product=id_)
    return _path({"id": id_})


@_reference("product", "the {thing}", "find_product", "id price stock")
def product_by_name(d: Draw, suffix: str) -> Path:
    name = d.product_name()
    _say(d, suffix, thing=name)
    return _path({}, lambda _: call("find_product", name=name))


@_reference("product", "the [product|item] [in|of] order {order}", "get_order", "id quantity")
def product_of_order(d: Draw, suffix: str) -> Path:
    id_ = d.order_id()
    _say(d, suffix, order=id_)

    def path() -> Path:
        [order] = yield [call("get_order", id=id_)]
        return {"id": order["product"], "quantity": order["quantity"]}

    return path()


@_reference(
    "product", "the product with the [lowest|least|smallest] stock below {low}", "low_stock", "id stock"
)
def scarcest(d: Draw, suffix: str) -> Path:
    low = min(product.stock for product in d.rows.products) + d.rng.randint(1, 20)
    _say(d, suffix, low=low)
    return _path({}, lambda _: call("low_stock", below=low))


@_reference("order", "order {order}")
def order_by_id(d: Draw, suffix: str) -> Path:
    id_ = d.order_id()
    _say(d, suffix, order=id_)
    return _path({"id": id_})


@_reference("order", "the first {old} order of customer {customer}", "list_orders", "id status")
def first_order(d: Draw, suffix: str) -> Path:
    order = d.order()
    _say(d, suffix, old=order.status, customer=order.customer_id)
    return _path({}, lambda _: call("list_orders", customer=order.customer_id, status=order.status))


@_reference("order", "the first {old} order of {name}", "find_customer > list_orders(customer)", "id status")
def first_order_by_name(d: Draw, suffix: str) -> Path:
    order = d.order()
    name = d.name_of(order.customer_id)
    _say(d, suffix, old=order.status, name=name)
    return _path(
        {},
        lambda _: call("find_customer", name=name),
        lambda found: call("list_orders", customer=found["id"], status=order.status),
    )


@_reference("event", "event {event}")
def event_by_id(d: Draw, suffix: str) -> Path:
    id_ = d.event_id()
    _say(d, suffix, event=id_)
    return _path({"id": id_})


@_reference("event", "the {title}", "find_event", "id date time person")
def event_by_title(d: Draw, suffix: str) -> Path:
    title = d.event_title()
    _say(d, suffix, title=title)
    return _path({}, lambda _: call("find_event", title=title))


@_reference(
    "event", "the [next|first] [event|meeting|appointment] of {host}", "next_event", "id title date time"
)
def next_of_person(d: Draw, suffix: str) -> Path:
    person = d.event().person
    _say(d, suffix, host=person)
    return _path({}, lambda _: call("next_event", person=person))


@_reference("event", "the first [event|meeting|appointment] [on|of] {day}", "list_events", "id title time")
def first_of_day(d: Draw, suffix: str) -> Path:
    date = d.event().date
    _say(d, suffix, day=date)
    return _path({}, lambda _: call("list_events", date=date))


@_reference("note", "the [first|oldest] [message|note|mail] [to|for] {mail}", "list_messages", "id text")
def first_note(d: Draw, suffix: str) -> Path:
    email = d.note().recipient
    _say(d, suffix, mail=email)
    return _path({}, lambda _: call("list_messages", email=email))


def _recipient(d: Draw) -> tuple[int, str]:
    """Id and name of a customer who has messages."""
    email = d.note().recipient
    return next((c.id, c.name) for c in d.rows.customers if c.email == email)


@_reference(
    "note",
    "the [first|oldest] [message|note|mail] [to|for] {name}",
    "find_customer > list_messages(email)",
    "id text",
)
def first_note_by_name(d: Draw, suffix: str) -> Path:
    _, name = _recipient(d)
    _say(d, suffix, name=name)
    return _path(
        {},
        lambda _: call("find_customer", name=name),
        lambda found: call("list_messages", email=found["email"]),
    )


@_reference(
    "note",
    "the [first|oldest] [message|note|mail] [to|for] customer {customer}",
    "get_customer > list_messages(email)",
    "id text",
)
def first_note_by_id(d: Draw, suffix: str) -> Path:
    id_, _ = _recipient(d)
    _say(d, suffix, customer=id_)
    return _path(
        {},
        lambda _: call("get_customer", id=id_),
        lambda found: call("list_messages", email=found["email"]),
    )
