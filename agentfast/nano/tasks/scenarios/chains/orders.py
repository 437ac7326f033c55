"""Chains of the order desk."""

from __future__ import annotations

from agentfast.nano.shop.database import STATUSES
from agentfast.nano.tasks.scenarios.base import DONE, Draw, Script, answer, call, each_once, listing
from agentfast.nano.tasks.scenarios.chains.compose import Find, chains
from agentfast.nano.tasks.scenarios.chains.references import (
    buyer,
    customer_by_id,
    customer_by_name,
    first_order,
    first_order_by_name,
    first_order_of_buyer,
    order_by_id,
    product_by_id,
    product_by_name,
    product_of_first_order,
    product_of_first_order_by_name,
    product_of_first_order_of_buyer,
    product_of_order,
    two_of_a_buyer,
)

CUSTOMERS = (customer_by_id, customer_by_name, buyer)
PRODUCTS = (
    product_by_id,
    product_by_name,
    product_of_order,
    product_of_first_order,
    product_of_first_order_by_name,
    product_of_first_order_of_buyer,
)
FIRST = (first_order, first_order_by_name, first_order_of_buyer)
ORDERS = (order_by_id, *FIRST)


@chains(
    "orders",
    "[what is|tell me|give me|show me|find|check] the [date|day] of {0}",
    "[when|on which day|on what date] [is|was] {0}?",
    turns="",
    needs=[("date", FIRST)],
)
def date(d: Draw, find: Find) -> Script:
    [row] = yield from find()
    return answer("The date is {}.", row["date"])


@chains(
    "orders",
    "[what is|tell me|give me|show me|find|check|look up|say] the [quantity|amount] of {0}",
    "how many [|pieces |items ]are in {0}?",
    "how many [pieces|items] does {0} have?",
    turns="",
    needs=[("quantity", FIRST)],
)
def quantity(d: Draw, find: Find) -> Script:
    [row] = yield from find()
    return answer("The quantity is {}.", row["quantity"])


@chains(
    "orders",
    "[which|what] orders [does {0} have|are from {0}|belong to {0}|did {0} make]?",
    "[list|show|show me|find|give me] [the|all] orders [of|from|for] {0}",
    turns="list_orders(customer:0)",
    needs=[("id", (customer_by_name,))],
)
def orders(d: Draw, find: Find) -> Script:
    [row] = yield from find()
    [rows] = yield [call("list_orders", customer=row["id"])]
    return listing("Orders: {}.", [order["id"] for order in rows])


@chains(
    "orders",
    "[which|what] {status} orders [does {name} have|are from {name}|belong to {name}]?",
    "[list|show|show me|find|give me] [the|all] {status} orders [of|from|for] {name}",
    "[which|what] orders of {name} are {status}?",
    turns="find_customer > list_orders(customer)",
    needs=[],
)
def orders_with_status(d: Draw, find: Find) -> Script:
    order = d.order()
    name = d.name_of(order.customer_id)
    d.say(name=name, status=order.status)
    [found] = yield [call("find_customer", name=name)]
    [rows] = yield [call("list_orders", customer=found["id"], status=order.status)]
    return listing("Orders: {}.", [row["id"] for row in rows])


@chains(
    "orders",
    "[which|what] orders [does|did] the [customer|buyer] of order {order} [have|make]?",
    "[list|show|show me|find|give me] [the|all] orders [of|from|for] the [customer|buyer] of order {order}",
    turns="get_order > list_orders(customer)",
    needs=[],
)
def orders_of_buyer(d: Draw, find: Find) -> Script:
    id_ = d.order_id()
    d.say(order=id_)
    [order] = yield [call("get_order", id=id_)]
    [rows] = yield [call("list_orders", customer=order["customer"])]
    return listing("Orders: {}.", [row["id"] for row in rows])


@chains(
    "orders",
    "[mark|flag] {0} as {status}",
    "[change|set|update|switch] {0} to {status}",
    "{0} [is {status} now|is now {status}|has been {status}].",
    "[find|take|look up] {0} and [mark it as|set it to|change it to|switch it to] {status}",
    turns="set_status(id:0)",
    needs=[("id", FIRST)],
)
def set_status(d: Draw, find: Find) -> Script:
    status = d.rng.choice(STATUSES)
    d.say(status=status)
    [row] = yield from find()
    yield [call("set_status", id=row["id"], status=status)]
    return answer("Order {} is {}.", row["id"], status)


