"""SIMD intrinsics that numba lacks: matrix products in vector registers, prefetch, bit casts.

Each is LLVM IR built with llvmlite. The compiler splits a vector longer than the processor's, so everything runs
everywhere; the lengths chosen here fit the registers of the processor it runs on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast

import llvmlite.binding
import llvmlite.ir
import numba
import numba.core.cgutils
import numba.core.types
import numba.extending

binding, ir = cast("Any", llvmlite.binding), cast("Any", llvmlite.ir)  # none of these has types
cgutils, types = cast("Any", numba.core.cgutils), cast("Any", numba.core.types)

_FEATURES: Final[dict[str, bool]] = binding.get_host_cpu_features()
LANES: Final = 16 if _FEATURES.get("avx512f") else 8
"""float32 numbers in a vector."""
WIDTH: Final = 2 * LANES
"""Columns of a tile: two vectors."""
ROWS: Final = 8 if _FEATURES.get("avx512f") else 6
"""Rows of a tile at most: with two vectors each they fill the registers, and no more."""

NARROWEST: Final = 8
"""Columns of the narrowest tile, which takes what is left of a matrix after tiles of WIDTH."""

FEWEST_PAIRS: Final = 4
"""Pairs that `turn` turns at once, and the fewest that it takes: a head is at least twice as long."""

LINE: Final = 16
"""Numbers in a cache line."""

array_of: Final = cast("Any", numba).carray
"""The array that lies at a pointer: `array_of(pointer, size)`."""

_FLOATS: Final = types.CPointer(types.float32)
_int: Final = ir.IntType(64)


def intrinsic(typing: Callable[..., Any]) -> Any:
    """numba's `intrinsic`, untyped: the decorated function returns the signature and the IR builder."""
    return cast("Any", numba.extending.intrinsic)(typing)


@intrinsic
def address(typing: Any, array: Any, offset: Any) -> Any:
    """Pointer to the number at `offset` of a contiguous float32 array's memory; nothing is checked."""

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        made = context.make_array(signature.args[0])(context, builder, values[0])
        return builder.gep(made.data, [values[1]])

    return _FLOATS(array, types.intp), build


@intrinsic
def float_of_bits(typing: Any, bits: Any) -> Any:
    """The float32 that has the bits of an int32."""

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.bitcast(values[0], ir.FloatType())

    return types.float32(types.int32), build


@intrinsic
def floats_at(typing: Any, place: Any) -> Any:
    """Pointer to the float32 numbers at an address in memory, an int64; nothing is checked."""

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.inttoptr(values[0], ir.FloatType().as_pointer())

    return _FLOATS(types.int64), build


@intrinsic
def turn(typing: Any, x: Any, scale: Any, weight: Any, cos: Any, sin: Any, out: Any, half: Any) -> Any:
    """y = x scale weight, and out = y with each pair (i, half + i) turned; `half` is FEWEST_PAIRS at least.

    x, weight, out [2 half], cos, sin [half]: pointers to float32; x and out are not the same memory. The last vector
    goes over some numbers of the one before it again, so that none is left over.
    """

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        x, scale, weight, cos, sin, out, half = values
        part = _vector_of(FEWEST_PAIRS)
        factor = _spread(builder, scale, part)
        last = builder.sub(half, _int(FEWEST_PAIRS))
        count = builder.add(builder.sdiv(builder.sub(half, _int(1)), _int(FEWEST_PAIRS)), _int(1))

        def times(left: Any, right: Any) -> Any:
            return builder.fmul(left, right, flags=["contract"])

        with cgutils.for_range(builder, count) as loop:
            start = builder.mul(loop.index, _int(FEWEST_PAIRS))
            low = builder.select(builder.icmp_signed("<", start, last), start, last)
            high = builder.add(low, half)
            first, second = (
                times(times(_load(builder, x, at, part), factor), _load(builder, weight, at, part))
                for at in (low, high)
            )
            c, s = _load(builder, cos, low, part), _load(builder, sin, low, part)
            _store(
                builder, builder.fsub(times(first, c), times(second, s), flags=["contract"]), out, low, part
            )
            _store(
                builder, builder.fadd(times(second, c), times(first, s), flags=["contract"]), out, high, part
            )
        return context.get_dummy_value()

    given = (_FLOATS, types.float32, _FLOATS, _FLOATS, _FLOATS, _FLOATS, types.intp)
    return types.void(*given), build


