"""Values in a chain: those that its request states, and those of the records that are found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agentfast.nano.tasks.invented.arguments import Argument
from agentfast.nano.tasks.invented.chains.draft import Draft
from agentfast.nano.tasks.invented.fields import draw_column
from agentfast.nano.tasks.invented.requests import show
from agentfast.nano.tasks.phrases import listed


@dataclass(frozen=True, slots=True)
class Stated:
    """Arguments whose values the request states.

    Attributes:
        phrase: how it does; empty if there are none.
    """

    arguments: list[Argument]
    given: dict[str, Any]
    phrase: str


def draw_stated(draft: Draft, least: int, most: int) -> Stated:
    """`least` to `most` new arguments with their values."""
    rng = draft.rng
    count = rng.randint(least, most)
    arguments = [draft.new_states()[0] if rng.random() < 0.2 else draft.new_field() for _ in range(count)]
    given = {argument.name: argument.draw(draft.values) for argument in arguments}
    return Stated(arguments, given, listed([show(name, value, rng) for name, value in given.items()]))


def draw_fields(draft: Draft, noun: str) -> list[Argument]:
    """New fields of a record, mostly with two of a kind."""
    rng = draft.rng
    fields = [draft.new_field(noun)]
    if rng.random() < 0.75:
        fields.append(draft.new_field(noun, fields[0].kind))
    if rng.random() < 0.5:
        fields.append(draft.new_field(noun))
    return fields


def draw_record(draft: Draft, fields: Sequence[Argument]) -> dict[str, Any]:
    """Values for the fields, in any order; those of a kind look alike."""
    first = {field.kind: field for field in reversed(fields)}
    columns = {
        kind: draw_column(first[kind], len(fields), draft.values)
        for kind in dict.fromkeys(field.kind for field in fields)
    }
    return {field.name: columns[field.kind].pop() for field in draft.rng.sample(fields, len(fields))}