@chains(
    "orders",
    "[move|shift|postpone|put] {0} to {date}",
    "[change|set|update|switch] the [date|day] of {0} to {date}",
    "{0} [comes on|is for|moves to|is now for] {date}.",
    turns="set_date(id:0)",
    needs=[("id", FIRST)],
)
def set_date(d: Draw, find: Find) -> Script:
    date = d.date()
    d.say(date=date)
    [row] = yield from find()
    yield [call("set_date", id=row["id"], date=date)]
    return DONE


@chains(
    "orders",
    "[move|shift|postpone|put] {0} to the [date|day] of {1}",
    "[change|set|update|switch] the [date|day] of {0} to [that|the one|the date] of {1}",
    "{0} [comes on|is for|moves to] the [date|day] of {1}.",
    turns="set_date(date:1,id:0)",
    needs=[("id", ORDERS), ("date", ORDERS)],
)
def copy_date(d: Draw, find: Find) -> Script:
    order, other = yield from find()
    yield [call("set_date", id=order["id"], date=other["date"])]
    return DONE


@chains(
    "orders",
    "[give|assign] {0} the [|same ][status|state] as {1}",
    "[change|set|update|switch] {0} to the [status|state] of {1}",
    "{0} [has|gets] the [|same ][status|state] as {1}.",
    turns="set_status(id:0,status:1)",
    needs=[("id", ORDERS), ("status", (order_by_id,))],
)
def copy_status(d: Draw, find: Find) -> Script:
    order, other = yield from find()
    yield [call("set_status", id=order["id"], status=other["status"])]
    return answer("Order {} is {}.", order["id"], other["status"])


@chains(
    "orders",
    "[mark|flag] [all|the|all the] {old} orders of customer {customer} as {status}",
    "[change|set|update|switch] [all|the|all the] {old} orders of customer {customer} to {status}",
    "[all|the|all the] {old} orders of customer {customer} are now {status}.",
    turns="list_orders > set_status(id)",
    needs=[],
)
def set_all_statuses(d: Draw, find: Find) -> Script:
    order = d.order()
    status = d.rng.choice([status for status in STATUSES if status != order.status])
    d.say(customer=order.customer_id, old=order.status, status=status)
    [orders] = yield [call("list_orders", customer=order.customer_id, status=order.status)]
    yield [call("set_status", id=row["id"], status=status) for row in orders]
    return DONE


@chains(
    "orders",
    "[mark|flag] [all|the|all the] {old} orders of {name} as {status}",
    "[change|set|update|switch] [all|the|all the] {old} orders of {name} to {status}",
    "[all|the|all the] {old} orders of {name} are now {status}.",
    turns="find_customer > list_orders(customer) > set_status(id)",
    needs=[],
)
def set_all_statuses_by_name(d: Draw, find: Find) -> Script:
    order = d.order()
    name = d.name_of(order.customer_id)
    status = d.rng.choice([status for status in STATUSES if status != order.status])
    d.say(name=name, old=order.status, status=status)
    [found] = yield [call("find_customer", name=name)]
    [orders] = yield [call("list_orders", customer=found["id"], status=order.status)]
    yield [call("set_status", id=row["id"], status=status) for row in orders]
    return DONE


@chains(
    "orders",
    "[order|buy|get] {n} [|pieces ]of {1} for {0} on {date}",
    "[create|make|enter|place|add] an order for {0}: {n} [|pieces ]of {1} on {date}",
    "{0} [orders|wants|needs|takes|buys] {n} [|pieces ]of {1} on {date}.",
    "on {date}, {0} [orders|wants|needs|takes|buys] {n} [|pieces ]of {1}.",
    turns="create_order(customer:0,product:1)",
    needs=[("id", CUSTOMERS), ("id", PRODUCTS)],
)
def create_order(d: Draw, find: Find) -> Script:
    n, date = d.quantity(), d.date()
    d.say(n=n, date=date)
    who, what = yield from find()
    [order] = yield [call("create_order", customer=who["id"], product=what["id"], quantity=n, date=date)]
    return answer("Order {} is placed.", order["id"])


@chains(
    "orders",
    "[order|buy|get] {n} [|pieces ]of {1} for {0} on {date} and [mark|flag] [it|the order] as {status}",
    "{0} [orders|wants|needs|takes|buys] {n} [|pieces ]of {1} on {date}, [mark|flag] the order as {status}.",
    turns="create_order(customer:0,product:1) > set_status(id)",
    needs=[("id", CUSTOMERS), ("id", (product_by_id, product_by_name, product_of_order))],
)
def create_and_set(d: Draw, find: Find) -> Script:
    n, date, status = d.quantity(), d.date(), d.rng.choice(STATUSES[1:])
    d.say(n=n, date=date, status=status)
    who, what = yield from find()
    [order] = yield [call("create_order", customer=who["id"], product=what["id"], quantity=n, date=date)]
    yield [call("set_status", id=order["id"], status=status)]
    return answer("Order {} is placed.", order["id"])


