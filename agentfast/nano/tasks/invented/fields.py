"""Fields of the records of invented look-ups, with values that are easily mixed up."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from agentfast.nano.shop import words
from agentfast.nano.shop.splits import split_of
from agentfast.nano.shop.values import Values
from agentfast.nano.tasks.invented.arguments import Argument, integer

_ROOT = re.compile(r"[^aeiou]*[aeiou][^aeiou]+")


@dataclass(frozen=True, slots=True)
class FieldKind:
    """A kind of value.

    Attributes:
        names: of its fields.
        alike: draws a value that could be mistaken for a given one; it may be the same.
        extremes: how a request calls the least and the greatest of them; empty if they have no order.
    """

    names: tuple[str, ...]
    schema: dict[str, Any]
    draw: Callable[[Values], Any]
    alike: Callable[[Values, Any], Any]
    extremes: tuple[str, ...] = ()


def _near_integer(values: Values, value: int) -> int:
    return values.number(max(2, value - 25), value + 25)


def _near_price(values: Values, value: float) -> int | float:
    while True:
        tenths = max(100, round(value * 10) + values.rng.randint(-60, 60))
        near = tenths // 10 if tenths % 10 == 0 else tenths / 10
        if near < 100 or split_of(str(near)) == values.split:
            return near


def _label(values: Values) -> str:
    return values.title() if values.rng.random() < 0.5 else values.coined()


def _like_label(values: Values, label: str) -> str:
    return _one_word_kept(label, values.title(), " ", values) if " " in label else _respelled(values, label)


def _respelled(values: Values, word: str, endings: tuple[str, ...] = words.WORD_ENDINGS) -> str:
    """Another coined word with the same beginning."""
    root = _ROOT.match(word)
    assert root is not None
    return root[0] + values.rng.choice(endings)


def _one_word_kept(pair: str, other: str, separator: str, values: Values) -> str:
    """The first word of one pair and the second word of the other."""
    first, second = (pair, other) if values.rng.random() < 0.5 else (other, pair)
    return first.split(separator)[0] + separator + second.split(separator)[1]


def _same_month(values: Values, date: str) -> str:
    while True:
        near = f"{date[:8]}{values.rng.randint(1, 28):02d}"
        if split_of(near) == values.split:
            return near


def _same_hour(values: Values, time: str) -> str:
    while True:
        near = f"{time[:3]}{values.rng.randrange(0, 60, 5):02d}"
        if split_of(near) == values.split:
            return near


KINDS: dict[str, FieldKind] = {
    "int": FieldKind(
        (*words.INT_ARGS, "score", "rank", "rating"),
        {"type": "integer"},
        integer,
        _near_integer,
        ("lowest", "highest"),
    ),
    "num": FieldKind(
        ("price", "total", "balance", "cost", "fee", "value"),
        {"type": "number"},
        Values.price,
        _near_price,
        ("lowest", "highest"),
    ),
    "label": FieldKind(
        ("label", "title", "topic", "name", "brand", "source", "target", "team", "version"),
        {"type": "string"},
        _label,
        _like_label,
    ),
    "person": FieldKind(
        ("owner", "author", "person", "tenant", "guide"),
        {"type": "string"},
        Values.person,
        lambda values, value: _one_word_kept(value, values.person(), " ", values),
    ),
    "city": FieldKind(
        ("city", "place", "origin"),
        {"type": "string"},
        Values.city,
        lambda values, value: _respelled(values, value, words.CITY_ENDINGS),
    ),
    "email": FieldKind(
        ("email", "contact", "sender"),
        {"type": "string", "format": "email"},
        Values.email,
        lambda values, value: _one_word_kept(value, values.email(), "@", values),
    ),
    "date": FieldKind(
        words.DATE_ARGS,
        {"type": "string", "format": "date"},
        Values.date,
        _same_month,
        ("earliest", "latest"),
    ),
    "time": FieldKind(words.TIME_ARGS, {"type": "string"}, Values.time, _same_hour, ("earliest", "latest")),
}
_SHARES = (30, 10, 18, 12, 8, 7, 10, 5)


def draw_field(
    values: Values, taken: set[str], fits: Callable[[str], bool] = bool, *, kind: str | None = None
) -> Argument:
    """A field whose name is not taken, and fits; from then on it is taken.

    Args:
        kind: of `KINDS`; None: any of them.
    """
    rng = values.rng
    kind = kind or rng.choices(tuple(KINDS), _SHARES)[0]
    free = [name for name in KINDS[kind].names if name not in taken and fits(name)]
    name = rng.choice(free) if free and rng.random() < 0.85 else values.coined()
    taken.add(name)
    return Argument(name, kind, KINDS[kind].schema, KINDS[kind].draw)


def draw_states(values: Values, taken: set[str], fits: Callable[[str], bool]) -> tuple[Argument, list[str]]:
    """A field that has one of a few words, and these."""
    rng = values.rng
    free = [name for name in ("state", "status", *words.ENUM_ARGS) if name not in taken and fits(name)]
    name = rng.choice(free) if free else values.coined()
    taken.add(name)
    options = values.sample(words.ENUM_VALUES, rng.randint(2, 3))
    schema = {"type": "string", "enum": options}
    return Argument(name, "enum", schema, lambda drawn: drawn.rng.choice(options)), options


def draw_column(field: Argument, count: int, values: Values) -> list[Any]:
    """Different values of a field, most of which could be mistaken for the one before."""
    column = [field.draw(values)]
    while len(column) < count:
        alike = values.rng.random() < 0.7
        value = KINDS[field.kind].alike(values, column[-1]) if alike else field.draw(values)
        if value not in column:
            column.append(value)
    return column
