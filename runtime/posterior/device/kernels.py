# mypy: ignore-errors
# type: ignore - Triton functions are compiled from source and never called as Python: its language has no types
"""Triton kernels of the constrained posterior, batched over rows with different grammars.

Rows are described by a table of int64 numbers, one line a row; trellises lie one after another in `ints`. Logits are float32,
sums over classes and paths float64 logarithms. A NaN or an infinite logit makes the row's log Z a NaN.
"""

from __future__ import annotations

import triton
import triton.language as tl

COLUMNS = tl.constexpr(34)
CANVAS = tl.constexpr(0)
CLASSES = tl.constexpr(1)
PIECES = tl.constexpr(2)
LABELS = tl.constexpr(3)
FIRST = tl.constexpr(4)
CLASS_BASE = tl.constexpr(5)
PIECE_BASE = tl.constexpr(6)
LABEL_BASE = tl.constexpr(7)
NODE_BASE = tl.constexpr(8)
LOGITS = tl.constexpr(9)
INVERSE = tl.constexpr(10)
TOKEN_ORDER = tl.constexpr(12)
PIECE_START = tl.constexpr(13)
PIECE_CLASS = tl.constexpr(14)
CLASS_PIECE = tl.constexpr(15)
LABEL_START = tl.constexpr(16)
LABEL_CLASS = tl.constexpr(17)
HOLDER_START = tl.constexpr(18)
HOLDER = tl.constexpr(19)
TOKEN_CLASS = tl.constexpr(20)
LAYER_START = tl.constexpr(21)
STATES = tl.constexpr(22)
EDGE_START = tl.constexpr(23)
EDGE_TO = tl.constexpr(24)
EDGE_LABEL = tl.constexpr(25)
IN_START = tl.constexpr(26)
IN_EDGE = tl.constexpr(27)
EDGE_FROM = tl.constexpr(28)
SLOT_START = tl.constexpr(29)
SLOT_LABEL = tl.constexpr(30)
SLOT_EDGE_START = tl.constexpr(31)
SLOT_EDGE = tl.constexpr(32)
WANTED = tl.constexpr(33)


@triton.jit
def _inverse(row):
    return tl.load(row + INVERSE).to(tl.float64, bitcast=True).to(tl.float32)


@triton.jit
def _exp(x, top):
    """e^(x - top), 0 where x is -inf whatever `top` is; a NaN stays."""
    gone = x == float("-inf")
    return tl.where(gone, 0.0, tl.exp(tl.where(gone, 0.0, x - tl.where(top == float("-inf"), 0.0, top))))


@triton.jit
def _log(total):
    """Logarithm, -inf of 0; a NaN stays."""
    return tl.where(total == 0.0, float("-inf"), tl.log(tl.where(total == 0.0, 1.0, total)))


@triton.jit
def _tempered(logits, ints, row, i, at, inside, vocabulary):
    token = tl.load(ints + tl.load(row + TOKEN_ORDER) + at, mask=inside, other=0)
    place = tl.load(row + LOGITS) + i * vocabulary + token
    return tl.load(logits + place, mask=inside, other=float("-inf")) * _inverse(row)


@triton.jit
def reduce_pieces(logits, ints, table, row_of, top, mass, energy, vocabulary, BLOCK: tl.constexpr):
    """Greatest logit, mass and energy of each piece: one program reads its tokens once."""
    position = tl.program_id(0).to(tl.int64)
    piece = tl.program_id(1)
    row = table + tl.load(row_of + position) * COLUMNS
    if piece < tl.load(row + PIECES):
        i = position - tl.load(row + FIRST)
        out = tl.load(row + PIECE_BASE) + i * tl.load(row + PIECES) + piece
        k = tl.load(ints + tl.load(row + PIECE_CLASS) + piece)
        greatest = float("-inf")
        total = 0.0
        moment = 0.0
        if tl.load(ints + tl.load(row + WANTED) + i * tl.load(row + CLASSES) + k) != 0:
            starts = ints + tl.load(row + PIECE_START) + piece
            at = tl.load(starts) + tl.arange(0, BLOCK)
            inside = at < tl.load(starts + 1)
            x = _tempered(logits, ints, row, i, at, inside, vocabulary)
            broken = tl.max(((x != x) | (x == float("inf"))).to(tl.int32), axis=0)
            greatest = tl.max(x, axis=0)
            y = _exp(x, greatest)
            total = tl.sum(y, axis=0)
            below = tl.where(y > 0.0, x - greatest, 0.0)
            moment = tl.sum(y * below, axis=0)
            greatest = tl.where(broken != 0, float("nan"), greatest)
        tl.store(top + out, greatest)
        tl.store(mass + out, total)
        tl.store(energy + out, moment)


