"""Programs in processes of their own, as a user starts them: with a home of theirs, timed, and never for ever."""

from __future__ import annotations

import atexit
import os
import resource
import shutil
import site
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
TIMEOUT_S: Final = 600.0
"""Nothing that a user starts takes this long; one that does hangs, and is killed."""


@dataclass(frozen=True, slots=True, repr=False)
class Ran:
    """A program that has ended.

    Attributes:
        errors: the lines of standard error, each with its second after the start.
        code: exit code, -9 if it was killed for taking too long.
        cpu_s: CPU seconds, those of the processes that it started included.
    """

    output: str
    errors: Sequence[tuple[float, str]]
    code: int
    seconds: float
    cpu_s: float

    @property
    def error_text(self) -> str:
        """Standard error."""
        return "\n".join(line for _, line in self.errors)

    def __repr__(self) -> str:
        return f"code {self.code} after {self.seconds:.0f} s, output {self.output!r}, errors {self.error_text[-600:]!r}"


@cache
def scratch() -> Path:
    """A folder that goes when the benchmark ends."""
    folder = Path(tempfile.mkdtemp(prefix="first-hour-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def new_folder(name: str) -> Path:
    """A new empty folder there."""
    return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=scratch()))


def environment(home: Path | None = None, **more: str) -> dict[str, str]:
    """The environment of a user with this home and without any setting; None: the home of whoever runs this."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AGENTFAST", "NUMBA", "OMP", "OPENAI"))
    }
    kept |= {"PYTHONPATH": str(ROOT), "PYTHONUSERBASE": site.getuserbase()}
    if home is not None:
        kept |= {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache")}
    return kept | more


def python(code: str) -> list[str]:
    """The command line that runs some code."""
    return [sys.executable, "-c", code]


def agentfast(*arguments: str) -> list[str]:
    """The command line of the `agentfast` command."""
    return [sys.executable, "-m", "agentfast", *arguments]


def run(
    command: Sequence[str],
    env: Mapping[str, str] | None = None,
    *,
    cwd: Path | None = None,
    stdin: str = "",
    timeout_s: float = TIMEOUT_S,
) -> Ran:
    """Run a program to its end, or kill it."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    program = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd or scratch(),
        env=dict(env or environment()),
    )
    assert program.stdin is not None
    assert program.stdout is not None
    assert program.stderr is not None
    killer = threading.Timer(timeout_s, program.kill)
    killer.start()
    lines: list[tuple[float, str]] = []
    stderr = program.stderr

    def read_errors() -> None:
        lines.extend((time.perf_counter() - began, line.rstrip("\n")) for line in stderr)

    reader = threading.Thread(target=read_errors)
    reader.start()
    with program:
        program.stdin.write(stdin)
        program.stdin.close()
        output = program.stdout.read()
        reader.join()
        code = program.wait()
    killer.cancel()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Ran(output, lines, code, time.perf_counter() - began, cpu_s)
