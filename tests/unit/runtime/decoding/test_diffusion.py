"""Acceptance and stopping."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from agentfast.runtime.core.config import GenerationDefaults
from agentfast.runtime.decoding.acceptance import accept

entropies = st.lists(st.integers(0, 12).map(lambda n: n / 4), min_size=1, max_size=7)


@given(entropies, st.integers(0, 12).map(lambda n: n / 4))
def test_acceptance_is_the_largest_set_of_surest_positions_within_the_bound(
    entropy: list[float], bound: float
) -> None:
    accepted = np.flatnonzero(accept(np.array(entropy, np.float32), bound)).tolist()
    sizes = [
        len(chosen)
        for size in range(1, len(entropy) + 1)
        for chosen in combinations(range(len(entropy)), size)
        if max(entropy[i] for i in chosen)
        <= min([entropy[i] for i in range(len(entropy)) if i not in chosen] + [9])
        and sum(entropy[i] for i in chosen) - max(entropy[i] for i in chosen) <= bound
    ]
    assert len(accepted) == max(sizes)
    assert max(entropy[i] for i in accepted) <= min(
        [entropy[i] for i in range(len(entropy)) if i not in accepted] + [9]
    )


def test_the_surest_position_is_accepted_whatever_its_entropy() -> None:
    assert accept(np.array([9.0, 5.0, 7.0], np.float32), 0.1).tolist() == [False, True, False]


def test_temperature_falls_from_t_max_to_just_above_t_min() -> None:
    generation = GenerationDefaults(max_denoising_steps=4, t_min=0.4, t_max=0.8)
    assert [round(generation.temperature_at(n), 6) for n in (4, 3, 2, 1)] == [0.8, 0.7, 0.6, 0.5]
