"""The folder of compiled kernels. Imports neither numba nor torch, so that a program can say at once what it waits for.

The folder's name is a hash of numba's version and of the sources that have kernels. It covers the kernels of other files
that one calls, since those are compiled into it. So an installed package, a source tree and the workers of a test run
share their kernels, and no process loads a stale one. The folder lies in `$NUMBA_CACHE_DIR/agentfast`, else in
`$AGENTFAST_CACHE/kernels`, else in `kernels` of the user's cache folder. Where that cannot be written it is a temporary
one, which this process and its children share and which goes when the process ends.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from agentfast.runtime.jit.host import user_folder

_fcntl: Any
try:
    import fcntl as _fcntl
except ImportError:  # Windows: every process compiles for itself
    _fcntl = None

CAN_LOCK: Final = _fcntl is not None
"""True if processes can wait for each other's files."""

SOURCES: Final = Path(__file__).resolve().parents[1]
_STAMPS_KEPT: Final = 8
_IMPORT: Final = re.compile(rb"^from agentfast\.runtime\.([\w.]+) import", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class KernelFolder:
    """A folder of compiled kernels.

    Attributes:
        path: the folder of these sources.
        kept: False if it goes when the process ends.
        refused: the folder that cannot be written, if that is why it is not kept.
    """

    path: Path
    kept: bool
    refused: Path | None = None


@cache
def kernel_folder() -> KernelFolder:
    """The folder of these sources' kernels, made if need be.

    Raises:
        OSError: not even a temporary folder can be made.
    """
    name = hashlib.sha256(f"{version('numba')} {sources_stamp(SOURCES)}".encode()).hexdigest()[:16]
    above = None
    with suppress(OSError, RuntimeError):  # RuntimeError: there is no home
        above = _parent_folder()
        folder = above / name
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
        os.utime(folder)
        with suppress(OSError):  # another process may be at it, too
            evict(above)
        return KernelFolder(folder, kept=True)
    temporary = Path(tempfile.mkdtemp(prefix="agentfast-"))
    atexit.register(_remove, temporary, os.getpid())
    os.environ["NUMBA_CACHE_DIR"] = str(temporary)
    folder = temporary / "agentfast" / name
    folder.mkdir(parents=True)
    return KernelFolder(folder, kept=False, refused=above)


def _parent_folder() -> Path:
    if chosen := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(chosen) / "agentfast"
    if chosen := os.environ.get("AGENTFAST_CACHE"):
        return Path(chosen) / "kernels"
    return user_folder() / "kernels"


def _remove(folder: Path, process: int) -> None:
    if os.getpid() == process:  # not in a fork of it
        shutil.rmtree(folder, ignore_errors=True)


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


def evict(above: Path) -> None:
    """Evict all but the 8 folders that were used last."""
    by_age = sorted(above.iterdir(), key=lambda folder: folder.stat().st_mtime)
    for folder in by_age[:-_STAMPS_KEPT]:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a file's lock, which the system gives back when the process dies. Where there is none, do without.

    Raises:
        OSError: the file cannot be opened.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        if CAN_LOCK:
            _fcntl.flock(file, _fcntl.LOCK_EX)
        yield
