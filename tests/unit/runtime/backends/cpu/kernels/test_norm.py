"""Heads split off, normed and turned, against the model's own functions."""

from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from agentfast.runtime.backends.cpu.kernels.norm import split_heads
from agentfast.runtime.jit.simd import FEWEST_PAIRS
from agentfast.runtime.model.norm_rope import apply_rope, rms_norm

EPS = 1e-6
QUERIES, PAIRS = 4, 2


@given(st.integers(1, 9), st.integers(FEWEST_PAIRS, 33), st.booleans(), st.integers(0, 7), st.integers(0, 99))
@settings(max_examples=40)
def test_heads_are_normed_and_turned_as_the_model_does_it(
    tokens: int, half: int, shared: bool, spare: int, seed: int
) -> None:
    size, generator = 2 * half, torch.Generator().manual_seed(seed)
    heads = torch.randn(tokens, QUERIES + (1 if shared else 2) * PAIRS, size, generator=generator)
    q_weight, k_weight = (torch.randn(size, generator=generator) for _ in range(2))
    angles = torch.randn(tokens, 1, half, generator=generator)
    cos, sin = angles.cos(), angles.sin()
    joined = torch.cat((heads.flatten(1), torch.full((tokens, spare), torch.nan)), dim=1)
    q, k, v = (np.full((tokens, n, size), np.nan, np.float32) for n in (QUERIES, PAIRS, PAIRS))
    ropes = cos[:, 0].numpy(), sin[:, 0].numpy()
    weights = q_weight.numpy(), k_weight.numpy()
    split_heads(joined.numpy(), *weights, *ropes, np.float32(EPS), shared, q, k, v)
    keys = heads[:, QUERIES : QUERIES + PAIRS]
    values = keys if shared else heads[:, QUERIES + PAIRS :]
    for found, expected in (
        (q, apply_rope(rms_norm(heads[:, :QUERIES], q_weight, EPS), cos, sin)),
        (k, apply_rope(rms_norm(keys, k_weight, EPS), cos, sin)),
        (v, rms_norm(values, None, EPS)),
    ):
        torch.testing.assert_close(torch.from_numpy(found), expected, atol=1e-5, rtol=1e-5)
