"""The progress of a long command on standard error: the phase it is in, and the seconds so far."""

from __future__ import annotations

import os
import sys
import threading
from time import perf_counter
from types import TracebackType
from typing import Final, Self

_SHOWN_AFTER_S: Final = 1.0
_SPINNER_EVERY_S: Final = 0.1


class Phases:
    """Shows the phase of the work that goes on while it is entered, once that takes more than a second.

    On a terminal a spinner, which vanishes at the end; elsewhere a line, and more of them ever more rarely. Whatever
    does the work calls `begin`, from any thread; a compiler that can say how far it is may do so too.
    """

    def __init__(self) -> None:
        self._phase = ""
        self._done = ""
        self._began = perf_counter()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._show, name="agentfast-progress", daemon=True)

    def begin(self, phase: str) -> None:
        """Begin a phase: what is being done, as "compiling field 3 of 40"."""
        self._phase = phase
        self._done = ""

    def count(self, done: int, total: int | None, what: str) -> None:
        """Show how far the phase is; a listener for `progress_to`."""
        self._done = f": {done:,} {what}" if total is None else f": {done:,} of {total:,} {what}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _show(self) -> None:
        if self._ended.wait(_SHOWN_AFTER_S):
            return
        if sys.stderr.isatty() and os.environ.get("TERM", "") not in ("", "dumb"):
            self._spin()
        else:
            self._print_lines()

    def _text(self) -> str:
        return f"{self._phase}{self._done}, {perf_counter() - self._began:.0f} s"

    def _spin(self) -> None:
        from rich.console import Console
        from rich.text import Text

        with Console(stderr=True).status(Text(self._text())) as status:
            while not self._ended.wait(_SPINNER_EVERY_S):
                status.update(Text(self._text()))

    def _print_lines(self) -> None:
        wait_s = 4.0
        while True:
            print(f"agentfast: {self._text()}", file=sys.stderr, flush=True)
            if self._ended.wait(wait_s):
                return
            wait_s = min(2 * wait_s, 60.0)
