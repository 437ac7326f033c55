"""The progress of a long command: nothing of a short one, lines in a file, a spinner at a terminal."""

from __future__ import annotations

import sys
import threading
from io import StringIO

import pytest

from agentfast.cli.schema import progress
from agentfast.cli.schema.progress import Phases

BOUND_S = 30


class Watched(StringIO):
    """Standard error that says when a text was written to it."""

    def __init__(self, text: str, *, terminal: bool) -> None:
        super().__init__()
        self.written = threading.Event()
        self._text = text
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    def write(self, text: str) -> int:
        count = super().write(text)
        if self._text in self.getvalue():
            self.written.set()
        return count


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_SHOWN_AFTER_S", 0.0)


def test_a_short_command_shows_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with Phases() as phases:
        phases.begin("compiling")
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("at_once")
def test_a_file_gets_a_line_with_the_phase_and_the_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = Watched("\n", terminal=False)
    monkeypatch.setattr(sys, "stderr", stderr)
    phases = Phases()
    phases.begin("compiling field 3 of 40")
    phases.count(1000, None, "states")
    with phases:
        assert stderr.written.wait(BOUND_S)
    assert stderr.getvalue() == "agentfast: compiling field 3 of 40: 1,000 states, 0 s\n"


@pytest.mark.usefixtures("at_once")
def test_a_terminal_gets_a_spinner_that_follows_the_phase_and_vanishes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stderr = Watched("lifting [bold], 0 s", terminal=True)
    monkeypatch.setattr(sys, "stderr", stderr)
    monkeypatch.setenv("TERM", "xterm")
    phases = Phases()
    with phases:
        phases.begin("lifting [bold]")
        assert stderr.written.wait(BOUND_S)
    assert stderr.getvalue().endswith(("\x1b[2K", "\x1b[?25h"))


@pytest.mark.usefixtures("at_once")
def test_an_error_ends_the_progress_too() -> None:
    phases = Phases()
    with pytest.raises(LookupError), phases:
        raise LookupError
    assert not [thread for thread in threading.enumerate() if thread.name == "agentfast-progress"]
