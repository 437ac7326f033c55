"""The tools of a shop, as plain functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal

from pydantic import Field

from agentfast.nano.shop.database import Shop

Date = Annotated[str, Field(json_schema_extra={"format": "date"})]
Time = Annotated[str, Field(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Status = Literal["open", "paid", "shipped", "delivered", "cancelled"]
Record = dict[str, Any]

READS = frozenset(
    """find_customer get_customer list_customers get_order list_orders find_product get_product low_stock
    list_events find_event next_event list_messages""".split()
)
"""Tools that change nothing."""

TABLES = {
    "customers": "find_customer get_customer list_customers add_customer set_email set_city create_order",
    "products": "find_product get_product low_stock set_price add_stock create_order",
    "orders": "get_order list_orders create_order set_status set_date",
    "events": "list_events find_event next_event add_event move_event cancel_event",
    "messages": "send_message list_messages delete_message",
}
"""Table -> the tools that look at it."""

AT_MOST = 3  # rows of a list, so that a result stays short


class ShopTools:
    """The tools of a shop. A mistake comes back as {"error": sentence}."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop

    def find_customer(self, name: str) -> Record:
        """Finds a customer by name."""
        row = self.shop.row("select id, email, city from customers where name = ?", name)
        return _record(row, "id email city") or _error(f"There is no customer {name}.")

    def get_customer(self, id: int) -> Record:
        """Reads a customer."""
        row = self.shop.row("select name, email, city from customers where id = ?", id)
        return _record(row, "name email city") or _error(f"There is no customer {id}.")

    def list_customers(self, city: str) -> list[Record]:
        """Lists customers of a city."""
        rows = self.shop.rows(
            f"select id, name from customers where city = ? order by id limit {AT_MOST}", city
        )
        return [{"id": id_, "name": name} for id_, name in rows]

    def add_customer(self, name: str, email: str, city: str) -> Record:
        """Adds a customer."""
        with self.shop.lock:
            if self.shop.row("select 1 from customers where name = ?", name):
                return _error(f"There is already a customer {name}.")
            return {"id": self.shop.insert("customers", name, email, city)}

    def set_email(self, id: int, email: str) -> Record:
        """Changes the email of a customer."""
        changed = self.shop.change("update customers set email = ? where id = ?", email, id)
        return {"ok": True} if changed else _error(f"There is no customer {id}.")

    def set_city(self, id: int, city: str) -> Record:
        """Changes the city of a customer."""
        changed = self.shop.change("update customers set city = ? where id = ?", city, id)
        return {"ok": True} if changed else _error(f"There is no customer {id}.")

    def get_order(self, id: int) -> Record:
        """Reads an order."""
        row = self.shop.row(
            "select customer_id, product_id, quantity, status, date from orders where id = ?", id
        )
        return _record(row, "customer product quantity status date") or _error(f"There is no order {id}.")

    def list_orders(self, customer: int, status: Status | Literal["any"] = "any") -> list[Record]:
        """Lists orders of a customer."""
        rows = self.shop.rows(
            "select id, status from orders where customer_id = ? and (? = 'any' or status = ?)"
            f" order by id limit {AT_MOST}",
            customer,
            status,
            status,
        )
        return [{"id": id_, "status": state} for id_, state in rows]

    def create_order(self, customer: int, product: int, quantity: int, date: Date) -> Record:
        """Orders a product for a customer."""
        with self.shop.lock:
            if not self.shop.row("select 1 from customers where id = ?", customer):
                return _error(f"There is no customer {customer}.")
            if not self.shop.row("select 1 from products where id = ?", product):
                return _error(f"There is no product {product}.")
            return {"id": self.shop.insert("orders", customer, product, quantity, "open", date)}

    def set_status(self, id: int, status: Status) -> Record:
        """Changes the status of an order."""
        changed = self.shop.change("update orders set status = ? where id = ?", status, id)
        return {"ok": True} if changed else _error(f"There is no order {id}.")

    def set_date(self, id: int, date: Date) -> Record:
        """Changes the date of an order."""
        changed = self.shop.change("update orders set date = ? where id = ?", date, id)
        return {"ok": True} if changed else _error(f"There is no order {id}.")

    def find_product(self, name: str) -> Record:
        """Finds a product by name."""
        row = self.shop.row("select id, price, stock from products where name = ?", name)
        return _record(row, "id price stock") or _error(f"There is no product {name}.")

    def get_product(self, id: int) -> Record:
        """Reads a product."""
        row = self.shop.row("select name, price, stock from products where id = ?", id)
        return _record(row, "name price stock") or _error(f"There is no product {id}.")

    def low_stock(self, below: int) -> list[Record]:
        """Lists products with little stock, the lowest first."""
        rows = self.shop.rows(
            f"select id, stock from products where stock < ? order by stock, id limit {AT_MOST}", below
        )
        return [{"id": id_, "stock": stock} for id_, stock in rows]

    def set_price(self, id: int, price: float) -> Record:
        """Changes the price of a product."""
        changed = self.shop.change("update products set price = ? where id = ?", price, id)
        return {"ok": True} if changed else _error(f"There is no product {id}.")

    def add_stock(self, id: int, quantity: int) -> Record:
        """Adds to the stock of a product."""
        with self.shop.lock:
            self.shop.change("update products set stock = stock + ? where id = ?", quantity, id)
            row = self.shop.row("select stock from products where id = ?", id)
            return _record(row, "stock") or _error(f"There is no product {id}.")

    def list_events(self, date: Date) -> list[Record]:
        """Lists events of a day."""
        rows = self.shop.rows(
            f"select id, title, time from events where date = ? order by time, id limit {AT_MOST}", date
        )
        return [{"id": id_, "title": title, "time": time} for id_, title, time in rows]

    def find_event(self, title: str) -> Record:
        """Finds an event by title."""
        row = self.shop.row("select id, date, time, person from events where title = ?", title)
        return _record(row, "id date time person") or _error(f"There is no event {title}.")

    def next_event(self, person: str) -> Record:
        """Finds the next event of a person."""
        row = self.shop.row(
            "select id, title, date, time from events where person = ? order by date, time, id limit 1",
            person,
        )
        return _record(row, "id title date time") or _error(f"{person} has no event.")

    def add_event(self, title: str, date: Date, time: Time, person: str) -> Record:
        """Adds an event."""
        with self.shop.lock:
            if self.shop.row("select 1 from events where title = ?", title):
                return _error(f"There is already an event {title}.")
            return {"id": self.shop.insert("events", title, date, time, person)}

    def move_event(self, id: int, date: Date, time: Time) -> Record:
        """Moves an event to another date and time."""
        changed = self.shop.change("update events set date = ?, time = ? where id = ?", date, time, id)
        return {"ok": True} if changed else _error(f"There is no event {id}.")

    def cancel_event(self, id: int) -> Record:
        """Removes an event."""
        changed = self.shop.change("delete from events where id = ?", id)
        return {"ok": True} if changed else _error(f"There is no event {id}.")

    def send_message(self, email: str, text: str) -> Record:
        """Sends a message."""
        return {"id": self.shop.insert("messages", email, text)}

    def list_messages(self, email: str) -> list[Record]:
        """Lists messages to an address."""
        rows = self.shop.rows(
            f"select id, text from messages where recipient = ? order by id limit {AT_MOST}", email
        )
        return [{"id": id_, "text": text} for id_, text in rows]

    def delete_message(self, id: int) -> Record:
        """Deletes a message."""
        changed = self.shop.change("delete from messages where id = ?", id)
        return {"ok": True} if changed else _error(f"There is no message {id}.")


