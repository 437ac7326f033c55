"""The row: a request while the engine works on it, with its KV blocks and its place in the schedule."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from agentfast.runtime.scheduling.request import Request

if TYPE_CHECKING:
    from torch import Tensor


class Status(Enum):
    """Stages of a row's life."""

    WAITING = "waiting"
    RUNNING = "running"
    FINISHED = "finished"


@dataclass(slots=True, eq=False)
class Canvas:
    """Input of a denoising step.

    Attributes:
        tokens: [C] int64, noisy.
        soft: [C, H], self-conditioning; None before the first step.
    """

    tokens: NDArray[np.int64]
    soft: Tensor | None = None


@dataclass(slots=True, eq=False)
class Row:
    """A request while the engine works on it. The step thread alone changes it after submission.

    Attributes:
        request: the caller's request.
        decoding: state that belongs to the decoder alone; see `runtime/decoding/state.py`.
        max_kv_positions: positions that may come to lie in the KV cache: the prompt and all that is committed.
        keys: content keys of the full blocks of `tokens`, as far as they are known.
        tokens: the prompt, then the generated tokens. The decoder appends to it.
        provisional_tokens: number of tokens at the end of `tokens` that the decoder may still take back.
        canvas: canvas of the next denoising step; None for a row without one. The decoder sets it.
        wants_next_logits: whether the decoder reads the logits of the token after the last encoded one.
        encoded: number of `tokens` whose keys and values are in the cache.
        cached: number of the prompt's tokens that were found there.
        blocks: block table: block i holds positions [i * block_size, (i + 1) * block_size).
        order, reserved_tokens: order of arrival, and tokens expected of the first step. The scheduler sets both.
        submitted, admitted: times in seconds of a monotonic clock.
    """

    request: Request
    decoding: object
    max_kv_positions: int
    keys: list[bytes]
    submitted: float
    tokens: list[int] = field(init=False)
    provisional_tokens: int = 0
    canvas: Canvas | None = None
    wants_next_logits: bool = False
    encoded: int = 0
    cached: int = 0
    blocks: list[int] = field(default_factory=list[int])
    status: Status = Status.WAITING
    order: int = 0
    reserved_tokens: int = 0
    admitted: float = 0.0

    def __post_init__(self) -> None:
        self.tokens = list(self.request.prompt)

    @property
    def canvas_tokens(self) -> int:
        """Tokens that the next decoding step takes beyond those to encode."""
        return 0 if self.canvas is None else len(self.canvas.tokens)

    @property
    def final_tokens(self) -> int:
        """Number of `tokens` that stay whatever the decoder finds."""
        return len(self.tokens) - self.provisional_tokens

    @property
    def generated(self) -> int:
        """Number of generated tokens."""
        return len(self.tokens) - len(self.request.prompt)

    @property
    def budget(self) -> int:
        """Tokens that may still be generated."""
        return self.request.max_tokens - self.generated

    @property
    def program(self) -> str:
        """The program whose claim on the engine this row draws on."""
        return self.request.program if self.request.program is not None else f"request {self.request.id}"
