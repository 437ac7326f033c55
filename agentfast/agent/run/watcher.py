"""The events of a run as an async generator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any, TypeVar

import anyio

from agentfast.agent.events import AgentEvent, RunFailed, RunFinished, RunPaused
from agentfast.agent.result import RunResult
from agentfast.agent.sinks import RunInfo

T = TypeVar("T")


class Watcher:
    """A sink that gives a run's events to whoever reads `follow`; inner runs' events are not among them."""

    deltas = True

    def __init__(self) -> None:
        """Begin with no event."""
        self._events: asyncio.Queue[AgentEvent[Any] | None] = asyncio.Queue()

    def receive(self, run: RunInfo, event: AgentEvent[Any]) -> None:
        """Keep an event until it is read; the run's end is told by `follow` itself."""
        if not isinstance(event, (RunFinished, RunFailed, RunPaused)):
            self._events.put_nowait(event)

    async def follow(
        self, execute: Callable[[], Coroutine[Any, Any, RunResult[T]]]
    ) -> AsyncGenerator[AgentEvent[T], None]:
        """Execute a run, event by event; it stops when the generator is closed."""
        task = asyncio.create_task(execute())
        task.add_done_callback(lambda _: self._events.put_nowait(None))
        try:
            while (event := await self._events.get()) is not None:
                yield event
            yield RunFinished(await task)
        finally:
            if not task.done():
                task.cancel()
                with anyio.CancelScope(shield=True):
                    await asyncio.wait([task])
            if not task.cancelled():
                task.exception()  # whoever left early does not come for it
