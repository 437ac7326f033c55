"""The trellis: the automaton unrolled over a canvas, the part of the dynamic programs that depends on the grammar alone.

The steps of one canvas share a trellis, and so do rows that stand at the same place with budget to spare, such as the
start of a turn.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Final

import numpy as np
import numpy.typing as npt

from agentfast.errors import GrammarError
from agentfast.runtime.grammar.tokens.kernels.edges import BLOCKED, EdgeArrays, counted_state
from agentfast.runtime.grammar.tokens.token_grammar import TokenGrammar
from agentfast.runtime.jit.arrays import grown
from agentfast.runtime.jit.kernel import kernel

Ints = npt.NDArray[np.int32]

MAX_EDGES: Final = 100_000_000
"""Edges that a trellis may have: some 1.2 GB while it is made. More is a GrammarError."""
KEPT_EDGES: Final = 8_000_000
"""Edges of all trellises that are kept for later: some 100 MB."""


@dataclass(frozen=True, eq=False)
class Trellis:
    """The automaton unrolled over a canvas, without what cannot finish within the budget.

    Layer i holds a node for each state that can be met before position i; C + 1 layers, N nodes, M edges.

    Attributes:
        layer_start: [C + 2] int32; layer i is nodes layer_start[i]..layer_start[i + 1]. Node 0 is the canvas's start.
        states: [N] the grammar's state at each node.
        edge_start: [N + 1] where each node's edges begin.
        edge_to: [M] node in the next layer; edge_label: [M] the label of the tokens that take the edge.
        label_start: [C + 1] where each position's labels begin; labels: those its edges have, each once.
        wanted: [C, K] bool, the classes in those labels: no other class can come at the position.
    """

    layer_start: Ints
    states: Ints
    edge_start: Ints
    edge_to: Ints
    edge_label: Ints
    label_start: Ints
    labels: Ints
    wanted: npt.NDArray[np.bool_]


class TrellisCache:
    """The trellises used last.

    Args:
        kept_edges: of all kept trellises together.
        max_edges: of one trellis; more is refused.
    """

    def __init__(self, *, kept_edges: int = KEPT_EDGES, max_edges: int = MAX_EDGES) -> None:
        self._kept_edges = kept_edges
        self._max_edges = max_edges
        self._trellises: OrderedDict[tuple[TokenGrammar, int, int, int, bytes | None], Trellis] = (
            OrderedDict()
        )
        self._edges = 0
        self._lock = Lock()

    def trellis(
        self, grammar: TokenGrammar, state: int, positions: int, budget: int, first: bytes | None = None
    ) -> Trellis:
        """The trellis of a canvas of `positions` from `state` with `budget` tokens left.

        Args:
            first: for each of the state's edges, whether it may be taken (1) or not (0); None: all may.

        Raises:
            GrammarError: it would have more than `max_edges` edges, as a long counted string over a long canvas has.
        """
        # Above this every budget is the same.
        key = grammar, state, positions, min(budget, positions + grammar.longest), first
        with self._lock:
            if key in self._trellises:
                self._trellises.move_to_end(key)
                return self._trellises[key]
        trellis = _unrolled(*key, self._max_edges)
        with self._lock:
            if key not in self._trellises:
                self._trellises[key] = trellis
                self._edges += len(trellis.edge_to)
            while self._edges > self._kept_edges and self._trellises:
                self._edges -= len(self._trellises.popitem(last=False)[1].edge_to)
        return trellis


TRELLISES: Final = TrellisCache()
"""The process's trellises."""


def _unrolled(
    grammar: TokenGrammar, state: int, positions: int, budget: int, first: bytes | None, max_edges: int
) -> Trellis:
    arrays = grammar.edge_arrays
    base = state % grammar.state_count
    low, high = grammar.edge_start[base : base + 2]
    taken = np.ones(high - low, np.uint8) if first is None else np.frombuffer(first, np.uint8).copy()
    layer_start, states, edges = _layers(arrays, taken, state, positions, budget, max_edges)
    if edges > max_edges:
        raise GrammarError(
            f"a canvas of {positions} positions has more than {max_edges} edges between its states",
            hint="lower maxLength, or use a shorter canvas",
        )
    edge_start, edge_to, edge_label = _edges(arrays, taken, layer_start, states, edges)
    classes = grammar.classes
    labels = _labels(
        layer_start, edge_start, edge_label, classes.label_start, classes.label_class, classes.count
    )
    return Trellis(layer_start, states, edge_start, edge_to, edge_label, *labels)


