"""Results of a run: output, messages, steps, usage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic

from typing_extensions import TypeVar

from agentfast.errors import AgentFastError
from agentfast.messages import AssistantMessage, Message
from agentfast.models.base import ModelResponse, ModelUsage
from agentfast.tools.call import ToolResult
from agentfast.tools.confidence import Confidence

T = TypeVar("T", default=str)


@dataclass(frozen=True, slots=True)
class Escalation:
    """A turn that a stronger model was asked for again.

    Attributes:
        first: the doubtful answer and what it took.
        confidence: how sure the first model was.
        failure: why the first answer was kept all the same; None if the stronger model's was taken.
    """

    first: ModelResponse
    confidence: float
    failure: AgentFastError | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One turn of the model and the tools that ran for it; times in seconds.

    `usage` and `model_s` are of both answers if the turn was escalated, as far as a failed model tells.
    """

    message: AssistantMessage
    results: tuple[ToolResult, ...]
    usage: ModelUsage
    model_s: float
    tools_s: float
    escalation: Escalation | None = None


@dataclass(frozen=True, slots=True)
class RunUsage:
    """Sums over a run, and over the runs that its tools started.

    Attributes:
        cost: money, in the unit of the models' prices; 0 for models without a price.
    """

    steps: int = 0
    tool_calls: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    generated_tokens: int = 0
    canvases: int = 0
    denoising_steps: int = 0
    escalations: int = 0
    cost: float = 0.0

    def __add__(self, other: RunUsage) -> RunUsage:
        return RunUsage(
            self.steps + other.steps,
            self.tool_calls + other.tool_calls,
            self.prompt_tokens + other.prompt_tokens,
            self.cached_tokens + other.cached_tokens,
            self.generated_tokens + other.generated_tokens,
            self.canvases + other.canvases,
            self.denoising_steps + other.denoising_steps,
            self.escalations + other.escalations,
            self.cost + other.cost,
        )


NO_USAGE: Final = RunUsage()


@dataclass(frozen=True, slots=True)
class RunResult(Generic[T]):
    """A finished run.

    Attributes:
        output: the answer, of the agent's output type.
        messages: the whole conversation.
        steps: the turns of the model, with the results of their calls.
        usage: sums over the run, and over the runs that its tools started.
        duration_s: seconds; time in which it was paused is not counted.
        run_id: unique among all runs.
        agent: name of the agent that answered: the last one the conversation was handed to.
    """

    output: T
    messages: tuple[Message, ...]
    steps: tuple[Step, ...]
    usage: RunUsage
    duration_s: float
    run_id: str = ""
    agent: str = ""

    @property
    def confidence(self) -> Confidence | None:
        """Confidence of the typed output, or of the last call if the run ends in plain text. None if the model gives none."""
        answer = self.steps[-1].message
        if answer.confidence is not None:
            return answer.confidence
        calls = [call for step in self.steps for call in step.message.calls]
        return calls[-1].confidence if calls else None

    def messages_json(self) -> str:
        """The conversation as JSON text, which `agentfast.messages_from_json` reads; see `messages_to_json`."""
        from agentfast.agent.history.json_form import messages_to_json

        return messages_to_json(self.messages)


def total_usage(steps: Sequence[Step]) -> RunUsage:
    """The steps' usage, summed."""
    calls = prompt = cached = generated = canvases = denoising = escalations = 0
    cost = 0.0
    for step in steps:
        usage = step.usage
        calls += len(step.results)
        prompt += usage.prompt_tokens
        cached += usage.cached_tokens
        generated += usage.generated_tokens
        canvases += usage.canvases
        denoising += usage.denoising_steps
        escalations += step.escalation is not None
        cost += usage.cost or 0.0
    return RunUsage(len(steps), calls, prompt, cached, generated, canvases, denoising, escalations, cost)
