"""Ways to speak of an order."""

from __future__ import annotations

from agentfast.nano.shop.database import Order
from agentfast.nano.tasks.scenarios.base import Draw, call
from agentfast.nano.tasks.scenarios.chains.references.base import Path, path_of, reference, say


@reference("order", "order {order}")
def order_by_id(d: Draw, suffix: str) -> Path:
    id_ = d.order_id()
    say(d, suffix, order=id_)
    return path_of({"id": id_})


@reference("order", "the first {old} order of customer {customer}", "list_orders", "id status")
def first_order(d: Draw, suffix: str) -> Path:
    order = d.order()
    say(d, suffix, old=order.status, customer=order.customer_id)
    return path_of({}, lambda _: call("list_orders", customer=order.customer_id, status=order.status))


@reference("order", "the first {old} order of {name}", "find_customer > list_orders(customer)", "id status")
def first_order_by_name(d: Draw, suffix: str) -> Path:
    order = d.order()
    name = d.name_of(order.customer_id)
    say(d, suffix, old=order.status, name=name)
    return path_of(
        {},
        lambda _: call("find_customer", name=name),
        lambda found: call("list_orders", customer=found["id"], status=order.status),
    )


def two_of_a_buyer(d: Draw) -> tuple[Order, Order]:
    """Two orders of one customer, which are the same one in a shop where nobody has two."""
    pairs = [
        (order, other)
        for order in d.rows.orders
        for other in d.rows.orders
        if order != other and order.customer_id == other.customer_id
    ]
    if pairs:
        return d.rng.choice(pairs)
    order = d.order()
    return order, order


@reference(
    "order",
    "the first {old} order of the [customer|buyer] of order {order}",
    "get_order > list_orders(customer)",
    "id status",
)
def first_order_of_buyer(d: Draw, suffix: str) -> Path:
    order, other = two_of_a_buyer(d)
    status = other.status
    say(d, suffix, old=status, order=order.id)
    return path_of(
        {},
        lambda _: call("get_order", id=order.id),
        lambda found: call("list_orders", customer=found["customer"], status=status),
    )
