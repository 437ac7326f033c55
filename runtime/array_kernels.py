"""What many kernels do to arrays: grow them, and order items by group."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from agentfast.runtime.kernel import kernel

Ints = npt.NDArray[np.int32]


@kernel
def grown(array: Ints) -> Ints:
    """[2 N] the [N] numbers, and room for as many more."""
    result = np.empty(2 * len(array), np.int32)
    for i in range(len(array)):  # a slice would do, but takes seconds to compile
        result[i] = array[i]
    return result


@kernel
def by_group(group: Ints, groups: int) -> tuple[Ints, Ints]:
    """[groups + 1] where each group begins, and [N] the items 0..N-1 by group, rising inside each (counting sort)."""
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
