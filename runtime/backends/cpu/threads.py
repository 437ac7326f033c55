"""Threads of the CPU backend: a pool that runs shards side by side, and a queue that its threads share."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import BrokenBarrierError
from typing import Generic, TypeVar

import torch

T = TypeVar("T")
R = TypeVar("R")


def single_threaded_operations() -> None:
    """Let torch's operations use one thread in the calling thread, and in no other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # also what threads started from now on would get
    restore = threading.Thread(target=torch.set_num_threads, args=(before,))
    restore.start()
    restore.join()


class PartQueue(Generic[T]):
    """Parts of shards that any thread may take: whichever is free takes the next.

    Shards of about equal cost still end at different times: costs are estimates, and other processes take cores away.
    """

    def __init__(self, shards: int) -> None:
        """shards: number of shards, each of which will `put` once."""
        self._parts: deque[T] = deque()
        self._expected = shards
        self._changed = threading.Condition()

    def put(self, items: Iterable[T]) -> None:
        """Add a shard's parts; to be called, with none, even if it failed, since the others wait for it."""
        with self._changed:
            self._parts.extend(items)
            self._expected -= 1
            self._changed.notify_all()

    def __iter__(self) -> Iterator[T]:
        """Take parts of any shard, until all have put theirs and none remains."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._parts or not self._expected)
                if not self._parts:
                    return
                item = self._parts.popleft()
            yield item


class ShardPool:
    """Threads that run a function on several shards at once, beside the one that asks; they start when first needed."""

    def __init__(self, most: int) -> None:
        """most: shards at once."""
        self.most = most
        self._threads = ThreadPoolExecutor(most - 1, "agentfast-shard", _prepare) if most > 1 else None

    def submit(self, run: Callable[[T], R], shard: T) -> Future[R]:
        """Run it in another thread than this one, which there is if `most` is over 1."""
        assert self._threads is not None, "there is no other thread"
        return self._threads.submit(run, shard)

    def map(self, run: Callable[[T], R], shards: Sequence[T]) -> list[R]:
        """The results in order. An exception is raised once all have ended: one that is not an echo of another's."""
        if self._threads is None or len(shards) == 1:
            return [run(shard) for shard in shards]
        running = [self._threads.submit(run, shard) for shard in shards[1:]]
        own: Future[R] = Future()
        try:
            own.set_result(run(shards[0]))
        except BaseException as failure:  # noqa: BLE001  (raised below, when the others have ended)
            own.set_exception(failure)
        done = [own, *running]
        errors = [error for future in done if (error := future.exception()) is not None]
        if errors:
            raise next((error for error in errors if not isinstance(error, BrokenBarrierError)), errors[0])
        return [future.result() for future in done]

    def close(self) -> None:
        """End the threads."""
        if self._threads is not None:
            self._threads.shutdown()


def _prepare() -> None:
    torch.set_flush_denormal(True)
    single_threaded_operations()