@triton.jit
def combine_pieces(
    ints, table, row_of, piece_top, piece_mass, piece_energy, top, mass, mean, BLOCK: tl.constexpr
):
    """Classes out of their pieces."""
    position = tl.program_id(0).to(tl.int64)
    k = tl.program_id(1)
    row = table + tl.load(row_of + position) * COLUMNS
    if k < tl.load(row + CLASSES):
        i = position - tl.load(row + FIRST)
        base = tl.load(row + PIECE_BASE) + i * tl.load(row + PIECES)
        pieces = ints + tl.load(row + CLASS_PIECE) + k
        first, last = tl.load(pieces), tl.load(pieces + 1)
        greatest = tl.full((), float("-inf"), tl.float64)
        broken = tl.full((), 0, tl.int32)
        for start in range(first, last, BLOCK):
            at = start + tl.arange(0, BLOCK)
            x = tl.load(piece_top + base + at, mask=at < last, other=float("-inf")).to(tl.float64)
            broken = tl.maximum(broken, tl.max((x != x).to(tl.int32), axis=0))
            greatest = tl.maximum(greatest, tl.max(tl.where(x != x, float("-inf"), x), axis=0))
        total = tl.full((), 0.0, tl.float64)
        moment = tl.full((), 0.0, tl.float64)
        for start in range(first, last, BLOCK):
            at = start + tl.arange(0, BLOCK)
            x = tl.load(piece_top + base + at, mask=at < last, other=float("-inf")).to(tl.float64)
            m = tl.load(piece_mass + base + at, mask=at < last, other=0.0).to(tl.float64)
            e = tl.load(piece_energy + base + at, mask=at < last, other=0.0).to(tl.float64)
            factor = _exp(x, greatest)
            below = tl.where(factor > 0.0, x - greatest, 0.0)
            total += tl.sum(factor * m, axis=0)
            moment += tl.sum(factor * (m * below + e), axis=0)
        alive = total > 0.0
        out = tl.load(row + CLASS_BASE) + i * tl.load(row + CLASSES) + k
        tl.store(top + out, tl.where(broken != 0, float("nan"), greatest))
        tl.store(mass + out, tl.where(alive, total, 0.0))
        tl.store(mean + out, tl.where(alive, greatest + moment / tl.where(alive, total, 1.0), 0.0))


