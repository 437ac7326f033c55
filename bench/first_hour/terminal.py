"""A program at a terminal of its own: typed to, read from, interrupted by Ctrl-C."""

from __future__ import annotations

import os
import pty
import select
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import monotonic
from typing import Final

from bench.first_hour.items import expect

BOUND_S: Final = 120.0
CTRL_C: Final = "\x03"


class Terminal:
    """Runs a command.

    Attributes:
        output: all that it has written.
    """

    def __init__(self, command: Sequence[str], env: Mapping[str, str], cwd: Path) -> None:
        self.output = ""
        self._closed = False
        self._mark = 0
        self._pid, self._fd = pty.fork()
        if self._pid == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs ignore it
            os.chdir(cwd)
            os.execve(command[0], list(command), {**env, "TERM": "xterm"})

    def type(self, text: str) -> None:
        """Type a text, such as a line with its end, or CTRL_C."""
        os.write(self._fd, text.encode())

    def wait_for(self, text: str) -> str:
        """All that is written from the last wait until this text; AssertionError if it does not come."""
        end = monotonic() + BOUND_S
        while (at := self.output.find(text, self._mark)) < 0:
            self._read(end - monotonic())
            expect(not self._closed and monotonic() < end, f"no {text!r} in {self.output[self._mark :]!r}")
        start, self._mark = self._mark, at + len(text)
        return self.output[start : self._mark]

    def ask(self, line: str) -> str:
        """All that is written from a line to the next prompt."""
        self.type(line + "\n")
        self.wait_for(line)  # the terminal's echo
        return self.wait_for("> ")

    def end(self) -> int:
        """The exit code; AssertionError if the program does not end."""
        end = monotonic() + BOUND_S
        while not self._closed and monotonic() < end:
            self._read(end - monotonic())
        hung = not self._closed
        self.kill()
        expect(not hung, f"it did not end, after {self.output[-300:]!r}")
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])

    def kill(self) -> None:
        """Kill a program that has not closed its terminal."""
        if not self._closed:
            os.kill(self._pid, signal.SIGKILL)

    def _read(self, seconds: float) -> None:
        if not select.select([self._fd], [], [], max(0.0, seconds))[0]:
            return
        try:
            data = os.read(self._fd, 1 << 16)
        except OSError:  # the other side is closed
            data = b""
        self._closed = not data
        self.output += data.decode("utf-8", "replace").replace("\r\n", "\n")
