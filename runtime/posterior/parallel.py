"""Work on the positions of a canvas, shared between as many threads as torch uses."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Final, TypeVar

import torch

T = TypeVar("T")

MIN_NUMBERS: Final = 1 << 20
"""Numbers below which handing over costs more than it saves."""


def in_parts(
    work: Callable[[slice], T], positions: int, numbers: int, *, threads: int | None = None
) -> list[T]:
    """Call `work` on slices that cover `positions`; it must not hold the GIL.

    Args:
        numbers: how many `work` reads; below `MIN_NUMBERS` it is called once.
        threads: at most; None: as many as torch uses.
    """
    most = torch.get_num_threads() if threads is None else threads
    parts = min(most, positions) if numbers >= MIN_NUMBERS else 1
    if parts == 1:
        return [work(slice(0, positions))]
    bounds = [positions * part // parts for part in range(parts + 1)]
    return list(_threads(parts).map(work, (slice(a, b) for a, b in zip(bounds, bounds[1:], strict=False))))


@cache
def _threads(count: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count, thread_name_prefix="agentfast-posterior")
