"""Logits by class: in parts, at every size of a class, and with labels that lie far apart."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from agentfast.errors import GrammarError
from agentfast.runtime.grammar.tokens.token_classes import TokenClasses
from agentfast.runtime.posterior.device_ops import DeviceOps
from agentfast.runtime.posterior.host_ops import HostOps
from agentfast.runtime.posterior.parallel import MIN_NUMBERS, in_parts


def classes_of_sizes(*sizes: int) -> TokenClasses:
    """Classes of these sizes, their tokens spread over the vocabulary."""
    token_class = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    np.random.default_rng(0).shuffle(token_class)
    every = np.arange(len(sizes), dtype=np.int32)
    return TokenClasses(token_class, len(sizes), np.array([0, len(sizes)], np.int32), every)


SIZES = (0, 1, 2, 23, 24, 25, 100, 1023, 1024, 1025, 2500)


@pytest.mark.parametrize(
    "sizes",
    [
        SIZES,
        (1, 1, 2, 23, 24, 25, 100, 1, 1023, 1024),  # each one piece
        (0, 1025, 1),  # as many pieces as classes
    ],
)
@pytest.mark.parametrize("scale", [1.0, 300.0])
def test_classes_of_every_size_are_reduced_to_their_own_softmax(sizes: tuple[int, ...], scale: float) -> None:
    classes = classes_of_sizes(*sizes)
    random = np.random.default_rng(1)
    values = (random.normal(size=(3, sum(sizes))) * scale).astype(np.float32)
    values[:, ::7] = -np.inf
    space = HostOps().reduce(torch.from_numpy(values), classes, temperature=0.5)
    for k, size in enumerate(sizes):
        mine = 2.0 * values[:, classes.token_class == k].astype(np.float64)
        alive = np.isfinite(mine).any(axis=1) if size else np.zeros(3, np.bool_)
        assert (space.mass[~alive, k] == 0).all()
        weight = np.exp(mine[alive] - mine[alive].max(axis=1, keepdims=True)) if alive.any() else mine[alive]
        np.testing.assert_allclose(space.mass[alive, k], weight.sum(axis=1), rtol=1e-5)
        mean = (weight * np.nan_to_num(mine[alive], neginf=0.0)).sum(axis=1) / weight.sum(axis=1)
        np.testing.assert_allclose(space.mean[alive, k], mean, rtol=1e-4, atol=1e-3)


def test_classes_that_are_not_asked_for_have_no_mass() -> None:
    classes = classes_of_sizes(3, 4, 5)
    wanted = np.array([[True, False, False], [False, False, True]])
    space = HostOps().reduce(torch.zeros(2, 12), classes, wanted=wanted)
    assert (space.mass > 0).tolist() == wanted.tolist()


@pytest.mark.parametrize("value", [float("nan"), -float("nan"), float("inf")])
def test_a_broken_logit_is_an_error_wherever_it_is(value: float) -> None:
    classes = classes_of_sizes(1500, 500)
    for place in (0, 1999):
        logits = torch.zeros(2, 2000)
        logits[1, place] = value
        with pytest.raises(GrammarError, match="NaN or infinite"):
            HostOps().reduce(logits, classes)


def test_spreading_gives_probabilities_in_place() -> None:
    classes = classes_of_sizes(2000, 48)
    logits = torch.randn(2, 2048, generator=torch.Generator().manual_seed(0))
    bias = np.array([[-9.0, -np.inf], [-np.inf, -4.0]], np.float32)
    room = torch.empty(2, 2048)
    p = HostOps().spread(logits, bias, classes, temperature=0.8, out=room)
    assert p is room
    expected = torch.exp(logits / 0.8 + torch.from_numpy(bias)[:, classes.token_class.astype(np.int64)])
    torch.testing.assert_close(p, expected.clamp(max=1.0), rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("positions", [1, 2, 7])
def test_parts_cover_the_positions_in_order(positions: int) -> None:
    found = in_parts(lambda part: list(range(positions))[part], positions, MIN_NUMBERS, threads=3)
    assert len(found) == min(positions, 3)
    assert [i for part in found for i in part] == list(range(positions))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_the_reduction_on_cuda_is_the_one_on_the_cpu() -> None:
    classes = classes_of_sizes(*SIZES)
    values = torch.randn(4, sum(SIZES), generator=torch.Generator().manual_seed(0)) * 9
    here = HostOps().reduce(values, classes, temperature=0.7)
    there = DeviceOps(torch.device("cuda")).reduce(values.cuda(), classes, temperature=0.7)
    np.testing.assert_allclose(there.top, here.top, rtol=1e-6)
    np.testing.assert_allclose(there.mass, here.mass, rtol=1e-5)
    np.testing.assert_allclose(there.mean, here.mean, rtol=1e-4, atol=1e-4)
    chosen = np.full(4, len(SIZES) - 1, np.int32)
    assert there.first_tokens(chosen).tolist() == here.first_tokens(chosen).tolist()
    assert there.draw(chosen, np.full(4, 0.37)).tolist() == here.draw(chosen, np.full(4, 0.37)).tolist()
