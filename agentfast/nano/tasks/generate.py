"""Tasks: requests to run live, each with its tools and a check of what the agent did and said."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentfast.messages import ToolCall
from agentfast.nano.shop.database import Shop, State
from agentfast.nano.shop.desks import DESKS, Desk, shop_tools
from agentfast.nano.shop.splits import Split
from agentfast.nano.shop.tools import READS, functions_of
from agentfast.nano.tasks.disjoint import Independents, replay
from agentfast.nano.tasks.gold import Solution
from agentfast.nano.tasks.invented.live import live_tools
from agentfast.nano.tasks.invented.requests import random_request
from agentfast.nano.tasks.invented.tasks import NO_TOOL, make_task
from agentfast.nano.tasks.phrases import polite
from agentfast.nano.tasks.requests import RequestMaker
from agentfast.nano.tasks.scenarios import Kind
from agentfast.nano.training.corpus.episodes import RANDOM_INSTRUCTIONS
from agentfast.tools.definition import Tool

TASK_MIX: Mapping[Kind, float] = {"single": 0.4, "parallel": 0.15, "chain": 0.35, "no_tool": 0.1}

Effects = dict[tuple[str, int], tuple[Any, ...] | None]
"""(table, id) -> the row as it should be afterwards, None if it should be gone."""


@dataclass(frozen=True, slots=True)
class Task:
    """One request and what serves it.

    Attributes:
        desk: the desk's name, "" for invented tools.
        shop: the shop that the tools work on; None for invented tools.
        solution: the gold calls with their results, and the gold answer.
        effects: how the gold calls change the shop.
        before: the shop's state at the start; None if other tasks use the shop too.
    """

    kind: Kind
    prompt: str
    desk: str
    instructions: str
    tools: tuple[Tool[..., Any], ...]
    shop: Shop | None
    solution: Solution
    effects: Effects
    before: State | None

    def check(self, final_text: str, calls: Sequence[ToolCall]) -> bool:
        """Whether the task is done: the answer says what it has to, and the shop is as the gold calls leave it.

        A request that no tool serves must be declined without a call. On a shop that is shared, the rows of
        this task must be right and no other changes be asked for.

        Args:
            final_text: the agent's last message.
            calls: every tool call that the agent made.
        """
        if not all(mentions(final_text, value) for value in self.solution.answer.expected):
            return False
        if not self.solution.turns:
            return not calls
        if self.shop is None:
            return same_calls(calls, self.solution.calls)
        asked = [call for call in calls if call.name not in READS]
        wanted = [call for call in self.solution.calls if call.name not in READS]
        if not self.effects and not _all_among(wanted, asked):
            return False  # what is to be written stands there already: it does not tell who wrote it
        if self.before is not None:
            return changes(self.before, self.shop.state()) == self.effects
        rows_are_right = all(self.shop.find(*key) == row for key, row in self.effects.items())
        return rows_are_right and _all_among(asked, wanted)


def mentions(text: str, value: str) -> bool:
    """Whether `value` stands in `text` as a whole, in any case."""
    return bool(re.search(rf"(?<![\w.@-]){re.escape(value)}(?![\w@-]|\.\w)", text, re.IGNORECASE))


def changes(before: State, after: State) -> Effects:
    """Rows that differ."""
    found: Effects = {}
    for table, rows in after.items():
        old = before[table]
        found |= {(table, id_): row for id_, row in rows.items() if old.get(id_) != row}
        found |= {(table, id_): None for id_ in old if id_ not in rows}
    return found


def same_calls(calls: Sequence[ToolCall], gold: Sequence[ToolCall]) -> bool:
    """Whether all gold calls were made, and no others."""
    return _all_among(gold, calls) and _all_among(calls, gold)


def generate_tasks(
    seed: int, count: int, split: Split = "test", mix: Mapping[Kind, float] | None = None
) -> list[Task]:
    """Tasks on shops of their own, so that none can disturb another. The same seed gives the same ones.

    Args:
        mix: shares of the kinds; "random" is allowed too, "extract" is not.
    """
    rng = random.Random(f"{seed}/{split}/tasks")
    shop = Shop.generate(rng, split)
    maker = TaskMaker(shop, rng, split)
    mix = TASK_MIX if mix is None else mix
    made = (maker.make(rng.choices(tuple(mix), tuple(mix.values()))[0]) for _ in range(count))
    return [_on(task, shop.copy(), before=True) for task in made]


def shared_tasks(
    shop: Shop,
    seed: int,
    count: int,
    split: Split = "test",
    mix: Mapping[Kind, float] | None = None,
    shapes: Split | None = None,
) -> list[Task]:
    """Tasks that may run on `shop` all at once: done rightly, none changes what another reads or writes.

    The shop must not be used by others meanwhile. There may be fewer than `count` if the shop is too small.

    Args:
        shapes: whose shapes of chains are used; None: those of `split`.
    """
    rng = random.Random(f"{seed}/{split}/shared")
    maker = TaskMaker(shop, rng, split, shapes)
    mix = TASK_MIX if mix is None else mix
    chosen = Independents(shop)
    for _ in range(30 * count):
        if len(chosen.tasks) == count:
            break
        chosen.take(maker.make(rng.choices(tuple(mix), tuple(mix.values()))[0]))
    return [_on(task, shop, before=False) for task in chosen.tasks]


class TaskMaker:
    """Makes tasks about the rows of a shop."""

    def __init__(self, shop: Shop, rng: random.Random, split: Split, shapes: Split | None = None) -> None:
        self.rng = rng
        self._shop = shop
        self._requests = RequestMaker(shop, rng, split, shapes)

    def make(self, kind: Kind) -> Task:
        """A task of that kind, on the shop itself."""
        match kind:
            case "random":
                made = make_task(self._requests.values)
                tools = live_tools(made)
                return Task(
                    kind, made.request, "", RANDOM_INSTRUCTIONS[0], tools, None, made.solution, {}, None
                )
            case "no_tool":
                desk = self.rng.choice(tuple(DESKS.values()))
                text = (
                    polite(random_request(self._requests.values), self.rng)
                    if self.rng.random() < 0.5
                    else self._requests.foreign(desk)
                )
                return self._task(kind, text, desk, Solution((), NO_TOOL))
            case "extract":
                raise ValueError("extraction has no tools to run: use episodes")
            case _:
                request = self._requests.make(kind)
                return self._task(kind, request.text, request.desk, request.solution)

    def _task(self, kind: Kind, text: str, desk: Desk, solution: Solution) -> Task:
        effects = _effects(solution, self._shop)
        return Task(
            kind, text, desk.name, desk.instructions[0], (), self._shop, solution, effects, before=None
        )


def _on(task: Task, shop: Shop, *, before: bool) -> Task:
    """The task with its tools, on that shop."""
    if task.shop is None:
        return task
    return Task(
        task.kind,
        task.prompt,
        task.desk,
        task.instructions,
        shop_tools(shop, DESKS[task.desk].tools),
        shop,
        task.solution,
        task.effects,
        shop.state() if before else None,
    )


def _all_among(calls: Sequence[ToolCall], others: Sequence[ToolCall]) -> bool:
    """Whether each of `calls` is one of the others; ids do not count."""
    made = [(other.name, other.arguments) for other in others]
    return all((call.name, call.arguments) in made for call in calls)


def _effects(solution: Solution, shop: Shop) -> Effects:
    if all(call.name in READS for call in solution.calls):
        return {}
    with shop.rollback():
        before = shop.state()
        replay(solution, functions_of(shop))
        return changes(before, shop.state())
