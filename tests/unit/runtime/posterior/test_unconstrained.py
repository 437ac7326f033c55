"""Reading logits: the kernel against torch, torch against the definition."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from agentfast.runtime.posterior.device_ops import DeviceOps
from agentfast.runtime.posterior.host_ops import HostOps
from agentfast.runtime.posterior.unconstrained import invert


@given(st.integers(0, 10_000), st.integers(1, 5), st.integers(2, 700), st.sampled_from([0.1, 3.0, 30.0]))
def test_the_kernel_reads_what_torch_reads(seed: int, rows: int, size: int, spread: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(rows, size, generator=generator) * spread
    rng = np.random.default_rng(seed)
    temperatures = rng.uniform(0.3, 2.0, rows).astype(np.float32)
    uniforms = rng.random(rows)
    fast = HostOps().statistics([logits[:1], logits[1:]], temperatures, uniforms, torch.empty_like(logits))
    plain = DeviceOps(torch.device("cpu")).statistics(
        [logits], temperatures, uniforms, torch.empty_like(logits)
    )
    assert fast.best.tolist() == plain.best.tolist()
    assert fast.entropy == pytest.approx(plain.entropy, abs=2e-5)
    torch.testing.assert_close(fast.probabilities, plain.probabilities, atol=1e-6, rtol=2e-5)
    cumulative = plain.probabilities.double().cumsum(-1).numpy()
    for row in range(rows):
        token = fast.sample[row]
        assert (cumulative[row, token - 1] if token else 0.0) <= uniforms[row] + 1e-5
        assert cumulative[row, token] >= uniforms[row] - 1e-5


def test_of_equal_logits_the_first_is_best() -> None:
    logits = torch.zeros(1, 600)
    logits[0, [300, 500]] = 1.0
    reading = HostOps().statistics([logits], np.ones(1, np.float32), np.zeros(1), torch.empty(1, 600))
    assert reading.best.tolist() == [300]
    assert reading.sample.tolist() == [0]


def test_entropy_of_a_uniform_distribution_is_the_logarithm_of_its_size() -> None:
    logits = torch.zeros(1, 257)
    reading = HostOps().statistics([logits], np.ones(1, np.float32), np.full(1, 0.5), torch.empty(1, 257))
    assert reading.entropy[0] == pytest.approx(math.log(257), abs=1e-5)
    assert reading.sample.tolist() == [128]


def test_inversion_never_gives_a_token_without_probability() -> None:
    p = torch.tensor([[0.0, 0.5, 0.0, 0.5, 0.0]])
    drawn = [
        int(invert(p, torch.tensor([u], dtype=torch.float64))[0]) for u in (0.0, 0.49, 0.5, 0.99, 1.0 - 1e-16)
    ]
    assert drawn == [1, 1, 3, 3, 3]
