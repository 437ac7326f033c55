"""What the rows of a pass write to the KV cache and read of it, on a CPU.

In each layer all encoded keys and values are written before any row attends. A row reads them in panels of its own (see
panel_kernels.py), into which it copies what has come since; a row without panels reads the store itself.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agentfast.runtime.attention_kernels import attend_paged
from agentfast.runtime.kernel import inline_kernel, kernel
from agentfast.runtime.panel_kernels import attend, columns_of, key_floats, place
from agentfast.runtime.vectors import array_of, floats_at

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


class Cache(NamedTuple):
    """Where keys and values are, and how each of L layers reads them.

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
        capacity: positions that they have room for; 0: it has none.
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
def write(layer: int, cache: Cache, rows: Rows, k: Floats, v: Floats) -> None:
    """Put what is encoded into the store; k, v [T, Hkv, D]."""
    keys, values = _stored(layer, cache)
    for r in range(len(rows.start)):
        slots = _slots_of(rows, r, rows.start[r], rows.prefix[r], cache.block_size)
        for i in range(len(slots)):
            token = rows.encode[r] + i
            for h in range(k.shape[1]):
                for d in range(k.shape[2]):
                    keys[slots[i], h, d] = k[token, h, d]
                    values[slots[i], h, d] = v[token, h, d]


@kernel
def attend_rows(layer: int, cache: Cache, rows: Rows, q: Floats, k: Floats, v: Floats, out: Floats) -> None:
    """Attention of all tokens; q, out [T, Hq, D]; k, v [T, Hkv, D], of which canvases read their own."""
    keys, values = _stored(layer, cache)
    heads, size = k.shape[1], k.shape[2]
    window, bounded = cache.windows[layer], cache.bounded[layer]
    for r in range(len(rows.start)):
        start, prefix, denoises = rows.start[r], rows.prefix[r], rows.denoises[r]
        encode = slice(rows.encode[r], rows.encode[r] + prefix - start)
        canvas = slice(rows.canvas[r], rows.canvas[r] + denoises)
        capacity = rows.capacity[r]
        if not capacity:
            first = max(0, start + 1 - window) if window else 0
            slots = _slots_of(rows, r, first, prefix, cache.block_size)
            attend_paged(q[encode], keys, values, slots, first, start, window, out[encode])
            continue
        at = rows.panels[r] + 4 * panel_floats(cache.shapes, layer, capacity)
        key_numbers = heads * key_floats(capacity, size)
        key_panels = array_of(floats_at(at), key_numbers)
        value_panels = array_of(floats_at(at + 4 * key_numbers), heads * capacity * columns_of(size))
        new = _slots_of(rows, r, rows.filled[r], prefix, cache.block_size)
        place(keys, values, new, rows.filled[r], capacity, key_panels, value_panels)
        if prefix > start:
            low, high = _seen_one_by_one(start, prefix, window)
            attend(q[encode], heads, low, high, capacity, key_panels, value_panels, bounded, out[encode])
        if denoises:
            own = np.empty(denoises, np.int64)
            for i in range(denoises):
                own[i] = canvas.start + i
            place(k, v, own, prefix, capacity, key_panels, value_panels)
            low, high = _seen_by_a_canvas(prefix, denoises, window)
            attend(q[canvas], heads, low, high, capacity, key_panels, value_panels, bounded, out[canvas])


@inline_kernel
def _seen_one_by_one(start: int, stop: int, window: int) -> tuple[Ints, Ints]:
    """The positions [low, high) that the tokens at positions [start, stop) see, which are encoded."""
    low, high = np.empty(stop - start, np.int64), np.empty(stop - start, np.int64)
    for i in range(stop - start):
        high[i] = start + i + 1
        low[i] = max(0, high[i] - window) if window else 0
    return low, high


@inline_kernel
def _seen_by_a_canvas(prefix: int, denoises: int, window: int) -> tuple[Ints, Ints]:
    """The positions [low, high) that the tokens of a canvas see: it as a whole, and with it the last of its prefix."""
    low, high = np.empty(denoises, np.int64), np.empty(denoises, np.int64)
    for i in range(denoises):
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
