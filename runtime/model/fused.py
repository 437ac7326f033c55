"""The model's forward pass for inference in fp32 on a CPU, where the many small steps between products cost most.

The same weights and the same arithmetic as `BlockDiffusionModel`, which stays the reference (and what training and
other devices use); sums may be rounded in another order.
"""

from __future__ import annotations

from itertools import accumulate
from typing import Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from agentfast.runtime.model import fused_kernels as kernels
from agentfast.runtime.model.block_diffusion import BlockDiffusionModel
from agentfast.runtime.model.config import AttentionConfig
from agentfast.runtime.model.layers import Attention, Layer, RMSNorm

Floats = NDArray[np.float32]


class Network(Protocol):
    """What runs a ragged batch; see `BlockDiffusionModel` for the arguments."""

    def __call__(
        self,
        tokens: Tensor,
        positions: Tensor,
        attention: Attention,
        *,
        denoise: Tensor | bool,
        soft: Tensor | None,
    ) -> Tensor: ...

    def logits(self, hidden: Tensor) -> Tensor: ...


def fastest(model: BlockDiffusionModel) -> Network:
    """The fused pass where it applies, else the model itself."""
    weight = model.embed_tokens.weight
    if type(model) is BlockDiffusionModel and weight.device.type == "cpu" and weight.dtype == torch.float32:
        return FusedModel(model)
    return model


class FusedModel:
    """Runs a model's layers. It holds views of the model's weights, and copies of the small ones (norms)."""

    def __init__(self, model: BlockDiffusionModel) -> None:
        self._model = model
        layers = [cast(Layer, layer) for layer in model.layers]
        norms = [layer.input_layernorm for layer in layers] + [model.norm]
        self._first_norm = _weight(norms[0])
        self._layers = [
            FusedLayer(layer, model.config.attention(i), norms[i + 1], i) for i, layer in enumerate(layers)
        ]

    @torch.inference_mode()
    def __call__(
        self,
        tokens: Tensor,
        positions: Tensor,
        attention: Attention,
        *,
        denoise: Tensor | bool,
        soft: Tensor | None,
    ) -> Tensor:
        """tokens, positions [T] -> hidden [T, H]."""
        model = self._model
        x = model.embed(tokens, denoise, soft).contiguous()
        ropes = {
            "sliding": _rope(positions, model.sliding_frequencies),
            "full": _rope(positions, model.full_frequencies),
        }
        mask = denoise if isinstance(denoise, Tensor) else torch.full(tokens.shape, denoise)
        normed = torch.empty_like(x)
        kernels.norm(x.numpy(), self._first_norm, model.config.rms_norm_eps, normed.numpy())
        for kind, layer in zip(model.config.layers, self._layers, strict=True):
            layer(x, normed, ropes[kind], attention, mask.numpy())
        return normed

    @torch.inference_mode()
    def logits(self, hidden: Tensor) -> Tensor:
        """hidden [N, H] -> [N, V]."""
        logits = hidden @ self._model.embed_tokens.weight.T
        cap = self._model.config.logit_softcap
        return logits if cap is None else logits.div_(cap).tanh_().mul_(cap)


