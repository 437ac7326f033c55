"""The kernels' products and powers against torch's."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agentfast.runtime.backends.cpu.kernels.barrier import side_by_side, token_slices
from agentfast.runtime.backends.cpu.kernels.embedding import to_logits
from agentfast.runtime.backends.cpu.kernels.layer import gated
from agentfast.runtime.backends.cpu.kernels.matmul import Floats, in_panels, multiply, narrow_tile, padded
from agentfast.runtime.backends.cpu.threads import ShardPool
from agentfast.runtime.jit.kernel import loose_kernel
from agentfast.runtime.jit.simd import NARROWEST, ROWS, WIDTH
from agentfast.runtime.jit.simd_math import exponential


@given(st.integers(1, 40), st.integers(1, 70), st.integers(1, 130), st.integers(0, 9))
def test_a_product_of_any_shape_is_torchs(rows: int, depth: int, columns: int, spare: int) -> None:
    generator = torch.Generator().manual_seed(rows * depth + columns)
    weight = torch.randn(columns, depth, generator=generator)
    a = torch.randn(rows + spare, depth, generator=generator)
    out = np.full((rows + spare, padded(columns)), np.nan, np.float32)
    multiply(a.numpy(), rows, in_panels(weight), out)
    expected = (a[:rows].double() @ weight.T.double()).float()
    torch.testing.assert_close(torch.from_numpy(out[:rows, :columns]), expected, atol=1e-4, rtol=1e-4)
    assert not out[:rows, columns:].any()  # filled up with zeros
    assert np.isnan(out[rows:]).all()  # and not a number more than asked for


@pytest.mark.parametrize("columns", range(NARROWEST, WIDTH, NARROWEST))
def test_a_narrow_tile_is_torchs_product(columns: int) -> None:
    a, b = torch.randn(ROWS, 37), torch.randn(30, columns)
    out = torch.empty(ROWS, columns + 5)
    narrow_tile(columns, a.numpy(), 7, 37, b.numpy(), 0, 30, out.numpy(), 0, columns + 5)
    torch.testing.assert_close(out[:, :columns], a[:, 7:] @ b, atol=1e-4, rtol=1e-4)


def test_a_number_that_is_not_finite_stays_in_its_row_of_a_product() -> None:
    a = np.ones((11, 5), np.float32)
    a[4, 2] = np.nan
    out = np.empty((11, padded(3)), np.float32)
    multiply(a, 11, in_panels(torch.ones(3, 5)), out)
    assert np.isfinite(out).all(axis=1).tolist() == [row != 4 for row in range(11)]


@loose_kernel
def powers(x: Floats, out: Floats) -> None:
    for i in range(len(x)):
        out[i] = exponential(x[i])


def test_powers_are_right_to_a_few_units_in_the_last_place_and_end_where_floats_do() -> None:
    x = np.concatenate([np.linspace(-87, 88, 200_001), np.linspace(-1e-3, 1e-3, 101)]).astype(np.float32)
    out = np.empty_like(x)
    powers(x, out)
    np.testing.assert_allclose(out, np.exp(x.astype(np.float64)), rtol=4e-7)
    ends = np.array([-np.inf, -100, 100, np.inf, 0, np.nan] * 4, np.float32)
    powers(ends, out)
    np.testing.assert_allclose(out[:24], np.exp([-87, -87, 88, 88, 0, np.nan] * 4), rtol=4e-7)


def test_the_gate_is_gelu_and_keeps_what_is_not_finite() -> None:
    gate_up = torch.randn(9, 64) * 4
    gate_up[3, 5] = torch.inf
    gate_up[5, 6] = torch.nan
    gate_up[7, 7] = -torch.inf
    out = np.empty((9, 30), np.float32)
    gated(gate_up.numpy(), 9, out)
    expected = torch.nn.functional.gelu(gate_up[:, :30], approximate="tanh") * gate_up[:, 30:60]
    finite = expected.isfinite()
    torch.testing.assert_close(torch.from_numpy(out)[finite], expected[finite], atol=1e-5, rtol=1e-5)
    assert not np.isfinite(out[~finite.numpy()]).any()


@pytest.mark.parametrize("cap", [0.0, 30.0])
@given(st.integers(1, 70), st.integers(0, 90), st.integers(2, 200), st.integers(1, 4))
def test_logits_are_capped_softly(
    cap: float, positions: int, wanted: int, vocabulary: int, most: int
) -> None:
    generator = torch.Generator().manual_seed(positions)
    hidden, table = (torch.randn(n, 20, generator=generator) * 8 for n in (positions, vocabulary))
    lines = torch.randint(0, positions, (wanted,), generator=generator)
    logits = np.empty((wanted, vocabulary), np.float32)
    given = lines.numpy(), hidden.numpy(), in_panels(table), np.float32(cap), logits
    pool = ShardPool(most)
    side_by_side(lambda part: to_logits(part, *given), token_slices(positions, most), pool)
    pool.close()
    plain = hidden[lines] @ table.T
    expected = torch.tanh(plain / cap) * cap if cap else plain
    torch.testing.assert_close(torch.from_numpy(logits), expected, atol=1e-4, rtol=1e-5)
