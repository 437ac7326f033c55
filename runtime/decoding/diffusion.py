"""Block diffusion: a canvas of tokens is denoised together, then committed, then the next one begins.

Uniform-state noise with entropy-bounded acceptance (arXiv 2505.24857) and adaptive stopping, as DiffusionGemma's
`generate` in `transformers` does it. A row with a grammar runs the same algorithm on the constrained posterior of the
step: the joint MAP is its best canvas, the joint sample its sample, and the constrained marginals give the entropies
and what the next step is conditioned on. Exact per step does not mean exact over the trajectory (arXiv 2609.35609).

A checkpoint that says `verify` has canvases read over by the causal pass that encodes them, see drafts.py. Without it
the canvas that ends a row is not encoded: a later prompt that goes on from it shares the blocks before it and encodes
this part with its own new tokens, in a pass it needs anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agentfast.errors import EngineError, GrammarError
from agentfast.runtime.backends.cpu.fused_model import Network
from agentfast.runtime.backends.cpu.scratch import Room
from agentfast.runtime.backends.runner import Forward
from agentfast.runtime.confidence.evidence import CanvasEvidence
from agentfast.runtime.core.config import GenerationDefaults
from agentfast.runtime.core.request import Canvas, Draft, FinishReason, Request, Row
from agentfast.runtime.decoding.base import Outcome, broken, not_finite
from agentfast.runtime.decoding.canvas_length import CanvasLengths
from agentfast.runtime.decoding.first_token import settle_opening
from agentfast.runtime.decoding.verify import DraftReader
from agentfast.runtime.posterior import unconstrained_kernels as kernels
from agentfast.runtime.posterior.constrained import CanvasPosterior, CanvasRow, canvas_posterior
from agentfast.runtime.posterior.unconstrained import read_logits
from agentfast.runtime.scheduling.scheduler import Batch, Work


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a step proposes for one canvas.

    Attributes:
        best, sample: [C] int64.
        entropy: [C] float32, nats.
        length: positions that count: up to and including the end token of `best`, C if there is none.
        state: the grammar's, after `best`.
        distributions: [N, V], of several canvases; `lines` are those that this one's next step is conditioned on.
        fill: puts them there; to be called before the next step, if at all.
        logits: [C, V], the model's own; only where fields' probabilities are asked for.
    """

    best: NDArray[np.int64]
    sample: NDArray[np.int64]
    entropy: NDArray[np.float32]
    length: int
    state: int
    distributions: Tensor
    lines: slice
    fill: Callable[[], object] | None = None
    logits: Tensor | None = None


