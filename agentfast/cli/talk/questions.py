"""Questions about a shop's own rows that the embedded model answers, for each desk."""

from __future__ import annotations

from typing import Final

from agentfast.nano.shop.database import Shop

_TEMPLATES: Final = {
    "orders": (
        "What is the status of order {order}?",
        "Which orders does {customer} have?",
        "Which orders did the buyer of order {order} make?",
        "How are orders {order} and {other_order}?",
    ),
    "stock": (
        "Which products have a stock below 10?",
        "How many pieces of product {product_id} are in stock?",
        "What is the price of the product of order {order}?",
        "Add 5 to the stock of product {product_id}.",
    ),
    "customers": (
        "What is the email of {customer}?",
        "Where does {other_customer} live?",
        "What is the email of the buyer of order {order}?",
        "Who is customer {customer_id}?",
    ),
    "calendar": (
        "When is the {event}?",
        "Who leads the {other_event}?",
        "Which events are on {date}?",
        "Cancel the {event}.",
    ),
    "messages": (
        "Which messages are there to {email}?",
        "Tell {customer} that the parcel is ready.",
        "Write to the buyer of order {order}: the parcel is ready",
    ),
}


def questions(shop: Shop, desk: str) -> tuple[str, ...]:
    """The desk's questions, about the first rows of the shop: it is made up, so nobody knows what is in it."""
    customers = shop.rows("select id, name from customers order by id limit 2")
    orders = shop.rows("select id from orders order by id limit 2")
    products = shop.rows("select id from products order by id limit 1")
    events = shop.rows("select title, date from events order by id limit 2")
    messages = shop.rows("select recipient from messages order by id limit 1")
    slots = {
        "customer_id": customers[0][0],
        "customer": customers[0][1],
        "other_customer": customers[1][1],
        "order": orders[0][0],
        "other_order": orders[1][0],
        "product_id": products[0][0],
        "event": events[0][0],
        "date": events[0][1],
        "other_event": events[1][0],
        "email": messages[0][0],
    }
    return tuple(template.format_map(slots) for template in _TEMPLATES[desk])
