"""Constrained requests between denoising steps. Nothing of vLLM is in here.

A row goes through four phases. It waits until its grammar is compiled; it denoises a canvas, step by step; a settled
canvas is committed by the causal pass that follows; after its end token it has ended. A row that meets an error has
failed, which concerns no other row.
"""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

import numpy as np
from numpy.typing import NDArray

from agentfast.errors import BudgetTooSmallError, GrammarError
from agentfast.runtime.adapters.vllm.steps.proposal import Proposal, Settled
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
