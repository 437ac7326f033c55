"""Disk cache of compiled kernels: one folder for all processes of the same sources, each kernel compiled once.

The folder's name is a hash of the sources that have kernels. It covers the kernels of other files that one calls, since
those are compiled into it. So an installed package, a source tree and the workers of a test run share their kernels,
and no process loads a stale one. The place is `$NUMBA_CACHE_DIR`, or else `kernels` in the user's cache folder. Kernels
defined elsewhere than in this package lie where numba puts them.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any, Final, cast

import numba
import numba.core.caching
import numba.core.compiler_lock

from agentfast.runtime.jit.host import usable_cores, user_folder

try:
    import fcntl
except ImportError:  # Windows: every process compiles for itself
    fcntl = None  # type: ignore[assignment]

_caching: Any = cast("Any", numba).core.caching  # none of it has types
_compiler_lock: Any = cast("Any", numba).core.compiler_lock.global_compiler_lock
_SOURCES: Final = Path(__file__).resolve().parents[1]
_STAMPS_KEPT: Final = 8
_IMPORT: Final = re.compile(rb"^from agentfast\.runtime\.([\w.]+) import", re.MULTILINE)


def keep_on_disk(dispatcher: Any) -> None:
    """Cache a dispatcher's compiled variants on disk, if a folder for them can be written."""
    try:
        kept = _KernelCache(dispatcher.py_func)
    except RuntimeError:  # numba says so where nothing can be written
        return
    stamp = kept._cache_file._source_stamp
    kept._cache_file._source_stamp = (stamp, sources_stamp(_SOURCES))
    dispatcher._cache = kept
    if fcntl is not None and isinstance(kept._impl.locator, _SharedFolder):
        dispatcher.compile = _by_one_process(
            dispatcher.compile, Path(kept._cache_path), kept._impl.filename_base
        )


@cache
def sources_stamp(folder: Path) -> str:
    """Hash of the files below a folder that define kernels or compile them, and of the files that those import from:
    a constant is compiled into the kernels that name it.
    """
    contents = {path: path.read_bytes() for path in sorted(folder.rglob("*.py"))}
    chosen = {path for path, text in contents.items() if b"kernel\ndef " in text or b"import numba" in text}
    named = {name.decode() for path in chosen for name in _IMPORT.findall(contents[path])}
    chosen |= {folder.joinpath(*name.split(".")).with_suffix(".py") for name in named} & contents.keys()
    sha = hashlib.sha256()
    for path in sorted(chosen):
        sha.update(hashlib.sha256(contents[path]).digest())
    return sha.hexdigest()


@cache
def _folder() -> Path | None:
    """The writable folder for the kernels of these sources; None if there cannot be one."""
    try:
        chosen = os.environ.get("NUMBA_CACHE_DIR")
        above = Path(chosen) / "agentfast" if chosen else user_folder() / "kernels"
        version = f"{cast('Any', numba).__version__} {sources_stamp(_SOURCES)}"
        folder = above / hashlib.sha256(version.encode()).hexdigest()[:16]
        folder.mkdir(parents=True, exist_ok=True)
        os.utime(folder)
        evict(above)
    except (OSError, RuntimeError):
        return None
    return folder


def evict(above: Path) -> None:
    """Evict all but the 8 folders that were used last."""
    by_age = sorted(above.iterdir(), key=lambda folder: folder.stat().st_mtime)
    for folder in by_age[:-_STAMPS_KEPT]:
        shutil.rmtree(folder, ignore_errors=True)


def compile_beside(module: str) -> None:
    """Run a module in a process of its own, where it compiles kernels ahead of this process.

    Once for new sources, if kernels are shared by processes and there is a second core. The process ends with this one
    at the latest; the module calls `end_with_parent` for that.
    """
    folder = _folder()
    alone = fcntl is None or usable_cores() < 2 or getattr(sys, "frozen", False)
    if alone or folder is None or cast("Any", numba).config.DISABLE_JIT:
        return
    command = [sys.executable, "-m", module]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", _BESIDE: "1"}
    quiet = subprocess.DEVNULL
    with suppress(
        OSError
    ):  # it was begun before, or it cannot be: kernels are compiled when they are needed anyway
        (folder / f"{module}.begun").touch(exist_ok=False)
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=quiet, stderr=quiet, env=environment
        )
        atexit.register(_end, process)


def end_with_parent() -> None:
    """End a process of `compile_beside` once its parent is gone."""
    if os.environ.pop(_BESIDE, None):
        threading.Thread(target=_wait_for_end, daemon=True).start()


_BESIDE: Final = "AGENTFAST_COMPILES_BESIDE"


def _wait_for_end() -> None:
    sys.stdin.read()  # nothing is ever written there
    os._exit(0)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


class _SharedFolder(_caching._CacheLocator):  # type: ignore[misc]
    """numba's cache locator for the kernels of this package."""

    def __init__(self, folder: Path, function: Any) -> None:
        self._folder = folder / function.__module__
        self._line: int = function.__code__.co_firstlineno
        self._py_file: str = function.__code__.co_filename  # numba names it where it warns

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> _SharedFolder | None:
        folder = _folder() if Path(py_file).resolve().is_relative_to(_SOURCES) else None
        return cls(folder, py_func) if folder else None

    def get_cache_path(self) -> str:
        return str(self._folder)

    def get_source_stamp(self) -> str:
        return ""

    def get_disambiguator(self) -> str:
        return str(self._line)


class _KernelCacheImpl(_caching.CompileResultCacheImpl):  # type: ignore[misc]
    _locator_classes = [_SharedFolder, *_caching.CompileResultCacheImpl._locator_classes]  # noqa: RUF012


class _KernelCache(_caching.FunctionCache):  # type: ignore[misc]
    """numba's cache of a function's variants; a failed write is ignored, as it only makes the next process slower."""

    _impl_class = _KernelCacheImpl

    def save_overload(self, sig: Any, data: Any) -> None:
        with suppress(OSError):
            super().save_overload(sig, data)


def _by_one_process(compile_one: Callable[[Any], Any], folder: Path, name: str) -> Callable[[Any], Any]:
    """`Dispatcher.compile` under a file lock: a process that waits for another one finds the kernel on disk.

    Deadlock-free: the process's own compiler lock comes first, so the thread that waits for a file lock is the only one
    that holds any; file locks are taken from caller to callee, which has no cycles.
    """

    def compile_alone(signature: Any) -> Any:
        with _compiler_lock, _locked(folder / f"{name}.lock"):
            return compile_one(signature)

    return compile_alone


_held: Final = set[Path]()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a file's lock; a kernel that is compiled within itself, for other types, has it already."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = None if path in _held else path.open("w")
    except OSError:
        file = None
    if file is None:
        yield
        return
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        _held.add(path)
        try:
            yield
        finally:
            _held.discard(path)
