"""Requests and their results: what goes into the engine and what comes out, as plain data."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from agentfast.errors import ConfigError
from agentfast.runtime.core.fields import Field, FieldProbability, TurnFields

if TYPE_CHECKING:
    from agentfast.runtime.grammar import Grammar

_ids = itertools.count(1)

FinishReason = Literal["stop", "length"]


@dataclass(frozen=True, slots=True)
class Request:
    """One generation: plain data, which can be pickled.

    Attributes:
        prompt: token ids, at least one.
        max_tokens: tokens that may be generated, the end token included.
        grammar: what the completion must match; None: anything.
        seed: of the request's own noise and samples. The same seed gives the same tokens whatever else is in the
            batch, up to floating-point rounding of the logits.
        temperature: multiplies the checkpoint's temperature; 0 takes the most likely canvas or token.
        priority: higher runs first.
        program: rows of one program share its claim on the engine; None: the request is its own program.
        canvas_length: tokens per canvas of this request; None: the engine's, or what it chooses for each.
        fields: the fields whose probabilities the completion shall have: where the values of a turn stand, or fields at
            places that are known beforehand. Only with a grammar.
    """

    prompt: tuple[int, ...]
    max_tokens: int
    grammar: Grammar | None = None
    seed: int = 0
    temperature: float = 1.0
    priority: int = 0
    program: str | None = None
    canvas_length: int | None = None
    fields: TurnFields | tuple[Field, ...] | None = None
    id: int = field(default_factory=lambda: next(_ids))

    def __post_init__(self) -> None:
        if not self.prompt:
            raise ConfigError("a prompt holds at least one token")
        if self.max_tokens < 1:
            raise ConfigError(f"max_tokens is {self.max_tokens}; it must be at least 1")
        if not 0 <= self.temperature < float("inf"):
            raise ConfigError(f"temperature is {self.temperature}; it must be a number of at least 0")
        if self.seed < 0:
            raise ConfigError(f"seed is {self.seed}; it must be at least 0")
        if self.canvas_length is not None and self.canvas_length < 1:
            raise ConfigError(f"canvas_length is {self.canvas_length}; it must be at least 1")
        if self.fields is not None and self.grammar is None:
            raise ConfigError("fields have probabilities under a grammar only; the request has none")


@dataclass(frozen=True, slots=True)
class Usage:
    """Cost of a completion. `generated_tokens` counts the end token; times are in seconds."""

    prompt_tokens: int
    cached_tokens: int
    generated_tokens: int
    canvases: int
    steps: int
    queue_s: float
    total_s: float


@dataclass(frozen=True, slots=True)
class Completion:
    """A finished request. `tokens` lacks the end token; `finish_reason` "length" means there was none.

    `fields` are the probabilities of the fields that the request asked for, in the order they were written.
    """

    request_id: int
    tokens: tuple[int, ...]
    text: str
    finish_reason: FinishReason
    usage: Usage
    fields: tuple[FieldProbability, ...] = ()


@dataclass(frozen=True, slots=True)
class CanvasUpdate:
    """The state of a row's canvas after a step.

    Attributes:
        index: which canvas of the row, from 0; an autoregressive row has one that grows.
        start: tokens of the row before it. A canvas that was corrected is followed by one that starts earlier than it ended.
        step: denoising steps done on it.
        tokens: the best canvas now (not the noisy one).
        accepted: positions whose tokens the next step keeps.
        committed: these tokens are final.
    """

    request_id: int
    program: str | None
    index: int
    start: int
    step: int
    tokens: tuple[int, ...]
    accepted: tuple[bool, ...]
    committed: bool
