"""Logits reduced from tokens to classes, on the device where they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from agentfast.errors import GrammarError
from agentfast.runtime.grammar.tokens.token_classes import Classes
from agentfast.runtime.posterior import class_logits_kernels as kernels
from agentfast.runtime.posterior.parallel import in_parts

Doubles = npt.NDArray[np.float64]
Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class ClassSpace:
    """[C, V] logits, tempered, by class.

    Attributes:
        logits: [C, V] float32, as they came.
        inverse: one over the temperature.
        top: [C, K] greatest logit, -inf where there is none.
        mass: [C, K] sum of exp(logit - top), 0 where there is none.
        mean: [C, K] expected logit under the softmax inside the class, 0 where it has no mass.
        piece_top, piece_mass: [C, P], the same by piece, see `Pieces`; None where the logits are not on a CPU.
    """

    logits: torch.Tensor
    inverse: float
    classes: Classes
    top: Doubles
    mass: Doubles
    mean: Doubles
    piece_top: Floats | None = None
    piece_mass: Floats | None = None

    def first_tokens(self, chosen: Ints) -> Longs:
        """[C] the first token of each chosen class that has its greatest logit."""
        if self.piece_top is None:
            return first_on_device(self, chosen)
        pieces = self.classes.pieces
        return kernels.first_tokens(
            self.logits.numpy(),
            np.float32(self.inverse),
            chosen,
            self.top,
            pieces.token_order,
            pieces.start,
            pieces.of_class,
            self.piece_top,
        )

    def draw(self, chosen: Ints, left: Doubles) -> Longs:
        """[C] a token of each chosen class by inverse CDF of `left`, tokens in order of ids."""
        if self.piece_top is None or self.piece_mass is None:
            return draw_on_device(self, chosen, left)
        pieces = self.classes.pieces
        return kernels.drawn_tokens(
            self.logits.numpy(),
            np.float32(self.inverse),
            chosen,
            left,
            self.top,
            self.mass,
            pieces.token_order,
            pieces.start,
            pieces.of_class,
            self.piece_top,
            self.piece_mass,
        )


def reduce_logits(
    logits: torch.Tensor, classes: Classes, *, temperature: float = 1.0, wanted: Bools | None = None
) -> ClassSpace:
    """Reduce [C, V] float32 logits.

    Args:
        wanted: [C, K] the classes that are asked for at each position; others may be left out. None: all.

    Raises:
        GrammarError: a position has a NaN or an infinite logit; minus infinity is allowed.
    """
    if logits.device.type != "cpu":
        return reduce_on_device(logits, classes, temperature=temperature)
    logits = logits.detach().to(torch.float32).contiguous()
    positions = len(logits)
    pieces = classes.pieces
    piece_top, piece_mass = (np.empty((positions, pieces.count), np.float32) for _ in range(2))
    top, mass, mean = (np.empty((positions, classes.count), np.float64) for _ in range(3))
    values = logits.numpy()
    asked = np.ones(top.shape, np.bool_) if wanted is None else wanted

    def reduce(part: slice) -> int:
        return kernels.reduce_to_classes(
            values[part],
            np.float32(1 / temperature),
            asked[part],
            pieces.token_order,
            pieces.start,
            pieces.class_of,
            pieces.chunk,
            piece_top[part],
            piece_mass[part],
            top[part],
            mass[part],
            mean[part],
        )

    _check(max(in_parts(reduce, positions, values.size)) < 0)
    return ClassSpace(logits, 1 / temperature, classes, top, mass, mean, piece_top, piece_mass)


def spread(
    logits: torch.Tensor, bias: Floats, classes: Classes, *, temperature: float, out: torch.Tensor | None
) -> torch.Tensor:
    """[C, V] float32 probabilities exp(logits / temperature + bias [C, K] of the token's class); into `out` if given."""
    if logits.device.type != "cpu":
        shift = torch.from_numpy(bias).to(logits.device)[:, token_classes(classes, logits.device)]
        return torch.exp(torch.add(shift, logits, alpha=1 / temperature), out=out)
    logits = logits.detach().to(torch.float32).contiguous()
    p = torch.empty_like(logits) if out is None else out
    values, room = logits.numpy(), p.numpy()

    def fill(part: slice) -> None:
        kernels.spread(values[part], np.float32(1 / temperature), bias[part], classes.token_class, room[part])

    in_parts(fill, len(logits), values.size)
    return p


def token_classes(classes: Classes, device: torch.device) -> torch.Tensor:
    """[V] int64 class of each token, kept per device."""
    key = str(device)
    if key not in classes.on_device:
        classes.on_device[key] = torch.from_numpy(classes.token_class.astype(np.int64)).to(device)
    return classes.on_device[key]


def _check(finite: bool) -> None:
    if not finite:
        raise GrammarError("the logits of a position are NaN or infinite")


def reduce_on_device(logits: torch.Tensor, classes: Classes, *, temperature: float = 1.0) -> ClassSpace:
    """`reduce_logits` in torch operations, for any device."""
    values = logits.detach().to(torch.float32) * (1 / temperature)
    _check(bool((values < torch.inf).all()))
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
    return ClassSpace(logits, 1 / temperature, classes, numbers[0], numbers[1], numbers[2])


def first_on_device(space: ClassSpace, chosen: Ints) -> Longs:
    """`ClassSpace.first_tokens` in torch operations, for any device."""
    return _members(space, chosen).argmax(dim=1).cpu().numpy()


def draw_on_device(space: ClassSpace, chosen: Ints, left: Doubles) -> Longs:
    """`ClassSpace.draw` in torch operations, for any device."""
    values = _members(space, chosen).double()
    cumulative = values.softmax(dim=1).cumsum(dim=1)
    level = torch.from_numpy(left).to(values.device)[:, None] * cumulative[:, -1:]
    # The last token with mass bounds the search, as rounding may leave the sum just below the level.
    last = (values > -torch.inf).to(torch.int64).cumsum(dim=1).argmax(dim=1)
    found = torch.searchsorted(cumulative, level, right=True)[:, 0]
    return torch.minimum(found, last).cpu().numpy()


def _members(space: ClassSpace, chosen: Ints) -> torch.Tensor:
    """[C, V] tempered logits of the tokens of each position's chosen class, -inf elsewhere."""
    logits = space.logits.detach().to(torch.float32)
    classes = token_classes(space.classes, logits.device)
    others = classes[None] != torch.from_numpy(chosen).to(logits.device)[:, None]
    return (logits * space.inverse).masked_fill(others, -torch.inf)
