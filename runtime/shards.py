"""A CPU batch in parts, each in a thread of its own.

The operations of a small model take microseconds: threads inside them cost more than they give, while whole parts of
the batch run side by side well, since operations release the interpreter lock. A large model is the opposite: its
weights are read from memory for each part anew, so it runs in one part with threads inside its operations.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import BrokenBarrierError
from typing import Final, TypeVar

import torch

from agentfast.runtime.scheduler import Work

T = TypeVar("T")
R = TypeVar("R")

TOKENS_PER_SHARD: Final = 48
"""Fewer do not pay for a thread."""


def shards_of(works: Sequence[Work], most: int) -> list[tuple[Work, ...]]:
    """At most `most` runs of consecutive works with about equal numbers of tokens."""
    total = sum(work.tokens for work in works)
    count = max(1, min(most, len(works), total // TOKENS_PER_SHARD))
    shards: list[list[Work]] = [[] for _ in range(count)]
    done = 0
    for work in works:
        # A work goes where its middle lies, so that a long one does not push all after it into the last shard.
        shards[min(count - 1, (2 * done + work.tokens) * count // (2 * total))].append(work)
        done += work.tokens
    return [tuple(shard) for shard in shards if shard]


def single_threaded_operations() -> None:
    """Let torch's operations use one thread in the calling thread, and in no other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # also what threads started from now on would get
    restore = threading.Thread(target=torch.set_num_threads, args=(before,))
    restore.start()
    restore.join()


class ShardPool:
    """Threads that run a function on several shards at once; they start when first needed."""

    def __init__(self, most: int) -> None:
        """most: shards at once."""
        self._threads = ThreadPoolExecutor(most, "agentfast-shard", _prepare) if most > 1 else None

    def map(self, run: Callable[[T], R], shards: Sequence[T]) -> list[R]:
        """The results in order. An exception is raised once all have ended: one that is not an echo of another's."""
        if self._threads is None or len(shards) == 1:
            return [run(shard) for shard in shards]
        running = [self._threads.submit(run, shard) for shard in shards]
        errors = [error for future in running if (error := future.exception()) is not None]
        if errors:
            raise next((error for error in errors if not isinstance(error, BrokenBarrierError)), errors[0])
        return [future.result() for future in running]

    def close(self) -> None:
        """End the threads."""
        if self._threads is not None:
            self._threads.shutdown()


def _prepare() -> None:
    torch.set_flush_denormal(True)
    single_threaded_operations()
