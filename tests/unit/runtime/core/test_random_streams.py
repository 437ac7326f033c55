"""A request's random numbers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from agentfast.runtime.core.random_streams import PhiloxStreams


def test_the_same_seed_gives_the_same_numbers() -> None:
    first, second = PhiloxStreams(3, 100), PhiloxStreams(3, 100)
    assert first.noise(50).tolist() == second.noise(50).tolist()
    assert first.uniforms(50).tolist() == second.uniforms(50).tolist()
    assert PhiloxStreams(4, 100).noise(50).tolist() != PhiloxStreams(3, 100).noise(50).tolist()


def test_noise_does_not_shift_the_uniforms() -> None:
    first, second = PhiloxStreams(3, 100), PhiloxStreams(3, 100)
    first.noise(7)
    assert first.uniforms(5).tolist() == second.uniforms(5).tolist()


def test_noise_covers_the_vocabulary() -> None:
    assert set(PhiloxStreams(0, 5).noise(200).tolist()) == {0, 1, 2, 3, 4}


@pytest.mark.parametrize("pieces", [[1] * 700, [255, 2, 256, 1, 500], [1000, 3]])
def test_numbers_do_not_depend_on_how_many_are_asked_for_at_once(pieces: Sequence[int]) -> None:
    cut, whole = PhiloxStreams(3, 1536), PhiloxStreams(3, 1536)
    assert np.concatenate([cut.noise(n) for n in pieces]).tolist() == whole.noise(sum(pieces)).tolist()
    assert np.concatenate([cut.uniforms(n) for n in pieces]).tolist() == whole.uniforms(sum(pieces)).tolist()
