"""Chains of the stock desk."""

from __future__ import annotations

from agentfast.nano.tasks.scenarios.base import DONE, Draw, Script, answer, call, each_once, listing
from agentfast.nano.tasks.scenarios.chains.compose import Find, chains
from agentfast.nano.tasks.scenarios.chains.references import (
    order_by_id,
    product_by_id,
    product_by_name,
    product_of_order,
    scarcest,
)

FOUND = (product_by_name, product_of_order, scarcest)


@chains(
    "stock",
    "[what is|tell me|give me|show me|look up|find] the [price|cost] of {0}",
    "[what|how much] does {0} cost?",
    turns="",
    needs=[("price", (product_of_order, scarcest))],
)
def price(d: Draw, find: Find) -> Script:
    [row] = yield from find()
    return answer("The price is {}.", row["price"])


@chains(
    "stock",
    "[what is|tell me|give me|show me|look up|find] the [name|title] of {0}",
    "[what|which] [thing|item] is {0}?",
    "what is {0} [called|named]?",
    turns="",
    needs=[("name", (product_of_order, scarcest))],
)
def name(d: Draw, find: Find) -> Script:
    [row] = yield from find()
    return answer("The name is {}.", row["name"])


@chains(
    "stock",
    "[what is|tell me|give me|show me|look up|check|find] the stock of {0}",
    "how many [|pieces ]of {0} [are in stock|do we have|are there|are left]?",
    turns="",
    needs=[("stock", (product_of_order,))],
)
def stock(d: Draw, find: Find) -> Script:
    [row] = yield from find()
    return answer("The stock is {}.", row["stock"])


@chains(
    "stock",
    "[change|set|update|raise|lower|put] the [price|cost] of {0} to {price}",
    "{0} [costs {price} now|now costs {price}|has the new price {price}|should cost {price}].",
    "[sell|offer] {0} for {price}",
    "[make|let] {0} cost {price}",
    turns="set_price(id:0)",
    needs=[("id", FOUND)],
)
def set_price(d: Draw, find: Find) -> Script:
    price = d.values.price()
    d.say(price=price)
    [row] = yield from find()
    yield [call("set_price", id=row["id"], price=price)]
    return DONE


@chains(
    "stock",
    "[add|put|book] {n} [|pieces ]to the stock of {0}",
    "{n} [|more |new ]pieces of {0} [arrived|came in|are here].",
    "we [got|received|bought] {n} [|more |new ][|pieces ]of {0}.",
    "[restock|refill] {0} [with|by] {n}[| pieces]",
    turns="add_stock(id:0)",
    needs=[("id", FOUND)],
)
def add_stock(d: Draw, find: Find) -> Script:
    n = d.quantity()
    d.say(n=n)
    [row] = yield from find()
    [added] = yield [call("add_stock", id=row["id"], quantity=n)]
    return answer("The stock is {}.", added["stock"])


@chains(
    "stock",
    "[give|sell|offer] {0} [for|at] the [price|cost] of {1}",
    "[change|set|update|put] the [price|cost] of {0} to [that|the price|the one] of {1}",
    "{0} [costs|should cost] [as much as|the same as] {1}.",
    turns="set_price(id:0,price:1)",
    needs=[("id", (product_by_id, *FOUND)), ("price", (product_by_id, *FOUND))],
)
def copy_price(d: Draw, find: Find) -> Script:
    what, other = yield from find()
    yield [call("set_price", id=what["id"], price=other["price"])]
    return DONE


@chains(
    "stock",
    "order {order} [came back|was returned|is back], [add|put|book] its [quantity|pieces] to the stock.",
    "[add|put|book] the [quantity|pieces] of order {order} [|back ]to the stock",
    "[return|take back] order {order} [to|into] the stock",
    turns="get_order > add_stock(id,quantity)",
    needs=[],
)
def return_order(d: Draw, find: Find) -> Script:
    id_ = d.order_id()
    d.say(order=id_)
    [order] = yield [call("get_order", id=id_)]
    [added] = yield [call("add_stock", id=order["product"], quantity=order["quantity"])]
    return answer("The stock is {}.", added["stock"])


