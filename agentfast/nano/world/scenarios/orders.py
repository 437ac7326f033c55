"""Requests to the order desk."""

from __future__ import annotations

from agentfast.nano.world.database import STATUSES
from agentfast.nano.world.scenarios.base import DONE, Draw, Script, answer, call, listing, scenario


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


@scenario(
    "orders",
    "chain",
    "[which|what] orders [does {name} have|are from {name}|belong to {name}|did {name} make]?",
    "[list|show|show me|find|give me] [the|all] orders [of|from|for] {name}",
)
def orders_by_name(d: Draw) -> Script:
    name = d.customer_name()
    d.say(name=name)
    [found] = yield [call("find_customer", name=name)]
    [orders] = yield [call("list_orders", customer=found["id"])]
    return listing("Orders: {}.", [order["id"] for order in orders])


@scenario(
    "orders",
    "chain",
    "[which|what] {status} orders [does {name} have|are from {name}|belong to {name}]?",
    "[list|show|show me|find|give me] [the|all] {status} orders [of|from|for] {name}",
    "[which|what] orders of {name} are {status}?",
)
def status_orders_by_name(d: Draw) -> Script:
    order = d.order()
    name = next(c.name for c in d.rows.customers if c.id == order.customer_id)
    d.say(name=name, status=order.status)
    [found] = yield [call("find_customer", name=name)]
    [orders] = yield [call("list_orders", customer=found["id"], status=order.status)]
    return listing("Orders: {}.", [row["id"] for row in orders])


@scenario(
    "orders",
    "chain",
    "[order|buy|get] {n} [|pieces ]of {product} for {name} on {date}",
    "[create|make|enter|place|add] an order for {name}: {n} [|pieces ]of {product} on {date}",
    "{name} [orders|wants|needs|takes|buys] {n} [|pieces ]of {product} on {date}.",
    "on {date}, {name} [orders|wants|needs|takes|buys] {n} [|pieces ]of {product}.",
)
def create_order_by_names(d: Draw) -> Script:
    name, product, n, date = d.customer_name(), d.product_name(), d.quantity(), d.date()
    d.say(name=name, product=product, n=n, date=date)
    customer, item = yield [call("find_customer", name=name), call("find_product", name=product)]
    [order] = yield [call("create_order", customer=customer["id"], product=item["id"], quantity=n, date=date)]
    return answer("Order {} is placed.", order["id"])


@scenario(
    "orders",
    "chain",
    "[order|buy|get] {n} [|pieces ]of {product} for {name} on {date} and [mark|flag] [it|the order] as {status}",
    "{name} [orders|wants|takes|buys] {n} [|pieces ]of {product} on {date}, [mark|flag] [it|the order] as {status}.",
)
def create_and_set(d: Draw) -> Script:
    customer, product, n, date = d.customer(), d.product(), d.quantity(), d.date()
    status = d.rng.choice(STATUSES[1:])
    d.say(name=customer.name, product=product.name, n=n, date=date, status=status)
    found, item = yield [call("find_customer", name=customer.name), call("find_product", name=product.name)]
    [order] = yield [call("create_order", customer=found["id"], product=item["id"], quantity=n, date=date)]
    yield [call("set_status", id=order["id"], status=status)]
    return answer("Order {} is placed.", order["id"])


@scenario(
    "orders",
    "chain",
    "[order|buy|get] {n} [|pieces ]of {product} for customer {id} on {date}",
    "[create|make|enter|place|add] an order for customer {id}: {n} [|pieces ]of {product} on {date}",
    "customer {id} [orders|wants|needs|takes|buys] {n} [|pieces ]of {product} on {date}.",
)
def create_order_for_id(d: Draw) -> Script:
    id_, product, n, date = d.customer_id(), d.product_name(), d.quantity(), d.date()
    d.say(id=id_, product=product, n=n, date=date)
    [item] = yield [call("find_product", name=product)]
    [order] = yield [call("create_order", customer=id_, product=item["id"], quantity=n, date=date)]
    return answer("Order {} is placed.", order["id"])


@scenario(
    "orders",
    "chain",
    "[mark|flag] the first {old} order of {name} as {status}",
    "[change|set|update|switch] the first {old} order of {name} to {status}",
    "the first {old} order of {name} [is {status} now|is now {status}|has been {status}].",
    "[find|take|look up] the first {old} order of {name} and [mark it as|set it to|change it to|switch it to] {status}",
)
def set_first_status(d: Draw) -> Script:
    order = d.order()
    name = next(c.name for c in d.rows.customers if c.id == order.customer_id)
    status = d.rng.choice([status for status in STATUSES if status != order.status])
    d.say(name=name, old=order.status, status=status)
    [found] = yield [call("find_customer", name=name)]
    [orders] = yield [call("list_orders", customer=found["id"], status=order.status)]
    yield [call("set_status", id=orders[0]["id"], status=status)]
    return answer("Order {} is {}.", orders[0]["id"], status)


@scenario(
    "orders",
    "chain",
    "[mark|flag] [all|the|all the] {old} orders of customer {id} as {status}",
    "[change|set|update|switch] [all|the|all the] {old} orders of customer {id} to {status}",
    "[all|the|all the] {old} orders of customer {id} are now {status}.",
)
def set_all_statuses(d: Draw) -> Script:
    order = d.order()
    status = d.rng.choice([status for status in STATUSES if status != order.status])
    d.say(id=order.customer_id, old=order.status, status=status)
    [orders] = yield [call("list_orders", customer=order.customer_id, status=order.status)]
    yield [call("set_status", id=row["id"], status=status) for row in orders]
    return DONE


@scenario(
    "orders",
    "chain",
    "[move|shift|postpone|put] order {id} to the [date|day] of order {other}",
    "[change|set|update|switch] the [date|day] of order {id} to [that|the one|the date] of order {other}",
    "order {id} [comes on|is for|moves to] the [date|day] of order {other}.",
)
def copy_date(d: Draw) -> Script:
    a, b = d.two(d.order)
    d.say(id=a.id, other=b.id)
    [order] = yield [call("get_order", id=b.id)]
    yield [call("set_date", id=a.id, date=order["date"])]
    return DONE


@scenario(
    "orders",
    "chain",
    "[what is|tell me|give me|show me|find|check] the [date|day] of the first {status} order of {name}",
    "[when|on which day|on what date] [is|was] the first {status} order of {name}?",
)
def date_of_first(d: Draw) -> Script:
    order = d.order()
    name = next(c.name for c in d.rows.customers if c.id == order.customer_id)
    d.say(name=name, status=order.status)
    [found] = yield [call("find_customer", name=name)]
    [orders] = yield [call("list_orders", customer=found["id"], status=order.status)]
    [first] = yield [call("get_order", id=orders[0]["id"])]
    return answer("The date is {}.", first["date"])
