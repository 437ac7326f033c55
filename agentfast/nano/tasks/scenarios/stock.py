"""Requests to the stock desk."""

from __future__ import annotations

from agentfast.nano.tasks.scenarios.base import DONE, Draw, Script, answer, call, listing, scenario


@scenario(
    "stock",
    "single",
    "[what is|tell me|give me|show me|look up|check|find] the [price|cost] of product [|number ]{id}",
    "[what|how much] does product [|number ]{id} cost?",
    "how [much|expensive] is product [|number ]{id}?",
)
def price_by_id(d: Draw) -> Script:
    id_ = d.product_id()
    d.say(id=id_)
    [found] = yield [call("get_product", id=id_)]
    return answer("The price is {}.", found["price"])


@scenario(
    "stock",
    "single",
    "[what is|tell me|give me|show me|look up|check|find] the stock of product [|number ]{id}",
    "how many [|pieces ]of product {id} [are in stock|do we have|are there|are left]?",
)
def stock_by_id(d: Draw) -> Script:
    id_ = d.product_id()
    d.say(id=id_)
    [found] = yield [call("get_product", id=id_)]
    return answer("The stock is {}.", found["stock"])


@scenario(
    "stock",
    "single",
    "[what is|tell me|give me|show me|look up|check|find] the [name|title] of product [|number ]{id}",
    "[what|which] [thing|item] is product [|number ]{id}?",
    "what is product [|number ]{id} [called|named]?",
)
def name_of_product(d: Draw) -> Script:
    id_ = d.product_id()
    d.say(id=id_)
    [found] = yield [call("get_product", id=id_)]
    return answer("The name is {}.", found["name"])


@scenario(
    "stock",
    "single",
    "[what is|tell me|give me|show me|look up|check|find] the [price|cost] of the {name}",
    "[what|how much] does the {name} cost?",
    "how [much|expensive] is the {name}?",
)
def price_by_name(d: Draw) -> Script:
    name = d.product_name()
    d.say(name=name)
    [found] = yield [call("find_product", name=name)]
    return answer("The price is {}.", found["price"])


@scenario(
    "stock",
    "single",
    "[what is|tell me|give me|show me|look up|check|find] the stock of the {name}",
    "how many [|pieces ]of the {name} [are in stock|do we have|are there|are left]?",
)
def stock_by_name(d: Draw) -> Script:
    name = d.product_name()
    d.say(name=name)
    [found] = yield [call("find_product", name=name)]
    return answer("The stock is {}.", found["stock"])


@scenario(
    "stock",
    "single",
    "[tell me|give me|show me|look up|find] the [id|number|product number|product id] of the {name}",
    "[which|what] [id|number|product number|product id] [does the {name} have|belongs to the {name}|has the {name}]?",
)
def id_of_product(d: Draw) -> Script:
    name = d.product_name()
    d.say(name=name)
    [found] = yield [call("find_product", name=name)]
    return answer("The id is {}.", found["id"])


@scenario(
    "stock",
    "single",
    "[which|what] products [have|are at] [less|fewer] than {n} [|pieces ][in stock|left]?",
    "[list|show|show me|find|give me] [the|all] products with [a stock below|a stock under|less than|fewer than] {n}",
    "[which|what] products are [below|under] {n}?",
)
def low_products(d: Draw) -> Script:
    n = d.rng.randint(3, 30)
    d.say(n=n)
    [rows] = yield [call("low_stock", below=n)]
    return listing("Products: {}.", [row["id"] for row in rows])


@scenario(
    "stock",
    "single",
    "[change|set|update|raise|lower|put] the [price|cost] of product {id} to {price}",
    "product {id} [costs {price} now|now costs {price}|has the new price {price}|should cost {price}].",
    "[sell|offer] product {id} for {price}",
    "[make|let] product {id} cost {price}",
)
def set_price(d: Draw) -> Script:
    id_, price = d.product_id(), d.values.price()
    d.say(id=id_, price=price)
    yield [call("set_price", id=id_, price=price)]
    return DONE


@scenario(
    "stock",
    "single",
    "[add|put|book] {n} [|pieces ]to the stock of product {id}",
    "{n} [|more |new ]pieces of product {id} [arrived|came in|are here].",
    "we [got|received|bought] {n} [|more |new ][|pieces ]of product {id}.",
    "[restock|refill] product {id} [with|by] {n}[| pieces]",
)
def add_stock(d: Draw) -> Script:
    id_, n = d.product_id(), d.quantity()
    d.say(id=id_, n=n)
    [added] = yield [call("add_stock", id=id_, quantity=n)]
    return answer("The stock is {}.", added["stock"])


@scenario(
    "stock",
    "parallel",
    "[what are|tell me|give me|show me|look up|check|find] the [prices|costs] of products {a} and {b}",
    "[what|how much] do products {a} and {b} cost?",
    "how [much|expensive] are products {a} and {b}?",
)
def two_prices(d: Draw) -> Script:
    a, b = d.two(d.product)
    d.say(a=a.id, b=b.id)
    first, second = yield [call("get_product", id=a.id), call("get_product", id=b.id)]
    return answer("The prices are {} and {}.", first["price"], second["price"])


@scenario(
    "stock",
    "parallel",
    "[what is|tell me|give me|show me|look up|check|find] the stock of the {a} and the {b}",
    "how many [|pieces ]of the {a} and the {b} [are in stock|do we have|are there|are left]?",
)
def two_stocks(d: Draw) -> Script:
    a, b = d.two(d.product)
    d.say(a=a.name, b=b.name)
    first, second = yield [call("find_product", name=a.name), call("find_product", name=b.name)]
    return answer("The stocks are {} and {}.", first["stock"], second["stock"])


@scenario(
    "stock",
    "parallel",
    "[change|set|update|put] the [prices|price] of products {a} and {b} to {price}",
    "products {a} and {b} [cost {price} now|now cost {price}|have the new price {price}|should cost {price}].",
    "[sell|offer] products {a} and {b} for {price}",
)
def set_two_prices(d: Draw) -> Script:
    (a, b), price = d.two(d.product), d.values.price()
    d.say(a=a.id, b=b.id, price=price)
    yield [call("set_price", id=a.id, price=price), call("set_price", id=b.id, price=price)]
    return DONE


@scenario(
    "stock",
    "parallel",
    "[change|set|update|put] the [price|cost] of product {id} to {price} and [add|put] {n} to its stock",
    "[add|put] {n} to the stock of product {id} and [change|set|update] its [price|cost] to {price}",
    "product {id} costs {price} [now|from now on] and {n} [|more |new ]pieces [arrived|came in].",
)
def price_and_stock(d: Draw) -> Script:
    id_, price, n = d.product_id(), d.values.price(), d.quantity()
    d.say(id=id_, price=price, n=n)
    yield [call("set_price", id=id_, price=price), call("add_stock", id=id_, quantity=n)]
    return DONE