@chains(
    "stock",
    "[add|put|book] the [quantity|pieces|amount] of {1} to the stock of {0}",
    "[restock|refill] {0} [with|by] the [quantity|pieces|amount] of {1}",
    turns="add_stock(id:0,quantity:1)",
    needs=[("id", (product_by_id, *FOUND)), ("quantity", (order_by_id,))],
)
def add_quantity(d: Draw, find: Find) -> Script:
    what, order = yield from find()
    [added] = yield [call("add_stock", id=what["id"], quantity=order["quantity"])]
    return answer("The stock is {}.", added["stock"])


@chains(
    "stock",
    "[add|put|book] {n} [|pieces ]to [all|the|all the] products [below|under] {low}",
    "[restock|refill] [all|the|all the] products [below|under] {low} [with|by] {n}[| pieces]",
    turns="low_stock > add_stock(id)",
    needs=[],
)
def restock_low(d: Draw, find: Find) -> Script:
    low, n = d.rng.randint(5, 30), d.quantity()
    d.say(low=low, n=n)
    [rows] = yield [call("low_stock", below=low)]
    if not rows:
        return listing("", [])
    yield [call("add_stock", id=row["id"], quantity=n) for row in rows]
    return DONE


@chains(
    "stock",
    "[sell|offer] [all|the|all the] products [below|under] {low} for {price}",
    "[change|set|update|put] the price of [all|the|all the] products [below|under] {low} to {price}",
    turns="low_stock > set_price(id)",
    needs=[],
)
def price_low(d: Draw, find: Find) -> Script:
    low, price = d.rng.randint(5, 30), d.values.price()
    d.say(low=low, price=price)
    [rows] = yield [call("low_stock", below=low)]
    if not rows:
        return listing("", [])
    yield [call("set_price", id=row["id"], price=price) for row in rows]
    return DONE


@chains(
    "stock",
    "[add|put|book] {n} [|pieces ]to the stock of {0} and [change|set|put] its price to {price}",
    "{n} pieces of {0} [arrived|came in|are here], it costs {price} now.",
    "[restock|refill] {0} with {n} and [sell|offer] it for {price}",
    turns="add_stock(id:0)+set_price(id:0)",
    needs=[("id", FOUND)],
)
def restock_and_price(d: Draw, find: Find) -> Script:
    n, price = d.quantity(), d.values.price()
    d.say(n=n, price=price)
    [row] = yield from find()
    [added, _] = yield [
        call("add_stock", id=row["id"], quantity=n),
        call("set_price", id=row["id"], price=price),
    ]
    return answer("The stock is {}.", added["stock"])


@chains(
    "stock",
    "[change|set|update|raise|lower|put] the [price|cost] of {0} and {1} to {price}",
    "{0} and {1} [cost {price} now|now cost {price}|should cost {price}].",
    "[sell|offer] {0} and {1} for {price}",
    turns="set_price(id:0)+set_price(id:1)",
    needs=[("id", FOUND), ("id", FOUND)],
)
def price_two(d: Draw, find: Find) -> Script:
    price = d.values.price()
    d.say(price=price)
    rows = yield from find()
    ids = each_once(rows, "id")
    yield [call("set_price", id=id_, price=price) for id_ in ids]
    return DONE


@chains(
    "stock",
    "[add|put|book] {n} [|pieces ]to the stock of {0} and [change|set|put] the price of {1} to {price}",
    "{n} pieces of {0} [arrived|came in|are here] and {1} costs {price} now.",
    "[restock|refill] {0} with {n} and [sell|offer] {1} for {price}",
    turns="add_stock(id:0)+set_price(id:1)",
    needs=[("id", (product_by_id, *FOUND)), ("id", (product_by_id, *FOUND))],
)
def restock_one_price_other(d: Draw, find: Find) -> Script:
    n, price = d.quantity(), d.values.price()
    d.say(n=n, price=price)
    more, other = yield from find()
    [added, _] = yield [
        call("add_stock", id=more["id"], quantity=n),
        call("set_price", id=other["id"], price=price),
    ]
    return answer("The stock is {}.", added["stock"])


