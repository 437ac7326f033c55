"""One step of the constrained rows of a batch: judged on the batch's logits, written over what vLLM wrote for them.

Nothing of vLLM is in here. The caller takes vLLM's own step between `judge` and `write`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from agentfast.errors import GrammarError
from agentfast.runtime.adapters.vllm.steps.agreement import FAILED, READY, Agreement
from agentfast.runtime.adapters.vllm.steps.canvas_tensors import CanvasWrite
from agentfast.runtime.adapters.vllm.steps.effects import Emission, Place, Step
from agentfast.runtime.adapters.vllm.steps.judged import Judged, judge
from agentfast.runtime.adapters.vllm.steps.proposal import Proposal
from agentfast.runtime.adapters.vllm.steps.row import ConstrainedRow, Phase
from agentfast.runtime.adapters.vllm.steps.row_table import RowTable
from agentfast.runtime.confidence.evidence import CanvasEvidence
from agentfast.runtime.core.config import GenerationDefaults
from agentfast.runtime.core.log import get_logger
from agentfast.runtime.posterior.registry import ops_for

Longs = NDArray[np.int64]
SoftEmbeddings = Callable[[torch.Tensor], torch.Tensor]

MAX_MARGINALS: Final = 1 << 27
"""Numbers of the [positions, V] marginals that are in memory at once: half a GiB of float32, or one canvas."""

_log = get_logger("vllm")


class ConstrainedStep:
    """Takes the steps of constrained rows.

    Args:
        rows: the constrained rows, by slot.
        generation: how the checkpoint is decoded.
        canvas_length: tokens of a canvas, at most.
        soft: from marginals [N, V] to mean embeddings [N, H], or to this rank's part of their sums.
        hidden: H.
    """

    def __init__(
        self,
        rows: RowTable,
        generation: GenerationDefaults,
        canvas_length: int,
        soft: SoftEmbeddings,
        hidden: int,
        agreement: Agreement,
    ) -> None:
        self._rows = rows
        self._generation = generation
        self._canvas_length = canvas_length
        self._soft = soft
        self._hidden = hidden
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
        judged = judge(places, logits, self._generation)
        step.judged += len(places)
        for place, own, proposal in zip(places, judged, self._agreed(places, judged), strict=True):
            if proposal is None:
                continue
            place.row.take(proposal)
            soft = None
            if proposal.settles:
                self._note_probabilities(place, own)
            elif (soft := self._soft_of(place, own, logits)) is None:
                continue
            write = CanvasWrite(
                place.slot, proposal.tokens, proposal.best, settled=proposal.settles, soft=soft
            )
            step.writes.append(write)
        for place, first in zip(places, firsts, strict=True):
            logits[place.start] = first

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
                self._fail(place, own.error)
            agreed.append(None if part[0] == _NOTHING else Proposal.unpacked(part))
        return agreed

    def _soft_of(self, place: Place, own: Judged, logits: torch.Tensor) -> torch.Tensor | None:
        """[C, H] of a row that goes on; None if it fails, on this rank or another."""
        try:
            part = self._soft(own.marginals())
        except Exception as error:  # noqa: BLE001 - as above; a lack of memory, say
            own.error = error
            part = logits.new_zeros((place.count, self._hidden))
        soft = self._agreement.sum(part, failed=own.error is not None)
        if soft is None:
            self._fail(place, own.error)
        return soft

    def _note_probabilities(self, place: Place, own: Judged) -> None:
        """Note the probabilities of a settled canvas's tokens, if they are asked for."""
        row = place.row
        if not row.settings.wants_log_p or row.settled is None:
            return
        tokens = row.settled.tokens[: row.settled.length]
        try:
            logits = own.row().logits
            ops = ops_for(logits.device)
            row.settled.log_p = CanvasEvidence(logits, row.grammar, row.state, row.budget, tokens, ops).log_p
        except Exception as error:  # noqa: BLE001 - as above
            own.error = error
        if self._agreement.has_failed(own.error is not None):
            self._fail(place, own.error)

    def _fail(self, place: Place, error: Exception | None) -> None:
        error = error or GrammarError("the row failed on another rank")
        _log.error("a constrained row failed", slot=place.slot, error=str(error))
        place.row.fail(error)


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
