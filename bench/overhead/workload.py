"""The work that every framework is given: a tool, what the model says in each of its turns, and how long it takes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

Wait = Callable[[], Awaitable[None]]
"""The model's time for a turn."""
Run = Callable[[], Awaitable[str]]
"""One run of an agent, to its answer."""

PROMPT = "What do the pens cost?"
ANSWER = "They cost 3 each."
calls_made: int = 0
"""Calls of the tool in this process."""


async def quote(product: str, count: int, express: bool) -> dict[str, Any]:
    """Give the price of an order.

    Args:
        product: what is ordered.
        count: how many.
        express: delivery on the next day.
    """
    global calls_made
    calls_made += 1
    return {"product": product, "price": count * 3, "express": express}


def call_id(turn: int, index: int) -> str:
    """The id that the model gives a call."""
    return f"call_{turn}_{index}"


def turn_after(answered: str | None) -> int:
    """The number of the turn after the one whose last call has been answered; None or "": no call has been."""
    return int(answered.split("_")[1]) + 1 if answered else 0


def arguments_of(turn: int, index: int) -> dict[str, Any]:
    """Arguments of a call, none like the one before."""
    return {"product": "pen", "count": turn * 100 + index + 1, "express": True}


async def at_once() -> None:
    """Answer at once; as any real model, it lets others run."""
    await asyncio.sleep(0)


class Tick:
    """A model that batches: the first request that waits opens a batch, and after its time all that wait are answered."""

    def __init__(self, seconds: float) -> None:
        """Take the time of a batch."""
        self._seconds = seconds
        self._waiting: list[asyncio.Future[None]] = []

    async def __call__(self) -> None:
        """Wait for the batch."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        if not self._waiting:
            loop.call_later(self._seconds, self._answer)
        self._waiting.append(future)
        await future

    def _answer(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)