@chains(
    "orders",
    "[move|shift|postpone|put] {0} to {date} and [mark|flag] it as {status}",
    "[change|set|update|switch] the date of {0} to {date} and its [status|state] to {status}",
    "{0} [comes on|is for|moves to] {date} and is {status}.",
    turns="set_date(id:0)+set_status(id:0)",
    needs=[("id", FIRST)],
)
def set_both(d: Draw, find: Find) -> Script:
    date, status = d.date(), d.rng.choice(STATUSES)
    d.say(date=date, status=status)
    [row] = yield from find()
    yield [call("set_date", id=row["id"], date=date), call("set_status", id=row["id"], status=status)]
    return answer("Order {} is {}.", row["id"], status)


@chains(
    "orders",
    "[mark|flag] {0} and {1} as {status}",
    "[change|set|update|switch] [|both ]{0} and {1} to {status}",
    "{0} and {1} [are {status} now|are now {status}|have been {status}].",
    turns="set_status(id:0)+set_status(id:1)",
    needs=[("id", FIRST), ("id", FIRST)],
)
def set_two_statuses(d: Draw, find: Find) -> Script:
    status = d.rng.choice(STATUSES)
    d.say(status=status)
    rows = yield from find()
    ids = each_once(rows, "id")
    yield [call("set_status", id=id_, status=status) for id_ in ids]
    return DONE


@chains(
    "orders",
    "[move|shift|postpone|put] {0} to {date} and [mark|flag] {1} as {status}",
    "{0} [comes on|is for|moves to] {date} and {1} is {status}.",
    "[change|set] the [date|day] of {0} to {date} and [change|set] {1} to {status}",
    turns="set_date(id:0)+set_status(id:1)",
    needs=[("id", ORDERS), ("id", ORDERS)],
)
def set_date_and_status(d: Draw, find: Find) -> Script:
    date, status = d.date(), d.rng.choice(STATUSES)
    d.say(date=date, status=status)
    moved, marked = yield from find()
    yield [call("set_date", id=moved["id"], date=date), call("set_status", id=marked["id"], status=status)]
    return DONE


@chains(
    "orders",
    "[order|buy|get] {n} [|pieces ]of {1} for customer {customer} on the [date|day] of {0}",
    "customer {customer} [orders|wants|needs|takes|buys] {n} [|pieces ]of {1} on the [date|day] of {0}.",
    turns="create_order(date:0,product:1)",
    needs=[("date", ORDERS), ("id", PRODUCTS)],
)
def create_same_day(d: Draw, find: Find) -> Script:
    n, customer = d.quantity(), d.customer().id
    d.say(n=n, customer=customer)
    row, what = yield from find()
    arguments = {"customer": customer, "product": what["id"], "quantity": n, "date": row["date"]}
    [order] = yield [call("create_order", **arguments)]
    return answer("Order {} is placed.", order["id"])


@chains(
    "orders",
    "[repeat|order again] {0} for {1} on {date}",
    "[order|buy|get] [the same as|what was] in {0} for {1} on {date}",
    "{1} [orders|wants|needs|takes|buys] [the same as|what was] in {0} on {date}.",
    turns="create_order(customer:1,product:0,quantity:0)",
    needs=[("product", ORDERS), ("id", CUSTOMERS)],
)
def repeat_order(d: Draw, find: Find) -> Script:
    date = d.date()
    d.say(date=date)
    old, who = yield from find()
    arguments = {"customer": who["id"], "product": old["product"], "quantity": old["quantity"], "date": date}
    [order] = yield [call("create_order", **arguments)]
    return answer("Order {} is placed.", order["id"])


@chains(
    "orders",
    "[order|buy|get] as [many|much] of {1} as in {0} for customer {customer} on {date}",
    "customer {customer} [orders|wants|needs|buys] the [quantity|amount] of {0} of {1} on {date}.",
    turns="create_order(product:1,quantity:0)",
    needs=[("quantity", ORDERS), ("id", PRODUCTS)],
)
def create_as_many(d: Draw, find: Find) -> Script:
    customer, date = d.customer().id, d.date()
    d.say(customer=customer, date=date)
    row, what = yield from find()
    arguments = {"customer": customer, "product": what["id"], "quantity": row["quantity"], "date": date}
    [order] = yield [call("create_order", **arguments)]
    return answer("Order {} is placed.", order["id"])


