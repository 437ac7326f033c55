"""Attention of the rows of a pass: writes to the KV cache and reads of it, on a CPU.

In each layer all encoded keys and values are written before any row's panels are filled, and these before any row attends.
A row reads keys and values in panels of its own (see tiled_attention.py); one without panels reads the store itself.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agentfast.runtime.backends.cpu.kernels.barrier import TokenSlice
from agentfast.runtime.backends.cpu.kernels.paged_attention import attend_paged
from agentfast.runtime.backends.cpu.kernels.tiled_attention import attend, columns_of, key_floats, place
from agentfast.runtime.jit.kernel import inline_kernel, kernel
from agentfast.runtime.jit.simd import LINE, array_of, floats_at

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


class Cache(NamedTuple):
    """Addresses of keys and values, and the shape in which each of L layers reads them.

    Attributes:
        store: [L, 2], addresses of the layer's keys and of its values, [slots, Hkv, D].
        slots: how many there are.
        block_size: slots of a block.
        shapes: [L, 2], Hkv and D.
        windows: [L], how many positions a token sees up to itself; 0: all.
        bounded: [L], whether no score is beyond MOST_SCORE.
    """

    store: Ints
    slots: int
    block_size: int
    shapes: Ints
    windows: Ints
    bounded: NDArray[np.bool_]


class Rows(NamedTuple):
    """The rows of a pass, [R] int64.

    Attributes:
        encode, canvas: its first encode token, and its first canvas token.
        start: position of the first encode token.
        prefix: positions in the cache once the encode tokens are.
        denoises: canvas tokens.
        table: where in `blocks` its block table begins.
        panels: address of its panels of all layers.
        capacity: positions that they have scratch for; 0: it has none.
        filled: positions that they hold.
        blocks: [N], block tables.
    """

    encode: Ints
    canvas: Ints
    start: Ints
    prefix: Ints
    denoises: Ints
    table: Ints
    panels: Ints
    capacity: Ints
    filled: Ints
    blocks: Ints


@kernel
def panel_floats(shapes: Ints, layers: int, capacity: int) -> int:
    """Numbers of a row's panels in the first `layers` layers, one layer after the other."""
    total = 0
    for layer in range(layers):
        heads, size = shapes[layer, 0], shapes[layer, 1]
        total += heads * (key_floats(capacity, size) + capacity * columns_of(size))
    return total


@kernel
def write(layer: int, part: TokenSlice, cache: Cache, rows: Rows, k: Floats, v: Floats) -> None:
    """Put what the part encodes into the store; k, v [T, Hkv, D]."""
    keys, values = _stored(layer, cache)
    for r in range(len(rows.start)):
        first, last = _within(part, rows.encode[r], rows.prefix[r] - rows.start[r])
        slots = _slots_of(rows, r, rows.start[r] + first, rows.start[r] + last, cache.block_size)
        for i in range(len(slots)):
            token = rows.encode[r] + first + i
            for h in range(k.shape[1]):
                for d in range(k.shape[2]):
                    keys[slots[i], h, d] = k[token, h, d]
                    values[slots[i], h, d] = v[token, h, d]


@kernel
def fill(layer: int, part: TokenSlice, cache: Cache, rows: Rows, k: Floats, v: Floats) -> None:
    """Put the part's share of what has come since, and of the canvases of k, v [T, Hkv, D], into the rows' panels."""
    keys, values = _stored(layer, cache)
    for r in range(len(rows.start)):
        prefix, capacity = rows.prefix[r], rows.capacity[r]
        if capacity:
            key_panels, value_panels = _panels_of(layer, cache, rows, r)
            first, last = _share(part, rows.filled[r], prefix + rows.denoises[r])
            new = _slots_of(rows, r, first, max(first, min(last, prefix)), cache.block_size)
            place(keys, values, new, first, capacity, key_panels, value_panels)
            begin = max(first, prefix)
            own = np.empty(max(0, last - begin), np.int64)
            for i in range(len(own)):
                own[i] = rows.canvas[r] + begin - prefix + i
            place(k, v, own, begin, capacity, key_panels, value_panels)


