"""Matrix products of a small model on a CPU, inside kernels: no call into a library, and no wait between steps.

A product of a few dozen rows with a weight of a few hundred columns takes microseconds, as long as a library needs to
get started; inside a kernel it runs at the speed of the processor (measured on one core of an AMD EPYC with AVX-512 at
32 x 160 x 384: 115 GFLOP/s, where torch's call reaches 84).
"""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from agentfast.runtime.jit.kernel import kernel
from agentfast.runtime.jit.simd import ROWS, WIDTH, address, tile_of

Floats = NDArray[np.float32]

_FEW: Final = 4  # rows

tile_1, tile_2, tile_3, tile_4 = tile_of(1), tile_of(2), tile_of(3), tile_of(4)
tile_5, tile_6, tile_7, tile_8 = tile_of(5), tile_of(6), tile_of(7), tile_of(8)
narrow_8, narrow_16, narrow_24 = (tile_of(ROWS, columns) for columns in (8, 16, 24))


def in_panels(weight: Tensor) -> Floats:
    """A linear layer's weight [N, K] as `multiply` takes it: [N / WIDTH, K, WIDTH], filled up with zeros."""
    outputs, inputs = weight.shape
    panels = padded(outputs) // WIDTH
    scratch = torch.zeros(panels * WIDTH, inputs)  # torch's memory begins at a cache line, which counts here
    scratch[:outputs] = weight.detach()
    return scratch.view(panels, WIDTH, inputs).transpose(1, 2).contiguous().numpy()


def padded(columns: int) -> int:
    """Columns of a product's scratch: whole tiles."""
    return -(-columns // WIDTH) * WIDTH


@kernel
def rows_of_tile(
    rows: int,
    a: Floats,
    a_at: int,
    a_stride: int,
    b: Floats,
    b_at: int,
    depth: int,
    c: Floats,
    c_at: int,
    c_stride: int,
    ahead: int,
) -> None:
    """c [rows, WIDTH] = a [rows, depth] @ b [depth, WIDTH], 1 to 8 rows, at offsets into contiguous memory.

    `ahead`: offset into b of what is read next; see `tile_of`.
    """
    left, right, out, following = address(a, a_at), address(b, b_at), address(c, c_at), address(b, ahead)
    if rows == 8:
        tile_8(left, right, out, a_stride, c_stride, depth, following)
    elif rows == 7:
        tile_7(left, right, out, a_stride, c_stride, depth, following)
    elif rows == 6:
        tile_6(left, right, out, a_stride, c_stride, depth, following)
    elif rows == 5:
        tile_5(left, right, out, a_stride, c_stride, depth, following)
    elif rows == 4:
        tile_4(left, right, out, a_stride, c_stride, depth, following)
    elif rows == 3:
        tile_3(left, right, out, a_stride, c_stride, depth, following)
    elif rows == 2:
        tile_2(left, right, out, a_stride, c_stride, depth, following)
    else:
        tile_1(left, right, out, a_stride, c_stride, depth, following)


@kernel
def narrow_tile(
    columns: int,
    a: Floats,
    a_at: int,
    a_stride: int,
    b: Floats,
    b_at: int,
    depth: int,
    c: Floats,
    c_at: int,
    c_stride: int,
) -> None:
    """c [ROWS, columns] = a [ROWS, depth] @ b [depth, columns], 8, 16 or 24 columns, as `rows_of_tile` does it."""
    left, right, out = address(a, a_at), address(b, b_at), address(c, c_at)
    if columns == 8:
        narrow_8(left, right, out, a_stride, c_stride, depth, right)
    elif columns == 16:
        narrow_16(left, right, out, a_stride, c_stride, depth, right)
    else:
        narrow_24(left, right, out, a_stride, c_stride, depth, right)


@kernel
def scratch_for(rows: int, panels: Floats) -> Floats:
    """Scratch memory for the product of so many rows, see `multiply`."""
    return np.empty((rows, panels.shape[0] * panels.shape[2]), np.float32)


@kernel
def multiply(a: Floats, rows: int, panels: Floats, out: Floats) -> None:
    """out[:rows] = a[:rows] @ weight; a [M, K], panels [P, K, WIDTH], out [M, P * WIDTH], all contiguous.

    The fewest tiles have about as many rows each: one of a row or two takes as long as one of three. A panel's last tile
    fetches the next panel, unless the rows are so few that they wait for memory all the time.
    """
    count, depth, width = panels.shape
    tiles = (rows + ROWS - 1) // ROWS
    least = rows // max(tiles, 1)
    larger = rows - least * tiles
    for p in range(count):
        first = 0
        for tile in range(tiles):
            some = least + 1 if tile < larger else least
            reads = p + 1 if rows > _FEW and tile + 1 == tiles and p + 1 < count else p
            rows_of_tile(
                some,
                a,
                first * depth,
                depth,
                panels,
                p * depth * width,
                depth,
                out,
                first * out.shape[1] + p * width,
                out.shape[1],
                reads * depth * width,
            )
            first += some
