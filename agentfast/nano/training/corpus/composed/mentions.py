"""Mentions of a composed request: rows, lists of rows and values, each with the calls that lead to it.

Unlike the references of `scenarios.chains` these nest: the city of a mention leads to another customer.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from agentfast.messages import ToolCall
from agentfast.nano.tasks.scenarios.base import call
from agentfast.nano.tasks.scenarios.chains.compose import DETAILS, in_detail, is_told

Found = dict[str, Any]
Walk = Generator[list[ToolCall], list[Any], Found]


class UnfitError(Exception):
    """A draw does not go together; the composer draws again."""


@dataclass(slots=True, eq=False)
class Mention:
    """A row, or all rows of a list, as a request speaks of it.

    Attributes:
        noun: the kind of row.
        row: the row itself; of a list, its first.
        phrase: as it stands in the request, with alternatives and slots.
        steps: the calls of each turn that lead to it, as a shape writes them.
        known: the fields that these find out.
        walk: makes those calls. Of a list, its rows are found under "rows".
        given: the fields that led to it, which nobody asks for.
        several: True for a list.
        needed: the fields that the request needs of it.
    """

    noun: str
    row: Any
    phrase: str
    steps: tuple[str, ...]
    known: frozenset[str]
    walk: Callable[[], Walk]
    given: frozenset[str] = frozenset()
    several: bool = False
    needed: set[str] = field(default_factory=set[str])

    def need(self, name: str) -> None:
        """Ask for a field.

        Raises:
            UnfitError: no call tells it, or it led there.
        """
        if name in self.given:
            raise UnfitError(name)
        if name not in self.known and (self.several or not is_told(self.noun, name, self.known)):
            raise UnfitError(name)
        self.needed.add(name)

    @property
    def _reads_more(self) -> bool:
        return not self.needed <= self.known

    @property
    def turns(self) -> tuple[str, ...]:
        """The calls of each turn, up to all fields that are needed."""
        if not self._reads_more:
            return self.steps
        detail = DETAILS[self.noun][0]
        return (*self.steps, detail if self.steps else detail.split("(")[0])

    def follow(self) -> Walk:
        """Make the calls; returns the known fields."""
        walk = self.walk()
        return in_detail(self.noun, walk) if self._reads_more else walk


@dataclass(frozen=True, slots=True)
class Value:
    """An argument: said in the request, or a field of a mention.

    Attributes:
        phrase: as it stands in the request.
        said: the value, if it is said.
    """

    phrase: str
    said: Any = None
    mention: Mention | None = None
    field: str = ""

    @property
    def drawn(self) -> Any:
        """The value, as the row has it that was drawn."""
        return self.said if self.mention is None else getattr(self.mention.row, self.field)

    @property
    def told(self) -> bool:
        """True if a result tells it. An id stands in the request if no call leads to the row."""
        return self.mention is not None and (self.field != "id" or bool(self.mention.steps))

    def of(self, found: Mapping[int, Found]) -> Any:
        """The value, given the known fields of each mention by its `id()`."""
        return self.said if self.mention is None else found[id(self.mention)][self.field]

    def follow(self) -> Generator[list[ToolCall], list[Any], Any]:
        """Make the calls that lead to it; returns it."""
        if self.mention is None:
            return self.said
        return (yield from self.mention.follow())[self.field]


def field_of(mention: Mention, name: str, phrase: str = "{}") -> Value:
    """A field of a mention; "{}" in the phrase stands for the mention's."""
    mention.need(name)
    return Value(phrase.replace("{}", mention.phrase), None, mention, name)


def looked_up(
    noun: str,
    row: Any,
    phrase: str,
    tool: str,
    argument: str,
    value: Value,
    known: str,
    *,
    several: bool = False,
    **more: object,
) -> Mention:
    """A row that a tool finds by one argument, or all rows that it lists. `more` are arguments that the request says."""

    def walk() -> Walk:
        given = yield from value.follow()
        [result] = yield [call(tool, **{argument: given, **more})]
        if several:
            return {"rows": result}
        row: Found = cast("list[Found]", result)[0] if isinstance(result, list) else result
        return row

    before = () if value.mention is None else value.mention.turns
    step = f"{tool}({argument})" if value.told else tool
    steps, given = (*before, step), frozenset((argument, *more))
    return Mention(noun, row, phrase, steps, frozenset(known.split()), walk, given, several)


def related(noun: str, row: Any, phrase: str, other: Mention, names: Mapping[str, str]) -> Mention:
    """A row whose id another one tells: `names` are its fields, each with the other's field that holds it."""
    for name in names.values():
        other.need(name)

    def walk() -> Walk:
        found = yield from other.follow()
        return {name: found[source] for name, source in names.items()}

    return Mention(noun, row, phrase, other.turns, frozenset(names), walk)
