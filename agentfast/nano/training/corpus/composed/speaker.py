"""Draws mentions and values: every way to speak of a row of the shop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from agentfast.nano.shop.database import STATUSES
from agentfast.nano.tasks.scenarios.base import Draw
from agentfast.nano.training.corpus.composed.mentions import (
    Mention,
    UnfitError,
    Value,
    field_of,
    looked_up,
    related,
)

NAMED = 0.55  # how often a row is spoken of by its id or its name, rather than by another row
SAID = 0.4  # how often a value is said, where it could be looked up as well
AGAIN = 0.2  # how often a row is spoken of that has been before
EVERY = "[all|the|all the]"
DEEPEST = 2  # rows between what is said and what is meant

LITERALS: Mapping[str, Callable[[Draw], Any]] = {
    "city": lambda d: d.values.city(),
    "email": lambda d: d.values.email(),
    "status": lambda d: d.rng.choice(STATUSES),
    "date": lambda d: d.date(),
    "time": lambda d: d.time(),
    "person": lambda d: d.values.first_name(),
    "quantity": lambda d: d.quantity(),
    "price": lambda d: d.values.price(),
    "text": lambda d: d.values.text(),
    "title": lambda d: d.values.title(),
    "name": lambda d: d.values.person(),
}
FIELDS: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "city": (("customer", "city", "the [city|town] of {}"),),
    "email": (("customer", "email", "the [email|mail|email address] of {}"),),
    "recipient": (("customer", "email", "{}"),),
    "status": (("order", "status", "the [status|state] of {}"),),
    "date": (("order", "date", "the [date|day] of {}"), ("event", "date", "the [date|day] of {}")),
    "time": (("event", "time", "the [time|hour] of {}"),),
    "person": (("event", "person", "the [host|person] of {}"),),
    "quantity": (
        ("order", "quantity", "the [quantity|amount|pieces] of {}"),
        ("product", "stock", "the stock of {}"),
    ),
    "price": (("product", "price", "the [price|cost] of {}"),),
    "note": (("note", "text", "{}"),),
    "fact": (
        ("customer", "email", "the [email|mail|email address] of {}"),
        ("customer", "city", "the [city|town] of {}"),
        ("customer", "name", "the [name|full name] of {}"),
        ("order", "status", "the [status|state] of {}"),
        ("order", "date", "the [date|day] of {}"),
        ("event", "date", "the [date|day] of {}"),
        ("event", "time", "the [time|hour] of {}"),
        ("event", "person", "the [host|person] of {}"),
        ("product", "name", "the [name|title] of {}"),
    ),
}
"""Kind of value -> the fields that hold it: noun, field, phrase."""

SAID_AS: Mapping[str, str] = {"recipient": "email"}
"""Kinds of values that may stand for another kind."""


class Speaker:
    """Draws the mentions and values of one request, and fills its slots."""

    def __init__(self, draw: Draw) -> None:
        self.draw = draw
        self.rng = draw.rng
        self.mentions: list[Mention] = []

    def say(self, name: str, value: object) -> str:
        """A slot that holds the value."""
        while name in self.draw.slots:
            name += "x"
        if str(value) in {str(said) for said in self.draw.slots.values()}:
            raise UnfitError(name)
        self.draw.say(**{name: value})
        return f"{{{name}}}"

    def value(self, kind: str) -> Value:
        """A value, said or looked up."""
        plain = SAID_AS.get(kind, kind)
        if kind not in FIELDS or (plain in LITERALS and self.rng.random() < SAID):
            said = LITERALS[plain](self.draw)
            if self._exists(plain, said):
                raise UnfitError(plain)
            return Value(self.say(plain, said), said)
        noun, name, phrase = self.rng.choice(FIELDS[kind])
        return field_of(self.mention(noun), name, phrase)

    def _exists(self, kind: str, said: object) -> bool:
        """True if a row has the title or the name already: drawn ones are for added rows."""
        rows = self.draw.rows
        match kind:
            case "title":
                return any(event.title == said for event in rows.events)
            case "name":
                return any(customer.name == said for customer in rows.customers)
            case _:
                return False

    def mention(self, noun: str) -> Mention:
        """A row of its own, or one that the request has spoken of before."""
        known = [made for made in self.mentions if made.noun == noun and not made.several]
        if known and self.rng.random() < AGAIN:
            return self.rng.choice(known)
        made = self._row(noun, DEEPEST)
        if any(other.noun == noun and other.row[0] == made.row[0] for other in self.mentions):
            raise UnfitError(noun)
        self.mentions.append(made)
        return made

    def several(self, noun: str) -> Mention:
        """All rows of a list."""
        made = self._list(noun, 1, several=True)
        self.mentions.append(made)
        return made

    def _row(self, noun: str, depth: int) -> Mention:
        if depth and self.rng.random() > NAMED:
            return self._led_to(noun, depth - 1)
        match noun:
            case "customer":
                customer = self.draw.customer()
                return self._named(
                    noun, customer, "customer {}", "{}", "name", customer.name, "id email city"
                )
            case "product":
                product = self.draw.product()
                return self._named(
                    noun, product, "product {}", "the {}", "thing", product.name, "id price stock"
                )
            case "event":
                event = self.draw.event()
                return self._named(
                    noun, event, "event {}", "the {}", "title", event.title, "id date time person"
                )
            case "order":
                order = self.draw.order()
                return self._by_id(noun, order, "order {}")
            case _:
                return self._list(noun, 0)

    def _named(
        self, noun: str, row: Any, by_id: str, by_name: str, slot: str, name: str, known: str
    ) -> Mention:
        if self.rng.random() < 0.5:
            return self._by_id(noun, row, by_id)
        phrase = by_name.replace("{}", self.say(f"{slot}0", name))
        argument = "title" if noun == "event" else "name"
        return looked_up(noun, row, phrase, f"find_{noun}", argument, Value("", name), known)

    def _by_id(self, noun: str, row: Any, phrase: str) -> Mention:
        said = phrase.replace("{}", self.say(f"{noun}0", row.id))

        def walk() -> Any:
            return {"id": row.id}
            yield

        return Mention(noun, row, said, (), frozenset(("id",)), walk)

    def _led_to(self, noun: str, depth: int) -> Mention:
        """A row that another one leads to."""
        row: Any
        match noun:
            case "customer" if self.rng.random() < 0.5:
                order = self._row("order", depth)
                row = next(c for c in self.draw.rows.customers if c.id == order.row.customer_id)
                phrase = f"the [customer|buyer] of {order.phrase}"
                return related(noun, row, phrase, order, {"id": "customer"})
            case "product" if self.rng.random() < 0.75:
                order = self._row("order", depth)
                row = next(p for p in self.draw.rows.products if p.id == order.row.product_id)
                phrase = f"the [product|item] [in|of] {order.phrase}"
                return related(noun, row, phrase, order, {"id": "product", "quantity": "quantity"})
            case "event" if self.rng.random() < 0.5:
                person = self._found("person", "event", "the [host|person] of {}", depth)
                row = min((e for e in self.draw.rows.events if e.person == person.drawn), key=_by_time)
                phrase = f"the [next|first] [event|meeting|appointment] of {person.phrase}"
                return looked_up(noun, row, phrase, "next_event", "person", person, "id title date time")
            case _:
                return self._list(noun, depth)

    def _found(self, name: str, noun: str, phrase: str, depth: int) -> Value:
        """A value that some row has: said, or the field of a mention."""
        if depth == 0 or self.rng.random() < SAID:
            rows = {"customer": self.draw.customer, "event": self.draw.event}
            said = getattr(rows[noun](), name)
            return Value(self.say(f"{name}0", said), said)
        return field_of(self._row(noun, depth), name, phrase)

    def _list(self, noun: str, depth: int, *, several: bool = False) -> Mention:
        """The first row of a list, or all of them."""
        rows: list[Any]
        match noun:
            case "customer":
                city = self._found("city", noun, "the [city|town] of {}", depth)
                rows = [c for c in self.draw.rows.customers if c.city == city.drawn]
                head = f"{EVERY} customers" if several else "the [first|top] customer"
                phrase = f"{head} [in|from|of] {city.phrase}"
                found = looked_up(
                    noun, min(rows), phrase, "list_customers", "city", city, "id name", several=several
                )
            case "product":
                low = min(p.stock for p in self.draw.rows.products) + self.rng.randint(1, 20)
                rows = sorted(self.draw.rows.products, key=lambda p: (p.stock, p.id))
                said = self.say("low0", low)
                phrase = (
                    f"{EVERY} products [below|under] {said}"
                    if several
                    else f"the product with the [lowest|least|smallest] stock below {said}"
                )
                value = Value(said, low)
                found = looked_up(
                    noun, rows[0], phrase, "low_stock", "below", value, "id stock", several=several
                )
            case "order":
                return self._orders(depth, several=several)
            case "event":
                date = self._found("date", noun, "the [day|date] of {}", depth)
                rows = [e for e in self.draw.rows.events if e.date == date.drawn]
                meetings = "[events|meetings|appointments]" if several else "[event|meeting|appointment]"
                phrase = f"{EVERY if several else 'the first'} {meetings} on {date.phrase}"
                row = min(rows, key=_by_time)
                found = looked_up(
                    noun, row, phrase, "list_events", "date", date, "id title time", several=several
                )
            case _:
                return self._notes(depth, several=several)
        return found

    def _orders(self, depth: int, *, several: bool) -> Mention:
        customer = self._row("customer", depth)
        rows = [o for o in self.draw.rows.orders if o.customer_id == customer.row.id]
        if not rows:
            raise UnfitError("orders")
        status, more = "", dict[str, object]()
        if self.rng.random() < 0.8:
            chosen = self.rng.choice(rows).status
            status, more = f" {self.say('old0', chosen)}", {"status": chosen}
            rows = [order for order in rows if order.status == chosen]
        head = f"{EVERY}{status} orders" if several else f"the first{status} order"
        return looked_up(
            "order",
            min(rows),
            f"{head} of {customer.phrase}",
            "list_orders",
            "customer",
            field_of(customer, "id"),
            "id status",
            several=several,
            **more,
        )

    def _notes(self, depth: int, *, several: bool) -> Mention:
        written_to = {note.recipient for note in self.draw.rows.notes}
        if depth == 0 or self.rng.random() < SAID:
            said = self.draw.note().recipient
            email = Value(self.say("mail0", said), said)
        else:
            customer = self._row("customer", depth)
            if customer.row.email not in written_to:
                raise UnfitError("notes")
            said, email = customer.row.email, field_of(customer, "email")
        head = EVERY if several else "the [first|oldest]"
        notes = "[messages|notes|mails]" if several else "[message|note|mail]"
        row = min(note for note in self.draw.rows.notes if note.recipient == said)
        phrase = f"{head} {notes} [to|for] {email.phrase}"
        return looked_up("note", row, phrase, "list_messages", "email", email, "id text", several=several)


def _by_time(event: Any) -> tuple[str, str, int]:
    return event.date, event.time, event.id
