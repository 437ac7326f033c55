"""The model's forward pass for inference in fp32 on a CPU, for a model so small that the steps between products count.

The same weights and the same arithmetic as `BlockDiffusionModel`, which stays the reference (and what training, other
devices and large models use); sums may be rounded in another order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from agentfast.runtime.model import embedding_kernels, layer_kernels
from agentfast.runtime.model.block_diffusion import BlockDiffusionModel
from agentfast.runtime.model.config import AttentionConfig
from agentfast.runtime.model.embedding_kernels import ConditioningWeights
from agentfast.runtime.model.layer_kernels import LayerWeights
from agentfast.runtime.model.layers import Attention, Layer, RMSNorm, SelfConditioning
from agentfast.runtime.model.norm_kernels import norm
from agentfast.runtime.model.products import in_panels
from agentfast.runtime.room import Room
from agentfast.runtime.vectors import FEWEST_PAIRS

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
        read: Tensor | None = None,
    ) -> Tensor: ...

    def logits(self, hidden: Tensor) -> Tensor:
        """Good until the thread's next call."""
        ...

    def soft_embeddings(self, probabilities: Tensor) -> Tensor: ...


def fastest(model: BlockDiffusionModel) -> Network:
    """The fused pass where it applies, else the model itself."""
    weight = model.embed_tokens.weight
    plain = (
        type(model) is BlockDiffusionModel and weight.device.type == "cpu" and weight.dtype == torch.float32
    )
    config = model.config
    turnable = min(config.sliding.head_dim, config.full.head_dim) >= 2 * FEWEST_PAIRS
    return FusedModel(model) if plain and config.small and turnable else model


class FusedModel:
    """Runs a model's layers on copies of its weights that are laid out for the kernels."""

    def __init__(self, model: BlockDiffusionModel) -> None:
        self._model = model
        config = model.config
        layers = [cast(Layer, layer) for layer in model.layers]
        norms = [layer.input_layernorm for layer in layers] + [model.norm]
        self._first_norm, self._eps = _array(norms[0]), np.float32(config.rms_norm_eps)
        self._layers = [
            FusedLayer(layer, config.attention(i), norms[i + 1], i) for i, layer in enumerate(layers)
        ]
        table = model.embed_tokens.weight.detach()
        self._table, self._table_panels = table.numpy(), in_panels(table)
        self._scale, self._cap = np.float32(config.hidden_size**0.5), np.float32(config.logit_softcap or 0.0)
        conditioning = model.self_conditioning
        self._conditioning = None if conditioning is None else _conditioning(conditioning)
        self._columns = None if conditioning is None else in_panels(table.T)
        self._ropes = {"sliding": _Rope(model.sliding_frequencies), "full": _Rope(model.full_frequencies)}
        self._room = Room()

    def __call__(
        self,
        tokens: Tensor,
        positions: Tensor,
        attention: Attention,
        *,
        denoise: Tensor | bool,
        soft: Tensor | None,
        read: Tensor | None = None,
    ) -> Tensor:
        """tokens, positions [T] -> hidden [T, H]."""
        model = self._model
        mask = (denoise if isinstance(denoise, Tensor) else torch.full(tokens.shape, denoise)).numpy()
        x = np.empty((len(tokens), model.config.hidden_size), np.float32)
        embedding_kernels.embed(tokens.numpy(), self._table, self._scale, x)
        if denoise is not False:
            self._condition(x, np.flatnonzero(mask), soft)
        ropes = {kind: rope(positions.numpy()) for kind, rope in self._ropes.items()}
        normed = np.empty_like(x)
        norm(x, self._first_norm, self._eps, normed)
        for kind, layer in zip(model.config.layers, self._layers, strict=True):
            lines = read.numpy() if read is not None and layer is self._layers[-1] else None
            layer(x, normed, ropes[kind], attention, mask, lines, self._room)
        return torch.from_numpy(normed)

    def logits(self, hidden: Tensor) -> Tensor:
        """hidden [N, H] -> [N, V], good until the thread's next call."""
        logits = self._room.floats("logits", len(hidden), len(self._table))
        embedding_kernels.to_logits(hidden.contiguous().numpy(), self._table_panels, self._cap, logits)
        return torch.from_numpy(logits)

    def soft_embeddings(self, probabilities: Tensor) -> Tensor:
        """Mean embeddings [N, H] under token distributions [N, V]."""
        assert self._columns is not None, "an autoregressive model has no self-conditioning"
        soft = np.empty((len(probabilities), self._table.shape[1]), np.float32)
        embedding_kernels.to_soft(probabilities.contiguous().numpy(), self._columns, self._scale, soft)
        return torch.from_numpy(soft)

    def _condition(self, x: Floats, canvas: NDArray[np.int64], soft: Tensor | None) -> None:
        if self._conditioning is None:
            raise ValueError("an autoregressive model has no denoise mode")
        given = soft.contiguous().numpy() if soft is not None else np.empty((0, x.shape[1]), np.float32)
        embedding_kernels.condition(x, canvas, given, self._conditioning)