class DiffusionDecoder:
    """Denoises and commits canvases."""

    def __init__(
        self,
        network: Network,
        generation: GenerationDefaults,
        lengths: CanvasLengths,
        eos_ids: frozenset[int],
        special: frozenset[int] = frozenset(),
    ) -> None:
        """special: tokens that are no text, which calls are written with."""
        self._network = network
        self._generation = generation
        self._lengths = lengths
        self._eos_ids = eos_ids
        self._special = special - eos_ids
        self._reader = DraftReader(generation, eos_ids, self._open)
        self._room = Room()

    def canvas_tokens(self, request: Request) -> int:
        return self._lengths_for(request).longest

    def reach(self, request: Request) -> int:
        if self._generation.verify:  # the last canvas is encoded, too
            return len(request.prompt) + request.max_tokens
        lengths = self._lengths_for(request)
        most = request.max_tokens - 1  # and where all canvases are as long, only whole ones
        return len(request.prompt) + (most if lengths.choices else most // lengths.usual * lengths.usual)

    def start(self, row: Row) -> Outcome | None:
        row.verifies = self._generation.verify > 0
        self._open(row, 0, None)
        return None

    def _lengths_for(self, request: Request) -> CanvasLengths:
        return self._lengths if request.canvas_length is None else CanvasLengths(request.canvas_length)

    def _open(self, row: Row, index: int, expected: int | None) -> None:
        """Give the row a canvas of noise."""
        lengths = self._lengths_for(row.request)
        row.canvas_tokens = lengths.choose(row.grammar, row.state, row.budget, expected)
        row.canvas = Canvas(row.draws.noise(row.canvas_tokens), index=index)

    @torch.inference_mode()
    def update(self, batch: Batch, forward: Forward) -> list[Outcome]:
        outcomes: list[Outcome] = []
        rows: list[Row] = []
        spans: list[slice] = []
        position = read = 0
        for work, finite in zip(batch.works, forward.finite, strict=True):
            span, ahead = slice(position, position + work.canvas_tokens), slice(read, read + work.reads)
            position, read = span.stop, ahead.stop
            if not finite:
                outcomes.append(not_finite(work.row))
                continue
            verdict = self._look_ahead(work, forward.ahead[ahead]) if work.reads else None
            if verdict is not None:
                outcomes.append(verdict)
            if work.canvas_tokens and (verdict is None or not verdict.steps):
                rows.append(work.row)
                spans.append(span)
        going_on: list[tuple[Canvas, Proposal]] = []
        for row, proposal in zip(rows, self._propose(rows, spans, forward.logits), strict=True):
            if isinstance(proposal, Exception):
                outcomes.append(broken(row, proposal))
                continue
            try:
                outcome = self._advance(row, proposal)
            except Exception as error:  # noqa: BLE001 - a bug that one row meets is that row's alone
                outcomes.append(broken(row, error))
                continue
            outcomes.append(outcome)
            if outcome.canvas is not None and row.canvas is outcome.canvas and not outcome.committed:
                going_on.append((outcome.canvas, proposal))
        self._condition(going_on)
        return outcomes

    def _look_ahead(self, work: Work, ahead: Tensor) -> Outcome | None:
        """Take in the logits [R, V] of what comes after the tokens just encoded; an outcome if they judge a draft.

        The row's canvas was part of the pass if the outcome has no steps.
        """
        row = work.row
        if row.draft is None:
            row.ahead = ahead[-1].clone()
            return None
        outcome = self._reader.judge(row, ahead)
        if not work.canvas_tokens:
            outcome = replace(outcome, steps=1)
        row.steps += outcome.steps
        return outcome

    def _propose(self, rows: list[Row], spans: list[slice], logits: Tensor) -> list[Proposal | Exception]:
        """Read the rows' logits [N, V]; what went wrong for a row takes the place of its proposal."""
        uniforms: dict[int, NDArray[np.float64]] = {}
        proposals: dict[Row, Proposal | Exception] = {}
        for i, row in enumerate(rows):
            try:
                count = row.canvas_tokens
                uniforms[i] = row.draws.uniforms(count) if row.request.temperature else np.zeros(count)
            except Exception as error:  # noqa: BLE001 - so is one in its draws
                proposals[row] = error
        free = [i for i in uniforms if rows[i].grammar is None]
        bound = [i for i in uniforms if rows[i].grammar is not None]
        if free:
            all_of_it = len(free) == len(rows) and _covers(spans, logits)
            theirs = logits if all_of_it else torch.cat([logits[spans[i]] for i in free])
            self._read_free([rows[i] for i in free], theirs, [uniforms[i] for i in free], proposals)
        if bound:
            canvases = [self._canvas_row(rows[i], logits[spans[i]], uniforms[i]) for i in bound]
            room = self._room_for("constrained", logits)
            for i, canvas, posterior in zip(bound, canvases, canvas_posterior(canvases), strict=True):
                proposals[rows[i]] = _constrained(rows[i], canvas, posterior, room, spans[i])
        return [proposals[row] for row in rows]

    def _read_free(
        self,
        rows: list[Row],
        logits: Tensor,
        uniforms: list[NDArray[np.float64]],
        proposals: dict[Row, Proposal | Exception],
    ) -> None:
        temperatures = [np.full(row.canvas_tokens, self._temperature(row), np.float32) for row in rows]
        room = self._room_for("free", logits) if logits.device.type == "cpu" else None
        reading = read_logits(logits, np.concatenate(temperatures), np.concatenate(uniforms), out=room)
        start = 0
        for row in rows:
            span = slice(start, start + row.canvas_tokens)
            start = span.stop
            best = reading.best[span]
            proposals[row] = Proposal(
                best=best,
                sample=reading.sample[span] if row.request.temperature else best,
                entropy=reading.entropy[span],
                length=row.canvas_tokens,
                state=0,
                distributions=reading.probabilities,
                lines=span,
            )

    def _room_for(self, name: str, logits: Tensor) -> Tensor:
        """Room for as many numbers, good until the thread's next call."""
        if logits.device.type != "cpu":
            return torch.empty_like(logits, dtype=torch.float32)
        return torch.from_numpy(self._room.floats(name, *logits.shape))

    def _canvas_row(self, row: Row, logits: Tensor, uniforms: NDArray[np.float64]) -> CanvasRow:
        assert row.grammar is not None
        assert row.canvas is not None
        first = None
        if row.generated == 0:
            first = settle_opening(logits, row.grammar, row.budget, row.ahead)
        drawn = uniforms if row.request.temperature else None
        return CanvasRow(logits, row.grammar, row.state, row.budget, drawn, self._temperature(row), first)

    def _temperature(self, row: Row) -> float:
        assert row.canvas is not None
        steps_left = self._generation.max_denoising_steps - row.canvas.step
        return self._generation.temperature_at(steps_left) * (row.request.temperature or 1.0)

    def _advance(self, row: Row, proposal: Proposal) -> Outcome:
        canvas = row.canvas
        assert canvas is not None
        best, length = proposal.best, proposal.length
        same = canvas.best is not None and bool((canvas.best[:length] == best[:length]).all())
        canvas.unchanged = canvas.unchanged + 1 if same else 0
        canvas.best = best
        canvas.accepted = accept(proposal.entropy, self._generation.entropy_bound)
        canvas.step += 1
        row.steps += 1
        if self._is_settled(canvas, proposal):
            read_over = row.verifies and not self._is_trusted(row, canvas, proposal)
            return (self._draft if read_over else self._commit)(row, canvas, proposal)
        noise = row.draws.noise(row.canvas_tokens)
        row.canvas_tokens = self._lengths_for(row.request).shrunk(row.canvas_tokens, length)
        canvas.tokens = np.where(canvas.accepted, proposal.sample, noise)[: row.canvas_tokens]
        return Outcome(row, canvas)

    def _is_settled(self, canvas: Canvas, proposal: Proposal) -> bool:
        generation = self._generation
        if canvas.step >= generation.max_denoising_steps:
            return True
        if not generation.adaptive_stopping or canvas.unchanged < generation.stability_threshold:
            return False
        return float(proposal.entropy[: proposal.length].mean()) < generation.confidence_threshold

    def _is_trusted(self, row: Row, canvas: Canvas, proposal: Proposal) -> bool:
        """Whether its first step was sure enough of a canvas that ends the turn, see `GenerationDefaults`."""
        if row.reopened or canvas.step > 1:
            return False
        length, ended = self._length(row, proposal)
        if not ended:
            return False
        entropy = float(proposal.entropy[: length + 1].max())
        if row.ledger is None and entropy < self._generation.trusted_call_entropy:
            return True
        if row.generated or entropy >= self._generation.trusted_entropy:
            return False
        tokens: list[int] = proposal.best[:length].tolist()
        if not self._special.isdisjoint(tokens):
            return False
        return row.ledger is None or not row.ledger.finds_fields(tokens)

    def _draft(self, row: Row, canvas: Canvas, proposal: Proposal) -> Outcome:
        length, ended = self._length(row, proposal)
        taken = slice(length + ended)
        sure = proposal.entropy[taken] < self._generation.verify_entropy
        draft = Draft(proposal.best[taken].tolist(), row.state, ended, canvas, sure)
        self._reader.append(row, draft, proposal.state)
        if draft.length:
            return Outcome(row, canvas)
        return replace(self._reader.judge(row), steps=1)  # there is its end only, which needs no further pass

    def _length(self, row: Row, proposal: Proposal) -> tuple[int, bool]:
        """How many of the best tokens the row takes, and whether an end token follows them."""
        best = proposal.best.tolist()
        end = next((i for i, token in enumerate(best) if token in self._eos_ids), None)
        length = min(row.canvas_tokens if end is None else end, row.budget)
        return length, end is not None and length < row.budget

    def _commit(self, row: Row, canvas: Canvas, proposal: Proposal) -> Outcome:
        row.canvases += 1
        length, ended = self._length(row, proposal)
        finish: FinishReason | None = "stop" if ended else "length" if length == row.budget else None
        try:
            self._judge(row, proposal, length)
        except (EngineError, GrammarError) as error:
            return Outcome(row, canvas, error=error)
        row.tokens.extend(proposal.best[:length].tolist())
        row.state = proposal.state
        if finish is None:
            self._open(row, canvas.index + 1, None)
        return Outcome(row, canvas, committed=True, finish=finish)

    def _judge(self, row: Row, proposal: Proposal, length: int) -> None:
        """Note what the row's last step says of its fields, before its tokens are taken over."""
        if row.ledger is None or row.grammar is None or proposal.logits is None:
            return
        tokens = proposal.best[:length]
        evidence = CanvasEvidence(proposal.logits, row.grammar, row.state, row.budget, tokens)
        row.ledger.add(tokens.tolist(), evidence)

    def _condition(self, going_on: list[tuple[Canvas, Proposal]]) -> None:
        """Set the self-conditioning of the canvases that take another step."""
        if not going_on:
            return
        parts: list[tuple[Tensor, int, int]] = []
        for canvas, proposal in going_on:
            if proposal.fill is not None:
                proposal.fill()
            start: int = proposal.lines.start
            parts.append((proposal.distributions, start, start + len(canvas.tokens)))
        runs = [lines[start:stop] for lines, start, stop in joined(parts)]
        if len(runs) > 1 and runs[0].device.type != "cpu":
            runs = [torch.cat(runs)]  # there a call costs more than a copy
        softs = [self._network.soft_embeddings(run) for run in runs]
        soft = torch.cat(softs) if len(softs) > 1 else softs[0]
        at = 0
        for canvas, _ in going_on:
            canvas.soft = soft[at : at + len(canvas.tokens)]
            at += len(canvas.tokens)


def accept(entropy: NDArray[np.float32], bound: float) -> NDArray[np.bool_]:
    """Entropy-bounded acceptance (arXiv 2505.24857): [C] nats -> [C] bool.

    In order of rising entropy, a position is accepted while the entropies before it sum to no more than `bound`, an
    upper bound of the mutual information between the accepted tokens. The surest position is always accepted.
    """
    accepted = np.empty(len(entropy), np.bool_)
    kernels.accept(entropy, np.float32(bound), accepted)
    return accepted


def _constrained(
    row: Row, canvas: CanvasRow, posterior: CanvasPosterior | GrammarError, room: Tensor, lines: slice
) -> Proposal | GrammarError:
    if isinstance(posterior, GrammarError):
        return posterior
    best = posterior.best
    return Proposal(
        best=best,
        sample=posterior.sample,
        # Positions that one choice decides together (the letters of a tool's name) have one entropy: rounding keeps
        # them equal, so that the order of acceptance is that of the positions, not that of floating-point noise.
        entropy=np.round(posterior.entropy, 3),
        length=posterior.length,
        state=posterior.end_state,
        distributions=room,
        lines=lines,
        fill=lambda: posterior.marginals(canvas.logits, out=room[lines]),
        logits=None if row.ledger is None else canvas.logits,
    )


def joined(parts: Iterable[tuple[Tensor, int, int]]) -> list[tuple[Tensor, int, int]]:
    """Lines start..stop of tensors, in as few parts: those of one tensor that follow each other become one."""
    runs: list[tuple[Tensor, int, int]] = []
    for lines, start, stop in parts:
        if runs and runs[-1][0] is lines and runs[-1][2] == start:
            start = runs.pop()[1]
        runs.append((lines, start, stop))
    return runs


def _covers(spans: list[slice], logits: Tensor) -> bool:
    return bool(sum(span.stop - span.start for span in spans) == len(logits))
