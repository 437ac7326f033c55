"""Parameters of invented tools, and values for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from agentfast.nano.shop import words
from agentfast.nano.shop.values import Values


@dataclass(frozen=True, slots=True)
class Argument:
    """One parameter: its schema and how to draw a value for it."""

    name: str
    kind: str
    schema: dict[str, Any]
    draw: Callable[[Values], Any]
    required: bool = True


def integer(values: Values) -> int:
    return values.number(*values.rng.choice(((2, 99), (100, 999), (1000, 9999))))


def string(values: Values) -> str:
    match values.rng.randrange(4):
        case 0:
            return values.first_name()
        case 1:
            return values.city()
        case 2:
            return values.pick(words.NOUNS)
        case _:
            return values.coined()


def _words(values: Values) -> list[str]:
    count = values.rng.randint(2, 3)
    return [values.pick(words.NOUNS) if values.rng.random() < 0.6 else values.coined() for _ in range(count)]


def _integers(values: Values) -> list[int]:
    return [integer(values) for _ in range(values.rng.randint(2, 3))]


_KINDS: tuple[tuple[str, tuple[str, ...], dict[str, Any], Callable[[Values], Any]], ...] = (
    ("int", words.INT_ARGS, {"type": "integer"}, integer),
    ("str", words.STR_ARGS, {"type": "string"}, string),
    ("num", words.INT_ARGS, {"type": "number"}, Values.price),
    ("date", words.DATE_ARGS, {"type": "string", "format": "date"}, Values.date),
    ("time", words.TIME_ARGS, {"type": "string"}, Values.time),
    ("email", ("email", "contact", "sender"), {"type": "string", "format": "email"}, Values.email),
    ("bool", words.BOOL_ARGS, {"type": "boolean"}, lambda values: values.rng.random() < 0.5),
    ("strs", words.LIST_ARGS, {"type": "array", "items": {"type": "string"}}, _words),
    ("ints", words.INTS_ARGS, {"type": "array", "items": {"type": "integer"}}, _integers),
    ("enum", words.ENUM_ARGS, {}, lambda values: None),
)


_MEANT: dict[str, Callable[[Values], Any]] = {
    "city": Values.city,
    "place": Values.city,
    "person": Values.first_name,
    "owner": Values.first_name,
    "author": Values.person,
}


_WEIGHTS = (22, 24, 9, 8, 6, 5, 9, 5, 3, 12)


def _argument(values: Values, taken: set[str], *, may_be_optional: bool) -> Argument:
    rng = values.rng
    kind, names, schema, draw = rng.choices(_KINDS, _WEIGHTS)[0]
    while True:
        name = values.coined() if rng.random() < 0.3 else rng.choice(names)
        if name not in taken:
            taken.add(name)
            break
    if kind == "enum":
        options = values.sample(words.ENUM_VALUES, rng.randint(2, 4))
        schema = {"type": "string", "enum": options}
        return Argument(name, kind, schema, lambda v: v.rng.choice(options), not may_be_optional)
    draw = _MEANT.get(name, draw) if kind == "str" else draw
    return Argument(name, kind, schema, draw, required=not may_be_optional)


def draw_arguments(values: Values) -> tuple[Argument, ...]:
    """Parameters of a new tool: up to four required ones, and one that may be left out."""
    rng = values.rng
    count = rng.choices((0, 1, 2, 3, 4), (4, 30, 36, 22, 8))[0]
    taken: set[str] = set()
    required = [_argument(values, taken, may_be_optional=False) for _ in range(count)]
    if count and rng.random() < 0.3:
        required.append(_argument(values, taken, may_be_optional=True))
    return tuple(required)
