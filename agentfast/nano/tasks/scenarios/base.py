"""Scenarios: a request, the calls that serve it, and the answer, written as one small generator."""

from __future__ import annotations

import random
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from agentfast.messages import ToolCall
from agentfast.nano.shop.database import Customer, Event, Note, Order, Product, Shop
from agentfast.nano.shop.splits import Split, split_of
from agentfast.nano.shop.values import Values
from agentfast.nano.tasks.phrases import listed

Kind = Literal["single", "parallel", "chain", "no_tool", "random", "extract"]

T = TypeVar("T")

SHAPES = 244
"""Salt of the hash that splits shapes; with it every action and every reference occurs in training."""

MOST_CALLS_TESTED = 4
"""Calls of a task's chain at most. Longer chains are for training; those of a held-out shape are not used at all."""

UNKNOWN = 0.04  # how often a request names something that does not exist


@dataclass(frozen=True, slots=True)
class Answer:
    """The final text, and the values that a right answer contains."""

    text: str
    expected: tuple[str, ...] = ()


Script = Generator[list[ToolCall], list[Any], Answer]
"""Yields the calls of a turn, receives their results, returns the answer."""


DONE = Answer("Done.")


def answer(template: str, *values: object) -> Answer:
    """An answer whose every value is expected."""
    return Answer(template.format(*values), tuple(str(value) for value in values))


def listing(template: str, values: Sequence[object], none: str = "None.") -> Answer:
    """An answer that enumerates: "1042, 1077 and 1093"."""
    texts = tuple(str(value) for value in values)
    if not texts:
        return Answer(none, (none.rstrip("."),))
    return Answer(template.format(listed(texts)), texts)


def joint(*answers: Answer) -> Answer:
    """Several answers one after the other, equal ones once."""
    texts = dict.fromkeys(given.text for given in answers)
    return Answer(" ".join(texts), tuple(value for given in answers for value in given.expected))


def each_once(rows: Sequence[Mapping[str, Any]], field: str) -> list[Any]:
    """The different values of a field, in order: two ways to speak of a row may lead to the same one."""
    return list(dict.fromkeys(row[field] for row in rows))


def call(tool: str, /, **arguments: Any) -> ToolCall:
    """A tool call."""
    return ToolCall(tool, arguments)


class Rows:
    """The rows a shop was generated with, as lists to draw from."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.customers = [Customer(*row) for row in shop.rows("select * from customers")]
        self.products = [Product(*row) for row in shop.rows("select * from products")]
        self.orders = [Order(*row) for row in shop.rows("select * from orders")]
        self.events = [Event(*row) for row in shop.rows("select * from events")]
        self.notes = [Note(*row) for row in shop.rows("select * from messages")]


@dataclass(slots=True)
class Draw:
    """Sources of a scenario: rows of the shop, fresh values, and the slots of its request (set by `say`).

    If it has the request's template, the calls of a turn are made in the order in which that speaks of their rows.
    """

    rng: random.Random
    split: Split
    rows: Rows
    values: Values
    slots: dict[str, object] = field(default_factory=dict[str, object])
    template: str = ""

    def say(self, **slots: object) -> None:
        """Fill the request's slots."""
        self.slots.update(slots)

    def customer(self) -> Customer:
        return self.rng.choice(self.rows.customers)

    def product(self) -> Product:
        return self.rng.choice(self.rows.products)

    def order(self) -> Order:
        return self.rng.choice(self.rows.orders)

    def event(self) -> Event:
        return self.rng.choice(self.rows.events)

    def note(self) -> Note:
        return self.rng.choice(self.rows.notes)

    def two(self, drawn: Callable[[], Any]) -> tuple[Any, Any]:
        """Two different rows."""
        first = second = drawn()
        while second[0] == first[0]:
            second = drawn()
        return first, second

    def customer_id(self) -> int:
        return self._known(self.customer().id, self.values.number(100, 999))

    def customer_name(self) -> str:
        return self._known(self.customer().name, self.values.person())

    def name_of(self, customer_id: int) -> str:
        return next(customer.name for customer in self.rows.customers if customer.id == customer_id)

    def product_id(self) -> int:
        return self._known(self.product().id, self.values.number(100, 999))

    def product_name(self) -> str:
        return self._known(self.product().name, self.values.product())

    def order_id(self) -> int:
        return self._known(self.order().id, self.values.number(1000, 9999))

    def event_id(self) -> int:
        return self._known(self.event().id, self.values.number(100, 999))

    def event_title(self) -> str:
        return self._known(self.event().title, self.values.title())

    def date(self) -> str:
        return self.values.date()

    def time(self) -> str:
        return self.values.time()

    def quantity(self) -> int:
        return self.rng.randint(2, 30)

    def _known(self, known: T, unknown: T) -> T:
        return unknown if self.rng.random() < UNKNOWN else known


@dataclass(frozen=True, slots=True)
class Scenario:
    """A kind of request to a desk.

    Attributes:
        patterns: phrasings with slots; see `phrases`.
        script: draws rows and values, then plays the calls.
        shape: of a chain, the sequence of its calls, with the arguments from earlier results; see `chains.compose`.
        calls: of a chain, their number if each list it acts on has one row.
        family: of a chain, the action that ends it: chains of one family differ in the references to its rows.
        tested: True if tasks are made of it. Actions that came after the tasks were fixed are for training only, so
            that figures stay comparable.
    """

    name: str
    desk: str
    kind: Kind
    patterns: tuple[str, ...]
    script: Callable[[Draw], Script]
    shape: str = ""
    calls: int = 0
    family: str = ""
    tested: bool = True

    def belongs_to(self, split: Split) -> bool:
        """True if the split uses it: a shape belongs to one split, all else to both. Tests leave out long chains."""
        if not self.shape:
            return True
        tested = self.tested and self.calls <= MOST_CALLS_TESTED
        return (tested or split == "train") and split_of_shape(self.shape) == split


def split_of_shape(shape: str) -> Split:
    """The split that chains of a shape belong to."""
    return split_of(f"{SHAPES} {shape}")


SCENARIOS: list[Scenario] = []


def scenario(
    desk: str, kind: Kind, *patterns: str
) -> Callable[[Callable[[Draw], Script]], Callable[[Draw], Script]]:
    """Registers a script as a scenario of `desk`."""

    def register(script: Callable[[Draw], Script]) -> Callable[[Draw], Script]:
        SCENARIOS.append(Scenario(script.__name__, desk, kind, patterns, script))
        return script

    return register
