"""Logits reduced from tokens to classes, on the device where they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from agentfast.errors import GrammarError
from agentfast.runtime.decode.posterior_kernels import pick_tokens, reduce_to_classes
from agentfast.runtime.grammar.classes import Classes

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class ClassSpace:
    """What the dynamic programs need of [C, V] logits; [C, K] each, see `reduce_to_classes`.

    On the CPU `exponentials` [C, V] and `highest` [C] stay at hand, so that a token can be picked without new ones.
    """

    exponentials: npt.NDArray[np.float32] | None
    highest: npt.NDArray[np.float32] | None
    total: Doubles
    mean: Doubles
    top: Doubles
    top_token: Ints


def reduce_logits(logits: torch.Tensor, classes: Classes) -> ClassSpace:
    """Reduce [C, V] float32 logits.

    Raises:
        GrammarError: a position has a NaN or an infinite maximum, such as no finite logit at all.
    """
    if logits.device.type != "cpu":
        return reduce_on_device(logits, classes)
    values = _numpy(logits)
    highest = values.max(axis=1)
    _check(bool(np.isfinite(highest).all()))
    exponentials = values - highest[:, None]
    np.exp(exponentials, out=exponentials)
    return ClassSpace(
        exponentials,
        highest,
        *reduce_to_classes(
            values, exponentials, highest, classes.token_class, classes.token_order, classes.class_start
        ),
    )


def pick(
    logits: torch.Tensor, classes: Classes, space: ClassSpace, chosen: Ints, left: Doubles
) -> npt.NDArray[np.int64]:
    """[C] a token of each chosen class by inverse CDF of `left`, tokens in order of ids."""
    if space.exponentials is None or space.highest is None:
        return pick_on_device(logits, classes, chosen, left)
    return pick_tokens(
        _numpy(logits),
        space.exponentials,
        space.highest,
        space.total,
        space.top,
        chosen,
        left,
        classes.token_order,
        classes.class_start,
    )


def token_classes(classes: Classes, device: torch.device) -> torch.Tensor:
    """[V] int64 class of each token, kept per device."""
    key = str(device)
    if key not in classes.on_device:
        classes.on_device[key] = torch.from_numpy(classes.token_class.astype(np.int64)).to(device)
    return classes.on_device[key]


def _numpy(logits: torch.Tensor) -> npt.NDArray[np.float32]:
    return logits.detach().to(torch.float32).contiguous().numpy()


def _check(finite: bool) -> None:
    if not finite:
        raise GrammarError("the logits of a position are NaN or have no finite maximum")


def reduce_on_device(logits: torch.Tensor, classes: Classes) -> ClassSpace:
    """`reduce_logits` in torch operations, for any device."""
    values = logits.detach().to(torch.float32)
    _check(bool(torch.isfinite(values.amax(dim=1)).all()))
    index = token_classes(classes, values.device).expand(values.shape)
    shape = (values.shape[0], classes.count)
    top = torch.full(shape, -torch.inf, device=values.device).scatter_reduce(1, index, values, "amax")
    greatest = top.gather(1, index)
    # Around each class's own maximum nothing is lost; a class without mass has no maximum to subtract.
    weight = torch.where(greatest.isfinite(), values - greatest, -torch.inf).exp().double()
    mass = torch.zeros(shape, dtype=torch.float64, device=values.device).scatter_add(1, index, weight)
    moment = weight * values.double().nan_to_num(neginf=0.0)
    mean = torch.zeros_like(mass).scatter_add(1, index, moment) / mass.clamp_min(1.0)
    tokens = torch.arange(values.shape[1], device=values.device).expand(values.shape)
    candidates = torch.where(values == greatest, tokens, values.shape[1])
    first = torch.full(shape, values.shape[1], device=values.device).scatter_reduce(
        1, index, candidates, "amin"
    )
    first = torch.where(top.isfinite(), first, -1)
    return ClassSpace(
        None,
        None,
        (mass.log() + top.double()).nan_to_num(nan=-torch.inf, neginf=-torch.inf).cpu().numpy(),
        mean.cpu().numpy(),
        top.double().cpu().numpy(),
        first.to(torch.int32).cpu().numpy(),
    )


def pick_on_device(
    logits: torch.Tensor, classes: Classes, chosen: Ints, left: Doubles
) -> npt.NDArray[np.int64]:
    """`pick` in torch operations, for any device."""
    device = logits.device
    members = token_classes(classes, device)[None] == torch.from_numpy(chosen).to(device)[:, None]
    values = logits.detach().double().masked_fill(~members, -torch.inf)
    cumulative = values.softmax(dim=1).cumsum(dim=1)
    level = torch.from_numpy(left).to(device)[:, None] * cumulative[:, -1:]
    # The last token with mass bounds the search, as rounding may leave the sum just below the level.
    last = (values > -torch.inf).to(torch.int64).cumsum(dim=1).argmax(dim=1)
    found = torch.searchsorted(cumulative, level, right=True)[:, 0]
    return torch.minimum(found, last).cpu().numpy()
