"""Things that a chain looks up one by one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agentfast.nano.tasks.invented.arguments import Argument
from agentfast.nano.tasks.invented.chains.draft import Draft
from agentfast.nano.tasks.invented.chains.phrases import SAME_AS, THING, THING_OF, say
from agentfast.nano.tasks.invented.chains.records import draw_fields, draw_record, draw_stated
from agentfast.nano.tasks.invented.chains.things import Thing, say_value
from agentfast.nano.tasks.invented.tools import InventedTool, article
from agentfast.nano.tasks.phrases import listed


def find_thing(draft: Draft) -> Thing:
    """A record, found by values in the request."""
    noun, stated = draft.new_noun(), draw_stated(draft, 1, 2)
    phrase = say(THING, draft.values, noun=noun, **{"with": stated.phrase})
    return _found(draft, noun, phrase, stated.arguments, stated.given, turn=0)


def find_thing_of(draft: Draft, base: Thing) -> Thing:
    """A record, found by a value of `base`."""
    noun, field = draft.new_noun(), draft.rng.choice(base.fields)
    argument = draft.argument_for(field)
    name = argument.name
    if argument is field and not base.is_returned:
        phrase = say(SAME_AS, draft.values, noun=noun, argument=name, thing=base.mention())
    else:
        value = say_value(base, field, draft.values)
        phrase = say(THING_OF, draft.values, noun=noun, argument=name, value=value)
    return _found(draft, noun, phrase, [argument], {name: base.records[0][field.name]}, turn=base.turn)


def read_more(draft: Draft, rows: Thing) -> None:
    """Look up the rows of a list one by one: the list lacks the needed fields."""
    by, *_ = rows.fields
    fields = draw_fields(draft, rows.noun)
    tool = _declare_finder(draft, rows.noun, [by], fields)
    for number, row in enumerate(rows.records):
        more = draw_record(draft, fields)
        draft.call(rows.turn, tool, {by.name: row[by.name]}, more)
        rows.records[number] = row | more
    rows.fields, rows.turn = fields, rows.turn + 1


def _found(
    draft: Draft,
    noun: str,
    phrase: str,
    arguments: Sequence[Argument],
    given: dict[str, Any],
    *,
    turn: int,
) -> Thing:
    """The record that a new tool finds in that turn."""
    fields = draw_fields(draft, noun)
    record = draw_record(draft, fields)
    tool = _declare_finder(draft, noun, arguments, fields)
    draft.call(turn, tool, given, record)
    return Thing(noun, phrase, fields, [record], turn + 1)


def _declare_finder(
    draft: Draft, noun: str, arguments: Sequence[Argument], fields: Sequence[Argument]
) -> InventedTool:
    """A tool that finds one record."""
    a_noun, key = article(noun), fields[0].name
    verb = draft.rng.choice(("Finds", "Gets", "Reads", "Returns"))
    descriptions = (
        f"{verb} {a_noun}.",
        f"{verb} {a_noun} by {listed([argument.name for argument in arguments])}.",
        f"{verb} the {listed([field.name for field in fields])} of {a_noun}.",
    )
    names = (f"get_{noun}", f"find_{noun}", f"read_{noun}", f"{noun}_{key}")
    return draft.declare(names, draft.rng.choice(descriptions), (key, noun), arguments)
