"""The building blocks of a Gemma 4 style layer, over any leading shape *S.

Parameter names follow the Hugging Face checkpoint, so that loading is a matter of prefixes.
Architecture as in `transformers` (models/diffusion_gemma, models/gemma4), against which the tests compare it.
"""

from __future__ import annotations

from math import prod
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from agentfast.runtime.model.config import AttentionConfig, ModelConfig
from agentfast.runtime.model.norm_rope import apply_rope, rms_norm


class Attention(Protocol):
    """Attention of one batch over its tokens and the KV cache, given by the caller.

    It stores and gathers keys and values, and applies causality and the sliding window of `layer`.
    q [*S, Hq, D]; k, v [*S, Hkv, D], normed and (q, k) roped; scores are not scaled. Returns [*S, Hq, D].
    """

    def __call__(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor: ...


def start_normal(weight: Tensor, std: float) -> None:
    """Random start; nothing on the meta device, where torch would import its compiler (seconds) to do nothing."""
    if not weight.is_meta:
        nn.init.normal_(weight, std=std)


class RMSNorm(nn.Module):
    """Root mean square norm in fp32; `dim=None` has no scale.

    Attributes:
        fused: use torch's kernel, which is the faster one on an accelerator; see `fuse_norms`.
    """

    fused = False

    def __init__(self, dim: int | None, eps: float) -> None:
        super().__init__()
        self.eps = eps
        self.weight = None if dim is None else nn.Parameter(torch.ones(dim))

    def forward(self, x: Tensor) -> Tensor:
        weight = None if self.weight is None else self.weight.float()
        if self.fused:
            return F.rms_norm(x.float(), x.shape[-1:], weight, self.eps).to(x.dtype)
        return rms_norm(x.float(), weight, self.eps).to(x.dtype)


def fuse_norms(model: nn.Module) -> None:
    """Have all norms of a model use torch's kernel."""
    for module in model.modules():
        if isinstance(module, RMSNorm):
            module.fused = True


class GatedMLP(nn.Module):
    """down(gelu_tanh(gate(x)) * up(x))."""

    def __init__(self, hidden: int, intermediate: int) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(hidden, intermediate, bias=False)
        self.up_proj = nn.Linear(hidden, intermediate, bias=False)
        self.down_proj = nn.Linear(intermediate, hidden, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.down_proj(F.gelu(self.gate_proj(x), approximate="tanh") * self.up_proj(x))
        return out


class Router(nn.Module):
    """Top-k expert choice: weights [T, k] in fp32, summing to 1 before the per-expert scale, and indices [T, k]."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.top_k = config.top_k_experts
        self.norm = RMSNorm(None, config.rms_norm_eps)
        self.proj = nn.Linear(config.hidden_size, config.num_experts, bias=False)
        self.scale = nn.Parameter(torch.ones(config.hidden_size))
        self.per_expert_scale = nn.Parameter(torch.ones(config.num_experts))

    def scores(self, x: Tensor) -> Tensor:
        """Router probabilities [T, E] in fp32, before top-k."""
        x = self.norm(x) * self.scale * x.shape[-1] ** -0.5
        return torch.softmax(self.proj(x), dim=-1, dtype=torch.float32)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        weights, index = torch.topk(self.scores(x), self.top_k, dim=-1)
        weights = weights / weights.sum(dim=-1, keepdim=True)
        return weights * self.per_expert_scale[index], index


class Experts(nn.Module):
    """The experts of one layer, as stacked weights: gate_up [E, 2I, H], down [E, H, I]."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        experts, hidden, inner = config.num_experts, config.hidden_size, config.moe_intermediate_size
        self.gate_up_proj = nn.Parameter(torch.empty(experts, 2 * inner, hidden))
        self.down_proj = nn.Parameter(torch.empty(experts, hidden, inner))
        start_normal(self.gate_up_proj, std=hidden**-0.5)
        start_normal(self.down_proj, std=inner**-0.5)

    def forward(self, x: Tensor, weights: Tensor, index: Tensor) -> Tensor:
        """x [T, H], weights [T, k], index [T, k] -> [T, H]. Tokens are sorted by expert: one matmul pair each."""
        chosen, order = index.flatten().sort()
        tokens = torch.div(order, index.shape[-1], rounding_mode="floor")
        counted = cast("Any", torch.bincount(chosen, minlength=self.gate_up_proj.shape[0]))
        counts: list[int] = counted.tolist()
        parts = [x[:0]]  # something to join, even without tokens
        # unbind, because the gradient of indexing an expert is as large as all of them.
        stacked = zip(self.gate_up_proj.unbind(), self.down_proj.unbind(), strict=True)
        groups = torch.split(x.index_select(0, tokens), counts)
        for group, (gate_up_proj, down_proj) in zip(groups, stacked, strict=True):
            if group.shape[0]:
                gate, up = F.linear(group, gate_up_proj).chunk(2, dim=-1)
                parts.append(F.linear(F.gelu(gate, approximate="tanh") * up, down_proj))
        weighted = torch.cat(parts) * weights.flatten()[order, None]
        return torch.zeros_like(x).index_add_(0, tokens, weighted.to(x.dtype))


class SelfAttention(nn.Module):
    """Projections, QK-norm, rope; the attention itself is the caller's."""

    def __init__(self, config: ModelConfig, layer: int) -> None:
        super().__init__()
        self.layer = layer
        self.config = attention = config.attention(layer)
        hidden, eps = config.hidden_size, config.rms_norm_eps
        self.q_proj = nn.Linear(hidden, config.num_heads * attention.head_dim, bias=False)
        self.k_proj = nn.Linear(hidden, attention.kv_heads * attention.head_dim, bias=False)
        self.v_proj = (
            None
            if attention.shared_kv
            else nn.Linear(hidden, attention.kv_heads * attention.head_dim, bias=False)
        )
        self.o_proj = nn.Linear(config.num_heads * attention.head_dim, hidden, bias=False)
        self.q_norm = RMSNorm(attention.head_dim, eps)
        self.k_norm = RMSNorm(attention.head_dim, eps)
        self.v_norm = RMSNorm(None, eps)

    def forward(self, x: Tensor, rope: tuple[Tensor, Tensor], attention: Attention) -> Tensor:
        heads = (*x.shape[:-1], -1, self.config.head_dim)
        q = apply_rope(self.q_norm(self.q_proj(x).view(heads)), *rope)
        k = self.k_proj(x).view(heads)
        v = k if self.v_proj is None else self.v_proj(x).view(heads)
        out = attention(self.layer, q, apply_rope(self.k_norm(k), *rope), self.v_norm(v))
        projected: Tensor = self.o_proj(out.reshape(*x.shape[:-1], -1))
        return projected

    def score_bound(self) -> float:
        """Upper bound of |score|: a normed head is at most sqrt(D) long, times its largest weight."""
        largest = [
            float(norm.weight.detach().abs().max())
            for norm in (self.q_norm, self.k_norm)
            if norm.weight is not None
        ]
        return self.config.head_dim * prod(largest)


class Layer(nn.Module):
    """Sandwich-normed attention, then a dense MLP beside a mixture of experts, times a per-mode scalar."""

    encoder_scalar: Tensor
    decoder_scalar: Tensor

    def __init__(self, config: ModelConfig, layer: int) -> None:
        super().__init__()
        hidden, eps = config.hidden_size, config.rms_norm_eps
        self.self_attn = SelfAttention(config, layer)
        self.mlp = GatedMLP(hidden, config.intermediate_size)
        self.router = Router(config)
        self.experts = Experts(config)
        self.input_layernorm = RMSNorm(hidden, eps)
        self.post_attention_layernorm = RMSNorm(hidden, eps)
        self.pre_feedforward_layernorm = RMSNorm(hidden, eps)
        self.post_feedforward_layernorm = RMSNorm(hidden, eps)
        self.post_feedforward_layernorm_1 = RMSNorm(hidden, eps)
        self.pre_feedforward_layernorm_2 = RMSNorm(hidden, eps)
        self.post_feedforward_layernorm_2 = RMSNorm(hidden, eps)
        self.register_buffer("encoder_scalar", torch.ones(1))
        self.register_buffer("decoder_scalar", torch.ones(1))

    def forward(
        self, x: Tensor, rope: tuple[Tensor, Tensor], attention: Attention, denoise: Tensor | bool
    ) -> Tensor:
        x = x + self.post_attention_layernorm(self.self_attn(self.input_layernorm(x), rope, attention))
        dense = self.post_feedforward_layernorm_1(self.mlp(self.pre_feedforward_layernorm(x)))
        flat = x.reshape(-1, x.shape[-1])
        sparse = self.experts(self.pre_feedforward_layernorm_2(flat), *self.router(flat)).view(x.shape)
        x = x + self.post_feedforward_layernorm(dense + self.post_feedforward_layernorm_2(sparse))
        return x * self._scalar(denoise)

    def _scalar(self, denoise: Tensor | bool) -> Tensor:
        if isinstance(denoise, bool):
            return self.decoder_scalar if denoise else self.encoder_scalar
        return torch.where(denoise[..., None], self.decoder_scalar, self.encoder_scalar)


class SelfConditioning(nn.Module):
    """Adds the last step's soft embeddings to the canvas embeddings. Without any, only the norm remains."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.pre_norm = RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.post_norm = RMSNorm(None, config.rms_norm_eps)
        mlp = GatedMLP(config.hidden_size, config.intermediate_size)
        self.gate_proj, self.up_proj, self.down_proj = mlp.gate_proj, mlp.up_proj, mlp.down_proj

    def forward(self, x: Tensor, soft: Tensor | None) -> Tensor:
        """x [N, H], soft [N, H] or None -> [N, H]."""
        if soft is not None:
            y = self.pre_norm(soft)
            x = x + self.down_proj(F.gelu(self.gate_proj(y), approximate="tanh") * self.up_proj(y))
        normed: Tensor = self.post_norm(x)
        return normed


def rope_frequencies(config: AttentionConfig) -> Tensor:
    """[D/2] float32, radians per position. The frequencies past the partial share are 0."""
    half = config.head_dim // 2
    rotating = int(config.rope.partial * half)
    # On the CPU even where a model is built on the meta device: no checkpoint holds them.
    exponent = torch.arange(0, 2 * rotating, 2, dtype=torch.float32, device="cpu") / config.head_dim
    return torch.cat([1.0 / config.rope.theta**exponent, torch.zeros(half - rotating, device="cpu")])