@chains(
    "stock",
    "[add|put|book] {n} [|pieces ]to the stock of {0} and {1}",
    "{n} [|more |new ]pieces of [|both ]{0} and {1} [arrived|came in|are here].",
    "[restock|refill] [|both ]{0} and {1} [with|by] {n}[| pieces]",
    turns="add_stock(id:0)+add_stock(id:1)",
    needs=[("id", (product_by_id, *FOUND)), ("id", FOUND)],
)
def add_two(d: Draw, find: Find) -> Script:
    n = d.quantity()
    d.say(n=n)
    rows = yield from find()
    yield [call("add_stock", id=id_, quantity=n) for id_ in each_once(rows, "id")]
    return DONE


@chains(
    "stock",
    "[give|sell|offer] {0} and {1} [for|at] the [price|cost] of {2}",
    "[change|set|update|put] the [price|cost] of {0} and {1} to [that|the price|the one] of {2}",
    "{0} and {1} [cost|should cost] [as much as|the same as] {2}.",
    turns="set_price(id:0,price:2)+set_price(id:1,price:2)",
    needs=[
        ("id", (product_by_id, *FOUND)),
        ("id", (product_by_id, product_by_name, product_of_order)),
        ("price", (product_by_id, *FOUND)),
    ],
)
def copy_price_to_two(d: Draw, find: Find) -> Script:
    *rows, other = yield from find()
    yield [call("set_price", id=id_, price=other["price"]) for id_ in each_once(rows, "id")]
    return DONE


@chains(
    "stock",
    "[give|sell|offer] {0} [for|at] the [price|cost] of {1} and [add|put|book] {n} [|pieces ]to its stock",
    "{0} [costs|should cost] [as much as|the same as] {1}, and {n} pieces of it [arrived|came in|are here].",
    turns="add_stock(id:0)+set_price(id:0,price:1)",
    needs=[("id", (product_by_id, *FOUND)), ("price", (product_by_id, *FOUND))],
)
def copy_price_and_restock(d: Draw, find: Find) -> Script:
    n = d.quantity()
    d.say(n=n)
    what, other = yield from find()
    yield [
        call("set_price", id=what["id"], price=other["price"]),
        call("add_stock", id=what["id"], quantity=n),
    ]
    return DONE


@chains(
    "stock",
    "[swap|exchange] the [prices|costs] of {0} and {1}",
    "{0} and {1} [swap|swapped|exchange|exchanged] [prices|costs].",
    turns="set_price(id:0,price:1)+set_price(id:1,price:0)",
    needs=[("price", (product_by_id, *FOUND)), ("price", (product_by_id, *FOUND))],
)
def swap_prices(d: Draw, find: Find) -> Script:
    first, second = yield from find()
    yield [
        call("set_price", id=first["id"], price=second["price"]),
        call("set_price", id=second["id"], price=first["price"]),
    ]
    return DONE


@chains(
    "stock",
    "[add|put|book] as many [|pieces ]to the stock of {0} as {1} has",
    "[double|match]: [add|put|book] the stock of {1} to [that|the stock] of {0}",
    "[add|put|book] the stock of {1} to the stock of {0}",
    turns="add_stock(id:0,quantity:1)",
    needs=[("id", (product_by_id, *FOUND)), ("stock", (product_by_id, *FOUND))],
)
def add_as_many(d: Draw, find: Find) -> Script:
    what, other = yield from find()
    [added] = yield [call("add_stock", id=what["id"], quantity=other["stock"])]
    return answer("The stock is {}.", added["stock"])


