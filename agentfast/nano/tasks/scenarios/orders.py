"""Requests to the order desk."""

from __future__ import annotations

from agentfast.nano.shop.database import STATUSES
from agentfast.nano.tasks.scenarios.base import DONE, Draw, Script, answer, call, listing, scenario


@scenario(
    "orders",
    "single",
    "[what is|tell me|give me|show me|look up|check|find] the [status|state] of order [|number ]{id}",
    "[what|which] [status|state] [does order {id} have|is order {id} in]?",
    "how is [|it going with ]order [|number ]{id}?",
    "is order [|number ]{id} [open, paid or shipped|paid or shipped|open or shipped|shipped or not]?",
)
def order_status(d: Draw) -> Script:
    id_ = d.order_id()
    d.say(id=id_)
    [order] = yield [call("get_order", id=id_)]
    return answer("Order {} is {}.", id_, order["status"])


@scenario(
    "orders",
    "single",
    "[what is|tell me|give me|show me|look up|check|find] the [date|day] of order [|number ]{id}",
    "[when|on which day|on what date] [is|was] order [|number ]{id}?",
)
def order_date(d: Draw) -> Script:
    id_ = d.order_id()
    d.say(id=id_)
    [order] = yield [call("get_order", id=id_)]
    return answer("The date is {}.", order["date"])


@scenario(
    "orders",
    "single",
    "[what is|tell me|give me|show me|look up|check|find] the [quantity|amount] of order [|number ]{id}",
    "how many [|pieces |items ]are in order [|number ]{id}?",
    "how many [pieces|items] does order [|number ]{id} have?",
)
def order_quantity(d: Draw) -> Script:
    id_ = d.order_id()
    d.say(id=id_)
    [order] = yield [call("get_order", id=id_)]
    return answer("The quantity is {}.", order["quantity"])


@scenario(
    "orders",
    "single",
    "[which|what] orders [does customer {id} have|are from customer {id}|belong to customer {id}|did customer {id} make]?",
    "[list|show|show me|find|give me] [the|all] orders [of|from|for] customer [|number ]{id}",
)
def orders_of_customer(d: Draw) -> Script:
    id_ = d.order().customer_id if d.rng.random() < 0.95 else d.customer().id
    d.say(id=id_)
    [orders] = yield [call("list_orders", customer=id_)]
    return listing("Orders: {}.", [order["id"] for order in orders])


@scenario(
    "orders",
    "single",
    "[which|what] {status} orders [does customer {id} have|are from customer {id}|belong to customer {id}]?",
    "[list|show|show me|find|give me] [the|all] {status} orders [of|from|for] customer {id}",
    "[which|what] orders of customer {id} are {status}?",
)
def orders_with_status(d: Draw) -> Script:
    order = d.order()
    d.say(id=order.customer_id, status=order.status)
    [orders] = yield [call("list_orders", customer=order.customer_id, status=order.status)]
    return listing("Orders: {}.", [row["id"] for row in orders])


@scenario(
    "orders",
    "single",
    "[mark|flag] order [|number ]{id} as {status}",
    "[change|set|update|switch] [|the status of |the state of ]order [|number ]{id} to {status}",
    "order [|number ]{id} [is {status} now|is now {status}|has the status {status}|has been {status}].",
    "[make|put] order [|number ]{id} {status}",
)
def set_status(d: Draw) -> Script:
    id_, status = d.order_id(), d.rng.choice(STATUSES)
    d.say(id=id_, status=status)
    yield [call("set_status", id=id_, status=status)]
    return answer("Order {} is {}.", id_, status)


@scenario(
    "orders",
    "single",
    "[move|shift|postpone|put] order [|number ]{id} to {date}",
    "[change|set|update|switch] the [date|day] of order [|number ]{id} to {date}",
    "order [|number ]{id} [comes on|is for|moves to|is now for] {date}.",
)
def set_date(d: Draw) -> Script:
    id_, date = d.order_id(), d.date()
    d.say(id=id_, date=date)
    yield [call("set_date", id=id_, date=date)]
    return DONE


@scenario(
    "orders",
    "single",
    "[order|buy|get] {n} [|pieces ]of product {product} for customer {customer} on {date}",
    "[create|make|enter|place|add] an order for customer {customer}: {n} [|pieces ]of product {product} on {date}",
    "customer {customer} [orders|wants|needs|takes|buys] {n} [|pieces ]of product {product} on {date}.",
    "on {date}, customer {customer} [orders|wants|needs|takes|buys] {n} [|pieces ]of product {product}.",
)
def create_order(d: Draw) -> Script:
    customer, product, n, date = d.customer_id(), d.product_id(), d.quantity(), d.date()
    d.say(customer=customer, product=product, n=n, date=date)
    [order] = yield [call("create_order", customer=customer, product=product, quantity=n, date=date)]
    return answer("Order {} is placed.", order["id"])


@scenario(
    "orders",
    "parallel",
    "[what is|tell me|give me|show me|look up|check|find] the [status|state] of orders {a} and {b}",
    "[what|which] [status|state] do orders {a} and {b} have?",
    "how are orders {a} and {b}?",
)
def two_statuses(d: Draw) -> Script:
    a, b = d.two(d.order)
    d.say(a=a.id, b=b.id)
    first, second = yield [call("get_order", id=a.id), call("get_order", id=b.id)]
    return answer("Order {} is {} and order {} is {}.", a.id, first["status"], b.id, second["status"])


@scenario(
    "orders",
    "parallel",
    "[mark|flag] orders {a} and {b} as {status}",
    "[change|set|update|switch] [|the status of |the state of ]orders {a} and {b} to {status}",
    "orders {a} and {b} [are {status} now|are now {status}|have the status {status}|have been {status}].",
)
def set_two_statuses(d: Draw) -> Script:
    (a, b), status = d.two(d.order), d.rng.choice(STATUSES)
    d.say(a=a.id, b=b.id, status=status)
    yield [call("set_status", id=a.id, status=status), call("set_status", id=b.id, status=status)]
    return DONE


@scenario(
    "orders",
    "parallel",
    "[mark|flag] order {a} as {status} and [|order ]{b} as {other}",
    "[change|set|update|switch] order {a} to {status} and [|order ]{b} to {other}",
    "order {a} is [|now ]{status} and order {b} is [|now ]{other}.",
)
def set_different_statuses(d: Draw) -> Script:
    (a, b), (status, other) = d.two(d.order), d.rng.sample(STATUSES, 2)
    d.say(a=a.id, b=b.id, status=status, other=other)
    yield [call("set_status", id=a.id, status=status), call("set_status", id=b.id, status=other)]
    return DONE


@scenario(
    "orders",
    "parallel",
    "[mark|flag] order {id} as {status} and [move|shift|postpone] it to {date}",
    "order {id} is [|now ]{status} and [comes on|moves to|is for] {date}.",
    "[change|set|update] order {id} to {status} and its [date|day] to {date}",
)
def set_status_and_date(d: Draw) -> Script:
    id_, status, date = d.order_id(), d.rng.choice(STATUSES), d.date()
    d.say(id=id_, status=status, date=date)
    yield [call("set_status", id=id_, status=status), call("set_date", id=id_, date=date)]
    return DONE
