"""RMS norm and rope equal their definitions, and their gradients what autograd makes of the definitions."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from agentfast.runtime.model.norm_rope import apply_rope, rms_norm


def _values_and_gradients(function: Callable[[list[Tensor]], Tensor], *inputs: Tensor) -> list[Tensor]:
    leaves = [x.clone().requires_grad_() for x in inputs]
    out = function(leaves)
    weights = torch.linspace(-1, 2, out.numel(), dtype=out.dtype).view_as(out)
    return [out, *torch.autograd.grad((out * weights).sum(), leaves)]


def _random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("shape", [(6,), (5, 6), (2, 5, 6), (2, 5, 3, 6)])
@pytest.mark.parametrize("eps", [1e-6, 0.5])
def test_rms_norm_with_a_weight_equals_torch(shape: tuple[int, ...], eps: float) -> None:
    x, weight = _random(*shape), _random(6, seed=1)
    ours = _values_and_gradients(lambda given: rms_norm(given[0], given[1], eps), x, weight)
    theirs = _values_and_gradients(lambda given: F.rms_norm(given[0], (6,), given[1], eps), x, weight)
    torch.testing.assert_close(ours, theirs)


def test_rms_norm_without_a_weight_equals_torch() -> None:
    x = _random(2, 5, 6)
    ours = _values_and_gradients(lambda given: rms_norm(given[0], None, 1e-6), x)
    theirs = _values_and_gradients(lambda given: F.rms_norm(given[0], (6,), None, 1e-6), x)
    torch.testing.assert_close(ours, theirs)


def test_the_norm_of_zeros_is_zero_and_its_gradient_finite() -> None:
    out, gradient = _values_and_gradients(lambda given: rms_norm(given[0], None, 1e-6), torch.zeros(3, 4))
    assert out.eq(0).all()
    assert gradient.isfinite().all()


def _rope_as_defined(x: Tensor, angles: Tensor) -> Tensor:
    """Each pair (x[i], x[i + D/2]) is a complex number that turns by angle i."""
    first, second = x.chunk(2, dim=-1)
    turned = torch.complex(first, second) * torch.polar(torch.ones_like(angles), angles)
    return torch.cat((turned.real, turned.imag), dim=-1)


@pytest.mark.parametrize("leading", [(7,), (2, 7)])
def test_rope_turns_each_pair_by_its_angle(leading: tuple[int, ...]) -> None:
    x, angles = _random(*leading, 3, 8), _random(*leading, 1, 4, seed=1)
    ours = _values_and_gradients(lambda given: apply_rope(given[0], angles.cos(), angles.sin()), x)
    theirs = _values_and_gradients(lambda given: _rope_as_defined(given[0], angles), x)
    torch.testing.assert_close(ours, theirs)


def test_rope_takes_inputs_that_are_not_contiguous() -> None:
    x, angles = _random(3, 7, 8).transpose(0, 1), _random(7, 1, 4, seed=1)
    torch.testing.assert_close(apply_rope(x, angles.cos(), angles.sin()), _rope_as_defined(x, angles))
