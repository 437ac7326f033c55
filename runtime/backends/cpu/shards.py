"""A CPU batch in parts, each in a thread of its own.

The operations of a small model take microseconds: threads inside them cost more than they give, while whole parts of
the batch run side by side well, since operations release the interpreter lock. A large model is the opposite: its
weights are read from memory for each part anew, so it runs in one part with threads inside its operations. A batch that
is too small for parts is shared token by token (see meeting.py).
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import BrokenBarrierError
from typing import Final, Generic, TypeVar

import torch

from agentfast.runtime.model.config import ModelConfig
from agentfast.runtime.scheduling.scheduler import Work

T = TypeVar("T")
R = TypeVar("R")

TOKENS_PER_SHARD: Final = 48
"""Fewer do not pay for a thread."""


_CANVAS_TOKEN: Final = 2.0
"""What a canvas token costs, logits and decoding included, where an encode token costs 1."""

_KEYS: Final = 600
"""So many keys to attend to, in each layer, cost as much as an encode token."""


class Cost:
    """About how long a work takes, in encode tokens."""

    def __init__(self, config: ModelConfig) -> None:
        windows = Counter(config.attention(layer).window for layer in range(len(config.layers)))
        self._shares = [(window, count / len(config.layers)) for window, count in windows.items()]

    def __call__(self, work: Work) -> float:
        encodes = work.stop - work.start
        canvas, encode = work.stop + work.canvas_tokens, (work.start + work.stop) / 2
        seen = sum(
            share * (work.canvas_tokens * _within(canvas, window) + encodes * _within(encode, window))
            for window, share in self._shares
        )
        return encodes + _CANVAS_TOKEN * work.canvas_tokens + seen / _KEYS


def _within(positions: float, window: int | None) -> float:
    return positions if window is None else min(positions, window)


def shards_of(
    works: Sequence[Work], most: int, cost: Callable[[Work], float], uneven: float = float("inf")
) -> list[tuple[Work, ...]]:
    """At most `most` parts of about equal cost, each in the order of the works.

    The dearest work goes first, and each where there is least as yet (Graham 1969).

    Args:
        uneven: there is one part only if the dearest of several would cost more than so many times its fair share.
    """
    total = sum(work.tokens for work in works)
    count = max(1, min(most, len(works), total // TOKENS_PER_SHARD))
    costs = [cost(work) for work in works]
    sums = [0.0] * count
    shards: list[list[int]] = [[] for _ in range(count)]
    for i in sorted(range(len(works)), key=costs.__getitem__, reverse=True):
        least = sums.index(min(sums))
        shards[least].append(i)
        sums[least] += costs[i]
    if max(sums) * count > uneven * sum(sums):
        return [tuple(works)]
    return [tuple(works[i] for i in sorted(shard)) for shard in shards]


def single_threaded_operations() -> None:
    """Let torch's operations use one thread in the calling thread, and in no other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # also what threads started from now on would get
    restore = threading.Thread(target=torch.set_num_threads, args=(before,))
    restore.start()
    restore.join()


class Leftovers(Generic[T]):
    """What shards have left to do once any thread may do it: whichever is free takes the next.

    Shards of about equal cost still end at different times: costs are estimates, and other processes take cores away.
    """

    def __init__(self, shards: int) -> None:
        """shards: how many will each `leave` once."""
        self._left: deque[T] = deque()
        self._expected = shards
        self._changed = threading.Condition()

    def leave(self, items: Iterable[T]) -> None:
        """Add a shard's; to be called, with none, even if it failed, since the others wait for it."""
        with self._changed:
            self._left.extend(items)
            self._expected -= 1
            self._changed.notify_all()

    def __iter__(self) -> Iterator[T]:
        """Takes what is left by any shard, until all have left theirs and nothing remains."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._left or not self._expected)
                if not self._left:
                    return
                item = self._left.popleft()
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
