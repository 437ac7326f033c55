"""One step of the constrained rows of a batch: judged on the batch's logits, written over what vLLM wrote for them.

Nothing of vLLM is in here. The caller takes vLLM's own step between `judge` and `write`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from agentfast.errors import GrammarError
from agentfast.runtime.adapters.vllm.steps.agreement import FAILED, READY, Agreement
from agentfast.runtime.adapters.vllm.steps.canvas_tensors import CanvasWrite
from agentfast.runtime.adapters.vllm.steps.row import ConstrainedRow, Phase, Proposal, RowTable
from agentfast.runtime.confidence.evidence import CanvasEvidence
from agentfast.runtime.core.config import GenerationDefaults
from agentfast.runtime.core.log import get_logger
from agentfast.runtime.decoding.first_token import restrict_first_token
from agentfast.runtime.posterior.base import CanvasPosterior, CanvasRow, PosteriorBatch
from agentfast.runtime.posterior.exact import canvas_posterior
from agentfast.runtime.posterior.registry import ops_for

Longs = NDArray[np.int64]
SoftEmbeddings = Callable[[torch.Tensor], torch.Tensor]

MAX_MARGINALS: Final = 1 << 29
"""Numbers of the [positions, V] marginals that are in memory at once: 2 GiB of float32."""

_log = get_logger("vllm")


@dataclass(frozen=True, slots=True)
class Place:
    """A constrained row in a batch.

    Attributes:
        index: among the batch's requests.
        slot: in vLLM's tensors.
        start, count: its positions in the batch's logits; none while its prompt is read.
    """

    row: ConstrainedRow
    index: int
    slot: int
    start: int
    count: int


@dataclass(slots=True)
class Step:
    """Effects of a step.

    Attributes:
        writes: to vLLM's tensors.
        emissions: of the requests that commit, by index in the batch: how many tokens they emit at most, and the log
            probabilities of these, if they are asked for.
        failures: indices of requests that end with an error.
        judged: rows that took a denoising step.
    """

    writes: list[CanvasWrite] = field(default_factory=list[CanvasWrite])
    emissions: dict[int, Emission] = field(default_factory=dict[int, "Emission"])
    failures: list[int] = field(default_factory=list[int])
    judged: int = 0


@dataclass(frozen=True, slots=True)
class Emission:
    """Tokens that a commit emits.

    Attributes:
        count: at most so many.
        tokens: [>= count] they are the first of these.
        log_p: [length] of each up to the end token, given those before it; None where nobody asked.
    """

    count: int
    tokens: Longs
    log_p: NDArray[np.float64] | None


class ConstrainedStep:
    """Takes the steps of constrained rows.

    Args:
        rows: the constrained rows, by slot.
        generation: how the checkpoint is decoded.
        canvas_length: tokens of a canvas, at most.
        soft: from marginals [N, V] to mean embeddings [N, H].
    """

    def __init__(
        self,
        rows: RowTable,
        generation: GenerationDefaults,
        canvas_length: int,
        soft: SoftEmbeddings,
        agreement: Agreement,
    ) -> None:
        self._rows = rows
        self._generation = generation
        self._canvas_length = canvas_length
        self._soft = soft
        self._agreement = agreement

    def places(self, slots: Sequence[int], starts: Sequence[int]) -> list[Place]:
        """The batch's constrained rows; request i has the slot slots[i] and the positions starts[i]..starts[i + 1]."""
        return [
            Place(row, index, slot, starts[index], starts[index + 1] - starts[index])
            for index, slot in enumerate(slots)
            if (row := self._rows.get(slot)) is not None
        ]

    def take(self, places: Sequence[Place], logits: torch.Tensor) -> Step:
        """Take the step of the constrained rows of a batch, from its logits [positions, V].

        The logits are as they were when this returns.
        """
        step = Step()
        self._begin([place.row for place in places if place.row.phase is Phase.WAITING])
        denoising: list[Place] = []
        for place in places:
            phase = place.row.phase
            if place.count == 0:  # its prompt is read
                step.writes.append(CanvasWrite(place.slot, place.row.fresh_canvas(self._canvas_length)))
            elif phase is Phase.WAITING:
                canvas = place.row.fresh_canvas(self._canvas_length)
                step.writes.append(CanvasWrite(place.slot, canvas, settled=False))
            elif phase is Phase.SETTLED:
                self._commit(place, step)
            elif phase is Phase.DENOISING:
                denoising.append(place)
        for tile in _tiles(denoising, logits.shape[1]):
            self._denoise(tile, logits, step)
        # A failed row ends in a pass that has positions of it, as only then it may emit.
        step.failures = [place.index for place in places if place.count and place.row.phase is Phase.FAILED]
        return step

    def _begin(self, waiting: Sequence[ConstrainedRow]) -> None:
        """Let the rows begin whose grammar is there, on all ranks."""
        flags = [0 if not row.is_compiled else FAILED if row.has_no_grammar else READY for row in waiting]
        for row, flag in zip(waiting, self._agreement.compiled(flags), strict=True):
            if flag == FAILED and not row.has_no_grammar:
                row.fail(GrammarError("the grammar could not be compiled on another rank"))
            elif flag:
                row.begin()

    def _commit(self, place: Place, step: Step) -> None:
        settled = place.row.settled
        assert settled is not None
        count = min(place.count, len(settled.tokens))
        step.emissions[place.index] = Emission(count, settled.tokens, settled.log_p)
        place.row.commit(count)
        step.writes.append(
            CanvasWrite(place.slot, place.row.fresh_canvas(self._canvas_length), settled=False)
        )

    def _denoise(self, places: Sequence[Place], logits: torch.Tensor, step: Step) -> None:
        """Take a denoising step of some rows."""
        firsts = [logits[place.start].clone() for place in places]
        judged = self._judged(places, logits)
        step.judged += len(places)
        for place, own, proposal in zip(places, judged, self._agreed(places, judged), strict=True):
            if proposal is None:
                continue
            place.row.take(proposal)
            soft = None
            if proposal.settles:
                self._note_probabilities(place, own)
            else:
                soft = self._soft(own.marginals(place.count, logits))
            write = CanvasWrite(
                place.slot, proposal.tokens, proposal.best, settled=proposal.settles, soft=soft
            )
            step.writes.append(write)
        for place, first in zip(places, firsts, strict=True):
            logits[place.start] = first

    def _judged(self, places: Sequence[Place], logits: torch.Tensor) -> list[Judged]:
        """The rows' posteriors, in one call; one by one if it fails, to learn whose fault it was."""
        try:
            canvases = [self._canvas(place, logits) for place in places]
            batch = canvas_posterior(canvases)
            return [Judged(canvas, batch, index) for index, canvas in enumerate(canvases)]
        except Exception as error:  # noqa: BLE001 - a bug that one row meets is that row's alone
            if len(places) == 1:
                return [Judged(None, error=error)]
            return [one for place in places for one in self._judged([place], logits)]

    def _canvas(self, place: Place, logits: torch.Tensor) -> CanvasRow:
        """The posterior's input. Where a turn may begin in several ways, this writes to the first position's logits."""
        row = place.row
        lines = logits[place.start : place.start + place.count].float()
        first = None if row.generated else restrict_first_token(lines, row.grammar, row.budget)
        uniforms, temperature = row.uniforms(place.count), row.temperature(self._generation)
        return CanvasRow(lines, row.grammar, row.state, row.budget, uniforms, temperature, first)

    def _agreed(self, places: Sequence[Place], judged: Sequence[Judged]) -> list[Proposal | None]:
        """The first rank's proposals; None for a row that fails."""
        packed: list[Longs] = []
        for place, own in zip(places, judged, strict=True):
            try:
                packed.append(place.row.propose(own.posterior(), self._generation).packed())
            except Exception as error:  # noqa: BLE001 - as above
                own.error = error
                packed.append(np.full(3 + 2 * place.count, _NOTHING, np.int64))
        numbers = self._agreement.first(np.concatenate(packed))
        ends = np.cumsum([len(part) for part in packed])[:-1]
        agreed: list[Proposal | None] = []
        for place, own, part in zip(places, judged, np.split(numbers, ends), strict=True):
            if part[0] == _NOTHING:
                self._fail(place, own.error or GrammarError("the row failed on another rank"))
            agreed.append(None if part[0] == _NOTHING else Proposal.unpacked(part))
        return agreed

    def _note_probabilities(self, place: Place, own: Judged) -> None:
        """Note the probabilities of a settled canvas's tokens, if they are asked for."""
        row = place.row
        if not row.settings.wants_log_p or row.settled is None or own.canvas is None:
            return
        tokens = row.settled.tokens[: row.settled.length]
        ops = ops_for(own.canvas.logits.device)
        try:
            evidence = CanvasEvidence(own.canvas.logits, row.grammar, row.state, row.budget, tokens, ops)
        except Exception as error:  # noqa: BLE001 - as above
            self._fail(place, error)
        else:
            row.settled.log_p = evidence.log_p

    def _fail(self, place: Place, error: Exception) -> None:
        _log.error("a constrained row failed", slot=place.slot, error=str(error))
        place.row.fail(error)


