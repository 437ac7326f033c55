"""The thread that owns all connections to MCP servers, and its event loop.

A connection of the package `mcp` has to be left by the task that entered it, on the loop where it was made. Here each has a
task of its own, on a loop that outlives the callers': any number of tasks, event loops and threads share a connection.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from agentfast.errors import ToolError

T = TypeVar("T")

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None


async def on_owner(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on the owner's loop and await it on one's own. Cancelling the caller cancels it."""
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, _owner_loop()))


def wait_on_owner(work: Coroutine[Any, Any, T], timeout: float | None = None) -> T:
    """Run a coroutine on the owner's loop and block until it has ended.

    Args:
        work: what to run.
        timeout: seconds to wait at most.

    Raises:
        TimeoutError: it took longer, and was cancelled.
        ToolError: the caller is on the owner's loop itself, which must not block.
    """
    if asyncio._get_running_loop() is _owner_loop():
        work.close()
        raise ToolError("an MCP server's callback must not wait for the server")
    future = asyncio.run_coroutine_threadsafe(work, _owner_loop())
    try:
        return future.result(timeout)
    finally:
        future.cancel()  # of an interrupted wait, too


def _owner_loop() -> asyncio.AbstractEventLoop:
    global _loop
    with _lock:
        if _loop is None:
            _loop = asyncio.new_event_loop()
            threading.Thread(target=_loop.run_forever, name="agentfast-mcp", daemon=True).start()
        return _loop


def _forget() -> None:
    """Start anew in a forked child, which has none of the threads; the old loop belongs to the parent."""
    global _loop, _lock
    _loop, _lock = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
