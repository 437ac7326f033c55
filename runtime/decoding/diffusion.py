"""Block diffusion: a canvas of tokens is denoised together, then committed, then the next one begins.

Uniform-state noise with entropy-bounded acceptance (arXiv 2505.24857) and adaptive stopping, as DiffusionGemma's
`generate` in `transformers` does it. A row with a grammar runs the same algorithm on the constrained posterior of the
step: the joint MAP is its best canvas, the joint sample its sample, and the constrained marginals give the entropies
and what the next step is conditioned on. Exact per step does not mean exact over the trajectory (arXiv 2609.35609).

A checkpoint that says `verify` has canvases verified by the causal pass that encodes them, see verify.py. Without it
the canvas that ends a row is not encoded: a later prompt that goes on from it shares the blocks before it and encodes
this part with its own new tokens, in a pass it needs anyway.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from agentfast.errors import EngineError, GrammarError
from agentfast.runtime.backends.base import Backend, Forward
from agentfast.runtime.confidence.evidence import CanvasEvidence
from agentfast.runtime.confidence.field_probabilities import FieldLedger
from agentfast.runtime.core.config import GenerationDefaults
from agentfast.runtime.core.random_streams import RandomStreams
from agentfast.runtime.decoding.acceptance import accept
from agentfast.runtime.decoding.base import Outcome, broken, not_finite
from agentfast.runtime.decoding.canvas_length import CanvasLengths
from agentfast.runtime.decoding.first_token import restrict_first_token
from agentfast.runtime.decoding.state import CanvasState, DiffusionState, Draft
from agentfast.runtime.decoding.verify import Verifier
from agentfast.runtime.grammar.tokens.token_grammar import TokenGrammar
from agentfast.runtime.posterior.base import CanvasPosterior, CanvasRow, PosteriorBatch
from agentfast.runtime.scheduling.batch import Batch, ScheduledRow
from agentfast.runtime.scheduling.request import FinishReason, Request
from agentfast.runtime.scheduling.row import Row

_ENTROPY_DECIMALS = 3
"""Positions that one choice decides together (the letters of a tool's name) have one entropy: rounding keeps them equal,
so that the order of acceptance is that of the positions, not that of floating-point noise."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A step's proposal for one canvas.

    Attributes:
        posterior: the canvas's, with its entropies rounded if it has a grammar.
        logits: [C, V], the model's own; only where fields' probabilities are asked for.
    """

    posterior: CanvasPosterior
    logits: Tensor | None = None


class DiffusionDecoder:
    """Denoises and commits canvases."""

    def __init__(
        self,
        backend: Backend,
        generation: GenerationDefaults,
        lengths: CanvasLengths,
        eos_ids: frozenset[int],
        special: frozenset[int] = frozenset(),
    ) -> None:
        """special: tokens that are no text, which calls are written with."""
        self._backend = backend
        self._generation = generation
        self._lengths = lengths
        self._eos_ids = eos_ids
        self._special = special - eos_ids
        self._verifier = Verifier(generation, eos_ids, self._open)

    def max_canvas_tokens(self, request: Request) -> int:
        return self._lengths_for(request).longest

    def max_kv_positions(self, request: Request) -> int:
        if self._generation.verify:  # the last canvas is encoded, too
            return len(request.prompt) + request.max_tokens
        lengths = self._lengths_for(request)
        most = request.max_tokens - 1  # and where all canvases are as long, only whole ones
        return len(request.prompt) + (most if lengths.choices else most // lengths.usual * lengths.usual)

    def new_state(
        self, grammar: TokenGrammar | None, streams: RandomStreams, ledger: FieldLedger | None
    ) -> DiffusionState:
        return DiffusionState(grammar, streams, ledger, verifies=self._generation.verify > 0)

    def start(self, row: Row) -> Outcome | None:
        row.wants_next_logits = DiffusionState.of(row).verifies
        self._open(row, 0, None)
        return None

    def _lengths_for(self, request: Request) -> CanvasLengths:
        return self._lengths if request.canvas_length is None else CanvasLengths(request.canvas_length)

    def _open(self, row: Row, index: int, expected: int | None) -> None:
        """Give the row a canvas of noise."""
        state, lengths = DiffusionState.of(row), self._lengths_for(row.request)
        length = lengths.choose(state.grammar, state.grammar_state, row.budget, expected)
        state.show_canvas(row, CanvasState(state.streams.noise(length), index=index, start=row.generated))

    @torch.inference_mode()
    def update(self, batch: Batch, forward: Forward) -> list[Outcome]:
        outcomes: list[Outcome] = []
        rows: list[Row] = []
        spans: list[slice] = []
        position = read = 0
        for part, finite in zip(batch.rows, forward.finite, strict=True):
            span = slice(position, position + part.canvas_tokens)
            following = slice(read, read + part.logit_positions)
            position, read = span.stop, following.stop
            if not finite:
                outcomes.append(not_finite(part.row))
                continue
            verdict = self._take_next_logits(part, forward.next_logits[following])
            if verdict is not None:
                outcomes.append(verdict)
            if part.canvas_tokens and (verdict is None or not verdict.steps):
                rows.append(part.row)
                spans.append(span)
        return outcomes + self._denoise(rows, [forward.logits[span] for span in spans])

    def _take_next_logits(self, part: ScheduledRow, next_logits: Tensor) -> Outcome | None:
        """Take in the logits [R, V] after the tokens just encoded; an outcome if they verify a draft.

        The row's canvas was part of the pass if the outcome has no steps.
        """
        if not part.logit_positions:
            return None
        state = DiffusionState.of(part.row)
        if state.draft is None:
            state.next_logits = next_logits[-1].clone()
            return None
        outcome = self._verifier.verify(part.row, next_logits)
        if not part.canvas_tokens:
            outcome = replace(outcome, steps=1)
        state.steps += outcome.steps
        return outcome

    def _denoise(self, rows: list[Row], logits: list[Tensor]) -> list[Outcome]:
        """Take a denoising step of each row, from the logits [C, V] of its canvas."""
        outcomes: list[Outcome] = []
        ready: list[Row] = []
        canvases: list[CanvasRow] = []
        for row, lines in zip(rows, logits, strict=True):
            try:
                canvases.append(self._canvas_row(row, lines))
                ready.append(row)
            except Exception as error:  # noqa: BLE001 - a bug that one row meets is that row's alone
                outcomes.append(broken(row, error))
        if not ready:
            return outcomes
        posteriors = self._backend.posterior(canvases)
        going_on: list[tuple[int, CanvasState]] = []
        for index, (row, result) in enumerate(zip(ready, posteriors, strict=True)):
            if isinstance(result, GrammarError):
                outcomes.append(broken(row, result))
                continue
            try:
                outcome = self._advance(row, _proposal(row, result, canvases[index]))
            except Exception as error:  # noqa: BLE001 - as above
                outcomes.append(broken(row, error))
                continue
            outcomes.append(outcome)
            if outcome.canvas is not None and row.canvas is outcome.canvas and not outcome.committed:
                going_on.append((index, outcome.canvas))
        self._condition(going_on, posteriors)
        return outcomes

    def _canvas_row(self, row: Row, logits: Tensor) -> CanvasRow:
        state = DiffusionState.of(row)
        uniforms = state.streams.uniforms(row.canvas_tokens) if row.request.temperature else None
        temperature = self._temperature(row, state)
        if state.grammar is None:
            return CanvasRow(logits, None, uniforms=uniforms, temperature=temperature)
        first = None
        if row.generated == 0:
            first = restrict_first_token(logits, state.grammar, row.budget, state.next_logits)
        return CanvasRow(logits, state.grammar, state.grammar_state, row.budget, uniforms, temperature, first)

    def _temperature(self, row: Row, state: DiffusionState) -> float:
        assert state.canvas is not None
        steps_left = self._generation.max_denoising_steps - state.canvas.step
        return self._generation.temperature_at(steps_left) * (row.request.temperature or 1.0)

    def _advance(self, row: Row, proposal: Proposal) -> Outcome:
        state = DiffusionState.of(row)
        canvas = state.canvas
        assert canvas is not None
        posterior = proposal.posterior
        best, length = posterior.best, posterior.length
        same = canvas.best is not None and bool((canvas.best[:length] == best[:length]).all())
        canvas.unchanged = canvas.unchanged + 1 if same else 0
        canvas.best = best
        canvas.accepted = accept(posterior.entropy, self._generation.entropy_bound)
        canvas.step += 1
        state.steps += 1
        if self._is_settled(canvas, posterior):
            verified = state.verifies and not self._is_trusted(row, state, posterior)
            return (self._draft if verified else self._commit)(row, state, proposal)
        noise = state.streams.noise(row.canvas_tokens)
        kept = self._lengths_for(row.request).shrunk(row.canvas_tokens, length)
        canvas.tokens = np.where(canvas.accepted, posterior.sample, noise)[:kept]
        return Outcome(row, canvas)

    def _is_settled(self, canvas: CanvasState, posterior: CanvasPosterior) -> bool:
        generation = self._generation
        if canvas.step >= generation.max_denoising_steps:
            return True
        if not generation.adaptive_stopping or canvas.unchanged < generation.stability_threshold:
            return False
        return float(posterior.entropy[: posterior.length].mean()) < generation.confidence_threshold

    def _is_trusted(self, row: Row, state: DiffusionState, posterior: CanvasPosterior) -> bool:
        """True if the first step was sure enough of a canvas that ends the turn, see `GenerationDefaults`."""
        if state.rejections or (state.canvas is not None and state.canvas.step > 1):
            return False
        length, ended = self._length(row, posterior)
        if not ended:
            return False
        entropy = float(posterior.entropy[: length + 1].max())
        if state.ledger is None and entropy < self._generation.trusted_call_entropy:
            return True
        if row.generated or entropy >= self._generation.trusted_entropy:
            return False
        tokens: list[int] = posterior.best[:length].tolist()
        if not self._special.isdisjoint(tokens):
            return False
        return state.ledger is None or not state.ledger.finds_fields(tokens)

    def _draft(self, row: Row, state: DiffusionState, proposal: Proposal) -> Outcome:
        canvas, posterior = state.canvas, proposal.posterior
        assert canvas is not None
        length, ended = self._length(row, posterior)
        taken = slice(length + ended)
        sure = posterior.entropy[taken] < self._generation.verify_entropy
        draft = Draft(posterior.best[taken].tolist(), state.grammar_state, ended, canvas, sure)
        self._verifier.append(row, draft, posterior.end_state)
        if draft.length:
            return Outcome(row, canvas)
        return replace(
            self._verifier.verify(row), steps=1
        )  # there is its end only: no further pass is needed

    def _length(self, row: Row, posterior: CanvasPosterior) -> tuple[int, bool]:
        """Number of the best tokens that the row takes, and whether an end token follows them."""
        best = posterior.best.tolist()
        end = next((i for i, token in enumerate(best) if token in self._eos_ids), None)
        length = min(row.canvas_tokens if end is None else end, row.budget)
        return length, end is not None and length < row.budget

    def _commit(self, row: Row, state: DiffusionState, proposal: Proposal) -> Outcome:
        canvas, posterior = state.canvas, proposal.posterior
        assert canvas is not None
        state.canvases += 1
        length, ended = self._length(row, posterior)
        finish: FinishReason | None = "stop" if ended else "length" if length == row.budget else None
        try:
            self._judge(row, state, proposal, length)
        except (EngineError, GrammarError) as error:
            return Outcome(row, canvas, error=error)
        row.tokens.extend(posterior.best[:length].tolist())
        state.grammar_state = posterior.end_state
        if finish is None:
            self._open(row, canvas.index + 1, None)
        return Outcome(row, canvas, committed=True, finish=finish)

    def _judge(self, row: Row, state: DiffusionState, proposal: Proposal, length: int) -> None:
        """Enter in the ledger what the row's last step says of its fields, before its tokens are taken over."""
        if state.ledger is None or state.grammar is None or proposal.logits is None:
            return
        tokens = proposal.posterior.best[:length]
        evidence = CanvasEvidence(
            proposal.logits,
            state.grammar,
            state.grammar_state,
            row.budget,
            tokens,
            self._backend.posterior.ops,
        )
        state.ledger.add(tokens.tolist(), evidence)

    def _condition(self, going_on: list[tuple[int, CanvasState]], posteriors: PosteriorBatch) -> None:
        """Set the self-conditioning of the canvases that take another step."""
        if not going_on:
            return
        marginals = posteriors.marginals([(index, len(canvas.tokens)) for index, canvas in going_on])
        soft = self._backend.soft_embeddings(marginals)
        at = 0
        for _, canvas in going_on:
            canvas.soft = soft[at : at + len(canvas.tokens)]
            at += len(canvas.tokens)


def _proposal(row: Row, posterior: CanvasPosterior, canvas: CanvasRow) -> Proposal:
    state = DiffusionState.of(row)
    if state.grammar is None:
        return Proposal(posterior)
    rounded = replace(posterior, entropy=np.round(posterior.entropy, _ENTROPY_DECIMALS))
    return Proposal(rounded, None if state.ledger is None else canvas.logits)
