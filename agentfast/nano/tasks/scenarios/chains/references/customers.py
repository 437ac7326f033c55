"""Ways to speak of a customer."""

from __future__ import annotations

from agentfast.nano.tasks.scenarios.base import Draw, call
from agentfast.nano.tasks.scenarios.chains.references.base import Path, path_of, reference, say


@reference("customer", "customer {customer}")
def customer_by_id(d: Draw, suffix: str) -> Path:
    id_ = d.customer_id()
    say(d, suffix, customer=id_)
    return path_of({"id": id_})


@reference("customer", "{name}", "find_customer", "id email city")
def customer_by_name(d: Draw, suffix: str) -> Path:
    name = d.customer_name()
    say(d, suffix, name=name)
    return path_of({}, lambda _: call("find_customer", name=name))


@reference("customer", "the [first|top] customer [in|from|of] {town}", "list_customers", "id name")
def first_of_city(d: Draw, suffix: str) -> Path:
    city = d.customer().city
    say(d, suffix, town=city)
    return path_of({}, lambda _: call("list_customers", city=city))


@reference("customer", "the [customer|buyer] of order {order}", "get_order", "id")
def buyer(d: Draw, suffix: str) -> Path:
    id_ = d.order_id()
    say(d, suffix, order=id_)

    def path() -> Path:
        [order] = yield [call("get_order", id=id_)]
        return {"id": order["customer"]}

    return path()


@reference(
    "customer",
    "the [first|top] customer [in|from] the [city|town] of {mate}",
    "find_customer > list_customers(city)",
    "id name",
)
def first_of_same_city(d: Draw, suffix: str) -> Path:
    name = d.customer().name
    say(d, suffix, mate=name)
    return path_of(
        {},
        lambda _: call("find_customer", name=name),
        lambda found: call("list_customers", city=found["city"]),
    )


@reference(
    "customer",
    "the [first|top] customer [in|from] the [city|town] of customer {mate}",
    "get_customer > list_customers(city)",
    "id name",
)
def first_of_same_city_by_id(d: Draw, suffix: str) -> Path:
    id_ = d.customer().id
    say(d, suffix, mate=id_)
    return path_of(
        {},
        lambda _: call("get_customer", id=id_),
        lambda found: call("list_customers", city=found["city"]),
    )


@reference(
    "customer",
    "the [first|top] customer [in|from] the [city|town] of the [customer|buyer] of order {order}",
    "get_order > get_customer(id) > list_customers(city)",
    "id name",
)
def first_of_buyers_city(d: Draw, suffix: str) -> Path:
    id_ = d.order().id
    say(d, suffix, order=id_)
    return path_of(
        {},
        lambda _: call("get_order", id=id_),
        lambda found: call("get_customer", id=found["customer"]),
        lambda found: call("list_customers", city=found["city"]),
    )
