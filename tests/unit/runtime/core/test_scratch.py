"""Memory that is used again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from agentfast.runtime.core.scratch import ScratchBuffers


def test_a_name_has_memory_of_its_own_which_is_used_again() -> None:
    room = ScratchBuffers()
    first, other = room.floats("a", 3, 4), room.floats("b", 5)
    first[:], other[:] = 1, 2
    assert (first == 1).all()
    again = room.floats("a", 2, 2)
    assert again.shape == (2, 2)
    assert np.shares_memory(first, again)
    assert not np.shares_memory(first, other)


def test_more_than_there_is_takes_new_memory_and_keeps_it() -> None:
    room = ScratchBuffers()
    small = room.floats("a", 2)
    large = room.floats("a", 2, 3)
    assert large.shape == (2, 3)
    assert not np.shares_memory(small, large)
    assert np.shares_memory(large, room.floats("a", 6))


def test_threads_share_nothing() -> None:
    room = ScratchBuffers()
    mine = room.floats("a", 8)
    with ThreadPoolExecutor(1) as pool:
        theirs = pool.submit(room.floats, "a", 8).result()
    assert not np.shares_memory(mine, theirs)
