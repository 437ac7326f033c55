"""The figures of a demo."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from agentfast.cli.statistics import percentile

if TYPE_CHECKING:
    from agentfast.runtime.engine.metrics import Metrics


@dataclass(frozen=True, slots=True)
class TaskResult:
    """The record of a finished task.

    Attributes:
        kind: of the task, as `nano.tasks` names it.
        prompt: of the task.
        answer: the last message of the agent, or the error that ended the run.
        right: True if the task's check accepts it.
        calls: tool calls made.
        invalid_calls: those that name no declared tool, or whose arguments `jsonschema` rejects.
        seconds: from the start of the run to its end.
    """

    kind: str
    prompt: str
    answer: str
    right: bool
    calls: int
    invalid_calls: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Speed:
    """Engine metrics during the demo.

    Attributes:
        tokens_per_forward: tokens that a request got from each of its forward passes.
        mean_batch_rows: requests in one forward pass.
        steps_per_canvas: denoising steps until a canvas was final.
    """

    tokens_per_forward: float
    mean_batch_rows: float
    steps_per_canvas: float

    @classmethod
    def between(cls, before: Metrics, after: Metrics) -> Speed:
        """The metrics between two snapshots of an engine's counters."""
        steps = after.steps - before.steps
        forwards = after.forwards - before.forwards
        canvases = after.canvases - before.canvases
        return cls(
            tokens_per_forward=(after.generated_tokens - before.generated_tokens) / max(1, steps),
            mean_batch_rows=(after.batch_rows - before.batch_rows) / max(1, forwards),
            steps_per_canvas=steps / max(1, canvases),
        )


@dataclass(frozen=True, slots=True)
class DemoReport:
    """The last line of `agentfast demo --json`. Times are seconds per task; `success` is a share of the tasks."""

    agents: int
    tasks: int
    success: float
    invalid_calls: int
    p50_s: float
    p95_s: float
    tokens_per_forward: float
    mean_batch_rows: float
    steps_per_canvas: float

    @classmethod
    def of(cls, agents: int, results: Sequence[TaskResult], speed: Speed) -> DemoReport:
        """The figures over one result at least."""
        seconds = [result.seconds for result in results]
        return cls(
            agents=agents,
            tasks=len(results),
            success=round(sum(result.right for result in results) / len(results), 4),
            invalid_calls=sum(result.invalid_calls for result in results),
            p50_s=round(percentile(seconds, 50), 3),
            p95_s=round(percentile(seconds, 95), 3),
            tokens_per_forward=round(speed.tokens_per_forward, 3),
            mean_batch_rows=round(speed.mean_batch_rows, 3),
            steps_per_canvas=round(speed.steps_per_canvas, 3),
        )

    def json_line(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self))
