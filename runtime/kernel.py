"""The one place where numba comes in: functions compiled on first use, kept on disk, free of the interpreter lock.

What is kept is found again by the kernel's own file. The kernels of other files that it calls are compiled into it, so
a change there would go unseen, after an upgrade, too: the sources of all kernels together are part of the stamp here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import numba

P = ParamSpec("P")
R = TypeVar("R")


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function of arrays and scalars; the type checker keeps seeing the function itself."""
    return _compiled(function)


_ANY_ORDER = frozenset({"reassoc", "contract", "arcp", "nsz"})


def loose_kernel(function: Callable[P, R]) -> Callable[P, R]:
    """A kernel whose sums may be taken in any order, so that they run in vector instructions. NaN is kept.

    Division by zero gives an infinity or NaN, as in numpy: a test before each division would keep it out of vectors.
    """
    return _loose(function, _ANY_ORDER)


def finite_kernel(function: Callable[P, R]) -> Callable[P, R]:
    """A loose kernel in which NaN must not occur."""
    return _loose(function, _ANY_ORDER | {"nnan"})


def _loose(function: Callable[P, R], freedoms: frozenset[str]) -> Callable[P, R]:
    return _compiled(function, fastmath=set(freedoms), error_model="numpy")


def _compiled(function: Callable[P, R], **options: Any) -> Callable[P, R]:
    dispatcher: Any = numba.njit(cache=True, nogil=True, **options)(function)
    # numba has no public way to say what else a kernel depends on.
    file: Any = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)
    if not hasattr(file, "_source_stamp"):  # as with NUMBA_DISABLE_JIT, or a numba that keeps it elsewhere
        return cast("Callable[P, R]", numba.njit(nogil=True, **options)(function))
    file._source_stamp = (file._source_stamp, sources_stamp(Path(__file__).parent))
    return cast("Callable[P, R]", dispatcher)


@cache
def sources_stamp(folder: Path) -> str:
    """A hash of the files below a folder that have kernels, or say how kernels are compiled."""
    sha = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        content = path.read_bytes()
        if b"kernel\ndef " in content or b"import numba" in content:
            sha.update(hashlib.sha256(content).digest())
    return sha.hexdigest()