class FusedLayer:
    """One layer; x [T, H] is changed in place, and so is `normed` [T, H], its norm for the next one."""

    def __init__(self, layer: Layer, config: AttentionConfig, following: RMSNorm, index: int) -> None:
        self._index = index
        self._config = config
        self._heads = layer.self_attn.o_proj.weight.shape[1] // config.head_dim
        self._top_k = layer.router.top_k
        self._weights = _layer_weights(layer, following)

    def __call__(
        self,
        x: Floats,
        normed: Floats,
        rope: tuple[Floats, Floats],
        attention: Attention,
        denoise: NDArray[np.bool_],
        lines: NDArray[np.int64] | None,
        room: Room,
    ) -> None:
        """rope: cos and sin, [T, D/2]; denoise [T]; lines [R], the only ones of `normed` that change, None: all."""
        size, pairs = self._config.head_dim, self._config.kv_heads
        q, k, v = (
            room.floats(name, len(x), heads, size)
            for name, heads in (("q", self._heads), ("k", pairs), ("v", pairs))
        )
        layer_kernels.before_attention(normed, self._weights, *rope, q, k, v)
        tensors = (torch.from_numpy(part) for part in (q, k, v))
        attended = attention(self._index, *tensors).reshape(len(x), -1).contiguous().numpy()
        if lines is None:
            self._finish(x, attended, denoise, normed)
        elif len(lines):
            finished = np.empty((len(lines), x.shape[1]), np.float32)
            self._finish(x[lines], attended[lines], denoise[lines], finished)
            normed[lines] = finished

    def _finish(self, x: Floats, attended: Floats, denoise: NDArray[np.bool_], normed: Floats) -> None:
        layer_kernels.rest_of_layer(x, attended, denoise, self._weights, self._top_k, normed)


def _layer_weights(layer: Layer, following: RMSNorm) -> LayerWeights:
    attention, router, experts = layer.self_attn, layer.router, layer.experts
    projections = [attention.q_proj, attention.k_proj]
    if attention.v_proj is not None:
        projections.append(attention.v_proj)
    return LayerWeights(
        qkv=_panels(projections),
        output=_panels([attention.o_proj]),
        gate_up=_panels([layer.mlp.gate_proj, layer.mlp.up_proj]),
        down=_panels([layer.mlp.down_proj]),
        router=_panels([router.proj]),
        expert_gate_up=_stacked(experts.gate_up_proj),
        expert_down=_stacked(experts.down_proj),
        expert_scale=_copy(router.per_expert_scale),
        q_norm=_array(attention.q_norm),
        k_norm=_array(attention.k_norm),
        after_attention=np.stack(
            [
                _array(layer.post_attention_layernorm),
                _array(layer.pre_feedforward_layernorm),
                _array(layer.pre_feedforward_layernorm_2),
                _copy(router.scale * router.scale.shape[0] ** -0.5),
            ]
        ),
        after_experts=np.stack(
            [
                _array(layer.post_feedforward_layernorm_1),
                _array(layer.post_feedforward_layernorm_2),
                _array(layer.post_feedforward_layernorm),
                _array(following),
            ]
        ),
        scalars=np.array([float(layer.encoder_scalar), float(layer.decoder_scalar)], np.float32),
        eps=np.float32(following.eps),
        shares_kv=attention.v_proj is None,
    )


def _conditioning(module: SelfConditioning) -> ConditioningWeights:
    return ConditioningWeights(
        norm=_array(module.pre_norm),
        gate_up=_panels([module.gate_proj, module.up_proj]),
        down=_panels([module.down_proj]),
        eps=np.float32(module.pre_norm.eps),
    )


def _panels(linears: Sequence[nn.Linear]) -> Floats:
    """One weight for several products of the same input."""
    return in_panels(torch.cat([linear.weight.detach() for linear in linears]))


def _stacked(weights: Tensor) -> Floats:
    """[E, N, K] -> [E, P, K, WIDTH]."""
    return torch.stack([torch.from_numpy(in_panels(weight)) for weight in weights]).numpy()


def _array(module: RMSNorm) -> Floats:
    assert module.weight is not None
    return _copy(module.weight)


def _copy(tensor: Tensor) -> Floats:
    return np.array(tensor.detach().numpy(), np.float32)


class _Rope:
    """The cosines and sines of positions' angles, kept from the first position to the last that was asked for."""

    def __init__(self, frequencies: Tensor) -> None:
        """frequencies: [D/2]."""
        self._frequencies = frequencies
        self._kept = self._table(0)

    def __call__(self, positions: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """positions [T] -> cos, sin [T, D/2]."""
        cos, sin = self._kept
        most = int(positions.max(initial=-1)) + 1
        if most > len(cos):
            cos, sin = self._kept = self._table(max(most, 2 * len(cos)))
        return cos[positions], sin[positions]

    def _table(self, length: int) -> tuple[Floats, Floats]:
        angles = torch.arange(length)[:, None].float() * self._frequencies
        return angles.cos().numpy(), angles.sin().numpy()
