"""Posteriors of constrained canvases on a device, all rows in one sequence of kernels and one copy to the host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch

from agentfast.errors import GrammarError
from agentfast.runtime.grammar.tokens.class_chunks import CHUNK
from agentfast.runtime.grammar.tokens.token_classes import TokenClasses
from agentfast.runtime.grammar.tokens.token_grammar import TokenGrammar
from agentfast.runtime.posterior.base import CanvasPosterior, CanvasRow
from agentfast.runtime.posterior.class_logits import check_logits
from agentfast.runtime.posterior.constrained import check_row
from agentfast.runtime.posterior.device.device_trellis import FIELDS, DeviceTrellis, DeviceTrellises
from agentfast.runtime.posterior.device_ops import DeviceOps
from agentfast.runtime.posterior.forward_backward import check_weight
from agentfast.runtime.posterior.trellis import TRELLISES

Longs = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]

_FIRST_FIELD: Final = 12
_BLOCK: Final = 64


@cache
def triton_kernels() -> Any | None:
    """The module of kernels; None where Triton is not installed, as it is with torch for CUDA."""
    try:
        import_module("triton")
    except ImportError:
        return None
    return import_module("agentfast.runtime.posterior.device.kernels")


@dataclass(frozen=True, eq=False)
class DevicePosterior(CanvasPosterior):
    """Posterior of one canvas under a grammar; what the marginals need has stayed on the device.

    Attributes:
        log_z: log of the total weight exp(sum of logits) of the allowed sequences.
        class_bias: [C, K] float32 on the device, see `ConstrainedPosterior`.
        token_class: [V] int32 on the device.
        temperature: the row's.
    """

    log_z: float
    class_bias: torch.Tensor
    token_class: torch.Tensor
    temperature: float

    def marginals(self, logits: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
        """[C, V] float32 token marginals, given the logits that the posterior was made from; on their device.

        Args:
            out: memory for them, contiguous; fresh if None.
        """
        logits = logits.detach().to(torch.float32).contiguous()
        p = torch.empty_like(logits) if out is None else out
        (positions, vocabulary), classes = logits.shape, self.class_bias.shape[1]
        kernels = triton_kernels()
        assert kernels is not None
        kernels.spread[(positions, -(-vocabulary // CHUNK))](
            logits,
            self.class_bias,
            self.token_class,
            p,
            1 / self.temperature,
            vocabulary,
            classes,
            BLOCK=CHUNK,
        )
        return p


@dataclass(frozen=True, eq=False)
class _Job:
    """A row that can be computed, and its place in the batch."""

    index: int
    row: CanvasRow
    grammar: TokenGrammar
    logits: torch.Tensor
    on_device: DeviceTrellis

    @property
    def classes(self) -> TokenClasses:
        return self.grammar.classes


class TritonOps(DeviceOps):
    """`LogitsOps` whose constrained rows are computed together, in Triton kernels."""

    def __init__(self, device: torch.device) -> None:
        super().__init__(device)
        self._trellises = DeviceTrellises(device)

    def constrained(self, rows: Sequence[CanvasRow]) -> list[DevicePosterior | GrammarError]:
        """The posterior of each row, all of which have grammars; an error in place of a row that cannot be met."""
        results: dict[int, DevicePosterior | GrammarError] = {}
        jobs: list[_Job] = []
        for index, row in enumerate(rows):
            try:
                jobs.append(self._job(index, row))
            except GrammarError as error:
                results[index] = error
        if jobs:
            results.update(_Launch(jobs, self._trellises).results())
        return [results[index] for index in range(len(rows))]

    def _job(self, index: int, row: CanvasRow) -> _Job:
        grammar = row.grammar
        assert grammar is not None
        check_row(row, grammar)
        trellis = TRELLISES.trellis(grammar, row.state, len(row.logits), row.budget, row.first)
        logits = row.logits.detach().to(torch.float32).contiguous()
        return _Job(index, row, grammar, logits, self._trellises.on_device(trellis, grammar.classes))


class _Launch:
    """One batch's kernels."""

    def __init__(self, jobs: Sequence[_Job], trellises: DeviceTrellises) -> None:
        self._jobs = jobs
        self._device = jobs[0].logits.device
        distinct = list({id(job.on_device): job.on_device for job in jobs}.values())
        self._ints = trellises.joined(distinct)
        starts = np.cumsum([0, *(len(one.numbers) for one in distinct)])
        self._trellis_start = {id(one): int(start) for one, start in zip(distinct, starts, strict=False)}
        canvases = [len(job.logits) for job in jobs]
        self._first: Longs = np.cumsum([0, *canvases])
        self._sizes = np.array(
            [
                [canvas * job.classes.count, canvas * job.classes.chunks.count,
                 canvas * (len(job.classes.label_start) - 1), len(job.on_device.trellis.states)]
                for job, canvas in zip(jobs, canvases, strict=True)
            ], np.int64,
        )  # fmt: skip
        self._bases: Longs = np.concatenate([np.zeros((1, 4), np.int64), np.cumsum(self._sizes, axis=0)])
        self._bias = self._empty(int(self._bases[-1, 0]), torch.float32)

    def _empty(self, count: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
        return torch.empty(count, dtype=dtype, device=self._device)

    def _table(self) -> Longs:
        """[R, COLUMNS], in the order that the kernels name."""
        table = np.zeros((len(self._jobs), _FIRST_FIELD + len(FIELDS)), np.int64)
        origin = self._jobs[0].logits.data_ptr()
        for index, (line, job) in enumerate(zip(table, self._jobs, strict=True)):
            classes = job.classes
            line[:4] = len(job.logits), classes.count, classes.chunks.count, len(classes.label_start) - 1
            line[4] = self._first[index]
            line[5:9] = self._bases[index]
            line[9] = (job.logits.data_ptr() - origin) // 4
            line[10] = np.float64(1 / job.row.temperature).view(np.int64)
            line[_FIRST_FIELD:] = job.on_device.starts + self._trellis_start[id(job.on_device)]
        return table

    def _inputs(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The table, each position's row and its uniform number, in one copy to the device."""
        table = self._table()
        row_of = np.repeat(np.arange(len(self._jobs)), np.diff(self._first))
        uniforms = [
            np.zeros(len(job.logits))
            if job.row.uniforms is None
            else np.asarray(job.row.uniforms, np.float64)
            for job in self._jobs
        ]
        parts = table.ravel(), row_of, np.concatenate(uniforms).view(np.int64)
        numbers = torch.from_numpy(np.concatenate(parts)).to(self._device)
        a, b, c = torch.split(numbers, [len(part) for part in parts])
        return a, b, c.view(torch.float64)

    def _run(self) -> Doubles:
        """[4 N + R] best and sampled tokens, entropies and states by position, then log Z by row."""
        kernels = triton_kernels()
        assert kernels is not None
        jobs, ints, logits = self._jobs, self._ints, self._jobs[0].logits
        rows, count, vocabulary = len(jobs), int(self._first[-1]), logits.shape[1]
        classes, pieces, labels, nodes = (int(n) for n in self._bases[-1])
        table, row_of, uniforms = self._inputs()
        piece_top, piece_mass, piece_energy = torch.split(self._empty(3 * pieces, torch.float32), pieces)
        top, mass, mean, nats = torch.split(self._empty(4 * classes), classes)
        weight, best = torch.split(self._empty(2 * labels), labels)
        flow = torch.full((labels,), -torch.inf, dtype=torch.float64, device=self._device)
        alpha, beta, delta = torch.split(self._empty(3 * nodes), nodes)
        choice, chosen = self._empty(nodes, torch.int32), self._empty(2 * count, torch.int32)
        left, result = self._empty(count), self._empty(4 * count + rows)
        by_piece = count, max(job.classes.chunks.count for job in jobs)
        by_class = count, max(job.classes.count for job in jobs)
        by_slot = count, max(job.on_device.most_slots for job in jobs)
        size = {"BLOCK": _BLOCK}
        kernels.reduce_pieces[by_piece](
            logits, ints, table, row_of, piece_top, piece_mass, piece_energy, vocabulary, BLOCK=CHUNK
        )
        kernels.combine_pieces[by_class](
            ints, table, row_of, piece_top, piece_mass, piece_energy, top, mass, mean, **size
        )
        kernels.weigh_slots[by_slot](ints, table, row_of, top, mass, weight, best, **size)
        kernels.backward[(rows,)](ints, table, weight, best, beta, delta, choice, result, 4 * count, **size)
        kernels.forward[(rows,)](ints, table, weight, alpha, **size)
        kernels.slot_flows[by_slot](ints, table, row_of, weight, alpha, beta, flow, **size)
        kernels.class_marginals[by_class](
            ints, table, row_of, flow, top, mass, mean, self._bias, nats, **size
        )
        kernels.entropies[(count,)](table, row_of, nats, result, count, **size)
        kernels.trace_best[(rows,)](ints, table, top, choice, chosen, result, count, **size)
        kernels.sample_classes[(rows,)](
            ints, table, weight, beta, top, mass, uniforms, chosen, left, count, **size
        )
        kernels.tokens_of_classes[(count, 2)](
            logits, ints, table, row_of, chosen, left, top, mass, result, count, vocabulary, BLOCK=CHUNK
        )
        found: Doubles = result.cpu().numpy()
        return found

    def results(self) -> dict[int, DevicePosterior | GrammarError]:
        """The posteriors or errors, by the rows' places in the batch."""
        numbers = self._run()
        count = int(self._first[-1])
        lines, log_z = numbers[: 4 * count].reshape(4, count), numbers[4 * count :]
        results: dict[int, DevicePosterior | GrammarError] = {}
        for index, job in enumerate(self._jobs):
            span = slice(int(self._first[index]), int(self._first[index + 1]))
            try:
                results[job.index] = self._result(index, lines[:, span], float(log_z[index]))
            except GrammarError as error:
                results[job.index] = error
        return results

    def _result(self, index: int, lines: Doubles, log_z: float) -> DevicePosterior:
        job = self._jobs[index]
        check_logits(not np.isnan(log_z))
        check_weight(log_z > -np.inf)
        best, sample = lines[0].astype(np.int64), lines[1].astype(np.int64)
        states = lines[3].astype(np.int64)
        ends = np.nonzero(states == job.grammar.done)[0]
        low, high = self._bases[index, 0], self._bases[index + 1, 0]
        classes = job.classes
        at = int(job.on_device.starts[FIELDS.index("token_class")])
        return DevicePosterior(
            best=best,
            sample=best if job.row.uniforms is None else sample,
            entropy=lines[2].astype(np.float32),
            length=int(ends[0]) + 1 if len(ends) else len(best),
            end_state=int(states[-1]),
            log_z=log_z,
            class_bias=self._bias[low:high].view(len(best), classes.count),
            token_class=job.on_device.numbers[at : at + len(classes.token_class)],
            temperature=job.row.temperature,
        )
