"""The models that items talk to: the embedded one, and servers on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

from agentfast import LocalModel, nano
from tests.support.servers.openai_server import Reply, Server

T = TypeVar("T")


@cache
def embedded() -> LocalModel:
    """The embedded model, loaded once."""
    return nano.load()


@contextmanager
def server(*replies: Reply) -> Generator[Server]:
    """A server of the chat completions protocol that gives these replies, one a request."""
    running = Server()
    running.replies += replies
    try:
        yield running
    finally:
        running.close()


def wait_for(work: Coroutine[Any, Any, T], seconds: float = 120.0) -> T:
    """Run to the end; work that hangs is a TimeoutError."""

    async def bounded() -> T:
        async with asyncio.timeout(seconds):
            return await work

    return asyncio.run(bounded())
