"""Ways to speak of rows that have to be looked up, by the kind of row."""

from __future__ import annotations

from agentfast.nano.tasks.scenarios.chains.references.base import Found, Path, Reference
from agentfast.nano.tasks.scenarios.chains.references.customers import (
    buyer,
    customer_by_id,
    customer_by_name,
    first_of_buyers_city,
    first_of_city,
    first_of_same_city,
    first_of_same_city_by_id,
)
from agentfast.nano.tasks.scenarios.chains.references.events import (
    event_by_id,
    event_by_title,
    first_beside,
    first_beside_next,
    first_beside_next_of_host,
    first_of_day,
    next_of_first_host,
    next_of_person,
    next_of_same_host,
)
from agentfast.nano.tasks.scenarios.chains.references.notes import (
    first_note,
    first_note_by_id,
    first_note_by_name,
    first_note_of_buyer,
)
from agentfast.nano.tasks.scenarios.chains.references.orders import (
    first_order,
    first_order_by_name,
    first_order_of_buyer,
    order_by_id,
    two_of_a_buyer,
)
from agentfast.nano.tasks.scenarios.chains.references.products import (
    product_by_id,
    product_by_name,
    product_of_first_order,
    product_of_first_order_by_name,
    product_of_first_order_of_buyer,
    product_of_order,
    scarcest,
)

__all__ = [
    "Found",
    "Path",
    "Reference",
    "buyer",
    "customer_by_id",
    "customer_by_name",
    "event_by_id",
    "event_by_title",
    "first_beside",
    "first_beside_next",
    "first_beside_next_of_host",
    "first_note",
    "first_note_by_id",
    "first_note_by_name",
    "first_note_of_buyer",
    "first_of_buyers_city",
    "first_of_city",
    "first_of_day",
    "first_of_same_city",
    "first_of_same_city_by_id",
    "first_order",
    "first_order_by_name",
    "first_order_of_buyer",
    "next_of_first_host",
    "next_of_person",
    "next_of_same_host",
    "order_by_id",
    "product_by_id",
    "product_by_name",
    "product_of_first_order",
    "product_of_first_order_by_name",
    "product_of_first_order_of_buyer",
    "product_of_order",
    "scarcest",
    "two_of_a_buyer",
]
