"""Ways to speak of a row that has to be looked up: a phrase, and the calls that lead from it to the row.

A reference draws its row at once and returns the calls as a generator, so that a request's slots are filled even when
a call fails. The suffix tells the slots of two references in one request apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, cast

from agentfast.messages import ToolCall
from agentfast.nano.tasks.scenarios.base import Draw

Found = dict[str, Any]
Path = Generator[list[ToolCall], list[Any], Found]
"""Yields the calls of a turn, receives their results, returns the known fields of the row, its id at least."""


@dataclass(frozen=True, slots=True)
class Reference:
    """One way to speak of a row.

    Attributes:
        noun: the kind of row.
        phrase: as it stands in a request.
        turns: the calls of each turn, as `shape_of` writes them.
        fields: those that the calls find out.
        find: draws the row, says it, and returns the calls.
    """

    name: str
    noun: str
    phrase: str
    turns: tuple[str, ...]
    fields: frozenset[str]
    find: Callable[[Draw, str], Path]

    def phrased(self, suffix: str) -> str:
        """The phrase with its slots' names ending in the suffix."""
        return re.sub(r"(?<=\w)\}", f"{suffix}}}", self.phrase)


def reference(
    noun: str, phrase: str, turns: str = "", fields: str = "id"
) -> Callable[[Callable[[Draw, str], Path]], Reference]:
    def make(find: Callable[[Draw, str], Path]) -> Reference:
        every = tuple(turn for turn in turns.split(" > ") if turn)
        return Reference(find.__name__, noun, phrase, every, frozenset(fields.split()), find)

    return make


def say(draw: Draw, suffix: str, **slots: object) -> None:
    draw.say(**{name + suffix: value for name, value in slots.items()})


def path_of(found: Found, *steps: Callable[[Found], ToolCall]) -> Path:
    """Calls one after the other; a result, or the first row of a list, adds known fields."""
    for step in steps:
        [result] = yield [step(found)]
        row: Found = cast("list[Found]", result)[0] if isinstance(result, list) else result
        found = {**found, **row}
    return found
