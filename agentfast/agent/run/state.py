"""The state of a run: all that must outlive a pause. The loop changes it, and nothing else does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from agentfast.agent.bounds.repetition import Repetition
from agentfast.agent.calls.approval import ApprovalRequest, Decision
from agentfast.agent.history.call_ids import CallIds
from agentfast.agent.result import NO_USAGE, Escalation, RunUsage, Step, total_usage
from agentfast.errors import AgentFastError
from agentfast.messages import (
    AssistantMessage,
    SystemMessage,
    ToolMessage,
    ToolResult,
    Transcript,
    UserMessage,
)
from agentfast.models.base import FinishReason, ModelUsage


@dataclass(slots=True, eq=False)
class PendingTurn:
    """A turn of the model that has been generated and is being acted on.

    Attributes:
        message: the turn; its calls have ids.
        results: of its calls, in their order; None for those that have none yet.
        usage: what the turn took.
        model_s: seconds that it took.
        tools_s: seconds that its calls took up to now.
        finish_reason: "length": it was cut off.
        escalation: the doubtful answer before it, if there was one.
        fault: the error that the turn itself is, if it cannot be acted on.
        is_checked: the turn and its calls were counted.
        noted: calls that repeat the one before.
        waiting: calls that wait for a decision, by index.
        decisions: decisions that came before their calls were reached, by index.
    """

    message: AssistantMessage
    results: list[ToolResult | None]
    usage: ModelUsage
    model_s: float
    tools_s: float = 0.0
    finish_reason: FinishReason = "stop"
    escalation: Escalation | None = None
    fault: AgentFastError | None = None
    is_checked: bool = False
    noted: set[int] = field(default_factory=set[int])
    waiting: dict[int, ApprovalRequest] = field(default_factory=dict[int, ApprovalRequest])
    decisions: dict[int, Decision] = field(default_factory=dict[int, Decision])


@dataclass(slots=True, eq=False)
class RunState:
    """A run between two moments.

    Attributes:
        run_id: unique among all runs.
        agent: name of the agent whose turn is next.
        transcript: the conversation; a turn comes to stand in it together with the results of its calls.
        call_ids: ids of calls.
        seed: what the run was started with; None: nobody asked for one.
        default_seed: stands in for a seed that nobody asked for; servers are not told of it.
        repetition: the calls that repeat the one before.
        steps: the finished steps.
        calls: tool calls up to now.
        tokens: generated tokens up to now.
        rejections: answers up to now that were sent back.
        failures: failures in a row of each tool that failed last.
        elapsed_s: seconds before the present part of the run.
        nested: usage of the runs that tools started, before the present part.
        pending: the turn that is being acted on.
    """

    run_id: str
    agent: str
    transcript: Transcript
    call_ids: CallIds
    seed: int | None
    default_seed: int
    repetition: Repetition
    steps: list[Step] = field(default_factory=list[Step])
    calls: int = 0
    tokens: int = 0
    rejections: int = 0
    failures: dict[str, int] = field(default_factory=dict[str, int])
    elapsed_s: float = 0.0
    nested: RunUsage = NO_USAGE
    pending: PendingTurn | None = None
    _summed: RunUsage = NO_USAGE

    @property
    def step(self) -> int:
        """Number of the next turn, from 0; of the pending one, if there is one."""
        return len(self.steps)

    def usage(self) -> RunUsage:
        """Sums over the steps up to now. Each step is added once, so that a long run pays no more for it at each call."""
        new = self.steps[self._summed.steps :]
        if new:
            self._summed = self._summed + total_usage(new)
        return self._summed

    def append(self, pending: PendingTurn, results: tuple[ToolResult, ...]) -> None:
        """Add a turn and the results of its calls to the conversation."""
        self.transcript.append(pending.message)
        for result in results:
            self.transcript.append(ToolMessage.of(result))
        self.steps.append(
            Step(
                pending.message, results, pending.usage, pending.model_s, pending.tools_s, pending.escalation
            )
        )
        self.pending = None

    def count_failure(self, result: ToolResult) -> int:
        """Count a result: the failures in a row of its tool, with this one; 0 if it is none."""
        if not result.is_error:
            self.failures.pop(result.name, None)
            return 0
        failed = self.failures[result.name] = self.failures.get(result.name, 0) + 1
        return failed


def instructed(transcript: Transcript, text: str | None) -> Transcript:
    """The conversation with other instructions; None: with none."""
    rest = transcript[1:] if transcript and isinstance(transcript[0], SystemMessage) else list(transcript)
    return Transcript(rest if text is None else [SystemMessage(text), *rest])


def rejection(reason: str) -> UserMessage:
    """The message that sends the model back after an answer that is not valid."""
    return UserMessage(f"The answer is not valid: {reason}")


def with_arguments(message: AssistantMessage, index: int, arguments: Mapping[str, Any]) -> AssistantMessage:
    """The turn with other arguments for one of its calls."""
    calls = list(message.calls)
    calls[index] = replace(calls[index], arguments=dict(arguments), malformed=None, confidence=None)
    return replace(message, calls=tuple(calls))
