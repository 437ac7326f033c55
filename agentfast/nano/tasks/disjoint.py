"""Selection of tasks that may run on one shop at once.

Each gets the results that it gets alone, whatever the others did before.
The test plays one task after another. Tools look rows up by equal values (but for the one that asks for low stock), so it
is only needed for pairs in which one task changes a row with a value that the other looks up: a few for each task, however
many tasks there are.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from agentfast.nano.shop.database import ID_RANGES, STATUSES, Shop
from agentfast.nano.shop.tools import functions_of, tables_of
from agentfast.nano.tasks.gold import Solution
from agentfast.nano.tasks.task import Effects, Task

_LEAST_ID: Final = min(low for low, _ in ID_RANGES.values())
_NO_KEYS: Final = frozenset({"any", *STATUSES})  # these narrow a look-up by something else
_LOW_STOCK: Final = "low_stock"


class DisjointTasks:
    """Tasks on a shop that do not disturb each other; the shop must stay as it is."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._functions = functions_of(shop)
        self.tasks: list[Task] = []
        self._prompts: set[str] = set()
        self._changed: set[tuple[str, int]] = set()
        self._looking: defaultdict[object, list[int]] = defaultdict(list)  # by what they look up
        self._changing: defaultdict[object, list[int]] = defaultdict(list)  # by what they change

    def take(self, task: Task) -> bool:
        """Add the task, if it and the others leave each other alone."""
        if task.prompt in self._prompts or task.effects.keys() & self._changed:
            return False
        if task.effects and not self._gives(task, ()):  # its own calls disturb each other
            return False
        looks, changes = set(self._looked_up(task)), set(self._touched(task.effects))
        if not all(self._undisturbed(task, other) for other in self._found(self._changing, looks)):
            return False
        if not all(self._undisturbed(other, task) for other in self._found(self._looking, changes)):
            return False
        for key in looks:
            self._looking[key].append(len(self.tasks))
        for key in changes:
            self._changing[key].append(len(self.tasks))
        self._prompts.add(task.prompt)
        self._changed |= task.effects.keys()
        self.tasks.append(task)
        return True

    def _found(self, index: defaultdict[object, list[int]], keys: Iterable[object]) -> list[Task]:
        numbers = {number for key in keys if key in index for number in index[key]}
        return [self.tasks[number] for number in sorted(numbers)]

    def _looked_up(self, task: Task) -> Iterator[object]:
        """Lookup keys on which a task's results may depend, in the terms of `_touched`."""
        for call in task.solution.calls:
            yield from _keys(call.arguments.values())
            if call.name == _LOW_STOCK:
                yield "products"
        for table, id_ in task.effects:  # a new row's number depends on which are taken
            if self._shop.find(table, id_) is None:
                yield "gone", table

    def _touched(self, effects: Effects) -> Iterator[object]:
        """The values that the changed rows have or had."""
        for (table, id_), row in effects.items():
            yield from _keys(row or ())
            yield from _keys(self._shop.find(table, id_) or ())
            if table == "products":
                yield "products"
            if row is None:
                yield "gone", table

    def _undisturbed(self, task: Task, other: Task) -> bool:
        looked_at = tables_of(call.name for call in task.solution.calls)
        if not looked_at & {table for table, _ in other.effects}:
            return True
        return self._gives(task, (other,))

    def _gives(self, task: Task, before: Iterable[Task]) -> bool:
        """True if a task's calls give their gold results after the calls of others."""
        with self._shop.rollback():
            for other in before:
                replay(other.solution, self._functions)
            alone = [result for turn in task.solution.turns for result in turn.results]
            return json.dumps(replay(task.solution, self._functions)) == json.dumps(alone)


def replay(solution: Solution, functions: dict[str, Callable[..., Any]]) -> list[Any]:
    """The results of a solution's calls, made again."""
    return [functions[call.name](**call.arguments) for call in solution.calls]


def _keys(values: Iterable[object]) -> Iterator[tuple[str, str]]:
    """The values that rows are looked up by, case-folded."""
    for value in values:
        text = str(value).casefold()
        if text not in _NO_KEYS and not (isinstance(value, int | float) and value < _LEAST_ID):
            yield "value", text
