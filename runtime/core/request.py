"""What goes into the engine and what comes out, and the row that a request is while it runs."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from agentfast.errors import ConfigError
from agentfast.runtime.core.fields import FieldProbability, FieldReader

if TYPE_CHECKING:
    from torch import Tensor

    from agentfast.runtime.confidence.evidence import Choice
    from agentfast.runtime.confidence.ledger import Ledger
    from agentfast.runtime.core.random_streams import Draws
    from agentfast.runtime.grammar import Grammar, TokenGrammar

_ids = itertools.count(1)

FinishReason = Literal["stop", "length"]


@dataclass(frozen=True, slots=True)
class Request:
    """One generation.

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
        fields: finds the fields whose probabilities the completion shall have; only with a grammar.
    """

    prompt: tuple[int, ...]
    max_tokens: int
    grammar: Grammar | None = None
    seed: int = 0
    temperature: float = 1.0
    priority: int = 0
    program: str | None = None
    canvas_length: int | None = None
    fields: FieldReader | None = None
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
    """What a completion took. `generated_tokens` counts the end token; times are in seconds."""

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
        step: denoising steps done on it.
        tokens: the best canvas now (not the noisy one).
        accepted: positions whose tokens the next step keeps.
        committed: these tokens are final.
    """

    request_id: int
    program: str | None
    index: int
    step: int
    tokens: tuple[int, ...]
    accepted: tuple[bool, ...]
    committed: bool


class Status(Enum):
    """Where a row is in its life."""

    WAITING = "waiting"
    RUNNING = "running"
    FINISHED = "finished"


@dataclass(slots=True, eq=False)
class Canvas:
    """The block of tokens that a diffusion row is denoising. The decoder sets every field.

    Attributes:
        tokens: [C] int64, noisy.
        index: how many canvases the row committed before.
        step: denoising steps done.
        soft: [C, H], self-conditioning for the next step; None before the first.
        best: [C] int64, the most likely canvas of the last step; None before the first.
        unchanged: steps in a row that left `best` as it was.
        accepted: [C] bool, of the last step.
    """

    tokens: NDArray[np.int64]
    index: int = 0
    step: int = 0
    soft: Tensor | None = None
    best: NDArray[np.int64] | None = None
    unchanged: int = 0
    accepted: NDArray[np.bool_] | None = None


@dataclass(slots=True, eq=False)
class Draft:
    """A settled canvas at the end of a row's tokens that the causal pass has yet to read over.

    Attributes:
        tokens: the end token included, which is not among the row's.
        state: the grammar's, before them.
        ended: whether the last one is an end token.
        canvas: where they come from.
        sure: [n] bool, which of them the canvas was sure of.
        fresh: they are as they were denoised; False: what followed a token that was corrected.
    """

    tokens: list[int]
    state: int
    ended: bool
    canvas: Canvas
    sure: NDArray[np.bool_]
    fresh: bool = True

    @property
    def length(self) -> int:
        """How many of the row's tokens they are."""
        return len(self.tokens) - self.ended


@dataclass(slots=True, eq=False)
class Row:
    """A request while the engine works on it. The step loop's thread alone changes it after submission.

    Attributes:
        request: what was asked.
        grammar: the request's grammar over the engine's vocabulary.
        draws: the request's own random numbers.
        canvas_tokens: tokens that the next decoding step of it takes beyond those to encode: those of its canvas, 0 if
            it has none. The decoder keeps it up to date.
        reach: positions that may come to lie in the KV cache: the prompt and all that is committed.
        keys: content keys of the full blocks of `tokens`, as far as they are known.
        tokens: the prompt, then what was committed (diffusion) or sampled (autoregressive); the draft comes last.
        encoded: how many of `tokens` have their keys and values in the cache.
        cached: how many of the prompt's tokens were found there.
        blocks: the block table: block i holds positions [i * block_size, (i + 1) * block_size).
        state: of `grammar`, after `tokens`.
        allowed: [V] bool, tokens that may come next under `grammar`; the autoregressive decoder's.
        canvas: the decoder's, None for an autoregressive model, before the first step, or while a last draft is read.
        verifies: its canvases are read over by the causal pass; the decoder sets it.
        draft: what is to be read over next.
        ahead: [V] logits of the token after those that are encoded; only if it verifies.
        reopened: how often a canvas of it was corrected.
        choices: what each generated token was taken from, kept for the ledger; the autoregressive decoder's.
        ledger: of the fields' probabilities; None if the request does not ask for them.
        canvases, steps: canvases committed and decoding steps taken.
        order: of arrival; claim: tokens it was expected to take first. The scheduler sets both.
        submitted, admitted: times in seconds of a monotonic clock.
    """

    request: Request
    grammar: TokenGrammar | None
    draws: Draws
    canvas_tokens: int
    reach: int
    keys: list[bytes]
    submitted: float
    tokens: list[int] = field(init=False)
    encoded: int = 0
    cached: int = 0
    blocks: list[int] = field(default_factory=list[int])
    state: int = 0
    allowed: NDArray[np.bool_] | None = None
    canvas: Canvas | None = None
    verifies: bool = False
    draft: Draft | None = None
    ahead: Tensor | None = None
    reopened: int = 0
    choices: list[Choice | None] = field(default_factory=list["Choice | None"])
    ledger: Ledger | None = None
    canvases: int = 0
    steps: int = 0
    status: Status = Status.WAITING
    order: int = 0
    claim: int = 0
    admitted: float = 0.0

    def __post_init__(self) -> None:
        self.tokens = list(self.request.prompt)
        if self.grammar is not None:
            self.state = self.grammar.start

    @property
    def generated(self) -> int:
        """Tokens generated and kept."""
        return len(self.tokens) - len(self.request.prompt)

    @property
    def budget(self) -> int:
        """Tokens that may still be generated."""
        return self.request.max_tokens - self.generated

    @property
    def pending(self) -> int:
        """Tokens that wait to be encoded."""
        return len(self.tokens) - self.encoded

    @property
    def settled(self) -> int:
        """How many of `tokens` are final: all but the draft."""
        return len(self.tokens) - (0 if self.draft is None else self.draft.length)

    @property
    def looks_ahead(self) -> bool:
        """Whether the logits of what comes after its last token are wanted."""
        return self.verifies or not self.canvas_tokens

    @property
    def program(self) -> str:
        """The program whose claim on the engine this row draws on."""
        return self.request.program if self.request.program is not None else f"request {self.request.id}"
