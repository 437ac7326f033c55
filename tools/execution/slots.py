"""Limits on calls that run at once."""

from __future__ import annotations

import asyncio
from weakref import WeakKeyDictionary, ref


class Slots:
    """So many slots on each event loop: a semaphore belongs to one loop, an executor to none."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()
        self._last: tuple[ref[asyncio.AbstractEventLoop], asyncio.Semaphore] | None = (
            None  # nearly always the one
        )

    def here(self) -> asyncio.Semaphore:
        """The running event loop's."""
        loop = asyncio.get_running_loop()
        last = self._last
        if last is not None and last[0]() is loop:
            return last[1]
        found = self._by_loop.get(loop)
        if found is None:
            found = self._by_loop[loop] = asyncio.Semaphore(self._count)
        self._last = ref(loop), found
        return found
