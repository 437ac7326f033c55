"""The numba decorators: functions compiled on first use, cached on disk, run without the interpreter lock."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numba

from agentfast.runtime.jit.disk_cache import keep_on_disk

P = ParamSpec("P")
R = TypeVar("R")


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function of arrays and scalars; the type checker keeps seeing the function itself."""
    return _compiled(function)


def inline_kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a short kernel that is inlined into its callers, which compiles faster."""
    return _compiled(function, inline="always")


_ANY_ORDER = frozenset({"reassoc", "contract", "arcp", "nsz"})


def loose_kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a kernel whose sums may be reassociated, so that they vectorize. NaN is kept.

    Division by zero gives an infinity or NaN, as in numpy: a test before each division would prevent vectorization.
    """
    return _loose(function, _ANY_ORDER)


def finite_kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a loose kernel in which NaN must not occur."""
    return _loose(function, _ANY_ORDER | {"nnan"})


def _loose(function: Callable[P, R], freedoms: frozenset[str]) -> Callable[P, R]:
    return _compiled(function, fastmath=set(freedoms), error_model="numpy")


def _compiled(function: Callable[P, R], **options: Any) -> Callable[P, R]:
    # The wrapper for calls from C is compiled with each kernel otherwise, and nothing uses it.
    dispatcher: Any = cast("Any", numba).njit(nogil=True, no_cfunc_wrapper=True, **options)(function)
    if hasattr(dispatcher, "_cache"):  # not with NUMBA_DISABLE_JIT
        keep_on_disk(dispatcher)
    return cast("Callable[P, R]", dispatcher)