@triton.jit
def weigh_slots(ints, table, row_of, top, mass, weight, best, BLOCK: tl.constexpr):
    """Log weight and greatest logit of each label that a position has."""
    position = tl.program_id(0).to(tl.int64)
    row = table + tl.load(row_of + position) * COLUMNS
    i = position - tl.load(row + FIRST)
    slots = ints + tl.load(row + SLOT_START) + i
    slot = tl.load(slots) + tl.program_id(1)
    if slot < tl.load(slots + 1):
        label = tl.load(ints + tl.load(row + SLOT_LABEL) + slot)
        members = ints + tl.load(row + LABEL_START) + label
        first, last = tl.load(members), tl.load(members + 1)
        base = tl.load(row + CLASS_BASE) + i * tl.load(row + CLASSES)
        greatest = tl.full((), float("-inf"), tl.float64)
        for start in range(first, last, BLOCK):
            at = start + tl.arange(0, BLOCK)
            k = tl.load(ints + tl.load(row + LABEL_CLASS) + at, mask=at < last, other=0)
            x = tl.load(top + base + k, mask=at < last, other=float("-inf"))
            greatest = tl.maximum(greatest, tl.max(tl.where(x != x, float("-inf"), x), axis=0))
        total = tl.full((), 0.0, tl.float64)
        for start in range(first, last, BLOCK):
            at = start + tl.arange(0, BLOCK)
            k = tl.load(ints + tl.load(row + LABEL_CLASS) + at, mask=at < last, other=0)
            x = tl.load(top + base + k, mask=at < last, other=float("-inf"))
            m = tl.load(mass + base + k, mask=at < last, other=0.0)
            total += tl.sum(m * _exp(x, greatest) + tl.where(x != x, x, 0.0), axis=0)
        out = tl.load(row + LABEL_BASE) + i * tl.load(row + LABELS) + label
        log_total = _log(total)
        tl.store(
            weight + out,
            tl.where(
                greatest == float("-inf"),
                log_total,
                log_total + tl.where(greatest == float("-inf"), 0.0, greatest),
            ),
        )
        tl.store(best + out, greatest)


@triton.jit
def _grow(m, s, value):
    """A running log-sum-exp: the greatest so far, and the sum relative to it."""
    higher = tl.where(value > m, value, m)
    return higher, s * _exp(m, higher) + _exp(value, higher)


@triton.jit
def backward(ints, table, weight, best, beta, delta, choice, result, totals, BLOCK: tl.constexpr):
    """Log weight of all paths from each node to the end, and the best of them: one program walks a row's positions."""
    index = tl.program_id(0)
    row = table + index * COLUMNS
    canvas = tl.load(row + CANVAS).to(tl.int32)
    nodes = tl.load(row + NODE_BASE)
    layers = ints + tl.load(row + LAYER_START)
    edge_start = ints + tl.load(row + EDGE_START)
    edge_to = ints + tl.load(row + EDGE_TO)
    edge_label = ints + tl.load(row + EDGE_LABEL)
    first, last = tl.load(layers + canvas), tl.load(layers + canvas + 1)
    for start in range(first, last, BLOCK):
        node = start + tl.arange(0, BLOCK)
        zero = tl.zeros((BLOCK,), tl.float64)
        tl.store(beta + nodes + node, zero, mask=node < last)
        tl.store(delta + nodes + node, zero, mask=node < last)
        tl.store(choice + nodes + node, tl.full((BLOCK,), 0, tl.int32), mask=node < last)
    for step in range(canvas):
        tl.debug_barrier()
        i = canvas - 1 - step
        at = tl.load(row + LABEL_BASE) + i * tl.load(row + LABELS)
        first, last = tl.load(layers + i), tl.load(layers + i + 1)
        for start in range(first, last, BLOCK):
            node = start + tl.arange(0, BLOCK)
            inside = node < last
            low = tl.load(edge_start + node, mask=inside, other=0)
            high = tl.load(edge_start + node + 1, mask=inside, other=0)
            m = tl.full((BLOCK,), float("-inf"), tl.float64)
            s = tl.zeros((BLOCK,), tl.float64)
            longest = tl.full((BLOCK,), float("-inf"), tl.float64)
            taken = low
            for offset in range(tl.max(high - low, axis=0)):
                edge = low + offset
                alive = edge < high
                label = tl.load(edge_label + edge, mask=alive, other=0)
                after = nodes + tl.load(edge_to + edge, mask=alive, other=0)
                w = tl.load(weight + at + label, mask=alive, other=float("-inf"))
                m, s = _grow(m, s, w + tl.load(beta + after, mask=alive, other=0.0))
                score = tl.load(best + at + label, mask=alive, other=float("-inf"))
                score += tl.load(delta + after, mask=alive, other=0.0)
                taken = tl.where(score > longest, edge, taken)
                longest = tl.where(score > longest, score, longest)
            logs = _log(s)
            value = tl.where(logs == float("-inf"), logs, logs + tl.where(m == float("-inf"), 0.0, m))
            tl.store(beta + nodes + node, value, mask=inside)
            tl.store(delta + nodes + node, longest, mask=inside)
            tl.store(choice + nodes + node, taken, mask=inside)
    tl.debug_barrier()
    tl.store(result + totals + index, tl.load(beta + nodes))


