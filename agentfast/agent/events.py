"""Events of `Agent.stream`, in order: a run's steps as they happen, then RunFinished."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic

from agentfast.agent.result import RunResult, T
from agentfast.messages import AssistantMessage, ToolCall, ToolResult
from agentfast.models.base import CanvasState


@dataclass(frozen=True, slots=True)
class StepStarted:
    """The model begins its turn number `step`, from 0."""

    step: int


@dataclass(frozen=True, slots=True)
class CanvasUpdate:
    """The canvas of the turn after a denoising step. Models without a canvas have none."""

    step: int
    canvas: CanvasState


@dataclass(frozen=True, slots=True)
class TextDelta:
    """The next piece of the turn's text; all of a turn's pieces, joined, are the text of its message.

    A server's text comes as it is written, any other model's in one piece when the turn ends. A typed answer is JSON text.
    """

    step: int
    text: str


@dataclass(frozen=True, slots=True)
class Escalated:
    """The turn is doubtful, and the stronger model is asked for it; `message` is the doubtful answer."""

    step: int
    confidence: float
    message: AssistantMessage


@dataclass(frozen=True, slots=True)
class EscalationFailed:
    """The stronger model could not answer; the doubtful answer stands."""

    step: int
    reason: str


@dataclass(frozen=True, slots=True)
class CallsProposed:
    """The model asks for these calls; they start now."""

    step: int
    calls: tuple[ToolCall, ...]


@dataclass(frozen=True, slots=True)
class ToolStarted:
    """A call has begun."""

    step: int
    call: ToolCall


@dataclass(frozen=True, slots=True)
class ToolFinished:
    """A call has ended, well or not; calls of a turn end in any order."""

    step: int
    result: ToolResult


@dataclass(frozen=True, slots=True)
class OutputRejected:
    """The answer does not fit the output type; the model is told and may try again."""

    step: int
    reason: str


@dataclass(frozen=True, slots=True)
class RunFinished(Generic[T]):
    """The last event."""

    result: RunResult[T]


RunEvent = (
    StepStarted
    | CanvasUpdate
    | TextDelta
    | Escalated
    | EscalationFailed
    | CallsProposed
    | ToolStarted
    | ToolFinished
    | OutputRejected
)
"""Any event but the last."""

AgentEvent = RunEvent | RunFinished[T]
