"""Operations on logits in torch, for any device; the reference of the kernels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from agentfast.runtime.grammar.tokens.token_classes import TokenClasses
from agentfast.runtime.posterior.base import TokenStatistics
from agentfast.runtime.posterior.class_logits import (
    Bools,
    ClassLogits,
    Doubles,
    Floats,
    Ints,
    Longs,
    check_logits,
)
from agentfast.runtime.posterior.unconstrained import invert


class DeviceClassLogits(ClassLogits):
    """Class logits whose tokens are looked up on the logits' device."""

    def first_tokens(self, chosen: Ints) -> Longs:
        return self._members(chosen).argmax(dim=1).cpu().numpy()

    def draw(self, chosen: Ints, left: Doubles) -> Longs:
        values = self._members(chosen).double()
        cumulative = values.softmax(dim=1).cumsum(dim=1)
        level = torch.from_numpy(left).to(values.device)[:, None] * cumulative[:, -1:]
        # The last token with mass bounds the search, as rounding may leave the sum just below the level.
        last = (values > -torch.inf).to(torch.int64).cumsum(dim=1).argmax(dim=1)
        found = torch.searchsorted(cumulative, level, right=True)[:, 0]
        return torch.minimum(found, last).cpu().numpy()

    def _members(self, chosen: Ints) -> torch.Tensor:
        """[C, V] tempered logits of the tokens of each position's chosen class, -inf elsewhere."""
        logits = self.logits.detach().to(torch.float32)
        classes = token_classes(self.classes, logits.device)
        others = classes[None] != torch.from_numpy(chosen).to(logits.device)[:, None]
        return (logits * self.inverse).masked_fill(others, -torch.inf)


class DeviceOps:
    """`LogitsOps` in torch operations."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def scratch(self, count: int, vocabulary_size: int) -> torch.Tensor:
        return torch.empty(count, vocabulary_size, dtype=torch.float32, device=self._device)

    def reduce(
        self,
        logits: torch.Tensor,
        classes: TokenClasses,
        *,
        temperature: float = 1.0,
        wanted: Bools | None = None,
    ) -> DeviceClassLogits:
        values = logits.detach().to(torch.float32) * (1 / temperature)
        check_logits(bool((values < torch.inf).all()))
        index = token_classes(classes, values.device).expand(values.shape)
        shape = (values.shape[0], classes.count)
        top = torch.full(shape, -torch.inf, device=values.device).scatter_reduce(1, index, values, "amax")
        reference = top.nan_to_num(neginf=0.0)
        # Around each class's own maximum nothing is lost; a class without mass has no maximum to subtract.
        below = values - reference.gather(1, index)
        weight = below.exp().double()
        mass = torch.zeros(shape, dtype=torch.float64, device=values.device).scatter_add(1, index, weight)
        moment = torch.zeros_like(mass).scatter_add(1, index, weight * below.clamp_min(-1e30))
        mean = torch.where(mass > 0, moment / mass + reference, 0.0)
        numbers = torch.stack([top.double(), mass, mean]).cpu().numpy()
        return DeviceClassLogits(logits, 1 / temperature, classes, numbers[0], numbers[1], numbers[2])

    def spread(
        self,
        logits: torch.Tensor,
        bias: Floats,
        classes: TokenClasses,
        *,
        temperature: float,
        out: torch.Tensor | None = None,
    ) -> torch.Tensor:
        shift = torch.from_numpy(bias).to(logits.device)[:, token_classes(classes, logits.device)]
        return torch.exp(torch.add(shift, logits, alpha=1 / temperature), out=out)

    def statistics(
        self, logits: Sequence[torch.Tensor], temperatures: Floats, uniforms: Doubles, out: torch.Tensor
    ) -> TokenStatistics:
        joined = torch.cat(tuple(logits))
        log_p = torch.log_softmax(joined / torch.from_numpy(temperatures).to(joined.device)[:, None], dim=-1)
        p = torch.exp(log_p, out=out)
        return TokenStatistics(
            best=joined.argmax(dim=-1).cpu().numpy(),
            sample=invert(p, torch.from_numpy(uniforms).to(p.device)).cpu().numpy(),
            entropy=-(p * log_p).sum(dim=-1).cpu().numpy(),
            probabilities=p,
        )

    def columns(self, logits: torch.Tensor, tokens: Longs) -> tuple[Floats, Longs]:
        chosen = torch.from_numpy(tokens).to(logits.device)
        return logits[:, chosen].float().cpu().numpy(), np.arange(len(tokens))

    def gather(self, logits: torch.Tensor, tokens: Longs) -> Doubles:
        places = torch.arange(len(tokens), device=logits.device), torch.from_numpy(tokens).to(logits.device)
        return logits[places].double().cpu().numpy()


def token_classes(classes: TokenClasses, device: torch.device) -> torch.Tensor:
    """[V] int64 class of each token, kept per device."""
    key = str(device)
    if key not in classes.on_device:
        classes.on_device[key] = torch.from_numpy(classes.token_class.astype(np.int64)).to(device)
    return classes.on_device[key]
