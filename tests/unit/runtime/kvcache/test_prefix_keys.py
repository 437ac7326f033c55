"""Content keys."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agentfast.runtime.kvcache.prefix_keys import block_keys

tokens = st.lists(st.integers(0, 3), max_size=30)


def test_only_full_blocks_have_keys() -> None:
    assert len(block_keys([1, 2, 3, 4, 5], 2)) == 2
    assert block_keys([1], 2) == []


@given(tokens, tokens, st.integers(1, 5))
def test_keys_are_equal_exactly_where_everything_up_to_the_blocks_end_is(
    first: list[int], second: list[int], size: int
) -> None:
    pairs = zip(block_keys(first, size), block_keys(second, size), strict=False)
    for index, (a, b) in enumerate(pairs):
        end = (index + 1) * size
        assert (a == b) == (first[:end] == second[:end])


@given(tokens, st.integers(1, 5), st.integers(0, 10))
def test_known_keys_go_on_as_if_computed_at_once(sequence: list[int], size: int, count: int) -> None:
    keys = block_keys(sequence, size)
    assert block_keys(sequence, size, keys[:count]) == keys