@kernel
def _layers(
    grammar: EdgeArrays,
    taken: npt.NDArray[np.uint8],
    start: int,
    positions: int,
    budget: int,
    most: int,
) -> tuple[Ints, Ints, int]:
    """Nodes of all layers, breadth first, and the number of edges between them; it stops above `most` of these."""
    edge_start, edge_target, edge_label = grammar.edge_start, grammar.edge_target, grammar.edge_label
    distance, counted, size = grammar.distance, grammar.counted, len(grammar.distance)
    layer_start = np.zeros(positions + 2, np.int32)
    states = np.empty(1024, np.int32)
    states[0] = start
    layer_start[1] = 1
    count = 1
    edges = 0
    met = np.full(size, -1, np.int32)  # the last layer that has the state
    highest = start
    for i in range(positions):
        left = max(budget - i - 1, 0)
        # Arrays grow out here: where one may be replaced, each round of a loop counts the references to it.
        room = 0
        for node in range(layer_start[i], layer_start[i + 1]):
            base = states[node] % size
            room += edge_start[base + 1] - edge_start[base]
        while len(states) < count + room:
            states = grown(states)
        while len(met) < highest + 2 * size and counted >= 0:
            met = _with_room(met)
        for node in range(layer_start[i], layer_start[i + 1]):
            base = states[node] % size
            raised = states[node] - base
            for edge in range(edge_start[base], edge_start[base + 1]):
                target = edge_target[edge]
                if distance[target] > left or (i == 0 and not taken[edge - edge_start[base]]):
                    continue
                after = counted_state(target, edge_label[edge], raised, size, counted, grammar.most)
                if after == BLOCKED:
                    continue
                edges += 1
                if met[after] != i:
                    met[after] = i
                    states[count] = after
                    count += 1
                    highest = max(highest, after)
        layer_start[i + 2] = count
        if edges > most:
            break
    return layer_start, states[:count].copy(), edges


@kernel
def _with_room(met: Ints) -> Ints:
    result = np.full(2 * len(met), -1, np.int32)
    for i in range(len(met)):
        result[i] = met[i]
    return result


@kernel
def _edges(
    grammar: EdgeArrays,
    taken: npt.NDArray[np.uint8],
    layer_start: Ints,
    states: Ints,
    edges: int,
) -> tuple[Ints, Ints, Ints]:
    """Edges between the nodes of neighbouring layers; the last layer has none."""
    edge_start, edge_target, edge_label = grammar.edge_start, grammar.edge_target, grammar.edge_label
    counted, size = grammar.counted, len(grammar.distance)
    starts = np.zeros(len(states) + 1, np.int32)
    to = np.empty(edges, np.int32)
    label = np.empty(edges, np.int32)
    highest = size
    for state in states:
        highest = max(highest, state)
    node_of = np.full(highest + 1, -1, np.int32)
    count = 0
    for i in range(len(layer_start) - 2):
        for node in range(layer_start[i + 1], layer_start[i + 2]):
            node_of[states[node]] = node
        for node in range(layer_start[i], layer_start[i + 1]):
            base = states[node] % size
            raised = states[node] - base
            for edge in range(edge_start[base], edge_start[base + 1]):
                if i == 0 and not taken[edge - edge_start[base]]:
                    continue
                after = counted_state(
                    edge_target[edge], edge_label[edge], raised, size, counted, grammar.most
                )
                if after == BLOCKED or after > highest:
                    continue
                if node_of[after] >= layer_start[i + 1]:  # else the state was met in an earlier layer only
                    to[count] = node_of[after]
                    label[count] = edge_label[edge]
                    count += 1
            starts[node + 1] = count
    starts[layer_start[-2] :] = count
    return starts, to, label


@kernel
def _labels(
    layer_start: Ints, edge_start: Ints, edge_label: Ints, label_start: Ints, label_class: Ints, classes: int
) -> tuple[Ints, Ints, npt.NDArray[np.bool_]]:
    """Labels of each position, and their classes."""
    positions = len(layer_start) - 2
    starts = np.zeros(positions + 1, np.int32)
    labels = np.empty(1024, np.int32)
    wanted = np.zeros((positions, classes), np.bool_)
    met = np.full(len(label_start), -1, np.int32)  # the last position that has the label
    count = 0
    for i in range(positions):
        while len(labels) < count + len(met):
            labels = grown(labels)
        for edge in range(edge_start[layer_start[i]], edge_start[layer_start[i + 1]]):
            label = edge_label[edge]
            if met[label] == i:
                continue
            met[label] = i
            labels[count] = label
            count += 1
            for at in range(label_start[label], label_start[label + 1]):
                wanted[i, label_class[at]] = True
        starts[i + 1] = count
    return starts, labels[:count].copy(), wanted