@dataclass(slots=True)
class Judged:
    """One row's part of a posterior, or the error it met."""

    canvas: CanvasRow | None
    batch: PosteriorBatch | None = None
    index: int = 0
    error: Exception | None = None

    def posterior(self) -> CanvasPosterior:
        """The posterior.

        Raises:
            Exception: the row's.
        """
        if self.batch is None:
            assert self.error is not None
            raise self.error
        found = self.batch[self.index]
        if isinstance(found, GrammarError):
            raise found
        return found

    def marginals(self, count: int, logits: torch.Tensor) -> torch.Tensor:
        """[count, V] token marginals; zeros where another rank alone has a posterior."""
        if self.batch is None or self.error is not None:
            return logits.new_zeros((count, logits.shape[1]), dtype=torch.float32)
        return self.batch.marginals([(self.index, count)])[0]


_NOTHING: Final = -1


def _tiles(places: Sequence[Place], vocabulary_size: int) -> Iterator[Sequence[Place]]:
    """Stretches of rows whose marginals are in memory together."""
    tile: list[Place] = []
    positions = 0
    for place in places:
        if tile and (positions + place.count) * vocabulary_size > MAX_MARGINALS:
            yield tile
            tile, positions = [], 0
        tile.append(place)
        positions += place.count
    if tile:
        yield tile
