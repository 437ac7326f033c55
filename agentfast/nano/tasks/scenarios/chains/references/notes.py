"""Ways to speak of a note."""

from __future__ import annotations

from agentfast.nano.tasks.scenarios.base import Draw, call
from agentfast.nano.tasks.scenarios.chains.references.base import Path, path_of, reference, say


@reference("note", "the [first|oldest] [message|note|mail] [to|for] {mail}", "list_messages", "id text")
def first_note(d: Draw, suffix: str) -> Path:
    email = d.note().recipient
    say(d, suffix, mail=email)
    return path_of({}, lambda _: call("list_messages", email=email))


def _recipient(d: Draw) -> tuple[int, str]:
    """Id and name of a customer who has messages."""
    email = d.note().recipient
    return next((c.id, c.name) for c in d.rows.customers if c.email == email)


@reference(
    "note",
    "the [first|oldest] [message|note|mail] [to|for] {name}",
    "find_customer > list_messages(email)",
    "id text",
)
def first_note_by_name(d: Draw, suffix: str) -> Path:
    _, name = _recipient(d)
    say(d, suffix, name=name)
    return path_of(
        {},
        lambda _: call("find_customer", name=name),
        lambda found: call("list_messages", email=found["email"]),
    )


@reference(
    "note",
    "the [first|oldest] [message|note|mail] [to|for] customer {customer}",
    "get_customer > list_messages(email)",
    "id text",
)
def first_note_by_id(d: Draw, suffix: str) -> Path:
    id_, _ = _recipient(d)
    say(d, suffix, customer=id_)
    return path_of(
        {},
        lambda _: call("get_customer", id=id_),
        lambda found: call("list_messages", email=found["email"]),
    )


@reference(
    "note",
    "the [first|oldest] [message|note|mail] [to|for] the [customer|buyer] of order {order}",
    "get_order > get_customer(id) > list_messages(email)",
    "id text",
)
def first_note_of_buyer(d: Draw, suffix: str) -> Path:
    written_to = {note.recipient for note in d.rows.notes}
    buyers = {customer.id for customer in d.rows.customers if customer.email in written_to}
    orders = [order.id for order in d.rows.orders if order.customer_id in buyers]
    order = d.rng.choice(orders) if orders else d.values.number(1000, 9999)
    say(d, suffix, order=order)
    return path_of(
        {},
        lambda _: call("get_order", id=order),
        lambda found: call("get_customer", id=found["customer"]),
        lambda found: call("list_messages", email=found["email"]),
    )
