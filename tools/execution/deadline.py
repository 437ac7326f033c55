"""A limit on the seconds that a call takes."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from agentfast.errors import ToolTimeoutError


class Deadline:
    """The work of asyncio.timeout for a third of its time: the limit is fixed, and it is entered without awaiting."""

    __slots__ = ("_cancelling", "_expired", "_handle", "_seconds", "_task")

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._expired = False

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a tool is run outside of a task")
        self._task = task
        self._cancelling = task.cancelling()
        self._handle = asyncio.get_running_loop().call_later(self._seconds, self._expire)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._handle.cancel()
        # Whoever else cancelled the task meanwhile comes first.
        if (
            self._expired
            and self._task.uncancel() <= self._cancelling
            and isinstance(error, asyncio.CancelledError)
        ):
            raise ToolTimeoutError(f"timed out after {self._seconds:g} s") from error

    def is_cancelled(self) -> bool:
        """True if the task was asked to cancel since, by the deadline or by another."""
        return self._task.cancelling() > self._cancelling

    def _expire(self) -> None:
        self._expired = True
        self._task.cancel()