@chains(
    "stock",
    "[add|put|book] the [quantity|pieces|amount] of {1} to the stock of {0} and [sell|offer] it for {price}",
    "[restock|refill] {0} [with|by] the [quantity|pieces|amount] of {1}, it costs {price} now.",
    turns="add_stock(id:0,quantity:1)+set_price(id:0)",
    needs=[("id", (product_by_id, *FOUND)), ("quantity", (order_by_id,))],
)
def add_quantity_and_price(d: Draw, find: Find) -> Script:
    price = d.values.price()
    d.say(price=price)
    what, order = yield from find()
    [added, _] = yield [
        call("add_stock", id=what["id"], quantity=order["quantity"]),
        call("set_price", id=what["id"], price=price),
    ]
    return answer("The stock is {}.", added["stock"])


@chains(
    "stock",
    "[change|set|update|put] the [price|cost] of {0} to {a} and [that|the price|the one] of {1} to {b}",
    "{0} [costs|should cost] {a} and {1} {b}.",
    "[sell|offer] {0} for {a} and {1} for {b}",
    turns="set_price(id:0)+set_price(id:1)",
    needs=[("id", (product_by_id, *FOUND)), ("id", (product_by_id, *FOUND))],
    tested=False,
)
def price_each(d: Draw, find: Find) -> Script:
    prices = d.values.price(), d.values.price()
    d.say(a=prices[0], b=prices[1])
    rows = yield from find()
    yield [call("set_price", id=row["id"], price=price) for row, price in zip(rows, prices, strict=True)]
    return DONE


@chains(
    "stock",
    "[add|put|book] {a} [|pieces ]to the stock of {0} and {b} to [that|the stock] of {1}",
    "{a} pieces of {0} and {b} of {1} [arrived|came in|are here].",
    "[restock|refill] {0} with {a} and {1} with {b}",
    turns="add_stock(id:0)+add_stock(id:1)",
    needs=[("id", (product_by_id, *FOUND)), ("id", (product_by_id, *FOUND))],
    tested=False,
)
def add_each(d: Draw, find: Find) -> Script:
    counts = d.quantity(), d.quantity()
    d.say(a=counts[0], b=counts[1])
    rows = yield from find()
    yield [call("add_stock", id=row["id"], quantity=n) for row, n in zip(rows, counts, strict=True)]
    return DONE


@chains(
    "stock",
    "[add|put|book] the [quantity|pieces|amount] of {2} to the stock of {0} and {1}",
    "[restock|refill] [|both ]{0} and {1} [with|by] the [quantity|pieces|amount] of {2}",
    turns="add_stock(id:0,quantity:2)+add_stock(id:1,quantity:2)",
    needs=[("id", (product_by_id, *FOUND)), ("id", (product_by_id, *FOUND)), ("quantity", (order_by_id,))],
    tested=False,
)
def add_quantity_to_two(d: Draw, find: Find) -> Script:
    *rows, order = yield from find()
    yield [call("add_stock", id=id_, quantity=order["quantity"]) for id_ in each_once(rows, "id")]
    return DONE


@chains(
    "stock",
    "[add|put|book] the stock of {0} to [that|the stock] of {1} and [|also ]to [that|the stock] of {2}",
    "[add|put|book] as many [|pieces ]to the stock of {1} and {2} as {0} has",
    turns="add_stock(id:1,quantity:0)+add_stock(id:2,quantity:0)",
    needs=[
        ("stock", (product_by_id, *FOUND)),
        ("id", (product_by_id, product_by_name)),
        ("id", (product_by_name, product_of_order)),
    ],
    tested=False,
)
def add_stock_to_two(d: Draw, find: Find) -> Script:
    row, *others = yield from find()
    yield [call("add_stock", id=id_, quantity=row["stock"]) for id_ in each_once(others, "id")]
    return DONE


@chains(
    "stock",
    "[what are|tell me|give me|show me|look up|find] the price and [the |]stock of {0}",
    "[what|how much] does {0} cost and how many are [left|in stock|there]?",
    turns="",
    needs=[("price", (product_of_order,))],
    tested=False,
)
def price_and_stock(d: Draw, find: Find) -> Script:
    [row] = yield from find()
    return answer("The price is {} and the stock is {}.", row["price"], row["stock"])
