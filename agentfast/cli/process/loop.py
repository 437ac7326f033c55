"""The event loop of a command, which Ctrl-C ends without waiting for anything."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import Protocol, runtime_checkable

from agentfast.cli.process.exits import unwind_on_interrupt


@runtime_checkable
class Closable(Protocol):
    """A model with something to close: an engine, or connections."""

    async def aclose(self) -> None:
        """Close it."""
        ...


@contextmanager
def event_loop(*models: object) -> Generator[asyncio.Runner]:
    """An event loop, for any number of `run` calls; at the end it is closed, after the models.

    Ctrl-C cancels the coroutine that runs and raises KeyboardInterrupt. Then nothing is closed: closing waits for
    worker threads, in which a grammar or a kernel may be compiling for a minute, and the process ends anyway.
    """
    unwind_on_interrupt()
    runner = asyncio.Runner()
    _wake_on_signals(runner.get_loop())
    interrupted = False
    try:
        yield runner
    except KeyboardInterrupt:
        interrupted = True
        raise
    finally:
        if not interrupted:
            for model in models:
                if isinstance(model, Closable):
                    runner.run(model.aclose())
            runner.close()


def _wake_on_signals(loop: asyncio.AbstractEventLoop) -> None:
    """Let any signal wake the loop: one that comes just before the loop sleeps would wait for the next event.

    asyncio sets that up with a loop's first signal handler. This one is for a signal that means nothing here.
    """
    if sys.platform != "win32":
        with suppress(RuntimeError, ValueError):  # not the main thread, which alone gets signals
            loop.add_signal_handler(signal.SIGURG, lambda: None)
