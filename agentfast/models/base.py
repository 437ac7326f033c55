"""The model interface: one request, one response, and optionally the canvas after each denoising step."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from agentfast.chat.base import TurnRules
from agentfast.messages import AssistantMessage, Message, ToolCall
from agentfast.tools.call import ToolDefinition
from agentfast.tools.checks import refuse

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
        max_tokens: tokens of the turn at most; None: the model's own limit.
        temperature: 1 is the model's own; 0 takes the most likely output; None: nobody asked for one.
        confidence: ask for the confidence of calls and of a typed answer; not every model has one.
        seed: what a server is sent, at least 0; None: nobody asked for one, and it is sent none.
        local_seed: what a model on this machine draws from, so that a run can be repeated; None: `seed`, or 0.
        program: names the run, for fairness between runs on one engine; None: the request stands alone.
        priority: higher goes first.
        output_grammar: what an answer that is text must match; None: any text. Not beside an output_schema.
        ends_at: end of the run's time, by time.monotonic; no request is sent again after it. None: it has none.
        settled_calls: a stream is to tell of calls as they settle in the draft; not every model can.
    """

    messages: Sequence[Message]
    tools: tuple[ToolDefinition, ...] = ()
    output_schema: Mapping[str, Any] | None = None
    tool_choice: str = "auto"
    max_calls: int = 8
    max_tokens: int | None = None
    temperature: float | None = None
    confidence: bool = True
    seed: int | None = None
    local_seed: int | None = None
    program: str | None = None
    priority: int = 0
    output_grammar: Grammar | None = None
    settled_calls: bool = False
    ends_at: float | None = None

    @property
    def draws_from(self) -> int:
        """The seed of a model on this machine: the same request with the same one has the same response."""
        return self.local_seed if self.local_seed is not None else self.seed or 0


@dataclass(frozen=True, slots=True)
class ModelUsage:
    """Token and step counts of a turn. `cached_tokens` of the prompt were not computed again; canvases and denoising steps
    are of diffusion models. `cost` is in the unit of the model's price; None for a model without one.
    """

    prompt_tokens: int = 0
    cached_tokens: int = 0
    generated_tokens: int = 0
    canvases: int = 0
    denoising_steps: int = 0
    cost: float | None = None

    def __add__(self, other: ModelUsage) -> ModelUsage:
        return ModelUsage(
            self.prompt_tokens + other.prompt_tokens,
            self.cached_tokens + other.cached_tokens,
            self.generated_tokens + other.generated_tokens,
            self.canvases + other.canvases,
            self.denoising_steps + other.denoising_steps,
            None if self.cost is None and other.cost is None else (self.cost or 0.0) + (other.cost or 0.0),
        )


@dataclass(frozen=True, slots=True)
class ModelResponse:
    """A finished turn.

    Attributes:
        message: the turn.
        usage: of all that it took.
        finish_reason: "length": it was cut off at `max_tokens`.
        model: name of the model that wrote it, where another one asked that; "": the one that was asked.
    """

    message: AssistantMessage
    usage: ModelUsage = field(default_factory=ModelUsage)
    finish_reason: FinishReason = "stop"
    model: str = ""


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


@dataclass(frozen=True, slots=True)
class TextChunk:
    """The next piece of the turn's text. The pieces of a turn, joined, are its message's text, or its beginning."""

    text: str


@dataclass(frozen=True, slots=True)
class SettledCalls:
    """The calls at the beginning of the turn that have settled in the draft, without ids. A later step may change them."""

    calls: tuple[ToolCall, ...]


ModelEvent = CanvasState | TextChunk | SettledCalls | ModelResponse


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


@runtime_checkable
class CheckingModel(Protocol):
    """A model that can tell beforehand that it cannot serve an agent. An agent asks it when it is made."""

    def check(self, rules: TurnRules, unenforced: Sequence[str]) -> None:
        """Check the rules of a turn.

        Args:
            unenforced: checks of tools and output type that their schemas do not state, a sentence each.

        Raises:
            ConfigError, UnsupportedSchemaError: this model cannot keep to them.
        """
        ...


@runtime_checkable
class CountingModel(Protocol):
    """A model that knows its tokens, so that a history can be trimmed to a number of them exactly."""

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of the conversation as the model reads it, without the declarations of tools."""
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


def check_model(name: str, value: object) -> None:
    """A model, not its name and not its class.

    Raises:
        ConfigError: it is something else.
    """
    if isinstance(value, Model) and not isinstance(value, type):
        return
    if isinstance(value, str):
        hint = (
            "make it first: OpenAIModel(name, base_url=...), LocalModel.from_checkpoint(path) or nano.load()"
        )
    elif isinstance(value, type):
        hint = "make an instance of the class"
    else:
        hint = "a model has a name, respond(request) and stream(request); see agentfast.PlainModel"
    refuse(name, value, "a model", hint=hint)
