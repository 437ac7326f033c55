"""Array kernels: doubling of capacity, concatenation, counting sort.

In plain loops, because numpy's functions and slices on the left of an assignment take numba seconds to compile.
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from agentfast.runtime.jit.kernel import kernel

Ints = npt.NDArray[np.int32]
Integer = TypeVar("Integer", np.int32, np.int64)
Number = TypeVar("Number", np.int32, np.int64, np.float64)


@kernel
def grown(array: Ints) -> Ints:
    """Double an array's capacity: [N] -> [2 N], the new half unset."""
    result = np.empty(2 * len(array), np.int32)
    for i in range(len(array)):
        result[i] = array[i]
    return result


@kernel
def extended(array: npt.NDArray[Number], length: int) -> npt.NDArray[Number]:
    """Copy an array into a longer one: [N] -> [length], the rest unset."""
    result = np.empty(length, array.dtype)
    for i in range(len(array)):
        result[i] = array[i]
    return result


@kernel
def grown_rows(rows: npt.NDArray[Integer]) -> npt.NDArray[Integer]:
    """Double the capacity of rows: [N, C] -> [2 N, C], the new half unset."""
    result = np.empty((2 * len(rows), rows.shape[1]), rows.dtype)
    for i in range(len(rows)):
        for j in range(rows.shape[1]):
            result[i, j] = rows[i, j]
    return result


@kernel
def concatenate(first: Ints, second: Ints, shift: int | np.integer[Any]) -> Ints:
    """Concatenate [N] and [M] -> [N + M], `shift` added to the second."""
    result = np.empty(len(first) + len(second), np.int32)
    for i in range(len(first)):
        result[i] = first[i]
    for i in range(len(second)):
        result[len(first) + i] = second[i] + shift
    return result


@kernel
def sort_each(starts: Ints, values: Ints, count: int | np.integer[Any]) -> Ints:
    """Sort the [N] values, all below `count`, within each group; group g is `starts[g]`..`starts[g + 1]`."""
    group = np.empty(len(values), np.int32)
    for g in range(len(starts) - 1):
        for i in range(starts[g], starts[g + 1]):
            group[i] = g
    _, order = by_group(values, count)
    place = starts[:-1].copy()
    result = np.empty(len(values), np.int32)
    for i in order:
        result[place[group[i]]] = values[i]
        place[group[i]] += 1
    return result


@kernel
def by_group(group: Ints, groups: int | np.integer[Any]) -> tuple[Ints, Ints]:
    """Counting sort of the items 0..N-1 by group: [groups + 1] start of each group, [N] items, rising within a group."""
    starts = np.zeros(groups + 1, np.int32)
    for g in group:
        starts[g + 1] += 1
    for g in range(groups):
        starts[g + 1] += starts[g]
    order = np.empty(len(group), np.int32)
    place = starts[:-1].copy()
    for item in range(len(group)):
        order[place[group[item]]] = item
        place[group[item]] += 1
    return starts, order
