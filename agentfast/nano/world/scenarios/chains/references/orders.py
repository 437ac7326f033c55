"""Ways to speak of an order."""

from __future__ import annotations

from agentfast.nano.world.scenarios.base import Draw, call
from agentfast.nano.world.scenarios.chains.references.base import Path, path_of, reference, say


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


@reference(
    "order",
    "the first {old} order of the [customer|buyer] of order {order}",
    "get_order > list_orders(customer)",
    "id status",
)
def first_order_of_buyer(d: Draw, suffix: str) -> Path:
    pairs = [
        (order, other)
        for order in d.rows.orders
        for other in d.rows.orders
        if order != other and order.customer_id == other.customer_id
    ]
    order, other = d.rng.choice(pairs) if pairs else (d.order(),) * 2
    status = other.status
    say(d, suffix, old=status, order=order.id)
    return path_of(
        {},
        lambda _: call("get_order", id=order.id),
        lambda found: call("list_orders", customer=found["customer"], status=status),
    )
