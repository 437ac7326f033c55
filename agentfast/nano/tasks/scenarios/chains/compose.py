"""Composes chains: every action with every reference to the rows that it needs.

The shape of a chain is the sequence of its calls and which of their arguments come from earlier results. A hash of it
decides which split the chain belongs to, so a held-out chain is a new combination of steps that are known one by one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence, Set
from itertools import product, zip_longest
from operator import itemgetter
from typing import Any, TypeVar

from agentfast.messages import ToolCall
from agentfast.nano.tasks.scenarios.base import SCENARIOS, Draw, Scenario, Script, call
from agentfast.nano.tasks.scenarios.chains.references import Found, Path, Reference

T = TypeVar("T")

DETAILS: dict[str, tuple[str, frozenset[str], Callable[[Found], ToolCall]]] = {
    "customer": (
        "get_customer(id)",
        frozenset(("name", "email", "city")),
        lambda row: call("get_customer", id=row["id"]),
    ),
    "product": (
        "get_product(id)",
        frozenset(("name", "price", "stock")),
        lambda row: call("get_product", id=row["id"]),
    ),
    "order": (
        "get_order(id)",
        frozenset(("customer", "product", "quantity", "status", "date")),
        lambda row: call("get_order", id=row["id"]),
    ),
    "event": (
        "find_event(title)",
        frozenset(("date", "time", "person")),
        lambda row: call("find_event", title=row["title"]),
    ),
}
"""Noun -> the call that reads a row in full, as a shape writes it; the fields that it tells; the call."""

MOST_CALLS = 5
"""Calls of the longest chains; these are for training."""


class _Lookup:
    """A reference followed up to the needed field."""

    def __init__(self, reference: Reference, field: str) -> None:
        self.reference, self.field = reference, field
        self.reads_more = field not in reference.fields
        step = DETAILS[reference.noun][0] if self.reads_more else ""
        if not reference.turns:
            step = step.split("(")[0]  # the id stands in the request
        self.turns = (*reference.turns, *([step] if step else []))

    @property
    def is_possible(self) -> bool:
        """True if the field can be found out: the request tells it, or enough to read the row."""
        if not self.reads_more:
            return True
        return is_told(self.reference.noun, self.field, self.reference.fields)

    def tells(self, argument: str) -> bool:
        """True if that argument comes from a result. An id stands in the request if no call leads to the row."""
        return bool(self.reference.turns if argument == "id" else self.turns)

    def follow(self, draw: Draw, suffix: str) -> Path:
        path = self.reference.find(draw, suffix)
        return in_detail(self.reference.noun, path) if self.reads_more else path


def is_told(noun: str, name: str, known: Set[str]) -> bool:
    """True if the call that reads a row with these known fields tells that field."""
    return noun in DETAILS and name in DETAILS[noun][1] and (noun != "event" or "title" in known)


def in_detail(noun: str, path: Path) -> Path:
    """A path that goes on to read the row it finds."""
    found = yield from path
    [row] = yield [DETAILS[noun][2](found)]
    return {**found, **row}


def side_by_side(
    paths: Sequence[Generator[list[ToolCall], list[Any], T]],
    whose: Callable[[Mapping[int, list[ToolCall]]], Sequence[int]] = tuple,
) -> Generator[list[ToolCall], list[Any], list[T]]:
    """Follow several paths at once: the calls of a turn go out together.

    Args:
        whose: from the waiting calls by path number, the numbers of the paths that take the next turn; by default all.
    """
    waiting: dict[int, list[ToolCall]] = {}
    found: dict[int, T] = {}

    def advance(number: int, results: list[Any] | None) -> None:
        path = paths[number]
        try:
            waiting[number] = next(path) if results is None else path.send(results)
        except StopIteration as stop:
            found[number] = stop.value

    for number in range(len(paths)):
        advance(number, None)
    while waiting:
        turn = {number: waiting.pop(number) for number in whose(waiting)}
        results = yield [made for calls in turn.values() for made in calls]
        rest = list(results)
        for number, calls in turn.items():
            mine, rest = rest[: len(calls)], rest[len(calls) :]
            advance(number, mine)
    return [found[number] for number in range(len(paths))]


def merged_turns(paths: Iterable[Sequence[str]]) -> list[str]:
    """The turns of several paths followed at once."""
    return [merged(step for step in turn if step) for turn in zip_longest(*paths, fillvalue="")]


def _fed(turns: str, lookups: Sequence[_Lookup]) -> list[str]:
    """The turns of an action, with the arguments that earlier results give."""
    every = turns.split(" > ") if turns else []
    return [merged(_with_arguments(turn, lookups).split("+")) for turn in every]


def merged(steps: Iterable[str]) -> str:
    """The calls of one turn; a tool that is called twice counts once."""
    calls: dict[str, set[str]] = {}
    for step in steps:
        name, _, names = step.rstrip(")").partition("(")
        calls.setdefault(name, set()).update(names.split(",") if names else ())
    return "+".join(
        f"{name}({','.join(sorted(names))})" if names else name for name, names in sorted(calls.items())
    )


def _with_arguments(turn: str, lookups: Sequence[_Lookup]) -> str:
    def kept(match: re.Match[str]) -> str:
        pairs = [argument.partition(":") for argument in match[1].split(",")]
        names = [name for name, _, number in pairs if not number or lookups[int(number)].tells(name)]
        return f"({','.join(sorted(names))})" if names else ""

    return re.sub(r"\(([^)]*)\)", kept, turn)


Find = Callable[[], Generator[list[ToolCall], list[Any], list[Found]]]
"""Finds the rows that a request is about."""

Act = Callable[[Draw, Find], Script]
"""Draws the request's other values, then finds the rows, then acts on them."""


