"""The model interface: one request, one response, and optionally the canvas after each denoising step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from agentfast.messages import AssistantMessage, Message
from agentfast.tools.call import ToolDefinition

if TYPE_CHECKING:
    from agentfast.runtime.grammar import Grammar

FinishReason = Literal["stop", "length"]


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """One turn to generate.

    Attributes:
        messages: the conversation. A model that keeps them must copy: a run appends to the sequence afterwards.
        tools: what the model may call.
        output_schema: JSON Schema of the answer; None: the answer is text.
        tool_choice: "auto": an answer or calls; "required": calls; "none": an answer; a tool's name: a call to it.
        max_calls: calls in one turn at most.
        max_tokens: tokens of the turn at most.
        temperature: 1 is the model's own; 0 takes the most likely output.
        confidence: ask for the confidence of calls and of a typed answer; not every model has one.
        seed: at least 0; the same request with the same seed has the same response.
        program: names the run, for fairness between runs on one engine; None: the request stands alone.
        priority: higher goes first.
        output_grammar: what an answer that is text must match; None: any text. Not beside an output_schema.
    """

    messages: Sequence[Message]
    tools: tuple[ToolDefinition, ...] = ()
    output_schema: Mapping[str, Any] | None = None
    tool_choice: str = "auto"
    max_calls: int = 8
    max_tokens: int = 512
    temperature: float = 1.0
    confidence: bool = True
    seed: int = 0
    program: str | None = None
    priority: int = 0
    output_grammar: Grammar | None = None


@dataclass(frozen=True, slots=True)
class ModelUsage:
    """Token and step counts of a turn. `cached_tokens` of the prompt were not computed again; the last two are of
    diffusion models.
    """

    prompt_tokens: int = 0
    cached_tokens: int = 0
    generated_tokens: int = 0
    canvases: int = 0
    denoising_steps: int = 0

    def __add__(self, other: ModelUsage) -> ModelUsage:
        return ModelUsage(
            self.prompt_tokens + other.prompt_tokens,
            self.cached_tokens + other.cached_tokens,
            self.generated_tokens + other.generated_tokens,
            self.canvases + other.canvases,
            self.denoising_steps + other.denoising_steps,
        )


@dataclass(frozen=True, slots=True)
class ModelResponse:
    """A finished turn. `finish_reason` "length": it was cut off at `max_tokens`."""

    message: AssistantMessage
    usage: ModelUsage = field(default_factory=ModelUsage)
    finish_reason: FinishReason = "stop"


@dataclass(frozen=True, slots=True)
class CanvasState:
    """A diffusion model's canvas after a step: the text of each position, and whether it is settled.

    Attributes:
        index: which canvas of the turn, from 0.
        step: denoising steps done on it.
        pieces: text of each position in the best canvas so far; special tokens by name.
        accepted: positions whose tokens the next step keeps.
        committed: the canvas is final.
        start: positions of the turn before it, of which earlier canvases showed the text.
    """

    index: int
    step: int
    pieces: tuple[str, ...]
    accepted: tuple[bool, ...]
    committed: bool
    start: int = 0


ModelEvent = CanvasState | ModelResponse


@runtime_checkable
class Model(Protocol):
    """Anything that answers requests. One model is shared by any number of runs at once.

    Whatever goes wrong is an AgentFastError; cancelling the caller stops the generation.
    """

    @property
    def name(self) -> str:
        """For logs and traces."""
        ...

    async def respond(self, request: ModelRequest) -> ModelResponse:
        """Generate the turn."""
        ...

    def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        """Generate the turn; the last event is the response."""
        ...


class PlainModel(ABC):
    """Base of a model that has nothing to show before its response."""

    @property
    @abstractmethod
    def name(self) -> str:
        """For logs and traces."""

    @abstractmethod
    async def respond(self, request: ModelRequest) -> ModelResponse:
        """Generate the turn."""

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        """The response, and nothing before it."""
        yield await self.respond(request)