@triton.jit
def forward(ints, table, weight, alpha, BLOCK: tl.constexpr):
    """Log weight of all paths from the start to each node, by its incoming edges; no atomics."""
    row = table + tl.program_id(0) * COLUMNS
    canvas = tl.load(row + CANVAS).to(tl.int32)
    nodes = tl.load(row + NODE_BASE)
    layers = ints + tl.load(row + LAYER_START)
    in_start = ints + tl.load(row + IN_START)
    tl.store(alpha + nodes, tl.full((), 0.0, tl.float64))
    for i in range(canvas):
        tl.debug_barrier()
        at = tl.load(row + LABEL_BASE) + i * tl.load(row + LABELS)
        first, last = tl.load(layers + i + 1), tl.load(layers + i + 2)
        for start in range(first, last, BLOCK):
            node = start + tl.arange(0, BLOCK)
            inside = node < last
            low = tl.load(in_start + node, mask=inside, other=0)
            high = tl.load(in_start + node + 1, mask=inside, other=0)
            m = tl.full((BLOCK,), float("-inf"), tl.float64)
            s = tl.zeros((BLOCK,), tl.float64)
            for offset in range(tl.max(high - low, axis=0)):
                alive = low + offset < high
                edge = tl.load(ints + tl.load(row + IN_EDGE) + low + offset, mask=alive, other=0)
                label = tl.load(ints + tl.load(row + EDGE_LABEL) + edge, mask=alive, other=0)
                before = nodes + tl.load(ints + tl.load(row + EDGE_FROM) + edge, mask=alive, other=0)
                w = tl.load(weight + at + label, mask=alive, other=float("-inf"))
                m, s = _grow(m, s, w + tl.load(alpha + before, mask=alive, other=0.0))
            logs = _log(s)
            value = tl.where(logs == float("-inf"), logs, logs + tl.where(m == float("-inf"), 0.0, m))
            tl.store(alpha + nodes + node, value, mask=inside)


@triton.jit
def slot_flows(ints, table, row_of, weight, alpha, beta, flow, BLOCK: tl.constexpr):
    """Log probability that a position takes an edge with the label, less the label's log weight; by slot."""
    position = tl.program_id(0).to(tl.int64)
    row = table + tl.load(row_of + position) * COLUMNS
    i = position - tl.load(row + FIRST)
    slots = ints + tl.load(row + SLOT_START) + i
    slot = tl.load(slots) + tl.program_id(1)
    if slot < tl.load(slots + 1):
        nodes = tl.load(row + NODE_BASE)
        label = tl.load(ints + tl.load(row + SLOT_LABEL) + slot)
        edges = ints + tl.load(row + SLOT_EDGE_START) + slot
        first, last = tl.load(edges), tl.load(edges + 1)
        log_z = tl.load(beta + nodes)
        log_z = tl.where(log_z == float("-inf"), 0.0, log_z)
        m = tl.full((BLOCK,), float("-inf"), tl.float64)
        s = tl.zeros((BLOCK,), tl.float64)
        for start in range(first, last, BLOCK):
            at = start + tl.arange(0, BLOCK)
            edge = tl.load(ints + tl.load(row + SLOT_EDGE) + at, mask=at < last, other=0)
            before = nodes + tl.load(ints + tl.load(row + EDGE_FROM) + edge, mask=at < last, other=0)
            after = nodes + tl.load(ints + tl.load(row + EDGE_TO) + edge, mask=at < last, other=0)
            value = tl.load(alpha + before, mask=at < last, other=float("-inf"))
            m, s = _grow(m, s, value + tl.load(beta + after, mask=at < last, other=0.0))
        greatest = tl.max(m, axis=0)
        total = tl.sum(s * _exp(m, greatest), axis=0)
        logs = _log(total)
        out = tl.load(row + LABEL_BASE) + i * tl.load(row + LABELS) + label
        w = tl.load(weight + out)
        gone = (logs == float("-inf")) | (w == float("-inf"))
        tl.store(flow + out, tl.where(gone, float("-inf"), logs + tl.where(gone, 0.0, greatest) - log_z))


