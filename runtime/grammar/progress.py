"""Progress of the compilation of grammars, for those who wait for a large one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

Progress = Callable[[int, int | None, str], None]
"""Takes how much is done, of how much if that is known, and of what: "schemas", "states" or "tokens"."""

_listener: Final[ContextVar[Progress | None]] = ContextVar("grammar_progress", default=None)


@contextmanager
def progress_to(listener: Progress) -> Iterator[None]:
    """Have the compilations inside, in this thread or task, tell a listener how far they are.

        with progress_to(lambda done, total, what: print(done, total, what)):
            compile_schema(schema).compile(vocabulary)

    What is known already is not compiled, and tells nothing.
    """
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def report(done: int, total: int | None, what: str) -> None:
    """Tell the listener, if there is one."""
    listener = _listener.get()
    if listener is not None:
        listener(done, total, what)
