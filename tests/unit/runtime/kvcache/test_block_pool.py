"""The block pool's books."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentfast.runtime.kvcache.block_pool import BlockPool


def key(n: int) -> bytes:
    return n.to_bytes(2, "big")


def test_a_new_pool_is_free() -> None:
    assert BlockPool(3).counts() == {"free": 3, "cached": 0, "used": 0}


def test_released_blocks_with_a_key_are_cached_and_those_without_are_free() -> None:
    pool = BlockPool(3)
    blocks = pool.allocate(2)
    pool.register(blocks[0], key(1))
    pool.release(blocks)
    assert pool.counts() == {"free": 2, "cached": 1, "used": 0}
    assert pool.lookup([key(1)]) == blocks[:1]


def test_a_lookup_stops_at_the_first_unknown_key() -> None:
    pool = BlockPool(3)
    blocks = pool.allocate(3)
    for n, block in enumerate(blocks):
        if n != 1:
            pool.register(block, key(n))
    assert pool.lookup([key(0), key(1), key(2)]) == blocks[:1]


def test_cached_blocks_are_given_up_least_recently_used_first_and_children_before_parents() -> None:
    pool = BlockPool(4)
    old, new = pool.allocate(2), pool.allocate(2)
    for n, block in enumerate([*old, *new]):
        pool.register(block, key(n))
    pool.release(old)
    pool.release(new)
    taken = pool.allocate(3)
    assert taken == [old[1], old[0], new[1]]
    assert pool.lookup([key(2)]) == [new[0]]
    assert pool.lookup([key(0)]) == []


def test_a_block_is_freed_when_its_last_holder_lets_go() -> None:
    pool = BlockPool(2)
    blocks = pool.allocate(1)
    pool.hold(blocks)
    pool.release(blocks)
    assert pool.counts()["used"] == 1
    pool.release(blocks)
    assert pool.counts() == {"free": 2, "cached": 0, "used": 0}


def test_forgotten_content_is_not_found() -> None:
    pool = BlockPool(1)
    blocks = pool.allocate(1)
    pool.register(blocks[0], key(1))
    pool.forget(blocks)
    assert pool.lookup([key(1)]) == []
    pool.release(blocks)
    pool.check_integrity([])


def test_a_leak_is_noticed() -> None:
    pool = BlockPool(2)
    pool.allocate(1)
    with pytest.raises(AssertionError, match="block tables"):
        pool.check_integrity([])


@given(st.data())
def test_whatever_rows_do_every_block_is_free_cached_or_used(data: st.DataObject) -> None:
    pool = BlockPool(data.draw(st.integers(1, 12)))
    tables: list[list[int]] = []
    known: list[int] = []
    for _ in range(data.draw(st.integers(0, 40))):
        action = data.draw(st.sampled_from(["start", "register", "release", "forget"]))
        if action == "start":
            shared = pool.lookup([key(n) for n in known[: data.draw(st.integers(0, 4))]])
            room = pool.available - pool.idle(shared)
            pool.hold(shared)
            tables.append(shared + pool.allocate(data.draw(st.integers(0, room))))
        elif tables:
            table = data.draw(st.sampled_from(tables))
            if action == "register":
                for n, block in enumerate(table[:4]):
                    pool.register(block, key(n))
                known = [0, 1, 2, 3]
            elif action == "forget":
                pool.forget(table)
            else:
                pool.release(table)
                tables = [other for other in tables if other is not table]
        pool.check_integrity(tables)
        assert sum(pool.counts().values()) == pool.total