@triton.jit
def class_marginals(ints, table, row_of, flow, top, mass, mean, bias, nats, BLOCK: tl.constexpr):
    """Log marginal of a class's tokens less their logits, and the class's part of the entropy."""
    position = tl.program_id(0).to(tl.int64)
    k = tl.program_id(1)
    row = table + tl.load(row_of + position) * COLUMNS
    if k < tl.load(row + CLASSES):
        i = position - tl.load(row + FIRST)
        holders = ints + tl.load(row + HOLDER_START) + k
        first, last = tl.load(holders), tl.load(holders + 1)
        base = tl.load(row + LABEL_BASE) + i * tl.load(row + LABELS)
        m = tl.full((BLOCK,), float("-inf"), tl.float64)
        s = tl.zeros((BLOCK,), tl.float64)
        for start in range(first, last, BLOCK):
            at = start + tl.arange(0, BLOCK)
            label = tl.load(ints + tl.load(row + HOLDER) + at, mask=at < last, other=0)
            m, s = _grow(m, s, tl.load(flow + base + label, mask=at < last, other=float("-inf")))
        greatest = tl.max(m, axis=0)
        logs = _log(tl.sum(s * _exp(m, greatest), axis=0))
        out = tl.load(row + CLASS_BASE) + i * tl.load(row + CLASSES) + k
        inside = tl.load(mass + out)
        alive = (logs > float("-inf")) & (inside > 0.0)
        shift = tl.where(alive, logs + tl.where(alive, greatest, 0.0), 0.0)
        p = inside * tl.exp(tl.where(alive, tl.load(top + out) + shift, 0.0))
        tl.store(bias + out, tl.where(alive, shift, float("-inf")).to(tl.float32))
        tl.store(nats + out, tl.where(alive, -p * (shift + tl.load(mean + out)), 0.0))


@triton.jit
def entropies(table, row_of, nats, result, count, BLOCK: tl.constexpr):
    """Sum the classes' parts."""
    position = tl.program_id(0).to(tl.int64)
    row = table + tl.load(row_of + position) * COLUMNS
    classes = tl.load(row + CLASSES).to(tl.int32)
    base = tl.load(row + CLASS_BASE) + (position - tl.load(row + FIRST)) * classes
    total = tl.full((), 0.0, tl.float64)
    for start in range(0, classes, BLOCK):
        at = start + tl.arange(0, BLOCK)
        total += tl.sum(tl.load(nats + base + at, mask=at < classes, other=0.0), axis=0)
    tl.store(result + 2 * count + position, tl.where(total > 0.0, total, 0.0))


@triton.jit
def _pick(chances, u, start, reached, taken, low, width, found, BLOCK: tl.constexpr):
    """Go on with an inverse CDF over a block of outcomes; the last with a chance takes what rounding leaves."""
    place = tl.arange(0, BLOCK)
    sums = reached + tl.cumsum(chances, axis=0)
    hit = tl.min(tl.where((chances > 0.0) & (u < sums), place, BLOCK), axis=0)
    last = tl.max(tl.where(chances > 0.0, place, -1), axis=0)
    pick = tl.where(hit < BLOCK, hit, last)
    moves = (found == 0) & (pick >= 0)
    taken = tl.where(moves, start + pick, taken)
    low = tl.where(moves, reached + tl.sum(tl.where(place < pick, chances, 0.0), axis=0), low)
    width = tl.where(moves, tl.sum(tl.where(place == pick, chances, 0.0), axis=0), width)
    found = tl.where(hit < BLOCK, 1, found)
    return reached + tl.sum(chances, axis=0), taken, low, width, found


