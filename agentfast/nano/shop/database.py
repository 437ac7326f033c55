"""The shop: a small SQLite database that its tools read and change."""

from __future__ import annotations

import random
import sqlite3
import threading
import weakref
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, NamedTuple

from agentfast.errors import ConfigError
from agentfast.nano.shop.splits import Split, split_of
from agentfast.nano.shop.values import Values

SCHEMA = """
create table customers(id integer primary key, name text collate nocase unique, email text, city text collate nocase);
create table products(id integer primary key, name text collate nocase unique, price numeric, stock integer);
create table orders(id integer primary key, customer_id integer, product_id integer, quantity integer,
                    status text, date text);
create table events(id integer primary key, title text collate nocase unique, date text, time text,
                    person text collate nocase);
create table messages(id integer primary key, recipient text collate nocase, text text);
create index customers_city on customers(city);
create index orders_customer on orders(customer_id);
create index events_date on events(date);
create index messages_recipient on messages(recipient);
"""

TABLES = ("customers", "products", "orders", "events", "messages")
STATUSES = ("open", "paid", "shipped", "delivered", "cancelled")
ID_RANGES = {
    "customers": (100, 999),
    "products": (100, 999),
    "orders": (1000, 9999),
    "events": (100, 999),
    "messages": (1000, 9999),
}


class Customer(NamedTuple):
    id: int
    name: str
    email: str
    city: str


class Product(NamedTuple):
    id: int
    name: str
    price: int | float
    stock: int


class Order(NamedTuple):
    id: int
    customer_id: int
    product_id: int
    quantity: int
    status: str
    date: str


class Event(NamedTuple):
    id: int
    title: str
    date: str
    time: str
    person: str


class Note(NamedTuple):
    id: int
    recipient: str
    text: str


State = dict[str, dict[int, tuple[Any, ...]]]
"""Table -> id -> row: the part of a shop that two runs must agree on."""


class Shop:
    """A shop on SQLite. Any thread may use it; statements run one at a time.

    Args:
        path: a file, or ":memory:".
        split: the split that ids of new rows belong to.
    """

    def __init__(self, path: str = ":memory:", split: Split = "train") -> None:
        self.split: Split = split
        self.lock = threading.RLock()
        self._connect(path)
        if not self.rows("select 1 from sqlite_master limit 1"):
            self._db.executescript(SCHEMA)

    @classmethod
    def generate(
        cls,
        rng: random.Random,
        split: Split,
        *,
        path: str = ":memory:",
        customers: int = 30,
        products: int = 20,
        orders: int = 60,
        events: int = 15,
        messages: int = 12,
    ) -> Shop:
        """A new shop whose random rows hold values of `split` only."""
        shop = cls(path, split)
        with shop.lock:
            shop._db.execute("begin")
            shop._fill(Values(rng, split), customers, products, orders, events, messages)
            shop._db.execute("commit")
        return shop

    def _connect(self, path: str) -> None:
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._closer = weakref.finalize(self, self._db.close)

    def close(self) -> None:
        """Close the database; a shop without references is closed by itself."""
        self._closer()

    def rows(self, query: str, *values: Any) -> list[Any]:
        """Rows of a query."""
        with self.lock:
            return self._db.execute(query, values).fetchall()

    def row(self, query: str, *values: Any) -> Any | None:
        """The first row of a query, or None."""
        with self.lock:
            return self._db.execute(query, values).fetchone()

    def change(self, query: str, *values: Any) -> int:
        """Run a statement; returns the number of rows that it changed."""
        with self.lock:
            return self._db.execute(query, values).rowcount

    def insert(self, table: str, *values: Any) -> int:
        """Add a row; returns its id.

        The id is derived from the values, so that the same rows get the same ids in whatever order
        concurrent callers add them.

        Raises:
            ConfigError: the table has no id left that belongs to the split.
        """
        with self.lock:
            low, high = ID_RANGES[table]
            first = zlib.crc32(repr(values).encode()) % (high - low + 1)
            for i in range(high - low + 1):
                id_ = low + (first + i) % (high - low + 1)
                if split_of(str(id_)) == self.split and not self.row(
                    f"select 1 from {table} where id = ?", id_
                ):
                    break
            else:
                raise ConfigError(
                    f"the shop's {table} have used up the ids of the {self.split} split",
                    hint="make a smaller shop",
                )
            marks = ", ?" * len(values)
            self._db.execute(f"insert into {table} values (?{marks})", (id_, *values))
            return id_

    def find(self, table: str, id_: int) -> tuple[Any, ...] | None:
        """The row with that id."""
        row: tuple[Any, ...] | None = self.row(f"select * from {table} where id = ?", id_)
        return row

    def state(self) -> State:
        """The whole content of the database."""
        return {table: {row[0]: row for row in self.rows(f"select * from {table}")} for table in TABLES}

    @contextmanager
    def rollback(self) -> Generator[None]:
        """A context whose changes are undone at its end. It holds the lock, so that nothing else is undone."""
        with self.lock:
            self._db.execute("savepoint undo")
            try:
                yield
            finally:
                self._db.execute("rollback to undo")
                self._db.execute("release undo")

    def copy(self) -> Shop:
        """An independent copy in memory."""
        other = Shop.__new__(Shop)
        other.split, other.lock = self.split, threading.RLock()
        other._connect(":memory:")
        with self.lock:
            self._db.backup(other._db)
        return other

    def _fill(
        self, draw: Values, customers: int, products: int, orders: int, events: int, messages: int
    ) -> None:
        rng = draw.rng
        cities = [draw.city() for _ in range(max(1, customers // 3))]
        people = list(dict.fromkeys(draw.person() for _ in range(customers)))
        emails = {name: draw.email(name) for name in people}
        buyers = [self.insert("customers", name, emails[name], rng.choice(cities)) for name in people]
        names = dict.fromkeys(draw.product() for _ in range(products))
        goods = [self.insert("products", name, draw.price(), rng.randint(0, 60)) for name in names]
        for _ in range(orders):
            row = (
                rng.choice(buyers),
                rng.choice(goods),
                rng.randint(1, 12),
                rng.choice(STATUSES),
                draw.date(),
            )
            self.insert("orders", *row)
        dates = [draw.date() for _ in range(max(1, events * 2 // 3))]
        hosts = [draw.first_name() for _ in range(max(1, events * 2 // 3))]
        for title in dict.fromkeys(draw.title() for _ in range(events)):
            self.insert("events", title, rng.choice(dates), draw.time(), rng.choice(hosts))
        recipients = rng.sample(sorted(emails.values()), min(len(emails), max(1, messages // 2)))
        for _ in range(messages):
            self.insert("messages", rng.choice(recipients), draw.text())
