"""Generation of tasks from a seed, each on its own shop or all on a shared one."""

from __future__ import annotations

import random
from collections.abc import Mapping

from agentfast.nano.shop.database import Shop
from agentfast.nano.shop.desks import DESKS, Desk, shop_tools
from agentfast.nano.shop.splits import Split
from agentfast.nano.shop.tools import READS, functions_of
from agentfast.nano.tasks.disjoint import DisjointTasks, replay
from agentfast.nano.tasks.gold import Solution
from agentfast.nano.tasks.invented.live import live_tools
from agentfast.nano.tasks.invented.requests import random_request
from agentfast.nano.tasks.invented.tasks import INVENTED_INSTRUCTIONS, NO_TOOL, make_task
from agentfast.nano.tasks.phrases import polite
from agentfast.nano.tasks.requests import RequestMaker
from agentfast.nano.tasks.scenarios import Kind
from agentfast.nano.tasks.task import Effects, Task, changes

TASK_MIX: Mapping[Kind, float] = {"single": 0.4, "parallel": 0.15, "chain": 0.35, "no_tool": 0.1}


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
    """Tasks that may run on `shop` all at once: done rightly, none changes a row that another reads or writes.

    The shop must not be used by others meanwhile. There may be fewer than `count` if the shop is too small.

    Args:
        shapes: split whose shapes of chains are used; None: `split`.
    """
    rng = random.Random(f"{seed}/{split}/shared")
    maker = TaskMaker(shop, rng, split, shapes)
    mix = TASK_MIX if mix is None else mix
    chosen = DisjointTasks(shop)
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
                    kind, made.request, "", INVENTED_INSTRUCTIONS[0], tools, None, made.solution, {}, None
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
    """The task with its tools on that shop."""
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


def _effects(solution: Solution, shop: Shop) -> Effects:
    if all(call.name in READS for call in solution.calls):
        return {}
    with shop.rollback():
        before = shop.state()
        replay(solution, functions_of(shop))
        return changes(before, shop.state())