def _record(row: tuple[Any, ...] | None, names: str) -> Record | None:
    return None if row is None else dict(zip(names.split(), row, strict=True))


def _error(sentence: str) -> Record:
    return {"error": sentence}


def functions_of(shop: Shop) -> dict[str, Callable[..., Any]]:
    """The plain functions behind the tools, by name."""
    bound = ShopTools(shop)
    functions: tuple[Callable[..., Any], ...] = (
        bound.find_customer,
        bound.get_customer,
        bound.list_customers,
        bound.add_customer,
        bound.set_email,
        bound.set_city,
        bound.get_order,
        bound.list_orders,
        bound.create_order,
        bound.set_status,
        bound.set_date,
        bound.find_product,
        bound.get_product,
        bound.low_stock,
        bound.set_price,
        bound.add_stock,
        bound.list_events,
        bound.find_event,
        bound.next_event,
        bound.add_event,
        bound.move_event,
        bound.cancel_event,
        bound.send_message,
        bound.list_messages,
        bound.delete_message,
    )
    return {function.__name__: function for function in functions}


def tables_of(names: Iterable[str]) -> frozenset[str]:
    """The tables that these tools look at."""
    wanted = set(names)
    return frozenset(table for table, tools in TABLES.items() if wanted & set(tools.split()))