class FusedLayer:
    """One layer; x [T, H] is changed in place, and so is `normed` [T, H], its norm for the next one."""

    def __init__(self, layer: Layer, config: AttentionConfig, following: RMSNorm, index: int) -> None:
        attention, router = layer.self_attn, layer.router
        projections = [attention.q_proj, attention.k_proj]
        if attention.v_proj is not None:
            projections.append(attention.v_proj)
        self._index = index
        self._config = config
        self._eps = following.eps
        self._qkv = _join(projections)
        self._output = attention.o_proj.weight
        self._gate_up = _join([layer.mlp.gate_proj, layer.mlp.up_proj])
        self._down = layer.mlp.down_proj.weight
        self._router = router.proj.weight
        self._top_k = router.top_k
        stacked = layer.experts.gate_up_proj.detach(), layer.experts.down_proj.detach()
        self._experts = list(zip(stacked[0].unbind(), stacked[1].unbind(), strict=True))
        self._head_norms = _weight(attention.q_norm), _weight(attention.k_norm)
        self._after_attention = (
            _weight(layer.post_attention_layernorm),
            _weight(layer.pre_feedforward_layernorm),
            _weight(layer.pre_feedforward_layernorm_2),
            _array(router.scale * router.scale.shape[0] ** -0.5),
        )
        self._expert_scale = _array(router.per_expert_scale)
        self._after_experts = (
            _weight(layer.post_feedforward_layernorm_1),
            _weight(layer.post_feedforward_layernorm_2),
            _weight(layer.post_feedforward_layernorm),
        )
        self._scalars = float(layer.encoder_scalar), float(layer.decoder_scalar)
        self._next_norm = _weight(following)

    def __call__(
        self,
        x: Tensor,
        normed: Tensor,
        rope: tuple[Floats, Floats],
        attention: Attention,
        denoise: NDArray[np.bool_],
    ) -> None:
        """rope: cos and sin, [T, D/2]; denoise [T]."""
        mixed = self._attend(normed, rope, attention)
        dense_in, sparse_in, router_in = (torch.empty_like(x) for _ in range(3))
        kernels.after_attention(
            x.numpy(),
            mixed.numpy(),
            *self._after_attention,
            self._eps,
            dense_in.numpy(),
            sparse_in.numpy(),
            router_in.numpy(),
        )
        dense = F.linear(_gated(F.linear(dense_in, self._gate_up)), self._down)
        outputs, weights, place = self._run_experts(sparse_in, F.linear(router_in, self._router))
        kernels.after_experts(
            x.numpy(),
            dense.numpy(),
            outputs.numpy(),
            weights,
            place,
            *self._after_experts,
            denoise,
            *self._scalars,
            self._next_norm,
            self._eps,
            normed.numpy(),
        )

    def _attend(self, normed: Tensor, rope: tuple[Floats, Floats], attention: Attention) -> Tensor:
        joined = F.linear(normed, self._qkv)
        size, pairs = self._config.head_dim, self._config.kv_heads
        heads = self._output.shape[1] // size
        q = normed.new_empty(len(normed), heads, size)
        k, v = normed.new_empty(len(normed), pairs, size), normed.new_empty(len(normed), pairs, size)
        kernels.split_heads(
            joined.numpy(), *self._head_norms, *rope, self._eps, q.numpy(), k.numpy(), v.numpy()
        )
        out = attention(self._index, q, k, v)
        return F.linear(out.reshape(len(normed), -1), self._output)

    def _run_experts(self, x: Tensor, scores: Tensor) -> tuple[Tensor, Floats, NDArray[np.int64]]:
        """The experts' outputs [T * k, H] grouped by expert, and each token's weights and places [T, k] in them."""
        tokens = len(x)
        weights = np.empty((tokens, self._top_k), np.float32)
        chosen = np.empty((tokens, self._top_k), np.int64)
        kernels.choose(scores.numpy(), self._expert_scale, weights, chosen)
        experts = len(self._expert_scale)
        source, counts = np.empty(tokens * self._top_k, np.int64), np.empty(experts, np.int64)
        kernels.group(chosen, source, counts)
        inputs = x.index_select(0, torch.from_numpy(source))
        return self._grouped_experts(inputs, counts.tolist()), weights, chosen

    def _grouped_experts(self, inputs: Tensor, counts: list[int]) -> Tensor:
        """Inputs [T * k, H] grouped by expert -> outputs, likewise."""
        inner = inputs.new_empty(len(inputs), len(self._experts[0][0]))
        outputs = torch.empty_like(inputs)
        ends = list(accumulate(counts))
        parts = [(e, slice(ends[e] - count, ends[e])) for e, count in enumerate(counts) if count]
        for expert, part in parts:
            torch.mm(inputs[part], self._experts[expert][0].T, out=inner[part])
        hidden = _gated(inner)
        for expert, part in parts:
            torch.mm(hidden[part], self._experts[expert][1].T, out=outputs[part])
        return outputs


def _gated(gate_up: Tensor) -> Tensor:
    """[N, 2 I] -> gelu_tanh(gate) * up, [N, I]."""
    gate, up = gate_up.chunk(2, dim=-1)
    return F.gelu(gate, approximate="tanh").mul_(up)


def _join(linears: list[nn.Linear]) -> Tensor:
    """One weight for several products of the same input. The modules' own become views of it: nothing is held twice."""
    with torch.no_grad():
        joined = torch.cat([linear.weight for linear in linears])
        start = 0
        for linear in linears:
            linear.weight.data = joined[start : start + linear.out_features]
            start += linear.out_features
    return joined


def _weight(norm: RMSNorm) -> Floats:
    assert norm.weight is not None
    return _array(norm.weight)


def _array(tensor: Tensor) -> Floats:
    return np.array(tensor.detach().numpy(), np.float32)


def _rope(positions: Tensor, frequencies: Tensor) -> tuple[Floats, Floats]:
    angles = positions[:, None].float() * frequencies
    return angles.cos().numpy(), angles.sin().numpy()
