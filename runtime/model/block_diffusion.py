"""The block-diffusion model: one stack of weights, causal prefill and bidirectional denoising."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from agentfast.runtime.model.config import ModelConfig
from agentfast.runtime.model.layers import (
    Attention,
    Layer,
    RMSNorm,
    SelfConditioning,
    rope_frequencies,
    start_normal,
)


class BlockDiffusionModel(nn.Module):
    """DiffusionGemma's text model; with `config.kind == "autoregressive"`, Gemma 4's.

    Tokens of both modes may share one call: only the embedding, the layer scalar and the caller's attention
    tell them apart. The model keeps no cache: `attention` does.
    """

    sliding_frequencies: Tensor
    full_frequencies: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        weight = torch.empty(config.vocab_size, config.hidden_size)
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size, _weight=weight)
        start_normal(self.embed_tokens.weight, std=1.0)
        self.layers = nn.ModuleList(Layer(config, i) for i in range(len(config.layers)))
        self.norm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.self_conditioning = SelfConditioning(config) if config.kind == "diffusion" else None
        self.register_buffer("sliding_frequencies", rope_frequencies(config.sliding), persistent=False)
        self.register_buffer("full_frequencies", rope_frequencies(config.full), persistent=False)

    def forward(
        self,
        tokens: Tensor,
        positions: Tensor,
        attention: Attention,
        *,
        denoise: Tensor | bool = False,
        soft: Tensor | None = None,
        read: Tensor | None = None,
    ) -> Tensor:
        """Hidden states after the last norm.

        Args:
            tokens: [*S] int64; *S is any leading shape, [T] for a ragged batch, [B, L] in training.
            positions: [*S] int64, the place in the row's sequence; a canvas goes on after its prefix.
            attention: see `Attention`.
            denoise: [*S] bool, the canvas tokens; or one bool for all.
            soft: [N, H], self-conditioning of the N canvas tokens in their order, from `soft_embeddings`;
                zeros mean none, as in a first step. None: none for all.
            read: [R] int64, the places of a ragged batch whose hidden states are read; None: all. Of the others only
                keys and values count: a fused pass leaves them as the last layer takes them, this one computes all.

        Returns:
            [*S, H].
        """
        x = self.embed(tokens, denoise, soft)
        ropes = {
            "sliding": self._rope(positions, self.sliding_frequencies, x.dtype),
            "full": self._rope(positions, self.full_frequencies, x.dtype),
        }
        for kind, layer in zip(self.config.layers, self.layers, strict=True):
            x = layer(x, ropes[kind], attention, denoise)
        normed: Tensor = self.norm(x)
        return normed

    def logits(self, hidden: Tensor) -> Tensor:
        """hidden [N, H] -> [N, V] float32, soft-capped."""
        logits = (hidden @ self.embed_tokens.weight.T).float()
        cap = self.config.logit_softcap
        return logits if cap is None else torch.tanh(logits / cap) * cap

    def soft_embeddings(self, probabilities: Tensor) -> Tensor:
        """Mean embeddings [N, H] under token distributions [N, V], the self-conditioning of the next step."""
        weight = self.embed_tokens.weight
        return (probabilities.to(weight.dtype) @ weight) * self._embed_scale(weight.dtype)

    def embed(self, tokens: Tensor, denoise: Tensor | bool, soft: Tensor | None) -> Tensor:
        """Input of the first layer: scaled embeddings, self-conditioned for canvas tokens."""
        x: Tensor = self.embed_tokens(tokens)
        x = x * self._embed_scale(x.dtype)
        if denoise is False:
            return x
        if self.self_conditioning is None:
            raise ValueError("an autoregressive model has no denoise mode")
        if denoise is True:
            flat: Tensor = self.self_conditioning(x.reshape(-1, x.shape[-1]), soft)
            return flat.view(x.shape)
        return x.index_put((denoise,), self.self_conditioning(x[denoise], soft))

    def _embed_scale(self, dtype: torch.dtype) -> float:
        # Rounded to the weights' type first, as the checkpoint was trained.
        return torch.tensor(self.config.hidden_size**0.5, dtype=dtype, device="cpu").item()

    @staticmethod
    def _rope(positions: Tensor, frequencies: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        angles = positions[..., None, None].float() * frequencies.float()
        return angles.cos().to(dtype), angles.sin().to(dtype)
