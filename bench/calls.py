"""Doubtful and early calls of the embedded model: `python -m bench.calls`.

Doubt: each turn of calls of held-out tasks is asked for, after the gold turns before it. A call is right if it is among the
gold calls. For each bound the table has the wrong calls that `Doubt(below=bound)` stops, and the right ones that it holds
up, as shares; those of all tools, and those of tools that write.

Early calls: held-out tasks whose tools take some milliseconds, with `Settings(early_calls=True)` and without, taking
turns; the time of a task is compared with its own, by the median of the ratios. The last line is JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import json
import statistics
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from time import perf_counter
from typing import Any

from agentfast import Agent, nano
from agentfast.agent.bounds.limits import Settings
from agentfast.cli.desk import LIMITS, MAX_TOKENS
from agentfast.messages import ToolCall
from agentfast.models.local.model import LocalModel
from agentfast.nano.shop.tools import READS
from agentfast.nano.tasks import Kind, Task, generate_tasks
from agentfast.nano.training.evaluation.calibration import turns
from agentfast.tools.definition import Tool

KINDS: tuple[Kind, ...] = ("single", "parallel", "chain", "no_tool", "random")
BOUNDS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
AGENTS = 32

Judged = tuple[ToolCall, bool]
"""A call, and whether it is right."""


async def judged_calls(model: LocalModel, tasks: Sequence[Task]) -> list[Judged]:
    """The model's calls in all turns of the tasks."""
    free = asyncio.Semaphore(AGENTS)

    async def judge(request: Any, gold: tuple[ToolCall, ...]) -> list[Judged]:
        async with free:
            calls = (await model.respond(request)).message.calls
        left = list(gold)
        found: list[Judged] = []
        for call in calls:
            same = next(
                (each for each in left if (each.name, each.arguments) == (call.name, call.arguments)), None
            )
            if same is not None:
                left.remove(same)
            found.append((call, same is not None))
        return found

    asked = (turn for seed, task in enumerate(tasks) for turn in turns(task, seed))
    return [each for found in await asyncio.gather(*(judge(*turn) for turn in asked)) for each in found]


def shares(calls: Sequence[Judged], bound: float) -> tuple[float, float]:
    """Shares of the wrong calls that are stopped, and of the right ones that are held up."""
    right = [call.confidence.whole < bound for call, is_right in calls if is_right and call.confidence]
    wrong = [call.confidence.whole < bound for call, is_right in calls if not is_right and call.confidence]
    return statistics.fmean(wrong) if wrong else 0.0, statistics.fmean(right) if right else 0.0


async def doubt(model: LocalModel, tasks_per_kind: int, seed: int) -> dict[str, Any]:
    """Print the table of bounds; the figures as JSON."""
    calls: list[Judged] = []
    for kind in KINDS:
        calls += await judged_calls(model, generate_tasks(seed, tasks_per_kind, mix={kind: 1.0}))
    writing = [(call, is_right) for call, is_right in calls if call.name not in READS]
    figures: dict[str, Any] = {}
    for name, some in (("all", calls), ("writing", writing)):
        wrong = sum(not is_right for _, is_right in some)
        print(f"{len(some)} calls of {name} tools, {wrong} wrong")
        print("  bound   wrong stopped   right held up")
        for bound in BOUNDS:
            stopped, held = shares(some, bound)
            print(f"  {bound:5.2f}   {stopped:13.1%}   {held:13.2%}")
            figures[f"{name}_{bound}"] = [round(stopped, 4), round(held, 4)]
        figures[name] = {"calls": len(some), "wrong": wrong}
    return figures


def slowed(tool: Tool[Any], seconds: float) -> Tool[Any]:
    """The tool, waiting so long before it answers, without effects for `pure`."""
    function = tool.function

    @functools.wraps(function)
    async def wait(**arguments: Any) -> Any:
        await asyncio.sleep(seconds)
        return function(**arguments)

    return replace(tool, function=wait, is_async=True, pure=tool.name in READS)


async def early(model: LocalModel, tasks: int, tool_s: float, repeats: int, seed: int) -> dict[str, Any]:
    """Print the time saved by early calls on tasks that read; the figures as JSON."""
    times: dict[tuple[int, bool], list[float]] = defaultdict(list)
    for _ in range(repeats):
        for on in (False, True):
            # Made anew, as a task changes its shop.
            for place, task in enumerate(generate_tasks(seed, tasks, mix={"chain": 0.5, "parallel": 0.5})):
                if not any(call.name in READS for call in task.solution.calls):
                    continue
                agent = Agent(
                    model,
                    tools=[slowed(tool, tool_s) for tool in task.tools],
                    instructions=task.instructions,
                    limits=LIMITS,
                    settings=Settings(max_tokens=MAX_TOKENS, early_calls=on, confidence=False),
                    doubt=None,
                )
                times[place, on].append(await timed(functools.partial(agent.run, task.prompt, seed=0)))
    places = sorted({place for place, _ in times})
    medians = [[statistics.median(times[place, on]) for on in (False, True)] for place in places]
    ratios = [on / off for off, on in medians]
    saved = statistics.median(off - on for off, on in medians)
    quartiles = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
    print(
        f"early calls, {len(places)} tasks that read, tools of {1000 * tool_s:g} ms: time "
        f"{statistics.median(ratios):.3f} of that without (quartiles {quartiles[0]:.3f} to {quartiles[2]:.3f}), "
        f"{1000 * saved:.1f} ms saved a task"
    )
    return {
        "tasks": len(places),
        "ratio": round(statistics.median(ratios), 4),
        "quartiles": [round(quartiles[0], 4), round(quartiles[2], 4)],
        "saved_ms": round(1000 * saved, 2),
    }


async def timed(run: Callable[[], Awaitable[object]]) -> float:
    """Seconds that a run takes."""
    began = perf_counter()
    await run()
    return perf_counter() - began


async def main() -> None:
    """Measure both."""
    parser = argparse.ArgumentParser(prog="python -m bench.calls", description=__doc__)
    parser.add_argument("--tasks", type=int, default=200, help="tasks of each kind for doubt (default: 200)")
    parser.add_argument("--early-tasks", type=int, default=40, help="tasks for early calls (default: 40)")
    parser.add_argument("--tool-ms", type=float, default=20.0, help="time of a tool (default: 20)")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seed", type=int, default=11)
    options = parser.parse_args()
    async with nano.load() as model:
        doubted = await doubt(model, options.tasks, options.seed)
        begun = await early(model, options.early_tasks, options.tool_ms / 1000, options.repeats, options.seed)
    print(json.dumps({"doubt": doubted, "early": begun}))


if __name__ == "__main__":
    asyncio.run(main())
