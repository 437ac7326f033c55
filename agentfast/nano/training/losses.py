"""The losses: cross entropy over uniformly noised canvases, and the encoder's causal cross entropy.

Uniform-state block diffusion (Arriola et al., arXiv 2503.09573, for blocks; Austin et al., arXiv 2107.03006, for
uniform noise) with self-conditioning half of the time (Chen et al., arXiv 2208.04202). Every canvas is noised twice per
pass over its prefix, once throughout: the prefix costs most of a step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agentfast.nano.training.corpus.batches import TrainingBatch
from agentfast.runtime.model.block_diffusion import BlockDiffusionModel
from agentfast.runtime.model.config import ModelConfig
from agentfast.runtime.model.layers import Layer, Router

CAUSAL_WEIGHT = 2.0
"""Weight of the causal loss; the canvas loss has 1. The causal mode has the last word on a canvas and the smaller gradient."""


class EncodeAttention:
    """Causal attention over [B, L], keeping each layer's keys and values for the canvases."""

    def __init__(self, config: ModelConfig, length: int, device: torch.device) -> None:
        self.config = config
        self.keys: list[Tensor] = []
        self.values: list[Tensor] = []
        window = config.sliding.window
        distance = torch.arange(length, device=device)[:, None] - torch.arange(length, device=device)
        narrow = window is not None and length > window
        self._sliding_mask = (distance >= 0) & (distance < (window or 0)) if narrow else None

    def __call__(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        self.keys.append(k)
        self.values.append(v)
        mask = self._sliding_mask if self.config.layers[layer] == "sliding" else None
        return _sdpa(q, k, v, mask=mask, causal=mask is None)


class DenoiseAttention:
    """Canvases [N, C] over their episode's prefix and themselves, bidirectional."""

    def __init__(self, encoded: EncodeAttention, batch: TrainingBatch) -> None:
        self.encoded = encoded
        self.owner = batch.owner
        length = batch.tokens.shape[1]
        position = torch.arange(length, device=batch.tokens.device)
        before = position < batch.start[:, None]
        window = encoded.config.sliding.window
        near = before if window is None else before & (position > batch.start[:, None] - window)
        own = torch.ones_like(batch.canvas, dtype=torch.bool)
        self.masks = {
            "full": torch.cat((before, own), dim=1)[:, None, None],
            "sliding": torch.cat((near, own), dim=1)[:, None, None],
        }

    def __call__(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        keys = torch.cat((self.encoded.keys[layer][self.owner], k), dim=1)
        values = torch.cat((self.encoded.values[layer][self.owner], v), dim=1)
        mask = self.masks[self.encoded.config.layers[layer]]
        return _sdpa(q, keys, values, mask=mask.expand(-1, -1, q.shape[1], -1), causal=False)


def _sdpa(q: Tensor, k: Tensor, v: Tensor, *, mask: Tensor | None, causal: bool) -> Tensor:
    """[B, L, H, D] in and out; unscaled, grouped heads."""
    out = F.scaled_dot_product_attention(
        q.transpose(1, 2),
        k.transpose(1, 2),
        v.transpose(1, 2),
        attn_mask=mask,
        is_causal=causal,
        scale=1.0,
        enable_gqa=q.shape[2] != k.shape[2],
    )
    return out.transpose(1, 2)


@dataclass(frozen=True, slots=True)
class Losses:
    """Mean cross entropies in nats per token."""

    total: Tensor
    denoise: Tensor | None
    causal: Tensor


def losses(model: BlockDiffusionModel, batch: TrainingBatch, generator: torch.Generator) -> Losses:
    """Both losses of a batch; an autoregressive model has the causal one only."""
    encoded, hidden = encode(model, batch)
    causal = _cross_entropy(
        model.logits(hidden[:, :-1].flatten(0, 1)), batch.tokens[:, 1:], batch.weights[:, 1:]
    )
    if model.config.kind == "autoregressive":
        return Losses(total=causal, denoise=None, causal=causal)
    batch = batch.twice()
    noised = add_noise(batch.canvas, model.config.vocab_size, generator)
    denoise = denoiser(model, batch, encoded)
    soft = None
    if torch.rand((), generator=generator) < 0.5:
        with torch.no_grad():
            soft = model.soft_embeddings(torch.softmax(model.logits(denoise(noised, None)), dim=-1))
    logits = model.logits(denoise(noised, soft))
    loss = _cross_entropy(logits, batch.canvas, batch.canvas_weights)
    return Losses(total=loss + CAUSAL_WEIGHT * causal, denoise=loss, causal=causal)


def encode(model: BlockDiffusionModel, batch: TrainingBatch) -> tuple[EncodeAttention, Tensor]:
    """The causal pass: each layer's keys and values, and hidden states [B, L, H]."""
    length = batch.tokens.shape[1]
    attention = EncodeAttention(model.config, length, batch.tokens.device)
    positions = torch.arange(length, device=batch.tokens.device).expand(batch.tokens.shape)
    return attention, model(batch.tokens, positions, attention)


def denoiser(
    model: BlockDiffusionModel, batch: TrainingBatch, encoded: EncodeAttention
) -> Callable[[Tensor, Tensor | None], Tensor]:
    """A function from canvases [N, C] and soft embeddings [N * C, H] to hidden states [N * C, H]."""
    attention = DenoiseAttention(encoded, batch)
    positions = batch.start[:, None] + torch.arange(batch.canvas.shape[1], device=batch.start.device)

    def denoise(canvas: Tensor, soft: Tensor | None) -> Tensor:
        hidden: Tensor = model(canvas, positions, attention, denoise=True, soft=soft)
        return hidden.flatten(0, 1)

    return denoise


def add_noise(canvas: Tensor, vocab_size: int, generator: torch.Generator) -> Tensor:
    """Replace tokens of [2 N, C] by uniform ones: all in the first half, in the second a share drawn per canvas.

    Decoding starts from pure noise every time. The shares are spread evenly over 0 to 1, in random order (Kingma et
    al., arXiv 2107.00630, appendix I.1), so that batches differ less in how hard they are.
    """
    count = canvas.shape[0] // 2
    spread = (torch.randperm(count, generator=generator) + torch.rand(1, generator=generator)) / count
    level = torch.cat((torch.ones(count), spread))[:, None]
    replaced = torch.rand(canvas.shape, generator=generator) < level
    noise = torch.randint(vocab_size, canvas.shape, generator=generator)
    return torch.where(replaced.to(canvas.device), noise.to(canvas.device), canvas)


def _cross_entropy(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    values = F.cross_entropy(logits, targets.flatten(), reduction="none")
    return (values * weights.flatten()).sum() / weights.sum()


class LoadBalance:
    """Keeps the experts in use: the auxiliary loss of the Switch transformer (arXiv 2101.03961, eq. 4).

    Collects every router call between `reset` and `loss`.
    """

    def __init__(self, model: BlockDiffusionModel) -> None:
        self._terms: list[Tensor] = []
        self._experts = model.config.num_experts
        for layer in model.layers:
            assert isinstance(layer, Layer)
            layer.router.register_forward_hook(self._collect)

    def _collect(self, router: nn.Module, inputs: tuple[Tensor], output: tuple[Tensor, Tensor]) -> None:
        assert isinstance(router, Router)
        if torch.is_grad_enabled():
            probability = router.scores(inputs[0]).mean(dim=0)
            used = torch.bincount(output[1].flatten(), minlength=self._experts).float()
            self._terms.append(self._experts * (probability * used / used.sum()).sum())

    def reset(self) -> None:
        """Clear the collected statistics."""
        self._terms.clear()

    def loss(self) -> Tensor:
        """1 when all experts are used alike, up to E when one is used alone."""
        return torch.stack(self._terms).mean()
