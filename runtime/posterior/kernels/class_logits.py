"""CPU kernels between tokens and classes: [C, V] logits reduced to [C, K], and class weights spread to tokens again.

Tokens are read in order of classes, in pieces of one class and chunks of neighbouring pieces (see `ClassChunks`): a chunk
is gathered, its exponentials are taken around each piece's own maximum, and its sums are made while it is in the
nearest cache. So the logits are read once, and no class is lost however far below the others it lies.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from agentfast.runtime.grammar.tokens.class_chunks import CHUNK
from agentfast.runtime.jit.kernel import kernel, loose_kernel
from agentfast.runtime.jit.simd import LANES, address, gather, index_address, shifted_powers, weigh
from agentfast.runtime.jit.simd_math import exponentials, greatest_bits

Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

_FEW: Final = 24  # tokens of a piece that are too few to be worked on in vectors


@kernel
def reduce_to_classes(
    logits: Floats,
    inverse: np.float32,
    wanted: Bools,
    token_order: Ints,
    piece_start: Ints,
    piece_class: Ints,
    chunk_piece: Ints,
    piece_top: Floats,
    piece_mass: Floats,
    top: Doubles,
    mass: Doubles,
    mean: Doubles,
) -> int:
    """One pass over [C, V] logits, each times `inverse`.

    Args:
        wanted: [C, K], the classes that are asked for; the others are left out and have no mass.
        token_order, piece_start, piece_class, chunk_piece: see `TokenClasses` and `ClassChunks`.
        piece_top, piece_mass: [C, P], filled with each piece's greatest logit and its sum of exp(logit - greatest).
        top: [C, K], filled with each class's greatest logit, -inf where it has none.
        mass: [C, K], filled with its sum of exp(logit - top).
        mean: [C, K], filled with the expected logit under the softmax inside the class, 0 where it has no mass.

    Returns:
        The first position with a NaN or an infinite logit, -1 if there is none.
    """
    energy = np.empty(len(piece_class), np.float32)
    x = np.empty(CHUNK, np.float32)
    y = np.empty(CHUNK, np.float32)
    powers = np.empty(CHUNK, np.int32)
    whole = _are_classes(piece_class, top.shape[1])
    for i in range(logits.shape[0]):
        for chunk in range(len(chunk_piece) - 1):
            first, last = chunk_piece[chunk], chunk_piece[chunk + 1]
            if not _any(wanted[i], piece_class, first, last):
                continue
            order = token_order[piece_start[first] : piece_start[last]]
            _gather(logits[i], inverse, order, x)
            if _is_broken(x[: len(order)].view(np.int32)):
                return i
            _weigh(
                x, y, powers, piece_start[first : last + 1],
                piece_top[i, first:last], piece_mass[i, first:last], energy[first:last],
            )  # fmt: skip
        if whole:
            _widen(wanted[i], piece_top[i], piece_mass[i], energy, top[i], mass[i], mean[i])
        else:
            _combine(wanted[i], piece_class, piece_top[i], piece_mass[i], energy, top[i], mass[i], mean[i])
    return -1


@kernel
def _gather(logits: Floats, inverse: np.float32, order: Ints, x: Floats) -> None:
    """x = tempered logits of the tokens in `order`."""
    size = len(order) // LANES * LANES
    gather(address(logits, 0), index_address(order, 0), inverse, address(x, 0), size)
    for j in range(size, len(order)):
        x[j] = logits[order[j]] * inverse


@kernel
def _is_broken(bits: Ints) -> bool:
    """True if any float32 is NaN or +inf, told from its bits: comparing floats would not run in vectors."""
    signed, unsigned = np.int32(0), np.uint32(0)
    for v in range(len(bits)):
        signed = max(signed, bits[v])
        unsigned = max(unsigned, np.uint32(bits[v]))
    return bool(signed >= np.int32(0x7F800000) or unsigned > np.uint32(0xFF800000))


@kernel
def _any(wanted: Bools, piece_class: Ints, first: int, last: int) -> bool:
    for piece in range(first, last):
        if wanted[piece_class[piece]]:
            return True
    return False


@kernel
def _weigh(
    x: Floats, y: Floats, powers: Ints, starts: Ints, top: Floats, mass: Floats, energy: Floats
) -> None:
    """Greatest logit, sum of exponentials around it, and their sum of exponential times logit, of a chunk's pieces.

    Args:
        x: the chunk's logits; those of small pieces are moved to its front, less the piece's greatest.
    """
    top_bits = top.view(np.int32)
    found = np.empty(2, np.float32)
    few = 0
    # Slices, not ranges: an index that starts at 0 is one that the compiler can turn into vectors.
    for piece in range(len(top)):
        low, high = starts[piece] - starts[0], starts[piece + 1] - starts[0]
        if high - low == 1:  # in a small vocabulary most are
            top[piece], mass[piece], energy[piece] = x[low], np.float32(x[low] > -np.inf), np.float32(0.0)
        elif high - low < _FEW:
            top[piece] = _lower_few(x, low, high)
            for j in range(low, high):
                x[few] = x[j]
                few += 1
        else:
            part = x[low:high]
            top_bits[piece] = greatest_bits(part.view(np.int32))
            mass[piece], energy[piece] = _weigh_many(part, top[piece], found)
    exponentials(x, y, powers, few)
    few = 0
    for piece in range(len(top)):
        size = starts[piece + 1] - starts[piece]
        if 1 < size < _FEW:
            mass[piece], energy[piece] = np.float32(0.0), np.float32(0.0)
            for j in range(few, few + size):
                mass[piece] += y[j]
                energy[piece] += y[j] * x[j]
            few += size


@kernel
def _weigh_many(x: Floats, top: np.float32, found: Floats) -> tuple[np.float32, np.float32]:
    """Sums of a large piece; the numbers after the last whole vector are weighed in one filled up with -inf."""
    if top == -np.inf:
        return np.float32(0.0), np.float32(0.0)
    size = len(x) // LANES * LANES
    weigh(address(x, 0), top, address(found, 0), size)
    mass, energy = found[0], found[1]
    if size < len(x):
        rest = np.full(LANES, -np.inf, np.float32)
        for j in range(size, len(x)):
            rest[j - size] = x[j]
        weigh(address(rest, 0), top, address(found, 0), LANES)
        mass, energy = mass + found[0], energy + found[1]
    return mass, energy


@kernel
def _lower_few(x: Floats, low: int, high: int) -> np.float32:
    """Subtract the greatest of a few numbers from them; it is returned."""
    greatest = x[low]
    for j in range(low + 1, high):
        greatest = x[j] if x[j] > greatest else greatest
    if greatest > -np.inf:
        for j in range(low, high):
            x[j] -= greatest
    return np.float32(greatest)


@kernel
def _are_classes(piece_class: Ints, count: int) -> bool:
    """True if each class is one piece."""
    for piece in range(len(piece_class)):
        if piece_class[piece] != piece:
            return False
    return len(piece_class) == count


@loose_kernel
def _widen(
    wanted: Bools,
    piece_top: Floats,
    piece_mass: Floats,
    piece_energy: Floats,
    top: Doubles,
    mass: Doubles,
    mean: Doubles,
) -> None:
    """Classes that are one piece each."""
    for k in range(len(top)):
        alive = wanted[k] and piece_mass[k] > np.float32(0.0)
        top[k] = piece_top[k] if alive else -np.inf
        mass[k] = piece_mass[k] if alive else 0.0
        mean[k] = (
            np.float64(piece_top[k]) + np.float64(piece_energy[k]) / np.float64(piece_mass[k])
            if alive
            else 0.0
        )


@kernel
def _combine(
    wanted: Bools,
    piece_class: Ints,
    piece_top: Floats,
    piece_mass: Floats,
    piece_energy: Floats,
    top: Doubles,
    mass: Doubles,
    mean: Doubles,
) -> None:
    """Classes out of their pieces."""
    top[:] = -np.inf
    mass[:] = 0.0
    mean[:] = 0.0
    pieces = len(piece_class)
    first = 0
    while first < pieces:
        k = piece_class[first]
        last = first + 1
        while last < pieces and piece_class[last] == k:
            last += 1
        if wanted[k]:
            greatest = piece_top[first]
            for piece in range(first + 1, last):
                greatest = max(greatest, piece_top[piece])
            if greatest > -np.inf:
                total = 0.0
                moment = 0.0
                for piece in range(first, last):
                    below = np.float64(piece_top[piece]) - np.float64(greatest)
                    factor = np.exp(below) if below < 0.0 else 1.0
                    if factor > 0.0:
                        total += factor * piece_mass[piece]
                        moment += factor * (piece_mass[piece] * below + piece_energy[piece])
                top[k] = greatest
                mass[k] = total
                mean[k] = greatest + moment / total
        first = last


@kernel
def first_tokens(
    logits: Floats,
    inverse: np.float32,
    chosen: Ints,
    top: Doubles,
    token_order: Ints,
    piece_start: Ints,
    class_piece: Ints,
    piece_top: Floats,
) -> Longs:
    """[C] the first token of each chosen class that has its greatest logit."""
    tokens = np.empty(len(chosen), np.int64)
    for i in range(len(chosen)):
        greatest = np.float32(top[i, chosen[i]])
        piece = class_piece[chosen[i]]
        while piece_top[i, piece] != greatest:
            piece += 1
        at = piece_start[piece]
        while logits[i, token_order[at]] * inverse != greatest:
            at += 1
        tokens[i] = token_order[at]
    return tokens


@kernel
def drawn_tokens(
    logits: Floats,
    inverse: np.float32,
    chosen: Ints,
    left: Doubles,
    top: Doubles,
    mass: Doubles,
    token_order: Ints,
    piece_start: Ints,
    class_piece: Ints,
    piece_top: Floats,
    piece_mass: Floats,
) -> Longs:
    """[C] a token of each chosen class: inverse CDF of `left`, tokens in order of ids."""
    tokens = np.empty(len(chosen), np.int64)
    x = np.empty(CHUNK, np.float32)
    y = np.empty(CHUNK, np.float32)
    powers = np.empty(CHUNK, np.int32)
    for i in range(len(chosen)):
        k = chosen[i]
        level = left[i] * mass[i, k]
        reached = 0.0
        taken, before = class_piece[k], 0.0  # the last piece with mass takes what rounding leaves
        for piece in range(class_piece[k], class_piece[k + 1]):
            share = np.exp(np.float64(piece_top[i, piece]) - top[i, k]) * piece_mass[i, piece]
            if share > 0.0:
                taken, before = piece, reached
                reached += share
                if level < reached:
                    break
        order = token_order[piece_start[taken] : piece_start[taken + 1]]
        for j in range(len(order)):
            x[j] = logits[i, order[j]] * inverse - piece_top[i, taken]
        exponentials(x, y, powers, len(order))
        scale = np.exp(np.float64(piece_top[i, taken]) - top[i, k])
        reached = before
        for j in range(len(order)):
            if y[j] > 0.0:
                tokens[i] = order[j]
                reached += scale * y[j]
                if level < reached:
                    break
    return tokens


@kernel
def spread(logits: Floats, inverse: np.float32, bias: Floats, token_class: Ints, p: Floats) -> None:
    """p [C, V] = exp(logits * inverse + bias [C, K] of the token's class), at most 1; 0 below e^-87."""
    whole = logits.shape[1] // LANES * LANES
    rest = logits.shape[1] - whole
    x, filled, group = np.zeros(LANES, np.float32), np.empty(LANES, np.float32), np.zeros(LANES, np.int32)
    group[:rest] = token_class[whole:]
    for i in range(logits.shape[0]):
        shift = address(bias[i], 0)
        shifted_powers(
            address(logits[i], 0), inverse, shift, index_address(token_class, 0), address(p[i], 0), whole
        )
        x[:rest] = logits[i, whole:]
        shifted_powers(address(x, 0), inverse, shift, index_address(group, 0), address(filled, 0), LANES)
        p[i, whole:] = filled[:rest]
