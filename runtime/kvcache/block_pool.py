"""The block pool: reference counts of KV blocks and their content keys. The contents are in `store.py`."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence


class BlockPool:
    """States of KV blocks: free, cached (no holder, but a content key that may be looked up again) or used.

    free + cached + used == total at all times. Cached blocks are evicted least recently used first.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self._free = list(range(total - 1, -1, -1))
        self._cached: OrderedDict[int, None] = OrderedDict()  # least recently used first
        self._holders = [0] * total
        self._key_of: dict[int, bytes] = {}
        self._block_of: dict[bytes, int] = {}

    @property
    def available(self) -> int:
        """Number of blocks that `allocate` can give: free ones, and cached ones, which are evicted."""
        return len(self._free) + len(self._cached)

    def counts(self) -> dict[str, int]:
        """Numbers of free, cached and used blocks."""
        used = sum(1 for holders in self._holders if holders)
        return {"free": len(self._free), "cached": len(self._cached), "used": used}

    def lookup(self, keys: Sequence[bytes]) -> list[int]:
        """Blocks of the longest known prefix of `keys`. They are not held yet: `hold` them before `allocate`."""
        found: list[int] = []
        for key in keys:
            block = self._block_of.get(key)
            if block is None:
                break
            found.append(block)
        return found

    def idle(self, blocks: Iterable[int]) -> int:
        """Number of `blocks` without a holder: `hold` takes that many off `available`."""
        return sum(1 for block in blocks if not self._holders[block])

    def hold(self, blocks: Iterable[int]) -> None:
        """Add a holder to blocks that are cached or used."""
        for block in blocks:
            if not self._holders[block]:
                del self._cached[block]
            self._holders[block] += 1

    def allocate(self, n: int) -> list[int]:
        """n blocks with one holder each and no content. The caller checked `available`."""
        return [self._allocate_one() for _ in range(n)]

    def release(self, blocks: Sequence[int]) -> None:
        """Take one holder off each block of a row's table.

        From the end, so that of a chain the later blocks are given up first: they are of no use without the earlier.
        """
        for block in reversed(blocks):
            self._holders[block] -= 1
            if not self._holders[block]:
                if block in self._key_of:
                    self._cached[block] = None
                else:
                    self._free.append(block)

    def register(self, block: int, key: bytes) -> None:
        """Give a used block its content key. If another block has the key already, that one keeps it."""
        if key not in self._block_of and block not in self._key_of:
            self._key_of[block] = key
            self._block_of[key] = block

    def forget(self, blocks: Iterable[int]) -> None:
        """Drop the content keys of used blocks, whose content must not be shared."""
        for block in blocks:
            key = self._key_of.pop(block, None)
            if key is not None:
                del self._block_of[key]

    def check_integrity(self, tables: Iterable[Sequence[int]]) -> None:
        """Check every invariant against the block tables of all running rows.

        Raises:
            AssertionError: a block leaked, is in two places, or has a wrong count or key.
        """
        holders = [0] * self.total
        for table in tables:
            assert len(set(table)) == len(table), "a row holds a block twice"
            for block in table:
                holders[block] += 1
        assert holders == self._holders, "holders do not match the rows' block tables"
        used = {block for block, count in enumerate(holders) if count}
        free, cached = set(self._free), set(self._cached)
        assert len(free) == len(self._free), "a block is free twice"
        assert free.isdisjoint(cached), "a block is both free and cached"
        assert used.isdisjoint(free | cached), "a used block is free or cached"
        assert len(free) + len(cached) + len(used) == self.total, "free + cached + used != total"
        assert all(block in self._key_of for block in cached), "a cached block has no key"
        assert free.isdisjoint(self._key_of), "a free block has a key"
        assert self._block_of == {key: block for block, key in self._key_of.items()}, "keys do not match"

    def _allocate_one(self) -> int:
        if self._free:
            block = self._free.pop()
        else:
            block, _ = self._cached.popitem(last=False)
            self.forget([block])
        self._holders[block] = 1
        return block
