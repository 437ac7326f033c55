"""The one place where numba comes in: functions compiled on first use, kept on disk, free of the interpreter lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numba

P = ParamSpec("P")
R = TypeVar("R")


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function of arrays and scalars; the type checker keeps seeing the function itself."""
    return cast("Callable[P, R]", numba.njit(cache=True, nogil=True)(function))


_ANY_ORDER = frozenset({"reassoc", "contract", "arcp", "nsz"})
_LOOSE: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy"}


def loose_kernel(function: Callable[P, R]) -> Callable[P, R]:
    """A kernel whose sums may be taken in any order, so that they run in vector instructions. NaN is kept.

    Division by zero gives infinity or NaN: a check would keep a loop out of vector instructions.
    """
    return cast("Callable[P, R]", numba.njit(fastmath=set(_ANY_ORDER), **_LOOSE)(function))


def finite_kernel(function: Callable[P, R]) -> Callable[P, R]:
    """A loose kernel in which NaN must not occur."""
    return cast("Callable[P, R]", numba.njit(fastmath={*_ANY_ORDER, "nnan"}, **_LOOSE)(function))
