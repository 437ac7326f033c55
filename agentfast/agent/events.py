"""Events of a run, in order: its steps as they happen, then RunFinished. `Agent.stream` gives them, and sinks take them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic

from agentfast.agent.calls.approval import ApprovalRequest, Decision
from agentfast.agent.result import Escalation, RunResult, T
from agentfast.agent.run.saved import SavedRun
from agentfast.errors import AgentFastError
from agentfast.messages import AssistantMessage, Message, ToolCall, ToolResult
from agentfast.models.base import CanvasState, ModelUsage


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run begins, or goes on where it was paused: the messages up to there, the prompt last or the results of a turn.

    Attributes:
        agent: name of the agent whose turn is next.
        model: name of its model.
        messages: the conversation.
        seed: what the run was started with; None: nobody asked for one.
        default_seed: stands in for a seed on this machine.
        step: number of the next turn; above 0 if the run goes on.
    """

    agent: str
    model: str
    messages: tuple[Message, ...]
    seed: int | None
    default_seed: int
    step: int = 0


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
class TurnGenerated:
    """The model's turn is complete, and nothing of it was acted on yet.

    Attributes:
        model: name of the model that wrote it.
        message: the turn.
        usage: of both models if the turn was escalated.
        duration_s: seconds.
        finish_reason: "length": the turn was cut off.
        escalation: the doubtful answer before this one, if there was one.
    """

    step: int
    model: str
    message: AssistantMessage
    usage: ModelUsage
    duration_s: float
    finish_reason: str = "stop"
    escalation: Escalation | None = None


@dataclass(frozen=True, slots=True)
class TurnRetried:
    """A call of the turn is doubtful, and the turn is generated again; `message` is thrown away."""

    step: int
    confidence: float
    message: AssistantMessage


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
    """The model asks for these calls; they start now, but for those that are held up."""

    step: int
    calls: tuple[ToolCall, ...]


@dataclass(frozen=True, slots=True)
class ApprovalAsked:
    """A call waits for a decision."""

    step: int
    request: ApprovalRequest


@dataclass(frozen=True, slots=True)
class ApprovalGiven:
    """A call that waited was decided on."""

    step: int
    call: ToolCall
    decision: Decision


@dataclass(frozen=True, slots=True)
class CallRefused:
    """A call does not run, being doubtful; the model is told."""

    step: int
    call: ToolCall
    confidence: float


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
class StepFinished:
    """The turn and the results of its calls stand in the conversation."""

    step: int
    results: tuple[ToolResult, ...]


@dataclass(frozen=True, slots=True)
class HandedOff:
    """The conversation goes on with another agent, and its instructions; None: it has none."""

    step: int
    agent: str
    instructions: str | None = None


@dataclass(frozen=True, slots=True)
class RunPaused:
    """The run ends here until the calls that wait are decided on. For sinks: `Agent.stream` raises RunPausedError."""

    requests: tuple[ApprovalRequest, ...]
    state: SavedRun


@dataclass(frozen=True, slots=True)
class RunFailed:
    """The run ended by an error, None for a cancellation. For sinks: `Agent.stream` raises it."""

    error: AgentFastError | None


@dataclass(frozen=True, slots=True)
class RunFinished(Generic[T]):
    """The last event."""

    result: RunResult[T]


RunEvent = (
    RunStarted
    | StepStarted
    | CanvasUpdate
    | TextDelta
    | TurnGenerated
    | TurnRetried
    | Escalated
    | EscalationFailed
    | CallsProposed
    | ApprovalAsked
    | ApprovalGiven
    | CallRefused
    | ToolStarted
    | ToolFinished
    | StepFinished
    | OutputRejected
    | HandedOff
    | RunPaused
    | RunFailed
)
"""Any event but the last of a run that answers."""

AgentEvent = RunEvent | RunFinished[T]
