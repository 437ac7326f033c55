"""From a byte automaton to edges over tokens: what each token of a vocabulary does in each state it can meet.

A label is a set of tokens (as trie nodes) that share an edge. Each kind of string body is lifted once per vocabulary for all
lengths and continuations: inside, a token only moves between places and counts code points; what is left of a token
after the closing quote is walked once per continuation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from agentfast.errors import GrammarError
from agentfast.runtime.grammar.automaton import Automaton, Block
from agentfast.runtime.grammar.strings import DEAD, Body
from agentfast.runtime.grammar.trie import Trie, trie_of
from agentfast.runtime.grammar.walk import walk, walk_string
from agentfast.runtime.vocabulary import Vocabulary

Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Edges:
    """Edges over tokens. `labels[label]` is the rising array of trie nodes that take the edge."""

    source: Longs
    target: Longs
    label: Longs
    labels: list[Ints]


class Labels:
    """Interned token sets."""

    def __init__(self, node_count: int) -> None:
        random = np.random.default_rng(0)
        self._hash = random.integers(0, 1 << 63, (node_count, 2), np.uint64)
        self._ids: dict[tuple[int, int], int] = {}
        self.sets: list[Ints] = []

    def intern(self, nodes: Ints, starts: Longs) -> Longs:
        """Ids of the sets `nodes[starts[i]:starts[i + 1]]`, each rising and not empty."""
        if not len(starts):
            return np.zeros(0, np.int64)
        sums = np.add.reduceat(self._hash[nodes], starts, axis=0)  # two 64-bit sums: no collision to fear
        keys, first, inverse = np.unique(sums, axis=0, return_index=True, return_inverse=True)
        ends = np.append(starts[1:], len(nodes))
        ids = np.empty(len(keys), np.int64)
        for i, (key, at) in enumerate(zip(keys.tolist(), first.tolist(), strict=True)):
            found = self._ids.setdefault((key[0], key[1]), len(self.sets))
            if found == len(self.sets):
                self.sets.append(nodes[starts[at] : ends[at]])
            ids[i] = found
        return ids[inverse.reshape(-1)]


@dataclass(frozen=True, eq=False)
class StringLift:
    """What tokens do inside a JSON string, for one vocabulary.

    Attributes:
        inner: [n, 4] place, place after, code points, node; sorted.
        inner_uncounted: the same with 0 code points: one edge per pair of places where nothing is counted.
        exits: [m, 3] place, code points, node that the closing quote leads to.
    """

    inner: Ints
    inner_uncounted: Ints
    exits: Ints


@lru_cache(maxsize=128)
def string_lift_of(vocabulary: Vocabulary, body: Body) -> StringLift:
    """Lift a string body to a vocabulary, or find it."""
    places = np.full((body.places, 256), DEAD, np.int32)
    counted = np.zeros((body.places, 256), np.int32)
    for place, moves in enumerate(body.moves):
        for low, high, to, count in moves:
            places[place, low : high + 1] = to
            counted[place, low : high + 1] = count
    trie = trie_of(vocabulary)
    inner, exits = walk_string(places, counted, trie.byte, trie.depth, trie.skip, trie.is_token)
    return StringLift(_sorted_rows(inner), _sorted_rows(inner * np.array([1, 1, 0, 1], np.int32)), exits)


def lift(automaton: Automaton, vocabulary: Vocabulary, done: int) -> Edges:
    """Explore every state that tokens reach from the start.

    Args:
        done: the id of the state after EOS; it has no edges here.

    Raises:
        GrammarError: the automaton's state budget is used up, or the grammar names an unknown special token.
    """
    return _Lifter(automaton, vocabulary, done).run()


class _Lifter:
    def __init__(self, automaton: Automaton, vocabulary: Vocabulary, done: int) -> None:
        self._automaton = automaton
        self._trie: Trie = trie_of(vocabulary)
        self._vocabulary = vocabulary
        self._done = done
        names = [name for name, index in vocabulary.special.items() if index in vocabulary.eos_ids]
        self._eos_names = frozenset(names)
        self._eos_nodes = np.array(sorted(self._trie.special_nodes[name] for name in names), np.int32)
        self._labels = Labels(self._trie.node_count)
        self._edges: list[tuple[Longs, Longs, Longs]] = []
        self._pairs: list[Ints] = []  # source, node, state; source -1 - k is the k-th way out
        self._blocks_seen: set[int] = set()
        self._inside_made: dict[tuple[Body, bool], tuple[Longs, Longs, Longs, Longs]] = {}
        self._ways_out: list[
            tuple[Block, int, int]
        ] = []  # block, place, code points (0 where they do not matter)

    def run(self) -> Edges:
        seen: set[int] = set()
        pending = [self._automaton.start] if self._automaton.start >= 0 else []
        while pending:
            seen.update(pending)
            before = len(self._pairs)
            self._walk(self._entries(pending))
            reached = {state for pairs in self._pairs[before:] for state in np.unique(pairs[:, 2]).tolist()}
            pending = sorted(reached - seen)
        self._add_accepting(sorted(seen))
        self._add_pairs()
        source, target, label = (np.concatenate(parts) for parts in zip(*self._edges, strict=True))
        return Edges(source, target, label, self._labels.sets)

    def _entries(self, states: list[int]) -> Ints:
        """Where the walk begins for new states; a string body's states are all taken at once."""
        entries: list[Ints] = [np.empty((0, 3), np.int32)]
        generic: list[tuple[int, int, int]] = []
        for state in states:
            block = self._automaton.block_at(state)
            if block is None:
                generic.append((state, 0, state))
                self._add_specials(state)
            elif block.first_state not in self._blocks_seen:
                self._blocks_seen.add(block.first_state)
                self._add_inside(block)
                entries.append(self._leave(block))
        if generic:
            entries.append(np.array(generic, np.int32))
        return np.concatenate(entries)

    def _walk(self, entries: Ints) -> None:
        trie, automaton = self._trie, self._automaton
        while len(entries):
            found, n_found, waiting, n_waiting = walk(
                entries, automaton.table, automaton.row_of, trie.byte, trie.depth, trie.skip, trie.is_token
            )
            if n_found:
                self._pairs.append(found[:n_found].copy())
            entries = waiting[:n_waiting]
            for state in np.unique(entries[:, 2]).tolist():
                automaton.expand(state)

    def _add_specials(self, state: int) -> None:
        for name, target in self._automaton.specials(state).items():
            if name not in self._trie.special_nodes:
                raise GrammarError(f"the vocabulary has no special token {name!r}")
            if name in self._eos_names:
                raise GrammarError(
                    f"the special token {name!r} ends a turn, so it cannot be inside a grammar"
                )
            self._pairs.append(np.array([[state, self._trie.special_nodes[name], target]], np.int32))

    def _add_inside(self, block: Block) -> None:
        """Edges between the states of a string body."""
        last = block.node.counts - 1
        place, after, codes, labels = self._inside(block.node.body, counting=block.node.is_counted)
        # Without an upper bound the counter stays at the last value, from which every step is allowed.
        most = np.full_like(codes, last) if block.node.most is None else last - codes
        index, count = _spread(np.zeros_like(codes), most)
        places = block.node.body.places
        target = np.minimum(count + codes[index], last) * places + after[index]
        self._edges.append(
            (block.first_state + count * places + place[index], block.first_state + target, labels[index])
        )

    def _inside(self, body: Body, *, counting: bool) -> tuple[Longs, Longs, Longs, Longs]:
        """Place, place after, code points and label of the edges inside a string body; made once."""
        key = (body, counting)
        if key not in self._inside_made:
            string = string_lift_of(self._vocabulary, body)
            rows = string.inner if counting else string.inner_uncounted
            starts = _starts(rows[:, :3])
            labels = self._labels.intern(np.ascontiguousarray(rows[:, 3]), starts)
            place, after, codes = (rows[starts, column].astype(np.int64) for column in range(3))
            self._inside_made[key] = place, after, codes, labels
        return self._inside_made[key]

    def _leave(self, block: Block) -> Ints:
        """Entries for what tokens do behind the closing quote; a token that ends with it is found at once."""
        exits = string_lift_of(self._vocabulary, block.node.body).exits
        if not block.node.is_counted:
            exits = exits * np.array([1, 0, 1], np.int32)
        ways, inverse = np.unique(exits[:, :2], axis=0, return_inverse=True)
        first = len(self._ways_out)
        self._ways_out += [(block, place, codes) for place, codes in ways.tolist()]
        state = self._automaton.state_after_block(block)
        if state < 0:
            return np.empty((0, 3), np.int32)
        source = (-1 - first - inverse.reshape(-1)).astype(np.int32)
        entries = np.stack([source, exits[:, 2], np.full_like(source, state)], axis=1)
        whole = entries[self._trie.is_token[entries[:, 1]]]
        if len(whole):
            self._pairs.append(whole)
        return entries

    def _add_accepting(self, seen: list[int]) -> None:
        accepting = np.array([s for s in seen if self._automaton.is_accepting(s)], np.int64)
        label = self._labels.intern(self._eos_nodes, np.zeros(1, np.int64))[0]
        self._edges.append((accepting, np.full_like(accepting, self._done), np.full_like(accepting, label)))

    def _add_pairs(self) -> None:
        """Edges out of single (source, token, target) findings."""
        if not self._pairs:
            return
        rows = np.concatenate(self._pairs)[:, [0, 2, 1]]
        rows = rows[np.lexsort((rows[:, 2], rows[:, 1], rows[:, 0]))]
        starts = _starts(rows[:, :2])
        labels = self._labels.intern(np.ascontiguousarray(rows[:, 2]), starts)
        source, target = rows[starts, 0].astype(np.int64), rows[starts, 1].astype(np.int64)
        plain = source >= 0
        self._edges.append((source[plain], target[plain], labels[plain]))
        self._add_ways_out(-1 - source[~plain], target[~plain], labels[~plain])

    def _add_ways_out(self, way: Longs, target: Longs, label: Longs) -> None:
        if not len(way):
            return
        ways = np.array(
            [
                (
                    block.first_state,
                    place,
                    codes,
                    block.node.least,
                    block.node.counts - 1,
                    block.node.most is None,
                    block.node.body.places,
                )
                for block, place, codes in self._ways_out
            ],
            np.int64,
        )[way]
        first, place, codes, least, last, endless, places = ways.T
        index, count = _spread(np.maximum(least - codes, 0), last - codes * (1 - endless))
        self._edges.append((first[index] + count * places[index] + place[index], target[index], label[index]))


def _sorted_rows(rows: Ints) -> Ints:
    return rows[np.lexsort(rows.T[::-1])]


def _starts(keys: Ints) -> Longs:
    """Where the runs of equal rows begin."""
    if not len(keys):
        return np.zeros(0, np.int64)
    changes = np.any(keys[1:] != keys[:-1], axis=1)
    return np.concatenate([[0], np.nonzero(changes)[0] + 1]).astype(np.int64)


def _spread(low: Longs, high: Longs) -> tuple[Longs, Longs]:
    """All (i, n) with low[i] <= n <= high[i], as two arrays."""
    lengths = np.maximum(high - low + 1, 0)
    index = np.repeat(np.arange(len(low)), lengths)
    offset = np.arange(len(index)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return index, low[index] + offset