@chains(
    "orders",
    "[order|buy|get] {n} [|pieces ]of product {product} for {1} on the [date|day] of {0}",
    "{1} [orders|wants|needs|takes|buys] {n} [|pieces ]of product {product} on the [date|day] of {0}.",
    turns="create_order(customer:1,date:0)",
    needs=[("date", ORDERS), ("id", CUSTOMERS)],
)
def create_for_other(d: Draw, find: Find) -> Script:
    n, product = d.quantity(), d.product().id
    d.say(n=n, product=product)
    row, who = yield from find()
    arguments = {"customer": who["id"], "product": product, "quantity": n, "date": row["date"]}
    [order] = yield [call("create_order", **arguments)]
    return answer("Order {} is placed.", order["id"])


@chains(
    "orders",
    "[move|shift|postpone|put] {0} and {1} to {date}",
    "[change|set|update|switch] the [date|day] of [|both ]{0} and {1} to {date}",
    "{0} and {1} [come on|are for|move to|are now for] {date}.",
    turns="set_date(id:0)+set_date(id:1)",
    needs=[("id", ORDERS), ("id", FIRST)],
)
def set_two_dates(d: Draw, find: Find) -> Script:
    date = d.date()
    d.say(date=date)
    rows = yield from find()
    yield [call("set_date", id=id_, date=date) for id_ in each_once(rows, "id")]
    return DONE


@chains(
    "orders",
    "[move|shift|postpone|put] {0} to the [date|day] of {1} and [mark|flag] it as {status}",
    "{0} [comes on|is for|moves to] the [date|day] of {1} and is {status}.",
    turns="set_date(date:1,id:0)+set_status(id:0)",
    needs=[("id", ORDERS), ("date", ORDERS)],
)
def copy_date_and_set(d: Draw, find: Find) -> Script:
    status = d.rng.choice(STATUSES)
    d.say(status=status)
    order, other = yield from find()
    yield [
        call("set_date", id=order["id"], date=other["date"]),
        call("set_status", id=order["id"], status=status),
    ]
    return answer("Order {} is {}.", order["id"], status)


@chains(
    "orders",
    "[give|assign] {0} the [date and status|day and state] of {1}",
    "{0} [has|gets] the [|same ][date and status|day and state|date and the status] as {1}.",
    "[change|set|update|switch] [date and status|day and state] of {0} to [those|the ones] of {1}",
    turns="set_date(date:1,id:0)+set_status(id:0,status:1)",
    needs=[("id", ORDERS), ("date", (order_by_id,))],
)
def copy_both(d: Draw, find: Find) -> Script:
    order, other = yield from find()
    yield [
        call("set_date", id=order["id"], date=other["date"]),
        call("set_status", id=order["id"], status=other["status"]),
    ]
    return answer("Order {} is {}.", order["id"], other["status"])


@chains(
    "orders",
    "[mark|flag] [all|the|all the] {old} orders of the [customer|buyer] of order {order} as {status}",
    "[all|the|all the] {old} orders of the [customer|buyer] of order {order} are now {status}.",
    turns="get_order > list_orders(customer) > set_status(id)",
    needs=[],
)
def set_all_statuses_of_buyer(d: Draw, find: Find) -> Script:
    order, other = two_of_a_buyer(d)
    status = d.rng.choice([status for status in STATUSES if status != other.status])
    d.say(order=order.id, old=other.status, status=status)
    [found] = yield [call("get_order", id=order.id)]
    [orders] = yield [call("list_orders", customer=found["customer"], status=other.status)]
    yield [call("set_status", id=row["id"], status=status) for row in orders]
    return DONE


@chains(
    "orders",
    "[move|shift|postpone|put] [all|the|all the] orders of {0} to {date}",
    "[all|the|all the] orders of {0} [come on|are for|move to|are now for] {date}.",
    turns="list_orders(customer:0) > set_date(id)",
    needs=[("id", CUSTOMERS)],
)
def set_all_dates(d: Draw, find: Find) -> Script:
    date = d.date()
    d.say(date=date)
    [row] = yield from find()
    [orders] = yield [call("list_orders", customer=row["id"])]
    if not orders:
        return listing("", [])
    yield [call("set_date", id=order["id"], date=date) for order in orders]
    return DONE
