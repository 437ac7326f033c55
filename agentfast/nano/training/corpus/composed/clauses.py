"""Clauses of a composed request: deeds, which change something, and questions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deed:
    """A call that changes something.

    Attributes:
        desk: the tool's.
        target: the noun of the row or rows whose id it takes; "" if it has none.
        arguments: the other arguments, each with the kind of its value; "same" if it is the target's own, "other.date"
            if it is the date of a row that the patterns call <other>.
        patterns: phrasings, with the arguments in angle brackets.
        others: such rows, each with its noun.
    """

    tool: str
    desk: str
    target: str
    arguments: Mapping[str, str]
    patterns: tuple[str, ...]
    others: Mapping[str, str]


def _deed(
    tool: str, desk: str, target: str, arguments: Mapping[str, str], *patterns: str, **others: str
) -> Deed:
    return Deed(tool, desk, target, arguments, patterns, others)


_MOVE = "[move|shift|postpone|put|reschedule]"
_PLAN = "[plan|add|schedule|enter] [a|the]"

DEEDS = (
    _deed(
        "set_city",
        "customers",
        "customer",
        {"city": "city"},
        "[move|relocate|transfer] <id> to <city>",
        "[change|set|update|switch] the [city|town] of <id> to <city>",
        "<id> [moved to|moves to|is now in|now lives in] <city>.",
    ),
    _deed(
        "set_email",
        "customers",
        "customer",
        {"email": "email"},
        "[change|set|update|switch] the [email|email address|mail] of <id> to <email>",
        "[give|assign] <id> <email>",
        "<id> [uses|has|now uses|wants to use] <email>.",
        "[make|use|put] <email> [|as ]the [|new ][email|mail] of <id>",
    ),
    _deed(
        "add_customer",
        "customers",
        "",
        {"name": "name", "email": "email", "city": "city"},
        "[add|register|enter|create] <name>, [in|from] <city>, with <email>",
        "[add|register|enter|create] <name>, <email>, [in|from] <city>",
        "<name> is a new customer [from|in] <city>, [email|mail] <email>.",
        "[new customer|a new customer]: <name>, <email>, [in|from] <city>.",
    ),
    _deed(
        "set_status",
        "orders",
        "order",
        {"status": "status"},
        "[mark|flag] <id> as <status>",
        "[change|set|update|switch] [|the status of ]<id> to <status>",
        "<id> [is now|gets|has] <status>.",
    ),
    _deed(
        "set_date",
        "orders",
        "order",
        {"date": "date"},
        "[move|shift|postpone|put] <id> to <date>",
        "[change|set|update|switch] the [date|day] of <id> to <date>",
        "<id> [comes on|is for|moves to|is now for] <date>.",
    ),
    _deed(
        "create_order",
        "orders",
        "",
        {"customer": "customer", "product": "product", "quantity": "quantity", "date": "date"},
        "[order|buy|get] <quantity> of <product> for <customer> on <date>",
        "[create|make|enter|place|add] an order for <customer>: <quantity> of <product> on <date>",
        "<customer> [orders|wants|needs|takes|buys] <quantity> of <product> on <date>.",
        "on <date>, <customer> [orders|wants|needs|takes|buys] <quantity> of <product>.",
    ),
    _deed(
        "set_price",
        "stock",
        "product",
        {"price": "price"},
        "[change|set|update|raise|lower|put] the [price|cost] of <id> to <price>",
        "[sell|offer] <id> [for|at] <price>",
        "<id> [costs|now costs|should cost] <price>.",
    ),
    _deed(
        "add_stock",
        "stock",
        "product",
        {"quantity": "quantity"},
        "[add|put|book] <quantity> to the stock of <id>",
        "[restock|refill] <id> [with|by] <quantity>",
        "<quantity> of <id> [arrived|came in|are here].",
    ),
    _deed(
        "cancel_event",
        "calendar",
        "event",
        {},
        "[cancel|delete|remove|drop|call off] <id>",
        "we [cancel|call off|drop] <id>.",
        "<id> [is off|is cancelled|will not happen].",
    ),
    _deed(
        "move_event",
        "calendar",
        "event",
        {"date": "date", "time": "time"},
        f"{_MOVE} <id> to <date> at <time>",
        f"{_MOVE} <id> to <time> on <date>",
        "<id> [is|takes place|starts|happens] on <date> at <time>.",
    ),
    _deed(
        "move_event",
        "calendar",
        "event",
        {"date": "date", "time": "same"},
        f"{_MOVE} <id> to <date>, [same time|at the same time|keep the time]",
        "<id> is on <date> [at the same time|at its usual time].",
    ),
    _deed(
        "move_event",
        "calendar",
        "event",
        {"date": "same", "time": "time"},
        f"{_MOVE} <id> to <time>, [same day|on the same day|keep the day]",
        "<id> is at <time> [on the same day|on its usual day].",
    ),
    _deed(
        "add_event",
        "calendar",
        "",
        {"title": "title", "date": "date", "time": "time", "person": "person"},
        f"{_PLAN} <title> [with|for] <person> at <time> on <date>",
        f"{_PLAN} <title> on <date> at <time> with <person>",
        "<person> [has|holds|runs|gives] [a|the] <title> at <time> on <date>.",
        "<person> [has|holds|runs|gives] [a|the] <title> on <date> at <time>.",
    ),
    _deed(
        "send_message",
        "messages",
        "",
        {"email": "recipient", "text": "text"},
        '[send|write] "<text>" to <email>',
        '[send|write|tell] <email> "<text>"',
        "[write to|tell|message|notify] <email>: <text>",
        "[tell|inform|notify] <email> that <text>",
        "let <email> know that <text>",
    ),
    _deed(
        "send_message",
        "messages",
        "",
        {"email": "recipient", "text": "fact"},
        "[send|write|pass|tell] <text> to <email>",
        "<email> [needs|wants|asks for] <text>.",
        "let <email> [know|have] <text>",
    ),
    _deed(
        "send_message",
        "messages",
        "",
        {"email": "recipient", "text": "note"},
        "[send|pass|forward] <text> to <email>",
        "[forward|resend|pass] to <email> <text>",
    ),
    _deed(
        "delete_message",
        "messages",
        "note",
        {},
        "[delete|remove|erase|drop] <id>",
        "[throw away|get rid of|clear] <id>",
        "<id> can [go|be deleted|be removed].",
    ),
    _deed(
        "add_customer",
        "customers",
        "",
        {"name": "name", "email": "email", "city": "home.city"},
        "[new customer|a new customer]: <name>, <email>, [same city as|same town as|lives with] <home>.",
        "[add|register|enter|create] <name>, <email>, [who lives|living] with <home>",
        home="customer",
    ),
    _deed(
        "add_customer",
        "customers",
        "",
        {"name": "name", "email": "mail.email", "city": "city"},
        "[new customer|a new customer]: <name>, [in|from] <city>, [same email as|shares the mail of] <mail>.",
        "<name> is a new customer [from|in] <city>, [same email as|shares the mail of] <mail>.",
        mail="customer",
    ),
    _deed(
        "set_status",
        "orders",
        "order",
        {"status": "other.status"},
        "[give|assign] <id> the [|same ][status|state] as <other>",
        "<id> [has|gets] the [|same ][status|state] as <other>.",
        other="order",
    ),
    _deed(
        "set_date",
        "orders",
        "order",
        {"date": "other.date"},
        "[move|shift|postpone|put] <id> to the [same day|day|date] as <other>",
        "<id> [comes on|is for|moves to] the same [day|date] as <other>.",
        other="order",
    ),
    _deed(
        "create_order",
        "orders",
        "",
        {"customer": "customer", "product": "old.product", "quantity": "old.quantity", "date": "date"},
        "[repeat|order again|order once more] <old> for <customer> on <date>",
        "[order|buy|get] [the same as|what was] in <old> for <customer> on <date>",
        "<customer> [orders|wants|needs|takes|buys] [the same as|what was] in <old> on <date>.",
        old="order",
    ),
    _deed(
        "create_order",
        "orders",
        "",
        {"customer": "customer", "product": "product", "quantity": "old.quantity", "date": "date"},
        "[order|buy|get] as [many|much] of <product> as in <old> for <customer> on <date>",
        "<customer> [orders|wants|needs|buys] as [many|much] of <product> as in <old> on <date>.",
        old="order",
    ),
    _deed(
        "set_price",
        "stock",
        "product",
        {"price": "other.price"},
        "<id> [costs|should cost|now costs] [as much as|the same as] <other>.",
        "[sell|offer] <id> [for as much|for the same price|at the same price] as <other>",
        other="product",
    ),
    _deed(
        "add_stock",
        "stock",
        "product",
        {"quantity": "other.stock"},
        "[add|put|book] as many [|pieces ]to the stock of <id> as <other> has",
        "[restock|refill] <id> [with|by] as many [|pieces ]as <other> has",
        other="product",
    ),
    _deed(
        "add_stock",
        "stock",
        "product",
        {"quantity": "other.quantity"},
        "[add|put|book] as many [|pieces ]to the stock of <id> as are in <other>",
        "[restock|refill] <id> [with|by] as many [|pieces ]as are in <other>",
        other="order",
    ),
    _deed(
        "move_event",
        "calendar",
        "event",
        {"date": "other.date", "time": "other.time"},
        f"{_MOVE} <id> to the [day and time|date and time|date and hour] of <other>",
        "<id> [is|takes place|starts|happens] [on the same day and at the same time as|at the same date and time as] <other>.",
        other="event",
    ),
    _deed(
        "add_event",
        "calendar",
        "",
        {"title": "title", "date": "other.date", "time": "other.time", "person": "person"},
        f"{_PLAN} <title> [with|for] <person> at the [day and time|date and hour] of <other>",
        "<person> [has|holds|runs|gives] [a|the] <title> at the same [day and time|date and hour] as <other>.",
        other="event",
    ),
    _deed(
        "add_event",
        "calendar",
        "",
        {"title": "title", "date": "other.date", "time": "time", "person": "other.person"},
        f"{_PLAN} <title> at <time> on the [day|date] of <other> with its [host|person]",
        f"{_PLAN} <title> with the [host|person] of <other>, same day, at <time>",
        other="event",
    ),
)

REMOVES = frozenset(("cancel_event", "delete_message"))


@dataclass(frozen=True, slots=True)
class Question:
    """Asks for a field of a row, or of all rows of a list.

    Attributes:
        answer: how one value is told; "{}" stands for it, or for all of a list.
    """

    desk: str
    noun: str
    field: str
    patterns: tuple[str, ...]
    answer: str
    several: bool = False


_TELL = "[what is|tell me|give me|show me|look up|find]"
_LIST = "[list|show|show me|find|give me]"


def _asks(desk: str, noun: str, name: str, words: str) -> Question:
    patterns = (f"{_TELL} the [{words}] of <it>", f"[what|which] [{words}] does <it> have?")
    return Question(desk, noun, name, patterns, f"The {name} is {{}}.")


QUESTIONS = (
    _asks("customers", "customer", "email", "email|mail|email address"),
    _asks("customers", "customer", "city", "city|town|home town"),
    _asks("customers", "customer", "name", "name|full name"),
    _asks("messages", "customer", "email", "email|mail|email address"),
    _asks("orders", "order", "date", "date|day"),
    _asks("orders", "order", "quantity", "quantity|amount"),
    _asks("stock", "product", "price", "price|cost"),
    _asks("stock", "product", "stock", "stock|supply"),
    _asks("stock", "product", "name", "name|title"),
    _asks("calendar", "event", "date", "date|day"),
    _asks("calendar", "event", "time", "time|hour"),
    _asks("calendar", "event", "person", "host|person"),
    _asks("calendar", "event", "title", "name|title"),
    Question("customers", "customer", "name", (f"{_LIST} <it>", "who are <it>?"), "{}.", several=True),
    Question("orders", "order", "id", (f"{_LIST} <it>", "which are <it>?"), "Orders: {}.", several=True),
    Question("stock", "product", "id", (f"{_LIST} <it>", "which are <it>?"), "Products: {}.", several=True),
    Question("calendar", "event", "title", (f"{_LIST} <it>", "what are <it>?"), "{}.", several=True),
    Question("messages", "note", "text", (f"{_LIST} <it>", "what are <it>?"), "{}.", several=True),
)
