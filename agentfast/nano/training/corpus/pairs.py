"""Two requests of one desk in one sentence, each with calls that wait for earlier results: for training.

They make of a few hundred chains many thousands of combinations, none of which has a shape that is held out for tests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agentfast.messages import ToolCall
from agentfast.nano.shop.tools import READS
from agentfast.nano.tasks.scenarios.base import Answer, Script, joint
from agentfast.nano.tasks.scenarios.chains.compose import merged, side_by_side


def both(first: Script, second: Script) -> Script:
    """Follow two scripts at once. A script about to change something waits until the other has read all it needs.

    Within a chain, too, all rows are found before anything is done with them.
    """
    return joint(*(yield from side_by_side((first, second), _next)))


def resumed(opening: list[ToolCall], script: Script) -> Script:
    """A script whose first calls have been taken out of it."""
    results = yield opening
    try:
        while True:
            calls = script.send(results)
            results = yield calls
    except StopIteration as stop:
        answer: Answer = stop.value
        return answer


def shape_of_both(first: str, second: str) -> str:
    """The shape of two chains followed at once; that of a single call is the tool's name."""
    rest = [shape.split(" > ") for shape in (first, second)]
    turns: list[str] = []
    while any(rest):
        waiting = {
            number: [ToolCall(step.split("(")[0], {}) for step in steps[0].split("+")]
            for number, steps in enumerate(rest)
            if steps
        }
        turns.append(merged(step for number in _next(waiting) for step in rest[number].pop(0).split("+")))
    return " > ".join(turns)


def _next(waiting: Mapping[int, list[ToolCall]]) -> Sequence[int]:
    """The scripts whose calls come next: those that read, in their order; all, if none does."""
    reading = [number for number, calls in waiting.items() if all(call.name in READS for call in calls)]
    return sorted(reading or waiting)
