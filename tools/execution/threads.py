"""Worker threads that the process does not wait for: sync functions, awaited on an event loop."""

from __future__ import annotations

import asyncio
import os
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from queue import Empty, SimpleQueue
from typing import Any, Final, TypeVar

T = TypeVar("T")

_LINGER_S: Final = 10.0
"""Seconds that a thread without work waits for more."""

_Report = Callable[[], object]
_Job = Callable[[], _Report]
_idle: deque[_Worker] = deque()
os.register_at_fork(after_in_child=_idle.clear)  # a forked child has none of the threads


async def run_in_thread(function: Callable[[], T]) -> T:
    """Call a sync function in a worker thread, with the caller's context variables, and await what it returns.

    A cancelled caller goes on at once: the thread is left to finish on its own, and what it returns is dropped. The
    threads are daemons, so that neither Ctrl-C nor the end of the program waits for a function that sleeps; executors
    of asyncio and anyio join theirs.
    """
    loop, context = asyncio.get_running_loop(), copy_context()
    future: asyncio.Future[T] = loop.create_future()

    def job() -> _Report:
        result: Any = None
        failure: BaseException | None = None
        try:
            result = context.run(function)
        except BaseException as error:  # noqa: BLE001  (it is raised again, by the one who awaits)
            failure = error
        return lambda: loop.call_soon_threadsafe(_settle, future, result, failure)

    _idle_worker().jobs.put(job)
    return await future


def _settle(future: asyncio.Future[Any], result: Any, failure: BaseException | None) -> None:
    """Hand over what came out, unless nobody waits any more."""
    if future.done():
        return
    if failure is None:
        future.set_result(result)
    elif isinstance(failure, (StopIteration, GeneratorExit)):  # no future can hand one over
        said = RuntimeError(f"the function raised {type(failure).__name__}: {failure}".removesuffix(": "))
        said.__cause__ = failure
        future.set_exception(said)
    else:
        future.set_exception(failure)


def _idle_worker() -> _Worker:
    try:
        return _idle.pop()
    except IndexError:
        return _Worker()


class _Worker:
    """A daemon thread that takes one job at a time, and ends after a while without any."""

    def __init__(self) -> None:
        self.jobs: SimpleQueue[_Job] = SimpleQueue()
        threading.Thread(target=self._main, name="agentfast-tool", daemon=True).start()

    def _main(self) -> None:
        while (job := self._next()) is not None:
            report = job()
            _idle.append(self)  # before the report, so that a caller's next call finds the thread idle
            with suppress(RuntimeError):  # the loop was closed meanwhile
                report()
            del job, report  # or they would keep alive what the tool was called with

    def _next(self) -> _Job | None:
        try:
            return self.jobs.get(timeout=_LINGER_S)
        except Empty:
            pass
        try:
            _idle.remove(self)
        except ValueError:  # somebody has just taken it, and will bring a job
            return self.jobs.get()
        return None
