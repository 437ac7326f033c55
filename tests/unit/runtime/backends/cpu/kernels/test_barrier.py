"""Threads that share a kernel: parts are all tokens once, nobody goes on before all are there, nobody waits for ever."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from agentfast.runtime.backends.cpu.kernels.barrier import (
    TOKENS_PER_SLICE,
    TokenSlice,
    lines_of,
    side_by_side,
    token_slices,
    wait_for_all,
)
from agentfast.runtime.backends.cpu.threads import ShardPool
from agentfast.runtime.jit.kernel import kernel


@kernel
def smooth(part: TokenSlice, rounds: int, lines: NDArray[np.float64]) -> None:
    """Each round makes every number of lines [2, T] the mean of its neighbours', across the parts' borders."""
    size = lines.shape[1]
    for step in range(rounds):
        wait_for_all(part)
        source, target = lines[step % 2], lines[1 - step % 2]
        for i in range(part.start, part.stop):
            target[i] = (source[i - 1] + source[(i + 1) % size]) / 2
    wait_for_all(part)


@given(st.integers(1, 300), st.integers(1, 5))
def test_parts_have_every_token_once_and_are_about_as_large(tokens: int, most: int) -> None:
    parts = token_slices(tokens, most)
    assert [token for part in parts for token in range(part.start, part.stop)] == list(range(tokens))
    sizes = [part.stop - part.start for part in parts]
    assert max(sizes) - min(sizes) <= 1
    assert len(parts) == 1 or (len(parts) <= most and min(sizes) >= TOKENS_PER_SLICE)
    assert [(part.number, part.parts) for part in parts] == [(i, len(parts)) for i in range(len(parts))]


@given(st.sets(st.integers(0, 99)), st.integers(1, 4))
def test_each_line_is_of_the_part_that_has_its_token(chosen: set[int], most: int) -> None:
    lines = np.array(sorted(chosen), np.int64)
    for part in token_slices(100, most):
        first, last = lines_of(part, lines)
        assert lines[first:last].tolist() == [line for line in lines if part.start <= line < part.stop]


@given(st.integers(1, 4), st.integers(1, 200), st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_a_part_goes_on_when_all_others_have_come(most: int, rounds: int, seed: int) -> None:
    start = np.random.default_rng(seed).random(64)
    expected = start
    for _ in range(rounds):
        expected = (np.roll(expected, 1) + np.roll(expected, -1)) / 2
    lines = np.stack([start, start])
    pool = ShardPool(most)
    side_by_side(lambda part: smooth(part, rounds, lines), token_slices(64, most), pool)
    pool.close()
    np.testing.assert_array_equal(lines[rounds % 2], expected)


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_a_part_that_fails_keeps_nobody_waiting_and_its_error_is_raised(failing: int) -> None:
    lines = np.zeros((2, 64))
    ended: list[int] = []

    def run(part: TokenSlice) -> None:
        if part.number == failing:
            raise ValueError("this part")
        smooth(part, 10, lines)
        ended.append(part.number)

    pool = ShardPool(3)
    with pytest.raises(ValueError, match="this part"):
        side_by_side(run, token_slices(64, 3), pool)
    assert sorted(ended) == [number for number in range(3) if number != failing]
    pool.close()
