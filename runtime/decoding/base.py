"""The decoder's interface: from the logits of a batch to its rows' next state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from agentfast.errors import AgentFastError, EngineError
from agentfast.runtime.backends.base import Forward
from agentfast.runtime.confidence.field_probabilities import FieldLedger
from agentfast.runtime.core.log import get_logger
from agentfast.runtime.core.random_streams import RandomStreams
from agentfast.runtime.decoding.state import CanvasState, DecoderState
from agentfast.runtime.grammar.tokens.token_grammar import TokenGrammar
from agentfast.runtime.scheduling.batch import Batch
from agentfast.runtime.scheduling.request import FinishReason, Request
from agentfast.runtime.scheduling.row import Row

logger = get_logger("engine")


@dataclass(frozen=True, slots=True)
class Outcome:
    """Effect of a step on one row.

    Attributes:
        canvas: the canvas that took the step; None for an autoregressive row.
        committed: its tokens are final.
        steps: forward passes that this took; 0 for a canvas that was verified while the next one was denoised.
        encoded: where the row's valid positions in the cache end, if not all that the pass encoded is.
        finish: set if the row is complete.
        error: set if the row failed.
    """

    row: Row
    canvas: CanvasState | None = None
    committed: bool = False
    steps: int = 1
    encoded: int | None = None
    finish: FinishReason | None = None
    error: AgentFastError | None = None


class Decoder(Protocol):
    """A way to generate. It alone changes a row's tokens, canvas and grammar state."""

    def max_canvas_tokens(self, request: Request) -> int:
        """Tokens of the request's longest canvas; 0 for a decoder without canvases."""
        ...

    def max_kv_positions(self, request: Request) -> int:
        """Positions of the request that may come to lie in the KV cache."""
        ...

    def new_state(
        self, grammar: TokenGrammar | None, streams: RandomStreams, ledger: FieldLedger | None
    ) -> DecoderState:
        """State of a new row; see `DecoderState`."""
        ...

    def start(self, row: Row) -> Outcome | None:
        """Prepare a new row; an outcome if it is complete without the model."""
        ...

    def update(self, batch: Batch, forward: Forward) -> list[Outcome]:
        """Take the decoding step of the batch's rows that decode. The parts of a batch may come in several threads.

        A row that fails has its error in its outcome; nothing is raised for it.
        """
        ...


def not_finite(row: Row) -> Outcome:
    """The outcome of a row whose hidden states hold a NaN or an infinity."""
    return Outcome(row, error=EngineError("the model returned numbers that are not finite for this request"))


def broken(row: Row, error: Exception) -> Outcome:
    """The outcome of a row whose own part of decoding failed, by its grammar or by a bug: its neighbours go on."""
    if isinstance(error, AgentFastError):
        return Outcome(row, error=error)
    logger.error("decoding failed", request=row.request.id, exc_info=error)
    return Outcome(row, error=failure(error))


def failure(error: Exception) -> EngineError:
    """The error of a request that met a bug or a lack of memory."""
    failed = EngineError(f"a step failed: {error!r}")
    failed.__cause__ = error
    return failed