@inline_kernel
def _share(part: TokenSlice, first: int, last: int) -> tuple[int, int]:
    """The part's share of the positions first..last - 1, cut where a cache line of keys ends."""
    low = (first + (last - first) * part.number // part.parts) // LINE * LINE
    high = (first + (last - first) * (part.number + 1) // part.parts) // LINE * LINE
    return max(first, low), last if part.number + 1 == part.parts else max(first, high)


@kernel
def attend_rows(layer: int, part: TokenSlice, cache: Cache, rows: Rows, q: Floats, out: Floats) -> None:
    """Attention of the part's tokens; q, out [T, Hq, D]."""
    keys, values = _stored(layer, cache)
    heads, window, bounded = keys.shape[1], cache.windows[layer], cache.bounded[layer]
    for r in range(len(rows.start)):
        start, prefix, capacity = rows.start[r], rows.prefix[r], rows.capacity[r]
        first, last = _within(part, rows.encode[r], prefix - start)
        encode = slice(rows.encode[r] + first, rows.encode[r] + last)
        if not capacity:
            oldest = max(0, start + first + 1 - window) if window else 0
            slots = _slots_of(rows, r, oldest, start + last, cache.block_size)
            attend_paged(q[encode], keys, values, slots, oldest, start + first, window, out[encode])
            continue
        key_panels, value_panels = _panels_of(layer, cache, rows, r)
        if last > first:
            low, high = _seen_one_by_one(start + first, start + last, window)
            attend(q[encode], heads, low, high, capacity, key_panels, value_panels, bounded, out[encode])
        first, last = _within(part, rows.canvas[r], rows.denoises[r])
        if last > first:
            canvas = slice(rows.canvas[r] + first, rows.canvas[r] + last)
            low, high = _seen_by_a_canvas(last - first, prefix, rows.denoises[r], window)
            attend(q[canvas], heads, low, high, capacity, key_panels, value_panels, bounded, out[canvas])


@inline_kernel
def _within(part: TokenSlice, first: int, count: int) -> tuple[int, int]:
    """Bounds of the slice's tokens among first, ..., first + count - 1."""
    start = min(max(part.start - first, 0), count)
    return start, max(start, min(part.stop - first, count))


@inline_kernel
def _panels_of(layer: int, cache: Cache, rows: Rows, r: int) -> tuple[Floats, Floats]:
    """A row's key panels and value panels of a layer."""
    heads, size, capacity = cache.shapes[layer, 0], cache.shapes[layer, 1], rows.capacity[r]
    at = rows.panels[r] + 4 * panel_floats(cache.shapes, layer, capacity)
    numbers = heads * key_floats(capacity, size)
    return array_of(floats_at(at), numbers), array_of(
        floats_at(at + 4 * numbers), heads * capacity * columns_of(size)
    )


@inline_kernel
def _seen_one_by_one(start: int, stop: int, window: int) -> tuple[Ints, Ints]:
    """The positions [low, high) that the tokens at positions [start, stop) see, which are encoded."""
    low, high = np.empty(stop - start, np.int64), np.empty(stop - start, np.int64)
    for i in range(stop - start):
        high[i] = start + i + 1
        low[i] = max(0, high[i] - window) if window else 0
    return low, high


@inline_kernel
def _seen_by_a_canvas(tokens: int, prefix: int, denoises: int, window: int) -> tuple[Ints, Ints]:
    """The positions [low, high) that tokens of a canvas see: it as a whole, and with it the last of its prefix."""
    low, high = np.empty(tokens, np.int64), np.empty(tokens, np.int64)
    for i in range(tokens):
        high[i] = prefix + denoises
        low[i] = max(0, prefix + 1 - window) if window else 0
    return low, high


@inline_kernel
def _stored(layer: int, cache: Cache) -> tuple[Floats, Floats]:
    shape = (cache.slots, cache.shapes[layer, 0], cache.shapes[layer, 1])
    return array_of(floats_at(cache.store[layer, 0]), shape), array_of(
        floats_at(cache.store[layer, 1]), shape
    )


@inline_kernel
def _slots_of(rows: Rows, r: int, start: int, stop: int, block_size: int) -> Ints:
    """Slots of a row's positions [start, stop)."""
    slots = np.empty(stop - start, np.int64)
    for i in range(stop - start):
        block = (start + i) // block_size
        slots[i] = rows.blocks[rows.table[r] + block] * block_size + (start + i) % block_size
    return slots