def tile_of(rows: int, columns: int = WIDTH) -> Any:
    """Build the intrinsic `tile(a, b, c, a_stride, c_stride, depth, ahead)` of `rows` and `columns`, a multiple of NARROWEST.

    c [rows, columns] = a [rows, depth] @ b [depth, columns]: pointers to float32; b is contiguous, the rows of a and c
    lie their strides apart. The sums stay in registers from the first product to the last. Meanwhile as many bytes as b
    has are prefetched from `ahead`, the operand of the next product.
    """
    assert columns % NARROWEST == 0

    def tile(
        typing: Any, a: Any, b: Any, c: Any, a_stride: Any, c_stride: Any, depth: Any, ahead: Any
    ) -> Any:
        def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            _build_tile(builder, rows, columns, *values)
            return context.get_dummy_value()

        return types.void(_FLOATS, _FLOATS, _FLOATS, types.intp, types.intp, types.intp, _FLOATS), build

    return intrinsic(tile)


def _build_tile(
    builder: Any,
    rows: int,
    columns: int,
    a: Any,
    b: Any,
    c: Any,
    a_stride: Any,
    c_stride: Any,
    depth: Any,
    ahead: Any,
) -> None:
    starts = range(0, columns, LANES)
    parts = [_vector_of(min(LANES, columns - start)) for start in starts]
    sums = [
        [cgutils.alloca_once_value(builder, ir.Constant(part, None)) for part in parts] for _ in range(rows)
    ]
    for row in sums:
        for part, total in zip(parts, row, strict=True):
            builder.store(ir.Constant(part, None), total)
    with cgutils.for_range(builder, depth) as loop:
        line = builder.mul(loop.index, _int(columns))
        for start in range(0, columns, LINE):
            _fetch(builder, builder.gep(ahead, [builder.add(line, _int(start))]))
        right = [
            _load(builder, b, builder.add(line, _int(start)), part)
            for start, part in zip(starts, parts, strict=True)
        ]
        for m, row in enumerate(sums):
            left = builder.load(builder.gep(a, [builder.add(loop.index, builder.mul(a_stride, _int(m)))]))
            for part, total, factor in zip(parts, row, right, strict=True):
                added = builder.call(
                    _fma(builder, part), [_spread(builder, left, part), factor, builder.load(total)]
                )
                builder.store(added, total)
    for m, row in enumerate(sums):
        for start, part, total in zip(starts, parts, row, strict=True):
            place = builder.add(builder.mul(c_stride, _int(m)), _int(start))
            _store(builder, builder.load(total), c, place, part)


def _fetch(builder: Any, pointer: Any) -> None:
    """Prefetch the cache line at a pointer for reading; an invalid address is ignored."""
    byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
    prefetch = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
    function = cgutils.get_or_insert_function(builder.module, prefetch, "llvm.prefetch.p0i8")
    to_read, to_nearest, data = number(0), number(3), number(1)
    builder.call(function, [builder.bitcast(pointer, byte), to_read, to_nearest, data])


def _vector_of(lanes: int) -> Any:
    return ir.VectorType(ir.FloatType(), lanes)


def _fma(builder: Any, part: Any) -> Any:
    name = f"llvm.fma.v{part.count}f32"
    return cgutils.get_or_insert_function(builder.module, ir.FunctionType(part, [part] * 3), name)


def _load(builder: Any, pointer: Any, offset: Any, part: Any) -> Any:
    vector = builder.load(builder.bitcast(builder.gep(pointer, [offset]), part.as_pointer()))
    vector.align = 4
    return vector


def _store(builder: Any, vector: Any, pointer: Any, offset: Any, part: Any) -> None:
    target = builder.bitcast(builder.gep(pointer, [offset]), part.as_pointer())
    builder.store(vector, target).align = 4


def _spread(builder: Any, number: Any, part: Any) -> Any:
    empty = ir.Constant(part, ir.Undefined)
    first = builder.insert_element(empty, number, ir.IntType(32)(0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), part.count), [0] * part.count)
    return builder.shuffle_vector(first, empty, zeros)
