"""Batches of posteriors: rows with and without grammars side by side, and the memory of their marginals."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agentfast.errors import GrammarError
from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar import Grammar, TokenGrammar
from agentfast.runtime.posterior.base import CanvasPosterior, CanvasRow
from agentfast.runtime.posterior.constrained import ConstrainedPosterior
from agentfast.runtime.posterior.device_ops import DeviceOps
from agentfast.runtime.posterior.exact import ExactPosterior, canvas_posterior

VOCABULARY = Vocabulary.byte_level(special=("<eos>",))
CANVAS = 4


@cache
def letters() -> TokenGrammar:
    return Grammar.from_regex("[a-f]{1,9}").compile(VOCABULARY, "")


def row(seed: int, *, free: bool, length: int = CANVAS, sampled: bool = True) -> CanvasRow:
    random = np.random.default_rng(seed)
    logits = torch.from_numpy(random.normal(size=(length, VOCABULARY.size)).astype(np.float32) * 4)
    uniforms = random.random(length) if sampled else None
    return CanvasRow(logits, None if free else letters(), 0, 20, uniforms, 0.7)


rows = st.lists(
    st.builds(row, st.integers(0, 999), free=st.booleans(), length=st.integers(1, 6), sampled=st.booleans()),
    min_size=1,
    max_size=6,
)


@given(rows)
def test_a_row_has_the_posterior_that_it_has_alone(batch: list[CanvasRow]) -> None:
    for result, given_row in zip(canvas_posterior(batch), batch, strict=True):
        [alone] = canvas_posterior([given_row])
        assert isinstance(result, CanvasPosterior)
        assert isinstance(alone, CanvasPosterior)
        assert result.best.tolist() == alone.best.tolist()
        assert result.sample.tolist() == alone.sample.tolist()
        assert result.entropy.tolist() == alone.entropy.tolist()
        assert (result.length, result.end_state) == (alone.length, alone.end_state)


@given(rows)
def test_a_row_without_a_grammar_is_a_softmax_at_each_position(batch: list[CanvasRow]) -> None:
    for result, given_row in zip(canvas_posterior(batch), batch, strict=True):
        if given_row.grammar is None:
            assert isinstance(result, CanvasPosterior)
            p = torch.softmax(given_row.logits.double() / given_row.temperature, dim=-1)
            assert result.best.tolist() == given_row.logits.argmax(dim=-1).tolist()
            np.testing.assert_allclose(result.entropy, -(p * p.log()).sum(dim=-1), atol=1e-4)
            assert result.length == len(given_row.logits)
            if given_row.uniforms is None:
                assert result.sample.tolist() == result.best.tolist()


@given(rows, st.data())
def test_marginals_are_each_rows_own_in_as_few_tensors_as_lie_together(
    batch: list[CanvasRow], data: st.DataObject
) -> None:
    wanted = [
        (index, data.draw(st.integers(1, len(batch[index].logits))))
        for index in range(len(batch))
        if data.draw(st.booleans())
    ]
    found = canvas_posterior(batch).marginals(wanted)
    gaps = sum(
        after != before + 1 or count < len(batch[before].logits)
        for (before, count), (after, _) in zip(wanted, wanted[1:], strict=False)
    )
    assert len(found) == gaps + bool(wanted)
    position = 0
    joined = torch.cat(found) if found else torch.empty(0, VOCABULARY.size)
    joined = joined.clone()
    for index, count in wanted:
        [alone] = canvas_posterior([batch[index]])
        if isinstance(alone, ConstrainedPosterior):
            expected = alone.marginals(batch[index].logits)
        else:
            expected = torch.softmax(batch[index].logits / batch[index].temperature, dim=-1)
        torch.testing.assert_close(
            joined[position : position + count], expected[:count], atol=1e-5, rtol=1e-4
        )
        position += count
    assert position == len(joined)


@given(rows)
def test_torch_operations_give_the_posterior_of_the_kernels(batch: list[CanvasRow]) -> None:
    portable = ExactPosterior(DeviceOps(torch.device("cpu")))(batch)
    for ours, expected in zip(portable, canvas_posterior(batch), strict=True):
        assert isinstance(ours, CanvasPosterior)
        assert isinstance(expected, CanvasPosterior)
        assert ours.best.tolist() == expected.best.tolist()
        np.testing.assert_allclose(ours.entropy, expected.entropy, atol=1e-4)
    every = [(index, len(given_row.logits)) for index, given_row in enumerate(batch)]
    [found] = portable.marginals(every)
    [expected_marginals] = canvas_posterior(batch).marginals(every)
    torch.testing.assert_close(found, expected_marginals, atol=1e-5, rtol=1e-3)


def test_a_row_that_cannot_be_met_has_its_error_and_the_others_their_posteriors() -> None:
    broken = CanvasRow(torch.full((CANVAS, VOCABULARY.size), float("nan")), letters(), 0, 20)
    results = canvas_posterior([row(1, free=True), broken, row(2, free=False)])
    assert [isinstance(result, GrammarError) for result in results] == [False, True, False]
    assert isinstance(results[-1], ConstrainedPosterior)
    assert len(results[1:]) == 2
    with pytest.raises(IndexError):
        results[3]
