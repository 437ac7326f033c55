"""The fused pass against the model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from agentfast.runtime.backends.cpu.backend import CpuBackend
from agentfast.runtime.backends.cpu.fused_model import FusedModel
from agentfast.runtime.backends.cpu.kernels.batch_attention import Rows
from agentfast.runtime.backends.cpu.row_kv import RowKV
from agentfast.runtime.backends.cpu.threads import ShardPool
from agentfast.runtime.backends.registry import backend_for
from agentfast.runtime.backends.torch.backend import TorchBackend
from agentfast.runtime.core.config import EngineConfig
from agentfast.runtime.jit.simd import FEWEST_PAIRS
from agentfast.runtime.kvcache.store import KVStore
from agentfast.runtime.model.block_diffusion import BlockDiffusionModel
from agentfast.runtime.model.config import Kind
from agentfast.runtime.scheduling.batch import ScheduledRow as Work
from agentfast.runtime.scheduling.batch_layout import spans_of
from tests.support.dense_attention import DenseAttention
from tests.support.engine_kit import VOCABULARY, small_model
from tests.support.rows import make_row


@pytest.mark.parametrize("kind", ["diffusion", "autoregressive"])
@given(st.integers(1, 70), st.integers(0, 9), st.integers(0, 1000))
@settings(max_examples=15)
def test_it_gives_what_the_model_gives(kind: Kind, encode: int, canvas: int, seed: int) -> None:
    model = small_model(kind)
    canvas = canvas if kind == "diffusion" else 0
    generator = torch.Generator().manual_seed(seed)
    total = encode + canvas
    tokens = torch.randint(0, VOCABULARY, (total,), generator=generator)
    denoise = torch.arange(total) >= encode
    soft = torch.randn(canvas, model.config.hidden_size, generator=generator) if canvas and seed % 2 else None
    attention = DenseAttention(
        model.config, torch.zeros(total, dtype=torch.long), torch.arange(total), denoise
    )
    mask = denoise if canvas else False
    fused = FusedModel(model)
    with torch.inference_mode():
        expected = model(tokens, torch.arange(total), attention, denoise=mask, soft=soft)
        given = reads(model, (encode, canvas))
        found, _ = fused(tokens, torch.arange(total), *given, denoise=mask, soft=soft)
        torch.testing.assert_close(found, expected, atol=2e-5, rtol=2e-5)
        torch.testing.assert_close(fused.logits(found), model.logits(found), atol=1e-5, rtol=1e-5)


def reads(model: BlockDiffusionModel, *rows: tuple[int, int]) -> tuple[RowKV, Rows]:
    """Rows that encode so many tokens and denoise a canvas of so many after them."""
    store = KVStore(model.config, 80, 4, torch.float32, torch.device("cpu"))
    panels = RowKV(model, store)
    works = [
        Work(make_row(i, canvas, [*range(20 * i, 20 * i + 20)]), 0, encode, decode=canvas > 0)
        for i, (encode, canvas) in enumerate(rows)
    ]
    return panels, panels.rows(works, spans_of(works))


@given(st.integers(1, 70), st.integers(0, 9), st.data())
@settings(max_examples=15)
def test_what_is_read_is_the_same_when_nothing_else_is(encode: int, canvas: int, data: st.DataObject) -> None:
    model = small_model()
    total = encode + canvas
    read = torch.tensor(sorted(data.draw(st.sets(st.integers(0, total - 1)))), dtype=torch.long)
    tokens, positions = torch.arange(total) % VOCABULARY, torch.arange(total)
    mask = positions >= encode if canvas else False
    hidden: list[Tensor] = []
    for lines in (None, read):
        given = reads(model, (encode, canvas))
        found, _ = FusedModel(model)(tokens, positions, *given, denoise=mask, soft=None, read=lines)
        assert torch.isfinite(found).all()
        hidden.append(found[read])
    torch.testing.assert_close(hidden[1], hidden[0], atol=2e-5, rtol=2e-5)


ROWS = st.lists(st.tuples(st.integers(0, 40), st.sampled_from([0, 5, 16])), min_size=1, max_size=4)


@given(ROWS.filter(lambda rows: all(map(any, rows))), st.integers(2, 4), st.data())
@settings(max_examples=30, deadline=None)
def test_threads_that_share_a_pass_give_what_one_gives(
    rows: list[tuple[int, int]], most: int, data: st.DataObject
) -> None:
    model = small_model()
    encodes, total = sum(encode for encode, _ in rows), sum(map(sum, rows))
    positions = [torch.arange(encode) for encode, _ in rows]
    positions += [torch.arange(encode, encode + canvas) for encode, canvas in rows]
    mask = torch.arange(total) >= encodes
    soft = torch.randn(total - encodes, model.config.hidden_size)
    places = sorted(data.draw(st.sets(st.integers(0, total - 1))))
    read = torch.tensor(places, dtype=torch.long)
    wanted = np.array(data.draw(st.lists(st.sampled_from(places))) if places else [], np.int64)
    pool = ShardPool(most)
    fused = FusedModel(model)
    hidden: list[Tensor] = []
    for threads, lines in ((None, None), (pool, wanted)):
        found, logits = fused(
            torch.arange(total) % VOCABULARY,
            torch.cat(positions),
            *reads(model, *rows),
            denoise=mask,
            soft=soft,
            read=read,
            pool=threads,
            wanted=lines,
        )
        hidden.append(found.clone())
        assert (logits is None) == (lines is None)
    pool.close()
    torch.testing.assert_close(hidden[1][read], hidden[0][read], atol=2e-5, rtol=2e-5)
    torch.testing.assert_close(logits, model.logits(hidden[1][wanted]).detach(), atol=1e-5, rtol=1e-5)


def test_a_number_that_is_not_finite_stays_in_its_row() -> None:
    model = small_model()
    soft = torch.zeros(3, model.config.hidden_size)
    soft[1] = torch.nan
    hidden, _ = FusedModel(model)(
        torch.tensor([1, 2, 3]),
        torch.zeros(3, dtype=torch.long),
        *reads(model, (0, 1), (0, 1), (0, 1)),
        denoise=torch.ones(3, dtype=torch.bool),
        soft=soft,
    )
    assert torch.isfinite(hidden).all(dim=-1).tolist() == [True, False, True]


def test_it_leaves_the_models_weights_as_they_were() -> None:
    model = small_model()
    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    FusedModel(model)
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, before[name])


@given(st.integers(1, 70), st.integers(0, 1000))
@settings(max_examples=10)
def test_soft_embeddings_are_those_of_the_model(positions: int, seed: int) -> None:
    model = small_model()
    logits = torch.randn(positions, VOCABULARY, generator=torch.Generator().manual_seed(seed))
    with torch.inference_mode():
        expected = model.soft_embeddings(logits.softmax(-1))
        torch.testing.assert_close(FusedModel(model).soft_embeddings(logits.softmax(-1)), expected)


def test_other_types_of_numbers_large_models_and_tiny_heads_use_the_model_itself() -> None:
    assert isinstance(backend_for(small_model(), EngineConfig()), CpuBackend)
    with torch.device("meta"):
        large = type(small_model())(replace(small_model().config, hidden_size=1024))
    assert isinstance(backend_for(large, EngineConfig()), TorchBackend)
    half = type(small_model())(small_model().config).half()
    assert isinstance(backend_for(half, EngineConfig()), TorchBackend)
    heads = replace(small_model().config.sliding, head_dim=2 * FEWEST_PAIRS - 2)
    tiny = type(small_model())(replace(small_model().config, sliding=heads))
    assert isinstance(backend_for(tiny, EngineConfig()), TorchBackend)
