"""Constrained requests between denoising steps. Nothing of vLLM is in here.

A row goes through four phases. It waits until its grammar is compiled; it denoises a canvas, step by step; a settled
canvas is committed by the causal pass that follows; after its end token it has ended. A row that meets an error has
failed, which concerns no other row.
"""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from agentfast.errors import BudgetTooSmallError, GrammarError
from agentfast.runtime.core.config import GenerationDefaults
from agentfast.runtime.core.random_streams import PhiloxStreams
from agentfast.runtime.decoding.acceptance import accept
from agentfast.runtime.grammar.tokens.token_grammar import TokenGrammar
from agentfast.runtime.posterior.base import CanvasPosterior

Longs = NDArray[np.int64]

_ENTROPY_DECIMALS: Final = (
    3  # positions that one choice decides together have one entropy, see decoding/diffusion.py
)
_CANVAS_STRIDE: Final = 0x9E3779B97F4A7C15


class Phase(Enum):
    """A row's next action."""

    WAITING = auto()
    DENOISING = auto()
    SETTLED = auto()
    ENDED = auto()
    FAILED = auto()


@dataclass(frozen=True, slots=True)
class RowSettings:
    """A request's settings of decoding.

    Attributes:
        seed: of its random numbers; a canvas's numbers depend on it and on the tokens before the canvas alone.
        temperature: multiplies the schedule's; 0 takes the likeliest tokens.
        max_steps: denoising steps per canvas; None: the checkpoint's.
        wants_log_p: whether the probability of each written token is asked for.
    """

    seed: int
    temperature: float = 1.0
    max_steps: int | None = None
    wants_log_p: bool = False


@dataclass(frozen=True, slots=True)
class Proposal:
    """A denoising step's proposal for a canvas.

    Attributes:
        tokens: [C], the canvas's next tokens.
        best: [C], the joint arg-max.
        length: tokens of it up to its end token, all if there is none.
        end_state: the grammar's state after all of it.
        settles: the best tokens are going to be committed.
    """

    tokens: Longs
    best: Longs
    length: int
    end_state: int
    settles: bool = False

    def packed(self) -> Longs:
        """[3 + 2 C] the same as numbers."""
        return np.concatenate([[self.length, self.end_state, self.settles], self.tokens, self.best])

    @classmethod
    def unpacked(cls, numbers: Longs) -> Self:
        """The proposal that `packed` made these numbers of."""
        length, end_state, settles = numbers[:3].tolist()
        tokens, best = np.split(numbers[3:], 2)
        return cls(tokens, best, length, end_state, bool(settles))


@dataclass(slots=True)
class Settled:
    """A canvas that is going to be committed.

    Attributes:
        tokens: [C], the joint arg-max.
        length: tokens of it up to its end token, all if there is none.
        end_state: the grammar's after all of them.
        log_p: [length] log probability of each given those before it; None where nobody asked.
    """

    tokens: Longs
    length: int
    end_state: int
    log_p: NDArray[np.float64] | None = None