@triton.jit
def _rest(u, low, width):
    rest = (u - low) / width
    rest = tl.where(rest > 0.0, rest, 0.0)
    return tl.where(rest < 1.0, rest, 1.0)


@triton.jit
def trace_best(ints, table, top, choice, chosen, result, count, BLOCK: tl.constexpr):
    """Classes of the best path, of several the first with the greatest logit, and the states that it meets."""
    row = table + tl.program_id(0) * COLUMNS
    canvas = tl.load(row + CANVAS).to(tl.int32)
    node = tl.full((), 0, tl.int32)
    for i in range(canvas):
        position = tl.load(row + FIRST) + i
        edge = tl.load(choice + tl.load(row + NODE_BASE) + node)
        members = ints + tl.load(row + LABEL_START) + tl.load(ints + tl.load(row + EDGE_LABEL) + edge)
        first, last = tl.load(members), tl.load(members + 1)
        base = tl.load(row + CLASS_BASE) + i * tl.load(row + CLASSES)
        greatest = tl.full((), float("-inf"), tl.float64)
        taken = tl.load(ints + tl.load(row + LABEL_CLASS) + first)
        for start in range(first, last, BLOCK):
            at = start + tl.arange(0, BLOCK)
            k = tl.load(ints + tl.load(row + LABEL_CLASS) + at, mask=at < last, other=0)
            x = tl.load(top + base + k, mask=at < last, other=float("-inf"))
            here = tl.max(x, axis=0)
            earliest = tl.min(tl.where(x == here, at, last), axis=0)
            earliest = tl.where(earliest < last, earliest, first)
            better = here > greatest
            taken = tl.where(better, tl.load(ints + tl.load(row + LABEL_CLASS) + earliest), taken)
            greatest = tl.where(better, here, greatest)
        node = tl.load(ints + tl.load(row + EDGE_TO) + edge)
        tl.store(chosen + position, taken)
        tl.store(result + 3 * count + position, tl.load(ints + tl.load(row + STATES) + node).to(tl.float64))


@triton.jit
def sample_classes(ints, table, weight, beta, top, mass, uniforms, chosen, left, count, BLOCK: tl.constexpr):
    """Sample a path: an edge, then a class of its label, each by inverse CDF of one uniform per position."""
    row = table + tl.program_id(0) * COLUMNS
    canvas = tl.load(row + CANVAS).to(tl.int32)
    nodes = tl.load(row + NODE_BASE)
    node = tl.full((), 0, tl.int32)
    for i in range(canvas):
        position = tl.load(row + FIRST) + i
        u = tl.load(uniforms + position)
        at_label = tl.load(row + LABEL_BASE) + i * tl.load(row + LABELS)
        edges = ints + tl.load(row + EDGE_START) + node
        first, last = tl.load(edges), tl.load(edges + 1)
        here = tl.load(beta + nodes + node)
        reached = tl.full((), 0.0, tl.float64)
        low = tl.full((), 0.0, tl.float64)
        width = tl.full((), 1.0, tl.float64)
        found = tl.full((), 0, tl.int32)
        edge = first
        for start in range(first, last, BLOCK):
            at = start + tl.arange(0, BLOCK)
            label = tl.load(ints + tl.load(row + EDGE_LABEL) + at, mask=at < last, other=0)
            after = tl.load(ints + tl.load(row + EDGE_TO) + at, mask=at < last, other=0)
            value = tl.load(weight + at_label + label, mask=at < last, other=float("-inf"))
            value += tl.load(beta + nodes + after, mask=at < last, other=0.0)
            reached, edge, low, width, found = _pick(
                _exp(value, here), u, start, reached, edge, low, width, found, BLOCK
            )
        u = _rest(u, low, width)
        label = tl.load(ints + tl.load(row + EDGE_LABEL) + edge)
        node = tl.load(ints + tl.load(row + EDGE_TO) + edge)
        members = ints + tl.load(row + LABEL_START) + label
        first, last = tl.load(members), tl.load(members + 1)
        base = tl.load(row + CLASS_BASE) + i * tl.load(row + CLASSES)
        whole = tl.load(weight + at_label + label)
        reached = tl.full((), 0.0, tl.float64)
        low = tl.full((), 0.0, tl.float64)
        width = tl.full((), 1.0, tl.float64)
        found = tl.full((), 0, tl.int32)
        member = first
        for start in range(first, last, BLOCK):
            at = start + tl.arange(0, BLOCK)
            k = tl.load(ints + tl.load(row + LABEL_CLASS) + at, mask=at < last, other=0)
            x = tl.load(top + base + k, mask=at < last, other=float("-inf"))
            chances = _exp(x, whole) * tl.load(mass + base + k, mask=at < last, other=0.0)
            reached, member, low, width, found = _pick(
                chances, u, start, reached, member, low, width, found, BLOCK
            )
        tl.store(chosen + count + position, tl.load(ints + tl.load(row + LABEL_CLASS) + member))
        tl.store(left + position, _rest(u, low, width))


