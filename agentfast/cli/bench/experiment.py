"""The experiment: both seats in turn, at every concurrency, in every repeat, on the same tasks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

from agentfast.agent.run.seeds import derive_seed
from agentfast.cli.bench.attempts import Conversation, TaskRecord, agent_for, attempt, judge
from agentfast.cli.bench.closed_loop import closed_loop
from agentfast.cli.bench.seats import Seat
from agentfast.cli.statistics import percentile
from agentfast.errors import ConfigError
from agentfast.messages import UserMessage
from agentfast.models.base import Model, ModelRequest
from agentfast.models.local.model import LocalModel
from agentfast.nano.shop.desks import DESKS
from agentfast.nano.tasks import Task, generate_tasks
from agentfast.runtime.engine.metrics import Metrics

if TYPE_CHECKING:
    from agentfast.cli.bench.outside_baseline import OutsideBaseline

DIFFUSION, AUTOREGRESSIVE, OUTSIDE = "diffusion", "autoregressive", "outside"
TASKS_PER_AGENT = 2
WARM_UP_SEED, FILLER_SEED = 1_000_003, 1_000_033  # of tasks that are not counted; repeats have small seeds

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """The size of the experiment.

    Attributes:
        concurrency: numbers of agents.
        tasks: counted in each run at least; two for each agent if that is more.
        repeats: of the whole; each has tasks of its own.
        temperature: of both seats and the outside baseline; 0 takes the most likely output.
        outside_s: seconds that the outside baseline may take in each repeat; 0: it is left out.
        limit_s: seconds after which no repeat should end: one that would, as the last one went, is not begun.
    """

    concurrency: tuple[int, ...] = (1, 4, 16, 48)
    tasks: int = 48
    repeats: int = 3
    seed: int = 0
    temperature: float = 0.0
    outside_s: float = 20.0
    limit_s: float = 840.0

    def __post_init__(self) -> None:
        if not self.concurrency or min(self.concurrency) < 1 or self.tasks < 1 or self.repeats < 1:
            raise ConfigError("concurrency, tasks and repeats must be at least 1")
        if not (self.temperature >= 0 and self.outside_s >= 0):
            raise ConfigError("temperature and the outside baseline's seconds must be at least 0")

    def tasks_at(self, agents: int) -> int:
        """Tasks counted in a run of that many agents."""
        return max(self.tasks, TASKS_PER_AGENT * agents)

    def make_tasks(self, repeat: int, count: int) -> list[Task]:
        """Fresh tasks of a repeat, because work on them changes their shops. A larger count begins with the same ones."""
        return generate_tasks(self.seed + repeat, count)


@dataclass(frozen=True, slots=True)
class EngineFigures:
    """Engine metrics of one run.

    Attributes:
        busy_share: of the time in which it was at work on a step.
        tokens_per_forward: generated, from a forward pass of a row.
        mean_batch_rows: rows in a forward pass.
        cache_hit_rate: share of prompt tokens that were found in the prefix cache.
        tokens_per_s: generated.
    """

    busy_share: float
    tokens_per_forward: float
    mean_batch_rows: float
    cache_hit_rate: float
    tokens_per_s: float

    @classmethod
    def of(cls, metrics: Metrics, wall_s: float) -> EngineFigures:
        """Figures of an engine that was new when the run began."""
        return cls(
            busy_share=min(1.0, metrics.busy_s / wall_s),
            tokens_per_forward=metrics.tokens_per_forward,
            mean_batch_rows=metrics.mean_batch_rows,
            cache_hit_rate=metrics.cache_hit_rate,
            tokens_per_s=metrics.generated_tokens / wall_s,
        )


@dataclass(frozen=True, slots=True)
class RunRecord:
    """The record of one seat at one concurrency in one repeat.

    Attributes:
        agents: 1 for the outside baseline.
        engine: None for a server.
    """

    seat: str
    agents: int
    repeat: int
    wall_s: float
    tasks: tuple[TaskRecord, ...]
    engine: EngineFigures | None = None

    @property
    def seconds(self) -> list[float]:
        """Latencies of the tasks."""
        return [task.seconds for task in self.tasks]

    def line(self) -> str:
        """A line of progress."""
        right = sum(task.right for task in self.tasks)
        return (
            f"{self.seat:15} {self.agents:3} agents, repeat {self.repeat + 1}: p50 {percentile(self.seconds, 50):7.3f} s, "
            f"{right}/{len(self.tasks)} right, {self.wall_s:.1f} s"
        )


async def run_plan(
    plan: Plan, diffusion: Seat, autoregressive: Seat, outside: OutsideBaseline | None, progress: Progress
) -> list[RunRecord]:
    """Run the plan. Seats take turns within each repeat, so that a disturbance of the machine disturbs both."""
    records: list[RunRecord] = []

    def keep(found: RunRecord) -> None:
        records.append(found)
        progress(found.line())

    began = monotonic()
    seats = {DIFFUSION: diffusion, AUTOREGRESSIVE: autoregressive}
    for name, seat in seats.items():
        progress(f"{name:15} {seat.spec}: warming up")
        await warm_up(seat, plan)
    if outside is not None:
        progress(f"{OUTSIDE:15} warming up")
        await outside.choose_threads(warm_up_tasks()[0])
    for repeat in range(plan.repeats):
        started = monotonic()
        for agents in plan.concurrency:
            for name, seat in seats.items():
                keep(await run_seat(name, seat, plan, agents, repeat))
        if outside is not None:
            keep(await run_outside(outside, plan, repeat))
        now = monotonic()
        if repeat + 1 < plan.repeats and now - began + now - started > plan.limit_s:
            progress(f"no time for more than {repeat + 1} of {plan.repeats} repeats")
            break
    return records


async def run_seat(name: str, seat: Seat, plan: Plan, agents: int, repeat: int) -> RunRecord:
    """Run one seat's agents over a repeat's tasks."""
    tasks = plan.make_tasks(repeat, plan.tasks_at(agents))
    others = generate_tasks(FILLER_SEED, agents) if agents > 1 else []
    async with seat.fresh() as model:
        found, wall_s = await closed_loop(
            attempts(model, tasks, plan, repeat), agents, fillers=attempts(model, others, plan, repeat)
        )
        engine = (
            EngineFigures.of(model.engine.metrics.snapshot(), wall_s)
            if isinstance(model, LocalModel)
            else None
        )
    records = tuple(judge(task, conversation) for task, conversation in zip(tasks, found, strict=True))
    return RunRecord(name, agents, repeat, wall_s, records, engine)


async def run_outside(outside: OutsideBaseline, plan: Plan, repeat: int) -> RunRecord:
    """Run the outside baseline over as many of the repeat's tasks as its time allows."""
    from agentfast.cli.bench.outside_baseline import solve_in_turn

    tasks = plan.make_tasks(repeat, plan.tasks)
    found = await solve_in_turn(outside, tasks, seeds_of(plan, repeat, len(tasks)), plan.outside_s)
    return RunRecord(OUTSIDE, 1, repeat, sum(task.seconds for task in found), tuple(found))