class ConstrainedRow:
    """A request with a grammar.

    Attributes:
        phase: what it does next.
        error: the reason of a failure.
        state, budget: the grammar's state and the tokens left, before the canvas that is being denoised.
    """

    def __init__(
        self,
        compiling: Future[TokenGrammar],
        settings: RowSettings,
        budget: int,
        vocabulary_size: int,
        emitted: list[int] | None = None,
    ) -> None:
        """
        Args:
            compiling: the grammar, once it is compiled.
            budget: tokens that the request may generate in all, its end token included.
            emitted: those it generated before it was preempted.
        """
        self.settings = settings
        self.phase = Phase.WAITING
        self.error = ""
        self.state = 0
        self.budget = budget - len(emitted or ())
        self.generated = len(emitted or ())
        self.step = 0
        self.settled: Settled | None = None
        self._compiling = compiling
        self._emitted = emitted or []
        self._vocabulary_size = vocabulary_size
        self._best: Longs | None = None
        self._unchanged = 0
        self._open_canvas()

    @property
    def grammar(self) -> TokenGrammar:
        """The compiled grammar of a row that does not wait."""
        return self._compiling.result()

    @property
    def is_compiled(self) -> bool:
        """True once its grammar is there, or cannot be made."""
        return self._compiling.done()

    @property
    def has_no_grammar(self) -> bool:
        """True if it cannot be made."""
        return self.is_compiled and self._compiling.exception() is not None

    def begin(self) -> None:
        """End the waiting, with the grammar in the state after the tokens that were emitted already."""
        try:
            grammar = self._compiling.result()
            state = grammar.start
            for token in self._emitted:
                state = grammar.advance(state, token)
            if state == grammar.DEAD:
                raise GrammarError("the tokens emitted before a preemption do not follow the grammar")
            if (needed := grammar.min_tokens(state)) > self.budget:
                raise BudgetTooSmallError(needed, self.budget)
        except Exception as error:  # noqa: BLE001 - whatever a grammar meets is its row's alone
            self.fail(error)
            return
        self.state = state
        self.phase = Phase.ENDED if grammar.is_done(state) else Phase.DENOISING

    def fail(self, error: Exception) -> None:
        """Give the row up."""
        self.phase, self.error = Phase.FAILED, str(error) or repr(error)

    def fresh_canvas(self, count: int) -> Longs:
        """Random tokens to begin the canvas with, or to begin it again with: the same ones."""
        self._open_canvas()
        return self._streams.noise(count)

    def uniforms(self, count: int) -> NDArray[np.float64] | None:
        """Numbers to draw the canvas's sample with; None where the likeliest tokens take its place."""
        return self._streams.uniforms(count) if self.settings.temperature else None

    def temperature(self, generation: GenerationDefaults) -> float:
        """Divisor of the logits of the canvas's next step."""
        left = max(generation.max_denoising_steps - self.step, 1)
        return generation.temperature_at(left) * (self.settings.temperature or 1.0)

    def propose(self, posterior: CanvasPosterior, generation: GenerationDefaults) -> Proposal:
        """The outcome of a denoising step for the canvas; `take` takes it over."""
        entropy = np.round(posterior.entropy, _ENTROPY_DECIMALS)
        best, length = posterior.best, posterior.length
        unchanged = self._unchanged_after(best, length)
        sure = float(entropy[:length].mean()) < generation.confidence_threshold
        last = self.step + 1 >= (self.settings.max_steps or generation.max_denoising_steps)
        if last or (unchanged >= generation.stability_threshold and sure):
            return Proposal(best, best, length, posterior.end_state, settles=True)
        accepted = accept(entropy, generation.entropy_bound)
        tokens = np.where(accepted, posterior.sample, self._streams.noise(len(best)))
        return Proposal(tokens, best, length, posterior.end_state)

    def take(self, proposal: Proposal) -> None:
        """Take a denoising step."""
        self._unchanged = self._unchanged_after(proposal.best, proposal.length)
        self._best = proposal.best
        self.step += 1
        if proposal.settles:
            self.settled = Settled(proposal.best, proposal.length, proposal.end_state)
            self.phase = Phase.SETTLED

    def _unchanged_after(self, best: Longs, length: int) -> int:
        same = self._best is not None and np.array_equal(self._best[:length], best[:length])
        return self._unchanged + 1 if same else 0

    def commit(self, count: int) -> None:
        """Take the first `count` tokens of the settled canvas as emitted: all of it, or fewer near the context's end."""
        settled = self.settled
        assert settled is not None
        if count == len(settled.tokens):
            self.state = settled.end_state
        else:
            for token in settled.tokens[:count].tolist():
                self.state = self.grammar.advance(self.state, token)
        self.budget -= count
        self.generated += count
        self.phase = Phase.ENDED if self.grammar.is_done(self.state) else Phase.DENOISING
        self._open_canvas()

    def _open_canvas(self) -> None:
        self.step = self._unchanged = 0
        self._best = self.settled = None
        self._streams = PhiloxStreams(
            self.settings.seed + self.generated * _CANVAS_STRIDE, self._vocabulary_size
        )


class RowTable:
    """The constrained rows, by vLLM's slots."""

    def __init__(self) -> None:
        self._rows: dict[int, ConstrainedRow] = {}
        self._places: dict[str, tuple[int, ConstrainedRow]] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, request_id: str, slot: int, row: ConstrainedRow | None) -> None:
        """Note what a slot holds from now on: a constrained row, or a free one (None)."""
        self._rows.pop(slot, None)
        if row is not None:
            self._rows[slot] = row
            self._places[request_id] = slot, row

    def remove(self, request_id: str) -> None:
        """Forget a request; nothing for one that is not here."""
        slot, row = self._places.pop(request_id, (-1, None))
        if row is not None and self._rows.get(slot) is row:
            del self._rows[slot]

    def get(self, slot: int) -> ConstrainedRow | None:
        """The constrained row in a slot."""
        return self._rows.get(slot)
