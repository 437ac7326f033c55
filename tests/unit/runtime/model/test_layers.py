"""The mixture of experts equals its definition, and a batch mixes both modes without mixing them up."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from agentfast.runtime.model.block_diffusion import BlockDiffusionModel
from agentfast.runtime.model.layers import Experts, Router, SelfAttention
from tests.support.tiny_model import tiny_config, tiny_model


def _experts_as_defined(experts: Experts, x: Tensor, weights: Tensor, index: Tensor) -> Tensor:
    """Every token through each of its experts, one after the other."""
    rows: list[Tensor] = []
    for token in range(len(x)):
        row = torch.zeros_like(x[token])
        for weight, expert in zip(weights[token], index[token], strict=True):
            gate, up = (experts.gate_up_proj[expert] @ x[token]).chunk(2)
            row = row + weight * (experts.down_proj[expert] @ (F.gelu(gate, approximate="tanh") * up))
        rows.append(row)
    return torch.stack(rows)


@pytest.mark.parametrize("tokens", [1, 2, 37])
def test_experts_and_their_gradients_equal_the_definition(tokens: int) -> None:
    torch.manual_seed(0)
    config = tiny_config()
    experts, router = Experts(config).double(), Router(config)
    x = torch.randn(tokens, config.hidden_size)
    weights, index = router(x)
    leaves = [x.double().requires_grad_(), experts.gate_up_proj, experts.down_proj]
    results: list[list[Tensor]] = []
    weights = weights.detach().double()
    for out in (
        experts(leaves[0], weights, index),
        _experts_as_defined(experts, leaves[0], weights, index),
    ):
        gradients = torch.autograd.grad(out.square().sum(), leaves, allow_unused=True, materialize_grads=True)
        results.append([out, *gradients])
    torch.testing.assert_close(*results)


def test_experts_take_no_tokens_too() -> None:
    config = tiny_config()
    experts, router = Experts(config), Router(config)
    none = torch.zeros(0, config.hidden_size)
    assert experts(none, *router(none)).shape == none.shape


def test_routing_weights_sum_to_one_before_the_scale_of_each_expert() -> None:
    torch.manual_seed(0)
    router = Router(tiny_config())
    with torch.no_grad():
        router.per_expert_scale.copy_(torch.arange(1.0, 5.0))
        weights, index = router(torch.randn(9, 32))
    torch.testing.assert_close((weights / (1.0 + index)).sum(-1), torch.ones(9))
    assert all(len(set(row)) == 2 for row in index.tolist())


class SeesItself:
    """Attention in which a token sees itself only: with one key, the value."""

    def __call__(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        return v.repeat_interleave(q.shape[-2] // v.shape[-2], dim=-2)


@torch.no_grad()
def test_a_mixed_batch_gives_each_token_what_its_mode_gives() -> None:
    model = tiny_model(rough=True)
    tokens, positions = torch.randint(0, 257, (3, 7)), torch.arange(7).expand(3, 7)
    denoise = torch.rand(3, 7) < 0.5
    soft = torch.randn(int(denoise.sum()), 32)
    everywhere = torch.zeros(21, 32).index_put((denoise.flatten(),), soft)
    mixed = model(tokens, positions, SeesItself(), denoise=denoise, soft=soft)
    encoded = model(tokens, positions, SeesItself())
    denoised = model(tokens, positions, SeesItself(), denoise=True, soft=everywhere)
    assert not torch.allclose(encoded, denoised, atol=1e-2)
    torch.testing.assert_close(mixed, torch.where(denoise[..., None], denoised, encoded))


@torch.no_grad()
def test_no_self_conditioning_is_that_of_zeros() -> None:
    model = tiny_model(rough=True)
    tokens, positions = torch.randint(0, 257, (9,)), torch.arange(9)
    without = model(tokens, positions, SeesItself(), denoise=True)
    zeros = model(tokens, positions, SeesItself(), denoise=True, soft=torch.zeros(9, 32))
    torch.testing.assert_close(without, zeros)


@torch.no_grad()
def test_the_embedding_of_a_certain_token_is_its_soft_embedding() -> None:
    model = tiny_model(rough=True)
    soft = model.soft_embeddings(F.one_hot(torch.tensor([3, 200]), 257).float())
    torch.testing.assert_close(soft, model.embed_tokens.weight[[3, 200]] * 32**0.5)


@torch.no_grad()
def test_logits_stay_below_the_soft_cap() -> None:
    model = tiny_model(rough=True)
    logits = model.logits(1e4 * torch.randn(5, 32))
    assert logits.dtype is torch.float32
    assert logits.abs().max() <= 30


def test_an_autoregressive_model_has_no_denoise_mode() -> None:
    model: BlockDiffusionModel = tiny_model("autoregressive")
    with pytest.raises(ValueError, match="no denoise mode"):
        model(torch.zeros(2, dtype=torch.long), torch.arange(2), SeesItself(), denoise=True)


@pytest.mark.parametrize("layer", [0, 2])
def test_no_score_is_beyond_its_bound(layer: int) -> None:
    torch.manual_seed(layer)
    config = tiny_config()
    module = SelfAttention(config, layer)
    for norm in (module.q_norm, module.k_norm):
        assert norm.weight is not None
        torch.nn.init.normal_(norm.weight, std=3)
    largest = 0.0

    def keep(_: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        nonlocal largest
        keys = k.repeat_interleave(q.shape[1] // k.shape[1], dim=1)
        largest = float(torch.einsum("qhd,khd->hqk", q, keys).detach().abs().max())
        return q

    angles = torch.rand(50, 1, config.attention(layer).head_dim // 2)
    for _ in range(20):
        module(torch.randn(50, config.hidden_size), (angles.cos(), angles.sin()), keep)
        assert 0 < largest <= module.score_bound() * (1 + 1e-5)
