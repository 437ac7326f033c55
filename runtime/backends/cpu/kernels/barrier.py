"""Spin barrier for threads that share one kernel, each with a slice of the tokens.

A futex wait costs tens of microseconds, as much as the work between two barriers.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Sequence
from concurrent.futures import wait
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agentfast.runtime.backends.cpu.threads import ShardPool
from agentfast.runtime.jit.kernel import inline_kernel
from agentfast.runtime.jit.simd import cgutils, intrinsic, ir, types

CAN_SPIN: Final = os.name == "posix"
"""True if a waiting thread can yield its core to another one, without which it could keep that one from arriving."""

Ints = NDArray[np.int64]

TOKENS_PER_SLICE: Final = 8
"""Fewer do not pay for a thread."""

_TRIES: Final = 500  # looks before a thread offers its core, some tens of microseconds
_ABANDONED: Final = 1 << 62


class TokenSlice(NamedTuple):
    """One thread's share of a pass.

    Attributes:
        start, stop: its tokens.
        number: its place among the slices.
        parts: number of slices.
        arrivals: [1], arrivals of their threads at barriers, counted together.
    """

    start: int
    stop: int
    number: int
    parts: int
    arrivals: NDArray[np.int64]


def token_slices(tokens: int, most: int) -> list[TokenSlice]:
    """Cut tokens into at most `most` slices of about equal size, if they are enough to pay for a thread each."""
    count = max(1, min(most, tokens // TOKENS_PER_SLICE)) if CAN_SPIN else 1
    cuts = [tokens * i // count for i in range(count + 1)]
    arrivals = np.zeros(1, np.int64)
    return [TokenSlice(cuts[i], cuts[i + 1], i, count, arrivals) for i in range(count)]


def side_by_side(
    run: Callable[[TokenSlice], None], parts: Sequence[TokenSlice], pool: ShardPool | None
) -> None:
    """Run all parts at once, the first in this thread; `run` must end with a barrier. None waits for one that has failed."""

    def guarded(part: TokenSlice) -> None:
        try:
            run(part)
        except BaseException:
            part.arrivals[0] = _ABANDONED
            raise

    others = [pool.submit(guarded, part) for part in parts[1:]] if pool is not None else []
    try:
        guarded(parts[0])
    finally:
        if parts[0].arrivals[0] >= _ABANDONED:
            wait(others)
    if parts[0].arrivals[0] >= _ABANDONED:
        for other in others:
            other.result()


@inline_kernel
def lines_of(part: TokenSlice, lines: Ints) -> tuple[int, int]:
    """Bounds of the slice's tokens in sorted lines [N]."""
    first = last = 0
    for i in range(len(lines)):
        first += int(lines[i] < part.start)
        last += int(lines[i] < part.stop)
    return first, last


@inline_kernel
def wait_for_all(part: TokenSlice) -> None:
    """Wait until the threads of all slices are here; what each has written before, all see afterwards."""
    if part.parts > 1:
        wait_for(part.arrivals, part.parts)


@intrinsic
def wait_for(typing: Any, arrivals: Any, count: Any) -> Any:
    """Add one to the int64 at arrivals[0], and wait until it has been a multiple of `count` since, or is abandoned."""

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        number = ir.IntType(64)
        counter = context.make_array(signature.args[0])(context, builder, values[0]).data
        ticket = builder.atomic_rmw("add", counter, number(1), "acq_rel")
        full = builder.mul(builder.add(builder.udiv(ticket, values[1]), number(1)), values[1])
        most = number(_ABANDONED)
        goal = builder.select(builder.icmp_signed("<", full, most), full, most)
        tries = cgutils.alloca_once_value(builder, number(0))
        look, wait = builder.append_basic_block("look"), builder.append_basic_block("wait")
        offer, done = builder.append_basic_block("offer"), builder.append_basic_block("done")
        builder.branch(look)
        builder.position_at_end(look)
        come = builder.icmp_signed(">=", builder.load_atomic(counter, "acquire", 8), goal)
        builder.cbranch(come, done, wait)
        builder.position_at_end(wait)
        _pause(builder)
        tried = builder.add(builder.load(tries), number(1))
        builder.store(tried, tries)
        builder.cbranch(builder.icmp_signed(">", tried, number(_TRIES)), offer, look)
        builder.position_at_end(offer)
        if CAN_SPIN:
            offered = ir.FunctionType(ir.IntType(32), [])
            builder.call(cgutils.get_or_insert_function(builder.module, offered, "sched_yield"), [])
        builder.branch(look)
        builder.position_at_end(done)
        return context.get_dummy_value()

    return types.void(arrivals, types.int64), build


def _pause(builder: Any) -> None:
    """Leave what a core shares with another one to that one for a moment."""
    if platform.machine().lower() in {"x86_64", "amd64"}:
        pause = ir.FunctionType(ir.VoidType(), [])
        builder.call(cgutils.get_or_insert_function(builder.module, pause, "llvm.x86.sse2.pause"), [])