def chains(
    desk: str,
    *patterns: str,
    turns: str,
    needs: Sequence[tuple[str, Sequence[Reference]]],
    tested: bool = True,
) -> Callable[[Act], Act]:
    """Registers an action as chains of `desk`, one for each combination of references that takes two turns or more
        and not too many calls.

    Args:
        patterns: phrasings in which "{0}" and "{1}" stand for the references.
        turns: the calls after the rows are found, as the shape writes them ("" if the action only asks); "id:0" is an
            argument that comes from the first reference, and counts if that one needs a call.
        needs: for each reference the field that is needed of it, and the references to choose from.
        tested: False: for training only; see `Scenario`.
    """

    acts = len(re.split(r" > |\+", turns)) if turns else 0

    def register(act: Act) -> Act:
        for references in product(*(options for _, options in needs)):
            lookups = [_Lookup(made, field) for made, (field, _) in zip(references, needs, strict=True)]
            acting = _fed(turns, lookups)
            every = [*merged_turns(lookup.turns for lookup in lookups), *acting]
            calls = sum(len(lookup.turns) for lookup in lookups) + acts
            if len(every) >= 2 and calls <= MOST_CALLS and all(lookup.is_possible for lookup in lookups):
                SCENARIOS.append(
                    Scenario(
                        f"{act.__name__} {' '.join(made.name for made in references)}",
                        desk,
                        "chain",
                        tuple(_fill(pattern, references) for pattern in patterns),
                        _script(act, lookups),
                        shape=" > ".join(every),
                        calls=calls,
                        family=act.__name__,
                        tested=tested,
                    )
                )
        return act

    return register


def _fill(pattern: str, references: Sequence[Reference]) -> str:
    for number, reference in enumerate(references):
        pattern = pattern.replace(f"{{{number}}}", reference.phrased(str(number)))
    return pattern


def _script(act: Act, lookups: Sequence[_Lookup]) -> Callable[[Draw], Script]:
    def script(draw: Draw) -> Script:
        paths = [lookup.follow(draw, str(number)) for number, lookup in enumerate(lookups)]
        order = sorted(range(len(lookups)), key=lambda number: draw.template.find(f"{number}}}"))
        return act(draw, lambda: _in_order(paths, order))

    return script


def _in_order(
    paths: Sequence[Path], order: Sequence[int]
) -> Generator[list[ToolCall], list[Any], list[Found]]:
    """Follow the paths side by side, their calls in that order; returns their rows in the order of `paths`."""
    found = yield from side_by_side([paths[number] for number in order])
    return [row for _, row in sorted(zip(order, found, strict=True), key=itemgetter(0))]