@triton.jit
def tokens_of_classes(
    logits, ints, table, row_of, chosen, left, top, mass, result, count, vocabulary, BLOCK: tl.constexpr
):
    """Of the best class its first token with the greatest logit; of the sampled one a token by inverse CDF."""
    position = tl.program_id(0).to(tl.int64)
    row = table + tl.load(row_of + position) * COLUMNS
    i = position - tl.load(row + FIRST)
    k = tl.load(chosen + tl.program_id(1) * count + position)
    pieces = ints + tl.load(row + CLASS_PIECE) + k
    starts = ints + tl.load(row + PIECE_START)
    first, last = tl.load(starts + tl.load(pieces)), tl.load(starts + tl.load(pieces + 1))
    of_class = tl.load(row + CLASS_BASE) + i * tl.load(row + CLASSES) + k
    greatest = tl.load(top + of_class)
    taken = first
    if tl.program_id(1) == 0:
        earliest = last
        for start in range(first, last, BLOCK):
            at = start + tl.arange(0, BLOCK)
            x = _tempered(logits, ints, row, i, at, at < last, vocabulary).to(tl.float64)
            hit = tl.min(tl.where((x == greatest) & (at < last), at, last), axis=0)
            earliest = tl.minimum(earliest, hit)
        taken = tl.where(earliest < last, earliest, first)
    else:
        level = tl.load(left + position) * tl.load(mass + of_class)
        reached = tl.full((), 0.0, tl.float64)
        low = tl.full((), 0.0, tl.float64)
        width = tl.full((), 1.0, tl.float64)
        found = tl.full((), 0, tl.int32)
        for start in range(first, last, BLOCK):
            at = start + tl.arange(0, BLOCK)
            x = _tempered(logits, ints, row, i, at, at < last, vocabulary).to(tl.float64)
            reached, taken, low, width, found = _pick(
                _exp(x, greatest), level, start, reached, taken, low, width, found, BLOCK
            )
    token = tl.load(ints + tl.load(row + TOKEN_ORDER) + taken)
    tl.store(result + tl.program_id(1) * count + position, token.to(tl.float64))


@triton.jit
def spread(logits, bias, token_class, out, inverse, vocabulary, classes, BLOCK: tl.constexpr):
    """Probabilities exp(logit / temperature + bias of the token's class), at most 1."""
    position = tl.program_id(0).to(tl.int64)
    token = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = token < vocabulary
    k = tl.load(token_class + token, mask=inside, other=0)
    shift = tl.load(bias + position * classes + k, mask=inside, other=float("-inf"))
    x = tl.load(logits + position * vocabulary + token, mask=inside, other=0.0)
    gone = shift == float("-inf")
    p = tl.exp(tl.minimum(tl.where(gone, 0.0, x * inverse + shift), 0.0))
    tl.store(out + position * vocabulary + token, tl.where(gone, 0.0, p), mask=inside)
