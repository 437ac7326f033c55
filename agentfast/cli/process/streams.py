"""The standard streams as a command needs them: there, and able to take any text."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path

_NOWHERE = Path(os.devnull)


def prepare_streams() -> None:
    """Replace streams that the caller closed, and let a terminal's encoding fail on no character.

    What standard output's encoding lacks is written as an escape. What standard input's encoding cannot read becomes
    lone surrogates, which `checks.check_text` refuses by name.
    """
    sys.stdin = sys.stdin or _NOWHERE.open(encoding="utf-8")
    sys.stdout = sys.stdout or _NOWHERE.open("w", encoding="utf-8")
    sys.stderr = sys.stderr or _NOWHERE.open("w", encoding="utf-8")
    if isinstance(sys.stdin, TextIOWrapper):
        sys.stdin.reconfigure(errors="surrogateescape")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def abandon_output() -> None:
    """Point standard output nowhere: what is still to be written to it cannot be, and the interpreter would complain."""
    with suppress(OSError, ValueError):  # not the process's own stream
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def is_live_terminal() -> bool:
    """True if standard output is a terminal whose cursor can be moved."""
    return sys.stdout.isatty() and os.environ.get("TERM", "") not in ("", "dumb")
