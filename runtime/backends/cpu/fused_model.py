"""Fused float32 CPU forward pass for small models, where per-operator overhead dominates.

The same weights and the same arithmetic as `BlockDiffusionModel`, which stays the reference (and what training, other
devices and large models use); sums may be rounded in another order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from agentfast.runtime.backends.cpu.kernels import embedding as embedding_kernels
from agentfast.runtime.backends.cpu.kernels.barrier import TokenSlice, side_by_side, token_slices
from agentfast.runtime.backends.cpu.kernels.batch_attention import Rows
from agentfast.runtime.backends.cpu.kernels.embedding import ConditioningWeights
from agentfast.runtime.backends.cpu.kernels.layer import LayerWeights
from agentfast.runtime.backends.cpu.kernels.matmul import in_panels
from agentfast.runtime.backends.cpu.kernels.stack import Stack, run_layers
from agentfast.runtime.backends.cpu.row_kv import RowKV
from agentfast.runtime.backends.cpu.threads import ShardPool
from agentfast.runtime.core.scratch import ScratchBuffers
from agentfast.runtime.model.block_diffusion import BlockDiffusionModel
from agentfast.runtime.model.config import ModelConfig
from agentfast.runtime.model.layers import Layer, RMSNorm, SelfConditioning

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


class FusedModel:
    """Runs a model's layers on copies of its weights that are laid out for the kernels."""

    def __init__(self, model: BlockDiffusionModel) -> None:
        config = model.config
        layers = [cast(Layer, layer) for layer in model.layers]
        norms = [layer.input_layernorm for layer in layers] + [model.norm]
        self._first_norm, self._eps = _array(norms[0]), np.float32(config.rms_norm_eps)
        self._stack = _stack(config, [_layer_weights(*pair) for pair in zip(layers, norms[1:], strict=True)])
        self._widest = max(
            2 * (config.num_heads + kind.kv_heads) * kind.head_dim for kind in (config.sliding, config.full)
        )
        table = model.embed_tokens.weight.detach()
        self._table, self._table_panels = table.numpy(), in_panels(table)
        self._scale, self._cap = np.float32(config.hidden_size**0.5), np.float32(config.logit_softcap or 0.0)
        conditioning = model.self_conditioning
        self._conditioning = _conditioning(conditioning)
        self._columns = None if conditioning is None else in_panels(table.T)
        self._ropes = _Rope(model.sliding_frequencies), _Rope(model.full_frequencies)
        self._scratch = ScratchBuffers()

    def __call__(
        self,
        tokens: Tensor,
        positions: Tensor,
        attention: RowKV,
        rows: Rows,
        *,
        denoise: Tensor | bool,
        soft: Tensor | None,
        read: Tensor | None = None,
        wait: Callable[[], object] | None = None,
        pool: ShardPool | None = None,
        wanted: Ints | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """tokens, positions [T] -> hidden [T, H] and the logits [N, V] of its lines `wanted` [N], if given.

        Both are good until the thread's next call.

        Args:
            attention, rows: what they write to the cache and read of it.
            wait: called in each layer once all is written; None: nobody reads what another thread writes.
            pool: its threads are free to take parts of the tokens through the layers; only if there is no `wait`.
        """
        total, layers = len(tokens), len(self._stack.place)
        mask = (denoise if isinstance(denoise, Tensor) else torch.full(tokens.shape, denoise)).numpy()
        x, normed = (self._scratch.floats(name, total, self._table.shape[1]) for name in ("x", "normed"))
        scratch = self._scratch.floats("layers", 2, total * self._widest)
        ropes = self._ropes[0](positions.numpy()), self._ropes[1](positions.numpy())
        lines = np.arange(total) if read is None else read.numpy()
        stops = [-1, layers] if wait is None else range(-1, layers + 1)

        entering = (
            tokens.numpy(), self._table, self._scale, *self._canvas(mask, soft), self._conditioning,
            self._first_norm, self._eps, x, normed,
        )  # fmt: skip
        through = x, normed, self._stack, ropes, attention.cache, rows, mask, lines, scratch
        logits = None if wanted is None else self._scratch.floats("logits", len(wanted), len(self._table))

        def run(part: TokenSlice) -> None:
            embedding_kernels.enter(part, *entering)
            for first, last in pairwise(stops):
                run_layers(first, last, part, *through)
                if wait is not None and last < layers:
                    wait()
            if wanted is not None and logits is not None:
                embedding_kernels.to_logits(part, wanted, normed, self._table_panels, self._cap, logits)

        side_by_side(run, token_slices(total, 1 if pool is None else pool.most), pool)
        return torch.from_numpy(normed), None if logits is None else torch.from_numpy(logits)

    def logits(self, hidden: Tensor) -> Tensor:
        """hidden [N, H] -> [N, V], good until the thread's next call."""
        logits = self._scratch.floats("logits", len(hidden), len(self._table))
        [alone] = token_slices(len(hidden), 1)
        embedding_kernels.to_logits(
            alone, np.arange(len(hidden)), hidden.contiguous().numpy(), self._table_panels, self._cap, logits
        )
        return torch.from_numpy(logits)

    def soft_embeddings(self, probabilities: Tensor) -> Tensor:
        """Mean embeddings [N, H] under token distributions [N, V]."""
        assert self._columns is not None, "an autoregressive model has no self-conditioning"
        soft = np.empty((len(probabilities), self._table.shape[1]), np.float32)
        embedding_kernels.to_soft(probabilities.contiguous().numpy(), self._columns, self._scale, soft)
        return torch.from_numpy(soft)

    def _canvas(self, mask: NDArray[np.bool_], soft: Tensor | None) -> tuple[NDArray[np.int64], Floats]:
        """The lines that are a canvas's, and their soft embeddings."""
        canvas = np.flatnonzero(mask)
        if len(canvas) and self._columns is None:
            raise ValueError("an autoregressive model has no denoise mode")
        given = np.empty((0, self._table.shape[1]), np.float32)
        return canvas, given if soft is None else soft.contiguous().numpy()


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


def _stack(config: ModelConfig, layers: Sequence[LayerWeights]) -> Stack:
    is_full = [kind == "full" for kind in config.layers]
    place = [is_full[:i].count(full) for i, full in enumerate(is_full)]
    kinds = [[w for w, full in zip(layers, is_full, strict=True) if full == kind] for kind in (False, True)]
    sliding, full = (_along_a_first_axis(kind or kinds[True]) for kind in kinds)
    return Stack(sliding, full, np.array(is_full), np.array(place), config.top_k_experts)


def _along_a_first_axis(layers: Sequence[LayerWeights]) -> LayerWeights:
    columns = zip(*(layer[:-2] for layer in layers), strict=True)
    return LayerWeights._make([*map(_joined, columns), *layers[0][-2:]])


def _joined(arrays: Sequence[Floats]) -> Floats:
    """Arrays along a first axis, in memory of torch's, which begins at a cache line."""
    return torch.stack([torch.from_numpy(array) for array in arrays]).numpy()


def _conditioning(module: SelfConditioning | None) -> ConditioningWeights:
    if module is None:  # an autoregressive model's, which is never used
        return ConditioningWeights(
            np.empty(0, np.float32), *(np.empty((0, 0, 0), np.float32),) * 2, np.float32(0)
        )
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
    return _joined([in_panels(weight) for weight in weights])


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
