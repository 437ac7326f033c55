"""The oracle experiment: task latency at chosen speeds, and the framework's share of it."""

from __future__ import annotations

import functools
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from time import perf_counter
from typing import Any

from agentfast.chat.base import ChatFormat
from agentfast.cli.bench.attempts import Conversation, agent_for, attempt, judge
from agentfast.cli.bench.closed_loop import closed_loop
from agentfast.cli.bench.experiment import FILLER_SEED, Plan, Progress
from agentfast.cli.bench.oracle.model import Encode, OracleModel
from agentfast.cli.bench.oracle.paces import Device, IndependentDevice, Pace, SharedDevice
from agentfast.cli.bench.report.statistics import rounded
from agentfast.cli.statistics import percentile
from agentfast.nano.tasks import Task, generate_tasks
from agentfast.tools.definition import Tool


@dataclass(frozen=True, slots=True)
class OracleTask:
    """The record of a finished task: its latency and the latency's parts."""

    right: bool
    tokens: int
    seconds: float
    device_s: float
    tools_s: float

    @property
    def framework_s(self) -> float:
        """The agent loop, validation, threads, timers that go off late, and waiting for the event loop."""
        return self.seconds - self.device_s - self.tools_s


@dataclass(frozen=True, slots=True)
class OracleFigures:
    """Figures of one speed at one number of agents.

    Attributes:
        p50_s, p95_s: task latency.
        device_s, tools_s, framework_s: its parts, means over the tasks.
        framework_share: of the time of all tasks.
        tokens_per_task: generated.
        success: share of right tasks; below 1 something is wrong with the replay.
    """

    p50_s: float
    p95_s: float
    device_s: float
    tools_s: float
    framework_s: float
    framework_share: float
    tokens_per_task: float
    success: float

    @classmethod
    def of(cls, tasks: Sequence[OracleTask]) -> OracleFigures:
        """Figures over one task at least."""
        count = len(tasks)
        seconds = [task.seconds for task in tasks]
        framework = sum(task.framework_s for task in tasks)
        return cls(
            p50_s=percentile(seconds, 50),
            p95_s=percentile(seconds, 95),
            device_s=sum(task.device_s for task in tasks) / count,
            tools_s=sum(task.tools_s for task in tasks) / count,
            framework_s=framework / count,
            framework_share=framework / sum(seconds),
            tokens_per_task=sum(task.tokens for task in tasks) / count,
            success=sum(task.right for task in tasks) / count,
        )

    def entry(self) -> dict[str, float | None]:
        """The entry of a JSON report."""
        return {name: rounded(value) for name, value in asdict(self).items()}


async def run_oracle(
    plan: Plan,
    paces: Sequence[Pace],
    chat: ChatFormat,
    encode: Encode,
    *,
    shared: bool,
    progress: Progress,
) -> dict[str, dict[int, OracleFigures]]:
    """Figures by speed and number of agents."""
    results: dict[str, dict[int, OracleFigures]] = {}
    for pace in paces:
        for agents in plan.concurrency:
            device = SharedDevice() if shared else IndependentDevice()

            tasks = plan.make_tasks(0, plan.tasks_at(agents))
            others = generate_tasks(FILLER_SEED, agents) if agents > 1 else []
            counted = [Replay(task, pace, device, chat, encode) for task in tasks]
            fillers = [Replay(task, pace, device, chat, encode) for task in others]
            found, _ = await closed_loop(
                [replay.run for replay in counted], agents, fillers=[replay.run for replay in fillers]
            )
            judged = [replay.judge(conversation) for replay, conversation in zip(counted, found, strict=True)]
            figures = results.setdefault(pace.text, {})[agents] = OracleFigures.of(judged)
            progress(f"{pace.text:>12} {agents:3} agents: p50 {figures.p50_s:7.3f} s")
    return results


class Replay:
    """One task with its oracle, its agent and its metered tools, all made before the clock runs."""

    def __init__(self, task: Task, pace: Pace, device: Device, chat: ChatFormat, encode: Encode) -> None:
        self._meter = Meter()
        self._task = replace(task, tools=tuple(self._meter.metered(tool) for tool in task.tools))
        self._model = OracleModel(task.solution, pace, device, chat, encode)
        self._agent = agent_for(self._model, self._task, 0.0)

    async def run(self) -> Conversation:
        """The agent's run."""
        return await attempt(self._agent, self._task, 0)

    def judge(self, found: Conversation) -> OracleTask:
        """The record of the run, which was this object's only one."""
        judged = judge(self._task, found)
        return OracleTask(
            judged.right, judged.generated_tokens, judged.seconds, self._model.device_s, self._meter.seconds
        )


class Meter:
    """A meter of the time in which at least one tool is at work.

    Attributes:
        seconds: of it, up to when none was.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._lock = threading.Lock()  # tools run in threads
        self._running = 0
        self._since = 0.0

    def metered(self, tool: Tool[Any]) -> Tool[Any]:
        """The tool, its function metered."""
        function = tool.function

        @functools.wraps(function)
        def sync(*arguments: Any, **named: Any) -> Any:
            with self._measured():
                return function(*arguments, **named)

        @functools.wraps(function)
        async def awaited(*arguments: Any, **named: Any) -> Any:
            with self._measured():
                return await function(*arguments, **named)

        return replace(tool, function=awaited if tool.is_async else sync)

    @contextmanager
    def _measured(self) -> Generator[None]:
        with self._lock:
            if not self._running:
                self._since = perf_counter()
            self._running += 1
        try:
            yield
        finally:
            with self._lock:
                self._running -= 1
                if not self._running:
                    self.seconds += perf_counter() - self._since
