"""The way from the step loop's thread back to the caller's event loop."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable

from agentfast.errors import AgentFastError
from agentfast.runtime.scheduling.request import CanvasUpdate, Completion


class Ticket:
    """Receipt of a submitted request. Made on the caller's loop; used there only."""

    def __init__(self, *, streaming: bool) -> None:
        self.loop = asyncio.get_running_loop()
        self.streaming = streaming
        self._result: asyncio.Future[Completion] = self.loop.create_future()
        self._updates: asyncio.Queue[CanvasUpdate | None] = asyncio.Queue()

    async def result(self) -> Completion:
        """The completion; raises what the request failed with."""
        return await self._result

    async def next_update(self) -> CanvasUpdate | None:
        """The next update; None once the result is there."""
        return await self._updates.get()

    def put(self, item: Completion | CanvasUpdate | AgentFastError) -> None:
        """Called on the caller's loop."""
        if isinstance(item, CanvasUpdate):
            self._updates.put_nowait(item)
            return
        if not self._result.done():
            if isinstance(item, Completion):
                self._result.set_result(item)
            else:
                self._result.set_exception(item)
                self._result.exception()  # a caller that gave up does not come for it: no complaint from asyncio
        self._updates.put_nowait(None)


class Outbox:
    """Collects a step's deliveries, so that each event loop is woken once per step."""

    def __init__(self) -> None:
        self._calls: defaultdict[asyncio.AbstractEventLoop, list[Callable[[], None]]] = defaultdict(list)

    def put(self, ticket: Ticket, item: Completion | CanvasUpdate | AgentFastError) -> None:
        """Deliver at the next `flush`."""
        self._calls[ticket.loop].append(lambda: ticket.put(item))

    def flush(self) -> None:
        """Hand everything over. A loop that was closed has nobody left to tell."""
        for loop, calls in self._calls.items():
            try:
                loop.call_soon_threadsafe(_run, calls)
            except RuntimeError:
                continue
        self._calls.clear()


def _run(calls: list[Callable[[], None]]) -> None:
    for call in calls:
        call()
