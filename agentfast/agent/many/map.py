"""Many runs at once: bounded concurrency, results in the order of what was asked, none of them lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sized
from typing import Generic, TypeVar, cast

from agentfast.agent.errors import MapError
from agentfast.agent.many.progress import Progress, Report
from agentfast.agent.result import RunResult, T

Item = TypeVar("Item")
OnOutcome = Callable[[int, Item, "RunResult[T] | Exception"], object]
"""Takes a place, what was asked there, and what came of it."""


class Map(Generic[Item, T]):
    """The runs of one map. Made for one call of `execute`."""

    def __init__(
        self,
        answer: Callable[[Item, int], Awaitable[RunResult[T]]],
        items: Iterable[Item],
        *,
        keep_going: bool,
        report: Report | None = None,
        on_outcome: OnOutcome[Item, T] | None = None,
    ) -> None:
        """Take how to answer an item, given its place, and the items, which are read as runs become free.

        Args:
            keep_going: a failure leaves the others alone.
            report: told of the progress.
            on_outcome: told of each item's outcome as it comes.
        """
        self._answer = answer
        self._items = iter(items)
        self._total = len(items) if isinstance(items, Sized) else None
        self._keep_going = keep_going
        self._report = report
        self._on_outcome = on_outcome
        self._outcomes: list[RunResult[T] | Exception | None] = []
        self._failure: tuple[int, object, Exception] | None = None
        self._done = 0
        self._failed = 0

    async def execute(self, concurrency: int) -> list[RunResult[T] | Exception]:
        """Run all items. A cancellation has what was finished in an attribute `results`, as MapError does.

        Raises:
            MapError: an item failed, and the others were not to go on; or the items' iterator failed.
        """
        try:
            await self._run_all(concurrency)
        except asyncio.CancelledError as cancelled:
            vars(cancelled)["results"] = self._outcomes
            raise
        if self._failure is not None:
            raise MapError(*self._failure, self._outcomes) from self._failure[2]
        return cast("list[RunResult[T] | Exception]", self._outcomes)

    async def _run_all(self, concurrency: int) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(concurrency):
                    group.create_task(self._work())
        except* _StopError:
            pass

    async def _work(self) -> None:
        """Answer one item after another."""
        while True:
            index = len(self._outcomes)
            try:
                item = next(self._items)
            except StopIteration:
                return
            except Exception as error:  # noqa: BLE001  (the caller's; it gives nothing more, so that all work ends)
                self._failure = self._failure or (index, None, error)
                return
            self._outcomes.append(None)
            try:
                self._settle(index, item, await self._answer(item, index))
            except Exception as error:
                self._settle(index, item, error)
                if not self._keep_going:
                    self._failure = self._failure or (index, item, error)
                    raise _StopError from error

    def _settle(self, index: int, item: Item, outcome: RunResult[T] | Exception) -> None:
        self._outcomes[index] = outcome
        self._done += 1
        self._failed += isinstance(outcome, Exception)
        if self._on_outcome is not None:
            self._on_outcome(index, item, outcome)
        if self._report is not None:
            self._report(Progress(self._done, self._failed, self._total))


class _StopError(Exception):
    """An item failed: the group stops the others."""
