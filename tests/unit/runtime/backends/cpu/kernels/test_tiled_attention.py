"""Attention over panels against torch's."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from agentfast.runtime.backends.cpu.kernels.tiled_attention import (
    MOST_SCORE,
    Floats,
    attend,
    columns_of,
    key_floats,
    place,
)


def panels(keys: torch.Tensor, values: torch.Tensor, capacity: int) -> tuple[Floats, Floats]:
    length, heads, size = keys.shape
    key_panels = np.full(heads * key_floats(capacity, size), np.nan, np.float32)
    value_panels = np.full(heads * capacity * columns_of(size), np.nan, np.float32)
    half = length // 2
    for part, first in ((slice(0, half), 0), (slice(half, length), half)):
        slots = np.arange(length)[part]
        place(keys.numpy(), values.numpy(), slots, first, capacity, key_panels, value_panels)
    return key_panels, value_panels


@given(
    st.integers(1, 20),
    st.integers(1, 100),
    st.integers(0, 40),
    st.sampled_from([2, 20, 40, 50, 66]),
    st.booleans(),
    st.integers(0, 99),
)
@settings(max_examples=30)
def test_each_token_attends_over_its_own_positions(
    tokens: int, length: int, spare: int, size: int, bounded: bool, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    q = torch.randn(tokens, 4, size, generator=generator)
    keys, values = (torch.randn(length, 2, size, generator=generator) for _ in range(2))
    if bounded:
        q, keys = MOST_SCORE * F.normalize(q, dim=-1), F.normalize(keys, dim=-1)
    rng = np.random.default_rng(seed)
    low = rng.integers(0, length, tokens)
    high = rng.integers(low + 1, length + 1)
    out = torch.empty_like(q)
    made = panels(keys, values, length + spare)
    attend(q.numpy(), 2, low, high, length + spare, *made, bounded, out.numpy())
    positions = torch.arange(length)
    mask = (positions >= torch.from_numpy(low)[:, None]) & (positions < torch.from_numpy(high)[:, None])
    turned = [x.transpose(0, 1)[None] for x in (q, keys, values)]
    expected = F.scaled_dot_product_attention(
        turned[0], turned[1], turned[2], attn_mask=mask, scale=1.0, enable_gqa=True
    )
    torch.testing.assert_close(out, expected[0].transpose(0, 1), atol=1e-5, rtol=1e-5)


def test_a_score_that_is_not_finite_makes_its_token_not_finite_and_no_other() -> None:
    for bad, bounded in ((torch.nan, False), (-torch.nan, False), (torch.inf, False), (torch.nan, True)):
        q, keys = torch.ones(9, 2, 4), torch.ones(50, 1, 4)
        q[3, 1, 0] = bad
        out = torch.empty_like(q)
        low, high = np.zeros(9, np.int64), np.full(9, 50)
        attend(q.numpy(), 1, low, high, 50, *panels(keys, keys, 50), bounded, out.numpy())
        finite = out.isfinite().all(dim=-1)
        assert finite.tolist() == [[True, row != 3] for row in range(9)]
