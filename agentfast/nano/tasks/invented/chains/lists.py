"""Rows of lists: a chain reads the whole list, and its request says which rows are meant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agentfast.nano.tasks.invented.arguments import Argument
from agentfast.nano.tasks.invented.chains.draft import Draft
from agentfast.nano.tasks.invented.chains.phrases import (
    CHEAPEST,
    EACH,
    EACH_EQUAL,
    EQUAL,
    EXTREME,
    LIST,
    NTH,
    WHOLE_LIST,
    say,
)
from agentfast.nano.tasks.invented.chains.records import draw_stated
from agentfast.nano.tasks.invented.chains.things import Thing
from agentfast.nano.tasks.invented.fields import KINDS, draw_column
from agentfast.nano.tasks.invented.tools import InventedTool, plural
from agentfast.nano.tasks.phrases import listed


@dataclass(frozen=True, slots=True)
class Column:
    """A field of a list with its value in each row."""

    field: Argument
    cells: list[Any]


@dataclass(frozen=True, slots=True)
class Choice:
    """Rows that are meant.

    Attributes:
        phrase: how the request says which.
        told_by: the columns that tell.
    """

    rows: list[int]
    phrase: str
    told_by: tuple[Column, ...] = ()


def find_rows(draft: Draft, *, many: bool = False) -> Thing:
    """A row of a list, or each row that is meant."""
    rng, noun = draft.rng, draft.new_noun()
    stated = draw_stated(draft, 0, 2)
    all_ = say(
        LIST if stated.arguments else WHOLE_LIST,
        draft.values,
        nouns=plural(noun),
        **{"with": stated.phrase},
    )
    count = rng.randint(2, 4)
    fields = [draft.new_field(noun, rng.choice(("int", "int", "label", "email")))]
    if rng.random() < 0.3:
        fields.append(draft.new_field(noun, fields[0].kind))
    columns = [Column(field, draw_column(field, count, draft.values)) for field in fields]
    choice = (_choose_each if many else _choose_one)(draft, noun, all_, count)
    columns += choice.told_by
    rng.shuffle(columns)
    records = [{column.field.name: column.cells[row] for column in columns} for row in range(count)]
    tool = _declare_lister(draft, noun, stated.arguments, [column.field for column in columns])
    draft.call(0, tool, stated.given, records)
    return Thing(noun, choice.phrase, fields, [records[row] for row in choice.rows], 1, many=many)


def _choose_one(draft: Draft, noun: str, all_: str, count: int) -> Choice:
    """A row by its place or by a value."""
    rng, values = draft.rng, draft.values
    if rng.random() < 0.25:
        row, nth = rng.choice(((0, "first"), (count - 1, "last"), (1, "second")))
        return Choice([row], say(NTH, values, nth=nth, noun=noun, all=all_))
    field = draft.new_field(noun)
    cells = draw_column(field, count, values)
    extremes = KINDS[field.kind].extremes
    if extremes and rng.random() < 0.7:
        side = rng.randrange(2)
        cell = (min, max)[side](cells)
        pattern, extreme = EXTREME, extremes[side]
        if field.name in ("price", "cost"):
            pattern, extreme = CHEAPEST, ("cheapest", "most expensive")[side]
        phrase = say(pattern, values, extreme=extreme, noun=noun, key=field.name, all=all_)
    else:
        cell = rng.choice(cells)
        phrase = say(EQUAL, values, noun=noun, key=field.name, value=str(cell), all=all_)
    return Choice([cells.index(cell)], phrase, (Column(field, cells),))


def _choose_each(draft: Draft, noun: str, all_: str, count: int) -> Choice:
    """All rows or those in one state, at most three."""
    rng = draft.rng
    if count <= 3 and rng.random() < 0.4:
        return Choice(list(range(count)), say(EACH, draft.values, all=all_))
    field, (wanted, *others) = draft.new_states(noun)
    rows = sorted(rng.sample(range(count), min(count, rng.randint(2, 3))))
    cells = [wanted if row in rows else rng.choice(others) for row in range(count)]
    phrase = say(EACH_EQUAL, draft.values, key=field.name, value=wanted, all=all_)
    return Choice(rows, phrase, (Column(field, cells),))


def _declare_lister(
    draft: Draft, noun: str, arguments: Sequence[Argument], fields: Sequence[Argument]
) -> InventedTool:
    """A tool that lists records."""
    nouns, found = plural(noun), listed([field.name for field in fields])
    by = f" by {listed([argument.name for argument in arguments])}" if arguments else ""
    verb = draft.rng.choice(("Lists", "Finds", "Returns"))
    descriptions = (f"{verb} {nouns}{by}.", f"{verb} {nouns}{by}, with their {found}.")
    names = (f"list_{nouns}", f"find_{nouns}", nouns)
    return draft.declare(names, draft.rng.choice(descriptions), (fields[0].name, noun), arguments)