async def warm_up(seat: Seat, plan: Plan) -> None:
    """Compile kernels and the desks' grammars, which happens once in a process.

    Raises:
        AgentFastError: the model answers nothing at all.
    """
    async with seat.fresh() as model:
        await model.respond(ModelRequest([UserMessage("Hello.")], max_tokens=2))
        tasks = warm_up_tasks()
        await closed_loop(attempts(model, tasks, plan, 0), len(tasks))


def warm_up_tasks() -> list[Task]:
    """A task at each desk."""
    tasks = {task.desk: task for task in generate_tasks(WARM_UP_SEED, 8 * len(DESKS))}
    return list(tasks.values())


def attempts(
    model: Model, tasks: Iterable[Task], plan: Plan, repeat: int
) -> Sequence[Callable[[], Awaitable[Conversation]]]:
    """The tasks as awaitable attempts, their agents made already."""
    pairs = [(agent_for(model, task, plan.temperature), task) for task in tasks]
    seeds = seeds_of(plan, repeat, len(pairs))
    return [partial(attempt, agent, task, seed) for (agent, task), seed in zip(pairs, seeds, strict=True)]


def seeds_of(plan: Plan, repeat: int, count: int) -> list[int]:
    """The tasks' seeds: the same for every seat."""
    return [derive_seed(plan.seed + repeat, index) for index in range(count)]
