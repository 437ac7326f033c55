"""`agentfast demo`: dozens of agents at once over tasks on one shop, then a summary."""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from agentfast.cli.demo.board import AgentState, Board
from agentfast.cli.demo.play import play
from agentfast.cli.demo.report import DemoReport, Speed, TaskResult
from agentfast.cli.model import open_model
from agentfast.cli.process.exits import Exit
from agentfast.cli.process.loop import event_loop
from agentfast.cli.process.streams import is_live_terminal
from agentfast.errors import ConfigError
from agentfast.messages import UserMessage
from agentfast.models.base import ModelRequest
from agentfast.nano.shop.database import Shop
from agentfast.nano.tasks import Task, shared_tasks

if TYPE_CHECKING:
    from agentfast.models.local.model import LocalModel
    from agentfast.runtime.engine.engine import StepView

TASKS_PER_AGENT = 2
WIDTH = 120  # characters of an answer in the plain output


def demo_command(options: argparse.Namespace) -> Exit:
    """Run the demo; an invalid call is a failure, a wrong answer is not."""
    tasks = make_tasks(options.tasks or TASKS_PER_AGENT * options.agents, options.seed)
    model = open_model(options.model, device=options.device, dtype=options.dtype)
    with event_loop(model) as loop:
        report = loop.run(run_demo(options, model, tasks))
    print(report.json_line() if options.json else summary(report))
    return Exit.FAILED if report.invalid_calls else Exit.OK


async def run_demo(options: argparse.Namespace, model: LocalModel, tasks: Sequence[Task]) -> DemoReport:
    """Let the agents work."""
    await warm_up(model)
    board = Board.of(options.agents, len(tasks), model.name)
    before = model.engine.metrics.snapshot()
    stop = model.engine.observe(watcher(model, board))
    live = not options.json and not options.plain and is_live_terminal()
    printer = None if live or options.json else Printer(len(tasks))
    with live_view(board) if live else nullcontext():
        results = await play(model, tasks, board, seed=options.seed, listener=printer)
    stop()
    return DemoReport.of(options.agents, results, Speed.between(before, model.engine.metrics.snapshot()))


MOST_SIZE = 64  # three customers for each: held-out ids of customers are 225


def make_tasks(count: int, seed: int) -> list[Task]:
    """Tasks that can be done at once on one shop, large enough that they do not disturb each other.

    Their phrasings and values are held out from training; how their chains are composed is not (`nano.training.evaluation.evaluate` holds
    that out, too).

    Raises:
        ConfigError: there are not that many.
    """
    size = min(max(count, 16), MOST_SIZE)
    shop = Shop.generate(
        random.Random(seed),
        "test",
        customers=3 * size,
        products=2 * size,
        orders=6 * size,
        events=2 * size,
        messages=2 * size,
    )
    tasks = shared_tasks(shop, seed, count, shapes="train")
    if len(tasks) < count:
        raise ConfigError(f"the shop has only {len(tasks)} tasks", hint=f"--tasks {len(tasks)}")
    return tasks


async def warm_up(model: LocalModel) -> None:
    """Give one short answer, so that the first one's work is not counted."""
    await model.respond(ModelRequest([UserMessage("Hello.")], max_tokens=2))


def watcher(model: LocalModel, board: Board) -> Callable[[StepView], None]:
    """An engine observer that puts the batch of each step on the board."""

    def look(view: StepView) -> None:
        board.occupancy.append(view.batch_rows)
        board.forwards += 1
        board.tokens_per_forward = model.engine.metrics.tokens_per_forward

    return look


def live_view(board: Board) -> AbstractContextManager[object]:
    """The terminal view; rich is imported only where it is shown."""
    from agentfast.cli.demo.view import LiveView

    return LiveView(board)


class Printer:
    """A listener that prints a line for each task as it ends."""

    def __init__(self, tasks: int) -> None:
        self._tasks = tasks
        self._done = 0

    def __call__(self, agent: AgentState, result: TaskResult) -> None:
        self._done += 1
        mark = "right" if result.right else "WRONG"
        print(
            f"{self._done:3}/{self._tasks} agent {agent.number:2} {mark} {result.seconds:5.1f} s  {result.prompt}",
            flush=True,
        )
        print(f"{'':24}{' '.join(result.answer.split())[:WIDTH]}", flush=True)


def summary(report: DemoReport) -> str:
    """The report as text for people."""
    return (
        f"\n{report.agents} agents, {report.tasks} tasks: {report.success:.0%} right, "
        f"{report.invalid_calls} invalid tool calls\n"
        f"a task took {report.p50_s:.2f} s (median), {report.p95_s:.2f} s (95th percentile)\n"
        f"{report.mean_batch_rows:.1f} rows in a batch, {report.tokens_per_forward:.1f} tokens per forward pass of a "
        f"row, {report.steps_per_canvas:.1f} denoising steps per canvas"
    )
