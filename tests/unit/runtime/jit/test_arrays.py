"""The kernels on arrays do what numpy's functions do, which take numba long to compile."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from agentfast.runtime.jit.arrays import concatenate, extended, grown_rows, sort_each

numbers = st.lists(st.integers(0, 9), max_size=12)


@given(st.lists(numbers, max_size=6))
def test_values_are_sorted_in_each_group(groups: list[list[int]]) -> None:
    starts = np.cumsum([0, *map(len, groups)]).astype(np.int32)
    values = np.array([value for group in groups for value in group], np.int32)
    expected = [value for group in groups for value in sorted(group)]
    assert sort_each(starts, values, 10).tolist() == expected


@given(numbers, numbers, st.integers(0, 100))
def test_the_second_numbers_are_shifted_and_follow_the_first(
    first: list[int], second: list[int], shift: int
) -> None:
    found = concatenate(np.array(first, np.int32), np.array(second, np.int32), shift)
    assert found.tolist() == first + [number + shift for number in second]


def test_grown_rows_keep_theirs_and_their_type() -> None:
    longs = np.arange(6, dtype=np.int64).reshape(3, 2)
    ints = longs.astype(np.int32)
    more_longs, more_ints = grown_rows(longs), grown_rows(ints)
    assert (more_longs.dtype, more_ints.dtype) == (longs.dtype, ints.dtype)
    assert more_longs.shape == more_ints.shape == (6, 2)
    assert more_longs[:3].tolist() == more_ints[:3].tolist() == longs.tolist()


def test_an_extended_array_keeps_its_numbers_and_its_type() -> None:
    numbers = np.arange(3.0)
    for longer in (
        extended(numbers, 5),
        extended(numbers.astype(np.int32), 5),
        extended(numbers.astype(np.int64), 5),
    ):
        assert len(longer) == 5
        assert longer[:3].tolist() == [0, 1, 2]
    assert extended(numbers.astype(np.int32), 5).dtype == np.int32
