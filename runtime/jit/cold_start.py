"""Cold start: the first start on a machine, when kernels have to be compiled.

A process beside this one compiles all of them, once for new sources. Until it is done, this process works with those that
it compiles for itself or finds on disk, and with torch's operations where these do (see backends/stand_in.py). Both cores
of a small machine have something to do, and what one has compiled the other one finds.

Imports neither numba nor torch, so that the line on standard error comes before these have loaded.
"""

from __future__ import annotations

import atexit
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Final

from agentfast.runtime.jit.kernel_folder import KernelFolder, kernel_folder, locked

_BESIDE: Final = "AGENTFAST_COMPILES_BESIDE"
_VARIABLE: Final = "AGENTFAST_COLD_START"
_COMPLETE: Final = "complete"
_WARM_UP: Final = "agentfast.runtime.engine.warm_up"
_RUN: Final = (
    "import sys; sys.path[:] = {path!r}; from agentfast.runtime.jit.cold_start import compile_all; "
    "compile_all({module!r})"
)

_log = logging.getLogger("agentfast.jit")


class _State:
    """This process's cold start.

    Attributes:
        process: that compiles beside this one, if any.
        ready: True unless a process that compiles is at work.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.begun = False
        self.ready = True
        self.process: subprocess.Popen[bytes] | None = None


_state = _State()


def begin(module: str = _WARM_UP) -> None:
    """Say that kernels have to be compiled and have them compiled, unless they are. Once in a process; does not wait.

    Args:
        module: whose `main()` compiles them.
    """
    with _state.lock:
        if _state.begun:
            return
        _state.begun = True
        if os.environ.get(_BESIDE) or os.environ.get("NUMBA_DISABLE_JIT", "0") != "0":
            return
        folder = kernel_folder()
        if (folder.path / _COMPLETE).exists():
            return
        _say(_announcement(folder))
        _start(module)


def begin_anew(reason: str, module: str = _WARM_UP) -> None:
    """Have kernels compiled although they were: what is on disk cannot be used."""
    _log.info("compiled kernels are damaged: %s", reason)  # the line below is said once
    marker = kernel_folder().path / _COMPLETE
    if marker.exists():
        _say(f"compiled kernels are damaged and are compiled anew: {reason}")
        with suppress(OSError):
            marker.unlink()
        with _state.lock:
            _state.begun = False
    begin(module)


def kernels_ready() -> bool:
    """False while another process compiles kernels that this one can do without.

    Always True with `AGENTFAST_COLD_START=wait` or `quiet`: then results are those of every later start, to the last bit.
    """
    return _state.ready or os.environ.get(_VARIABLE) in ("wait", "quiet")


def wait_until_ready() -> bool:
    """Wait for the process that compiles. Returns False if it failed."""
    process = _state.process
    return process is None or process.wait() == 0


def finish() -> None:
    """Have all kernels compiled and wait for it, so that what follows can be timed.

    Where the process that compiles fails, kernels are compiled as they are needed.
    """
    begin()
    wait_until_ready()
    _state.ready = True


def forget_process() -> None:
    """In a fork: the process beside is the parent's."""
    _state.lock = threading.Lock()
    _state.process = None
    _state.ready = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=forget_process)


def compile_all(module: str) -> None:
    """Compile everything: the process beside. It ends when its standard input does, which is its parent's end."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    folder = kernel_folder().path
    with locked(folder / "warm_up.lock"):
        if not (folder / _COMPLETE).exists():
            main: Callable[[], None] = import_module(module).main
            main()
            (folder / _COMPLETE).touch()


def _end_with_parent() -> None:
    sys.stdin.read()  # nothing is ever written there
    os._exit(0)


def _start(module: str) -> None:
    if getattr(sys, "frozen", False):  # sys.executable is the program
        return
    code = _RUN.format(path=[str(Path(entry).absolute()) for entry in sys.path], module=module)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", _BESIDE: "1"}
    quiet = subprocess.DEVNULL
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=quiet, stderr=quiet, env=environment
        )
    except OSError as error:  # kernels are compiled when they are needed
        _log.warning("cannot start a process that compiles kernels: %s", error)
        return
    _state.process, _state.ready = process, False
    atexit.register(_kill, process, os.getpid())
    threading.Thread(target=_watch, args=(process,), name="agentfast-cold-start", daemon=True).start()


def _watch(process: subprocess.Popen[bytes]) -> None:
    code = process.wait()
    if _state.process is not process:
        return
    if code == 0:
        _state.ready = True
    else:
        _say(f"the process that compiled kernels ended with {code}; this one goes on without, more slowly")


def _kill(process: subprocess.Popen[bytes], parent: int) -> None:
    if os.getpid() == parent:
        _state.process = None
        process.kill()
        process.wait()


def _announcement(folder: KernelFolder) -> str:
    first = not any(folder.path.glob("*/*.nbc"))
    text = (
        "compiling kernels for this processor; on two idle cores the first answer takes about half a minute, "
        "and full speed comes after a minute"
        if first
        else "compiling the rest of the kernels; full speed comes within a minute"
    )
    if folder.kept:
        return f"{text}. They are kept in {folder.path.parent}"
    refused = (
        "the user has no home folder" if folder.refused is None else f"{folder.refused} cannot be written"
    )
    return f"{text}, and again at every start, since {refused}: set AGENTFAST_CACHE to a folder that can be"


def _say(text: str) -> None:
    if os.environ.get(_VARIABLE) == "quiet":
        return
    with suppress(OSError, ValueError):  # no standard error, or a closed one
        print(f"agentfast: {text}", file=sys.stderr, flush=True)  # noqa: T201
