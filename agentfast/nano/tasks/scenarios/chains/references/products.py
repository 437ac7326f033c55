"""Ways to speak of a product."""

from __future__ import annotations

from agentfast.nano.tasks.scenarios.base import Draw, call
from agentfast.nano.tasks.scenarios.chains.references.base import Path, path_of, reference, say
from agentfast.nano.tasks.scenarios.chains.references.orders import two_of_a_buyer


@reference("product", "product {product}")
def product_by_id(d: Draw, suffix: str) -> Path:
    id_ = d.product_id()
    say(d, suffix, product=id_)
    return path_of({"id": id_})


@reference("product", "the {thing}", "find_product", "id price stock")
def product_by_name(d: Draw, suffix: str) -> Path:
    name = d.product_name()
    say(d, suffix, thing=name)
    return path_of({}, lambda _: call("find_product", name=name))


@reference("product", "the [product|item] [in|of] order {order}", "get_order", "id quantity")
def product_of_order(d: Draw, suffix: str) -> Path:
    id_ = d.order_id()
    say(d, suffix, order=id_)
    return _in_order(id_)


@reference(
    "product", "the product with the [lowest|least|smallest] stock below {low}", "low_stock", "id stock"
)
def scarcest(d: Draw, suffix: str) -> Path:
    low = min(product.stock for product in d.rows.products) + d.rng.randint(1, 20)
    say(d, suffix, low=low)
    return path_of({}, lambda _: call("low_stock", below=low))


@reference(
    "product",
    "the [product|item] [in|of] the first {old} order of {name}",
    "find_customer > list_orders(customer) > get_order(id)",
    "id quantity",
)
def product_of_first_order_by_name(d: Draw, suffix: str) -> Path:
    order = d.order()
    name = d.name_of(order.customer_id)
    say(d, suffix, old=order.status, name=name)

    def path() -> Path:
        [customer] = yield [call("find_customer", name=name)]
        return (yield from _in_first_order(customer["id"], order.status))

    return path()


@reference(
    "product",
    "the [product|item] [in|of] the first {old} order of customer {customer}",
    "list_orders > get_order(id)",
    "id quantity",
)
def product_of_first_order(d: Draw, suffix: str) -> Path:
    order = d.order()
    say(d, suffix, old=order.status, customer=order.customer_id)
    return _in_first_order(order.customer_id, order.status)


@reference(
    "product",
    "the [product|item] [in|of] the first {old} order of the [customer|buyer] of order {order}",
    "get_order > list_orders(customer) > get_order(id)",
    "id quantity",
)
def product_of_first_order_of_buyer(d: Draw, suffix: str) -> Path:
    order, other = two_of_a_buyer(d)
    say(d, suffix, old=other.status, order=order.id)

    def path() -> Path:
        [found] = yield [call("get_order", id=order.id)]
        return (yield from _in_first_order(found["customer"], other.status))

    return path()


def _in_first_order(customer: int, status: str) -> Path:
    [rows] = yield [call("list_orders", customer=customer, status=status)]
    return (yield from _in_order(rows[0]["id"]))


def _in_order(id_: int) -> Path:
    [order] = yield [call("get_order", id=id_)]
    return {"id": order["product"], "quantity": order["quantity"]}
