"""RMS norm and rope with gradients of their own: memory-bound on a CPU, so in few passes over memory."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor

_linalg = cast("Any", torch.linalg)  # it has no types


def rms_norm(x: Tensor, weight: Tensor | None, eps: float) -> Tensor:
    """x [*S, D] fp32 over the root of its mean square, times `weight` [D] if any -> [*S, D]."""
    return cast("Tensor", _RMSNorm.apply(x, weight, eps))  # type: ignore[no-untyped-call]


def apply_rope(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """x [*S, H, D]; cos, sin [*S, 1, D/2]. Rotates the two halves of x (RoFormer, arXiv 2104.09864)."""
    return cast("Tensor", _Rope.apply(x, cos, sin))  # type: ignore[no-untyped-call]


class _RMSNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor | None, eps: float) -> Tensor:
        square: Tensor = _linalg.vector_norm(x, dim=-1, keepdim=True).square_()
        inverse = square.div_(x.shape[-1]).add_(eps).rsqrt_()  # [*S, 1]
        ctx.save_for_backward(x, inverse, weight)
        out = x * inverse
        return out if weight is None else out.mul_(weight)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor | None, None]:
        # With n = x / rms and g the gradient at n: (g - n mean(g n)) / rms.
        (grad,) = grads
        x, inverse, weight = ctx.saved_tensors
        normed = x * inverse
        product = (grad * normed).reshape(-1, x.shape[-1])  # [N, D]
        if weight is None:
            grad_weight, mean, grad = None, product.mean(-1), grad.clone()
        else:
            grad_weight, mean, grad = product.sum(0), (product @ weight) / x.shape[-1], grad * weight
        return grad.sub_(normed.mul_(mean.view_as(inverse))).mul_(inverse), grad_weight, None


class _Rope(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        ctx.save_for_backward(cos, sin)
        return _rotate(x, cos, sin, 1)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        (grad,) = grads
        cos, sin = ctx.saved_tensors
        return _rotate(grad, cos, sin, -1), None, None


def _rotate(x: Tensor, cos: Tensor, sin: Tensor, direction: int) -> Tensor:
    first, second = x.chunk(2, dim=-1)
    out = torch.empty_like(x, memory_format=torch.contiguous_format)
    left, right = out.chunk(2, dim=-1)
    torch.mul(first, cos, out=left).addcmul_(second, sin, value=-direction)
    torch.mul(second, cos, out=right).addcmul_(first, sin, value=direction)
    return out
