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
import numpy as np

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
def index_address(typing: Any, array: Any, offset: Any) -> Any:
    """Pointer to the number at `offset` of a contiguous int32 array's memory; nothing is checked."""

    def build(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        made = context.make_array(signature.args[0])(context, builder, values[0])
        return builder.gep(made.data, [values[1]])

    return types.CPointer(types.int32)(array, types.intp), build


@intrinsic
def gather(typing: Any, values: Any, order: Any, factor: Any, out: Any, count: Any) -> Any:
    """out[j] = values[order[j]] * factor for `count` numbers, a multiple of LANES; nothing is checked.

    values, out: pointers to float32; order: pointer to int32. Where the indices of a vector follow each other it is
    loaded as it lies.
    """

    def build(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        values, order, factor, out, count = given
        part, indices = _vector_of(LANES), ir.VectorType(ir.IntType(32), LANES)
        scale = _spread(builder, factor, part)
        with cgutils.for_range_slice(builder, _int(0), count, _int(LANES), inc=True) as (at, _):
            picked = _load(builder, order, at, indices)
            first = builder.extract_element(picked, ir.IntType(32)(0))
            following = builder.add(
                _spread(builder, first, indices), ir.Constant(indices, list(range(LANES)))
            )
            same, mask = builder.icmp_signed("==", picked, following), ir.IntType(LANES)
            together = builder.icmp_signed("==", builder.bitcast(same, mask), mask(-1))
            with builder.if_else(together) as (then, otherwise):
                with then:
                    found = _load(builder, values, builder.sext(first, _int), part)
                    _store(builder, builder.fmul(found, scale), out, at, part)
                with otherwise:
                    found = _gathered(builder, values, picked)
                    _store(builder, builder.fmul(found, scale), out, at, part)
        return context.get_dummy_value()

    return types.void(_FLOATS, types.CPointer(types.int32), types.float32, _FLOATS, types.intp), build


def _gathered(builder: Any, values: Any, picked: Any) -> Any:
    """The float32 numbers at indices, by the processor's gather."""
    wide = ir.VectorType(_int, LANES)
    base = _spread(builder, builder.ptrtoint(values, _int), wide)
    offsets = builder.mul(builder.sext(picked, wide), ir.Constant(wide, [4] * LANES))
    pointers = builder.inttoptr(builder.add(base, offsets), ir.VectorType(ir.FloatType().as_pointer(), LANES))
    part, mask = _vector_of(LANES), ir.VectorType(ir.IntType(1), LANES)
    kind = ir.FunctionType(part, [pointers.type, ir.IntType(32), mask, part])
    function = cgutils.get_or_insert_function(
        builder.module, kind, f"llvm.masked.gather.v{LANES}f32.v{LANES}p0f32"
    )
    every = ir.Constant(mask, [1] * LANES)
    return builder.call(function, [pointers, ir.IntType(32)(4), every, ir.Constant(part, ir.Undefined)])


@intrinsic
def weigh(typing: Any, x: Any, top: Any, sums: Any, count: Any) -> Any:
    """sums = the sum of e^(x - top) and of (x - top) e^(x - top); less than e^-87 counts as nothing.

    x: pointer to `count` float32 numbers, a multiple of LANES, none above `top`, which is finite; sums: pointer to two.
    """

    def build(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        x, top, sums, count = given
        part = _vector_of(LANES)
        greatest = _spread(builder, top, part)
        totals = [cgutils.alloca_once_value(builder, ir.Constant(part, None)) for _ in range(2)]
        for total in totals:
            builder.store(ir.Constant(part, None), total)
        with cgutils.for_range_slice(builder, _int(0), count, _int(LANES), inc=True) as (at, _):
            below = builder.fsub(_load(builder, x, at, part), greatest)
            power = _power_of(builder, below, part)
            kept = builder.select(_above(builder, below, part), below, ir.Constant(part, None))
            builder.store(builder.fadd(builder.load(totals[0]), power), totals[0])
            moment = builder.call(_fma(builder, part), [power, kept, builder.load(totals[1])])
            builder.store(moment, totals[1])
        for index, total in enumerate(totals):
            kind = ir.FunctionType(ir.FloatType(), [ir.FloatType(), part])
            add = cgutils.get_or_insert_function(builder.module, kind, f"llvm.vector.reduce.fadd.v{LANES}f32")
            summed = builder.call(add, [ir.FloatType()(0.0), builder.load(total)], fastmath=["reassoc"])
            builder.store(summed, builder.gep(sums, [_int(index)]))
        return context.get_dummy_value()

    return types.void(_FLOATS, types.float32, _FLOATS, types.intp), build


@intrinsic
def shifted_powers(typing: Any, x: Any, factor: Any, shift: Any, group: Any, out: Any, count: Any) -> Any:
    """out = e^min(x factor + shift[group], 0) for `count` numbers, a multiple of LANES; 0 below e^-87 and of a NaN.

    x, shift, out: pointers to float32; group: pointer to int32.
    """

    def build(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        x, factor, shift, group, out, count = given
        part, indices = _vector_of(LANES), ir.VectorType(ir.IntType(32), LANES)
        scale = _spread(builder, factor, part)
        with cgutils.for_range_slice(builder, _int(0), count, _int(LANES), inc=True) as (at, _):
            moved = _gathered(builder, shift, _load(builder, group, at, indices))
            log_p = builder.call(_fma(builder, part), [_load(builder, x, at, part), scale, moved])
            zero = ir.Constant(part, None)
            log_p = builder.select(builder.fcmp_ordered(">", log_p, zero), zero, log_p)
            _store(builder, _power_of(builder, log_p, part), out, at, part)
        return context.get_dummy_value()

    given = (_FLOATS, types.float32, _FLOATS, types.CPointer(types.int32), _FLOATS, types.intp)
    return types.void(*given), build


_LOWEST: Final = -87.0
_EXPONENTIAL: Final = (8.31243e-3, 4.189099e-2, 1.6667118e-1, 4.9999226e-1, 1.0, 1.0)
"""e^r on [-ln2/2, ln2/2], highest power first, within 1.1e-7 (minimax)."""


def _above(builder: Any, below: Any, part: Any) -> Any:
    return builder.fcmp_ordered(">", below, ir.Constant(part, [_LOWEST] * part.count))


def _power_of(builder: Any, below: Any, part: Any) -> Any:
    """e^below, 0 where it is below e^-87; none is above 0."""

    def every(number: float) -> Any:
        return ir.Constant(part, [float(np.float32(number))] * part.count)

    def fma(*numbers: Any) -> Any:
        return builder.call(_fma(builder, part), numbers)

    whole = ir.VectorType(ir.IntType(32), part.count)
    # Adding 1.5 * 2^23 rounds to an integer, which is then in the lowest bits.
    shifted = fma(below, every(1.4426950408889634), every(12582912.0))
    n = builder.fsub(shifted, every(12582912.0))
    r = fma(n, every(-0.6931471805599453), below)
    power = every(_EXPONENTIAL[0])
    for coefficient in _EXPONENTIAL[1:]:
        power = fma(power, r, every(coefficient))
    exponent = builder.shl(builder.bitcast(shifted, whole), ir.Constant(whole, [23] * part.count))
    power = builder.bitcast(builder.add(builder.bitcast(power, whole), exponent), part)
    return builder.select(_above(builder, below, part), power, ir.Constant(part, None))


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
