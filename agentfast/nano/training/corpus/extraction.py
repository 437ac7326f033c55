"""Extraction: a short document, and the fields to read out of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from agentfast.nano.shop.values import Values
from agentfast.nano.tasks.phrases import draw_phrase

_STRING: dict[str, Any] = {"type": "string"}
_DATE: dict[str, Any] = {"type": "string", "format": "date"}
_EMAIL: dict[str, Any] = {"type": "string", "format": "email"}
_INTEGER: dict[str, Any] = {"type": "integer"}
_NUMBER: dict[str, Any] = {"type": "number"}

Field = tuple[dict[str, Any], Callable[[Values], Any]]


@dataclass(frozen=True, slots=True)
class Document:
    """A kind of document: its phrasings, and its fields by slot, each with the names a schema may give it."""

    patterns: tuple[str, ...]
    fields: dict[str, tuple[tuple[str, ...], Field]]


def _number(low: int, high: int) -> Callable[[Values], int]:
    return lambda values: values.number(low, high)


DOCUMENTS = (
    Document(
        (
            "invoice {number} from {company}: total {total}, due {due}.",
            "{company} [sent|wrote|sends] invoice {number} [over|about|for] {total}, [due|payable] [on|by] {due}.",
            "[please pay|we pay|we owe] {total} to {company} for invoice {number} [by|before|until] {due}.",
            "the invoice {number} of {company} is [due|payable] on {due}, it [is|comes to] {total}.",
            "[by|before|until] {due} [we owe|we pay] {company} {total}, invoice {number}.",
        ),
        {
            "number": (("number", "invoice", "id"), (_INTEGER, _number(1000, 9999))),
            "company": (("company", "sender", "supplier"), (_STRING, Values.city)),
            "total": (("total", "amount", "sum"), (_NUMBER, Values.price)),
            "due": (("due", "date", "deadline"), (_DATE, Values.date)),
        },
    ),
    Document(
        (
            "{person} from {city} [can be reached|is reached] at {email}.",
            "{person}, {city}, {email}.",
            "[my name is|i am|this is] {person}, [i live in|i am from] {city}, [my email is|write to] {email}.",
            "[write to|contact|reach] {person} at {email}, [home town|city] {city}.",
            "{email} [belongs to|is the address of] {person} [in|from|of] {city}.",
        ),
        {
            "person": (("name", "person", "contact"), (_STRING, Values.person)),
            "city": (("city", "town", "place"), (_STRING, Values.city)),
            "email": (("email", "address", "mail"), (_EMAIL, Values.email)),
        },
    ),
    Document(
        (
            "{person} [holds|runs|gives|leads] the {title} on {date} at {time}.",
            "the {title} with {person} [is|starts|takes place] on {date} at {time}.",
            "on {date} at {time} [there is|comes|we have] the {title} with {person}.",
            "{title}: {date}, {time}, [host|with] {person}.",
            "[at|from] {time} on {date} {person} [holds|runs|gives|leads] the {title}.",
        ),
        {
            "title": (("title", "event", "meeting"), (_STRING, Values.title)),
            "date": (("date", "day"), (_DATE, Values.date)),
            "time": (("time", "start", "hour"), (_STRING, Values.time)),
            "person": (("person", "host", "name"), (_STRING, Values.first_name)),
        },
    ),
    Document(
        (
            "{person} [wants|orders|buys|needs|takes] {n} pieces of {product} for {price} each.",
            "{n} pieces of {product} for {person} at {price} each.",
            "[please send|please ship|we send] {n} pieces of {product} to {person}, [price|each] {price}.",
            "[order|sale]: {product}, {n} pieces, {price} each, [for|to] {person}.",
            "at {price} each, {person} [wants|orders|buys|needs|takes] {n} pieces of {product}.",
        ),
        {
            "person": (("customer", "buyer", "name"), (_STRING, Values.person)),
            "n": (("quantity", "count", "pieces"), (_INTEGER, _number(2, 60))),
            "product": (("product", "item", "article"), (_STRING, Values.product)),
            "price": (("price", "cost"), (_NUMBER, Values.price)),
        },
    ),
)


@dataclass(frozen=True, slots=True)
class Extraction:
    """A document, the schema of the object asked for, and that object."""

    text: str
    schema: dict[str, Any]
    record: dict[str, Any]


def make_extraction(values: Values) -> Extraction:
    """A document with two or more of its fields asked for, in any order."""
    rng = values.rng
    document = rng.choice(DOCUMENTS)
    drawn = {slot: draw(values) for slot, (_, (_, draw)) in document.fields.items()}
    text = draw_phrase(document.patterns, values.split, rng).format_map(drawn)
    slots = rng.sample(sorted(drawn), rng.randint(2, len(drawn)))
    names = {slot: rng.choice(document.fields[slot][0]) for slot in slots}
    schema = {
        "type": "object",
        "properties": {names[slot]: document.fields[slot][1][0] for slot in slots},
        "required": [names[slot] for slot in slots],
        "additionalProperties": False,
    }
    return Extraction(text[:1].upper() + text[1:], schema, {names[slot]: drawn[slot] for slot in slots})
