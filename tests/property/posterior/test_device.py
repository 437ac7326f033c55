"""Triton's kernels, in its interpreter, against the compiled kernels of the CPU."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from agentfast.errors import GrammarError
from agentfast.runtime.posterior.base import CanvasRow
from agentfast.runtime.posterior.constrained import ConstrainedPosterior
from agentfast.runtime.posterior.device.ops import DevicePosterior, TritonOps
from agentfast.runtime.posterior.exact import ExactPosterior, canvas_posterior
from tests.property.posterior.test_posterior import problems as letter_problems
from tests.property.posterior.test_posterior_counters import problems as counter_problems
from tests.support.enumeration import Floats

pytest.importorskip("triton")
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning:triton")  # numpy's, of -inf less -inf
DEVICE = TritonOps(torch.device("cpu"))


@st.composite
def canvas_rows(draw: st.DrawFn) -> CanvasRow:
    """A row of any grammar, counters included, with logits of any scale, ties or -inf, and a budget from its minimum on."""
    if draw(st.booleans()):
        _, grammar, logits = draw(counter_problems(st.integers(1, 4)))
        budget = grammar.min_tokens(grammar.start) + draw(st.integers(0, 4))
    else:
        grammar, logits, budget = draw(letter_problems())
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    if draw(st.booleans()):
        logits = np.round(logits)
    uniforms = random.random(len(logits)) if draw(st.booleans()) else None
    temperature = draw(st.sampled_from([0.3, 1.0, 1.7]))
    return CanvasRow(torch.from_numpy(logits), grammar, grammar.start, budget, uniforms, temperature)


def agrees(row: CanvasRow, found: object, expected: object) -> None:
    """Assert that a row's posterior on the device is the one on the CPU."""
    if isinstance(expected, GrammarError):
        assert type(found) is type(expected)
        assert str(found) == str(expected)
        return
    assert isinstance(expected, ConstrainedPosterior)
    assert isinstance(found, DevicePosterior)
    assert found.best.tolist() == expected.best.tolist()
    assert found.sample.tolist() == expected.sample.tolist()
    assert (found.length, found.end_state) == (expected.length, expected.end_state)
    assert found.log_z == pytest.approx(expected.log_z, rel=1e-5, abs=1e-5)
    np.testing.assert_allclose(found.entropy, expected.entropy, atol=1e-3, rtol=1e-3)
    marginals: Floats = expected.marginals(row.logits).numpy()
    np.testing.assert_allclose(found.marginals(row.logits).numpy(), marginals, atol=1e-4, rtol=2e-3)


def agree(rows: Sequence[CanvasRow]) -> None:
    """Assert it of a batch of one vocabulary."""
    for row, found, expected in zip(rows, ExactPosterior(DEVICE)(rows), canvas_posterior(rows), strict=True):
        agrees(row, found, expected)


@settings(max_examples=12)
@given(canvas_rows())
def test_a_row_has_the_posterior_on_the_device_that_it_has_on_the_cpu(row: CanvasRow) -> None:
    agree([row])


@pytest.mark.slow
@settings(max_examples=500)
@given(canvas_rows())
def test_five_hundred_rows_have_the_posteriors_that_they_have_on_the_cpu(row: CanvasRow) -> None:
    agree([row])


def rows_of_several_grammars() -> list[CanvasRow]:
    from tests.unit.runtime.posterior.test_exact import VOCABULARY, row

    broken = torch.zeros(3, VOCABULARY.size)
    broken[1, ord("b")] = torch.nan
    bound = row(1, free=False)
    rows = [row(seed, free=seed == 1, length=1 + seed) for seed in range(3)]
    ruled_out = torch.full((3, VOCABULARY.size), -torch.inf)
    ruled_out[:, ord("z")] = 0.0
    return [
        *rows,
        CanvasRow(broken, bound.grammar, 0, 20),
        CanvasRow(ruled_out, bound.grammar, 0, 20),
        CanvasRow(broken, bound.grammar, 0, 1),
    ]


def test_rows_of_a_batch_fail_alone_and_the_others_have_their_posteriors() -> None:
    rows = rows_of_several_grammars()
    found = ExactPosterior(DEVICE)(rows)
    expected = canvas_posterior(rows)
    assert [
        type(result) is type(other) or isinstance(result, DevicePosterior)
        for result, other in zip(found, expected, strict=True)
    ] == [True] * len(rows)
    for index in (0, 2, 3, 4, 5):
        agrees(rows[index], found[index], expected[index])
