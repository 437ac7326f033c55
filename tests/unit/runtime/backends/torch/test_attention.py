"""The engine's attention against the obvious one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from agentfast.runtime.backends.base import Backend, Forward
from agentfast.runtime.backends.cpu.backend import CpuBackend
from agentfast.runtime.backends.cpu.short_rows import FEW, PagedTokens
from agentfast.runtime.backends.registry import backend_for, torch_backend
from agentfast.runtime.backends.torch.short_rows import PaddedTokens, ShortRows
from agentfast.runtime.core.config import EngineConfig
from agentfast.runtime.model.block_diffusion import BlockDiffusionModel
from agentfast.runtime.scheduling.batch import Batch, ScheduledRow
from agentfast.runtime.scheduling.row import Canvas, Row
from tests.support.dense_attention import DenseRunner
from tests.support.engine_kit import VOCABULARY, small_model
from tests.support.rows import make_row

CONFIG = EngineConfig(cache_tokens=1024, block_size=8, threads=1)


def fused(model: BlockDiffusionModel) -> Backend:
    """The backend that a small model on a CPU has."""
    backend = backend_for(model, CONFIG)
    assert isinstance(backend, CpuBackend)
    return backend


def gathering(model: BlockDiffusionModel, short_rows: type[ShortRows] = PagedTokens) -> Backend:
    """The backend of large models, for a small one."""
    return torch_backend(model, CONFIG, short_rows)


@pytest.mark.parametrize("make_backend", [fused, gathering])
@given(data=st.data())
def test_any_mix_of_prefill_and_denoise_rows_gives_what_dense_attention_gives(
    make_backend: Callable[[BlockDiffusionModel], Backend], data: st.DataObject
) -> None:
    model = small_model()
    backend = make_backend(model)
    dense = DenseRunner(model)
    order = np.random.default_rng(data.draw(st.integers(0, 99))).permutation(60).tolist()
    rows = [make_row(i, data.draw(st.integers(1, 9)), order[20 * i : 20 * i + 10]) for i in range(3)]
    rows[0].wants_next_logits = rows[1].wants_next_logits = True
    rows[1].provisional_tokens = 1
    for _ in range(4):
        works: list[ScheduledRow] = []
        for current in rows:
            stop = min(80, current.encoded + data.draw(st.sampled_from([0, 0, 1, 5, 30])))
            decode = stop > 0 and data.draw(st.booleans())
            if decode or stop > current.encoded:
                works.append(ScheduledRow(current, current.encoded, stop, decode))
        if not works:
            continue
        soft = draw_soft(data, works)
        forward = run(backend, works)
        expected, ahead = dense_logits(dense, works, soft)
        torch.testing.assert_close(forward.logits, expected, atol=2e-4, rtol=1e-4)
        torch.testing.assert_close(forward.next_logits, ahead, atol=2e-4, rtol=1e-4)
        assert all(forward.finite)
        for work in works:
            work.row.encoded = work.stop


def wanting(row: Row) -> Row:
    """The row, made to ask for the logits of its next token."""
    row.wants_next_logits = True
    return row


def run(backend: Backend, works: list[ScheduledRow]) -> Forward:
    parts = backend.forward(Batch(tuple(works))).map(lambda _, forward: forward)
    return Forward(
        torch.cat([part.logits for part in parts]),
        torch.cat([part.next_logits for part in parts]),
        [finite for part in parts for finite in part.finite],
    )


def draw_soft(data: st.DataObject, works: list[ScheduledRow]) -> dict[int, Tensor]:
    """Give some canvases self-conditioning; returns it for all of them, zeros for the others."""
    hidden = small_model().config.hidden_size
    soft: dict[int, Tensor] = {}
    for index, work in enumerate(works):
        canvas = work.row.canvas
        if work.decode and canvas is not None:
            canvas.soft = torch.randn(work.canvas_tokens, hidden) if data.draw(st.booleans()) else None
            soft[index] = torch.zeros(work.canvas_tokens, hidden) if canvas.soft is None else canvas.soft
    return soft


def dense_logits(
    dense: DenseRunner, works: list[ScheduledRow], soft: dict[int, Tensor]
) -> tuple[Tensor, Tensor]:
    """Encode row by row, then denoise row by row; logits of the canvases, and of what is read of the encoded."""
    nothing = torch.empty(0, VOCABULARY)
    parts: list[Tensor] = [nothing]
    ahead: list[Tensor] = [nothing]
    with torch.inference_mode():
        for index, work in enumerate(works):
            name = work.row.request.id
            if work.stop > work.start:
                encoded = dense.encode({name: work.row.tokens[work.start : work.stop]})[name]
                ahead.append(encoded[len(encoded) - work.logit_positions :])
            if work.decode and work.row.canvas is not None:
                tokens = work.row.canvas.tokens.tolist()
                parts.append(dense.denoise({name: tokens}, {name: soft[index]})[name])
    return torch.cat(parts), torch.cat(ahead)


@given(data=st.data())
def test_a_draft_that_does_not_stand_leaves_nothing_in_a_rows_panels(data: st.DataObject) -> None:
    model = small_model()
    rows = [make_row(0, 4, list(range(20))) for _ in range(2)]
    backends = [fused(model), gathering(model)]
    changes = np.random.default_rng(data.draw(st.integers(0, 99)))
    for _ in range(data.draw(st.integers(1, 3))):
        drafted, kept = data.draw(st.integers(1, 12)), data.draw(st.integers(0, 12))
        draft = changes.integers(0, VOCABULARY, drafted).tolist()
        correction = changes.integers(0, VOCABULARY, 1).tolist()
        canvas = Canvas(changes.integers(0, VOCABULARY, 4))
        found: list[list[Tensor]] = []
        for row, backend in zip(rows, backends, strict=True):
            row.tokens += draft
            row.provisional_tokens = drafted
            row.wants_next_logits = True
            read = run(backend, [ScheduledRow(row, row.encoded, len(row.tokens), decode=False)])
            row.tokens = row.tokens[: row.final_tokens + min(kept, drafted)] + correction
            row.encoded = len(row.tokens) - 1
            row.provisional_tokens, row.canvas = 0, canvas
            denoised = run(backend, [ScheduledRow(row, row.encoded, len(row.tokens), decode=True)])
            row.encoded = len(row.tokens)
            found.append([read.next_logits, denoised.next_logits, denoised.logits])
        for ours, expected in zip(*found, strict=True):
            torch.testing.assert_close(ours, expected, atol=2e-4, rtol=1e-4)


@pytest.mark.parametrize("way", ["fused", "paged", "padded"])
@given(rows=st.lists(st.tuples(st.integers(1, 60), st.integers(1, FEW)), min_size=1, max_size=5))
def test_a_few_tokens_of_many_rows_give_what_dense_attention_gives(
    way: str, rows: list[tuple[int, int]]
) -> None:
    model = small_model("autoregressive")
    short_rows = PaddedTokens if way == "padded" else PagedTokens
    backend = fused(model) if way == "fused" else gathering(model, short_rows)
    made = [wanting(make_row(i, 0, list(range(20 * i, 20 * i + 10)))) for i in range(len(rows))]
    works = [ScheduledRow(row, 0, prompt, decode=True) for row, (prompt, _) in zip(made, rows, strict=True)]
    dense = DenseRunner(model)
    for _ in range(2):
        forward = run(backend, works)
        with torch.inference_mode():
            expected = [
                dense.encode({w.row.request.id: w.row.tokens[w.start : w.stop]})[w.row.request.id][-1]
                for w in works
            ]
        torch.testing.assert_close(forward.next_logits, torch.stack(expected), atol=2e-4, rtol=1e-4)
        more = [1 if way == "padded" else count for _, count in rows]
        works = [
            ScheduledRow(w.row, w.stop, w.stop + n, decode=True) for w, n in zip(works, more, strict=True)
        ]
