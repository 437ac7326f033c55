"""From a byte automaton to edges over tokens: what each token of a vocabulary does in each state it can meet.

A label is a set of tokens that share an edge. Each kind of string body is lifted once per vocabulary for all lengths
and continuations (see inside.py): inside, a token only moves between places and counts code points; what is left of a
token after the closing quote is walked once per continuation. All else is walked through the vocabulary's trie.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from agentfast.errors import GrammarError
from agentfast.runtime.grammar.automaton import Automaton, Block
from agentfast.runtime.grammar.blocks import BlockTables
from agentfast.runtime.grammar.inside import Inside, inside_of
from agentfast.runtime.grammar.trie import trie_of
from agentfast.runtime.grammar.walk_kernels import FINE, TOO_MANY_NODES, walk
from agentfast.runtime.vocabulary import Vocabulary

Ints = npt.NDArray[np.int32]

MAX_EDGES: Final = 16_000_000
"""Edges over tokens that a grammar may take; more is a GrammarError."""
_MAX_NODES: Final = 50_000_000  # tokens in all labels together
MAX_STEPS: Final = 2_000_000_000
"""Trie nodes that may be visited: some ten seconds. More is a GrammarError."""


@dataclass(frozen=True, eq=False)
class Edges:
    """Edges over tokens.

    Labels are numbered through: first those of `insides`, one after the other, then the sets of trie nodes
    `nodes[starts[i]:starts[i + 1]]`.
    """

    source: Ints
    target: Ints
    label: Ints
    insides: tuple[Inside, ...]
    starts: Ints
    nodes: Ints


def lift(automaton: Automaton, vocabulary: Vocabulary, done: int, max_steps: int = MAX_STEPS) -> Edges:
    """Explore every state that bytes of the vocabulary reach from the start.

    Args:
        done: the id of the state after EOS; it has no edges here.
        max_steps: trie nodes that may be visited.

    Raises:
        GrammarError: the budget of states, edges or steps is used up, or the grammar names an unknown special token.
    """
    return _Lifter(automaton, vocabulary, done, max_steps).run()


def explore(automaton: Automaton, vocabulary: Vocabulary) -> None:
    """Make every state that bytes of the vocabulary reach from the start, without lifting any.

    Raises:
        GrammarError: the budget of states is used up.
    """
    _Lifter(automaton, vocabulary, -1, 0).explore()


class _Lifter:
    def __init__(self, automaton: Automaton, vocabulary: Vocabulary, done: int, max_steps: int) -> None:
        self._automaton = automaton
        self._vocabulary = vocabulary
        self._trie = trie_of(vocabulary)
        self._done = done
        self._max_steps = max_steps
        self._states: list[int] = []  # in order of discovery, those of blocks apart
        self._blocks: list[Block] = []
        self._specials: list[tuple[int, str, int]] = []
        self._insides: dict[Inside, int] = {}  # with the first of its labels
        self._edges: list[tuple[Ints, Ints, Ints]] = []
        self._edge_count = 0

    def run(self) -> Edges:
        self.explore()
        for block in self._blocks:
            self._inside(block)
        labels = sum(len(inside.place) for inside in self._insides)
        self._add_inside()
        starts, nodes = self._add_walked(labels)
        starts, nodes = self._add_single(labels, starts, nodes)
        source, target, label = (
            np.concatenate([np.zeros(0, np.int32), *parts]) for parts in zip(*self._edges, strict=True)
        )
        return Edges(source, target, label, tuple(self._insides), starts, nodes)

    def explore(self) -> None:
        """Every state that bytes of the vocabulary reach; a string body's states are passed over as one."""
        automaton, alphabet = self._automaton, self._trie.alphabet
        seen = {-1, automaton.start}
        blocks_seen: set[int] = set()
        pending = [automaton.start] if automaton.start >= 0 else []
        while pending:
            state = pending.pop()
            block = automaton.block_at(state)
            if block is None:
                self._states.append(state)
                after = set(automaton.row(state)[alphabet].tolist())
                for name, target in automaton.specials(state).items():
                    self._specials.append((state, name, target))
                    after.add(target)
            elif block.first_state in blocks_seen:
                continue
            else:
                blocks_seen.add(block.first_state)
                self._blocks.append(block)
                after = {automaton.state_after_block(block)}
                self._add_closers(block)
            new = after - seen
            seen |= new
            pending.extend(new)

    def _add_closers(self, block: Block) -> None:
        """The special token that closes a string body, if that is how it is closed, wherever it may come."""
        body, after = block.node.body, self._automaton.state_after_block(block)
        if body.closer is None or after < 0:
            return
        self._take(len(body.ends) * block.node.counts)
        self._specials += [
            (block.first_state + count * body.places + place, body.closer, after)
            for count in range(block.node.least, block.node.counts)
            for place in sorted(body.ends)
        ]

    def _inside(self, block: Block) -> Inside:
        inside = inside_of(self._vocabulary, block.node.body, counting=block.node.is_counted)
        if inside not in self._insides:
            self._insides[inside] = sum(len(other.place) for other in self._insides)
        return inside

    def _add_inside(self) -> None:
        """Edges between the states of string bodies."""
        for block in self._blocks:
            inside = self._inside(block)
            last, places = block.node.counts - 1, block.node.body.places
            # Without an upper bound the counter stays at the last value, from which every step is allowed.
            most = np.full_like(inside.codes, last) if block.node.most is None else last - inside.codes
            self._take(int(np.maximum(most + 1, 0).sum()))
            index, count = _spread(np.zeros_like(inside.codes), most)
            target = np.minimum(count + inside.codes[index], last) * places + inside.after[index]
            source = count * places + inside.place[index]
            label = self._insides[inside] + index
            self._edges.append((block.first_state + source, block.first_state + target, label))

    def _add_walked(self, labels: int) -> tuple[Ints, Ints]:
        """Edges found in the trie, their labels counted from `labels` on; returns these."""
        trie, automaton = self._trie, self._automaton
        generic = np.array(self._states, np.int32)
        nothing = np.zeros_like(generic)
        entries = [np.stack([generic, nothing, generic, nothing], axis=1)]
        ways = [np.zeros((0, 3), np.int32)]  # block, place, code points
        first = 0
        for number, block in enumerate(self._blocks):
            after = automaton.state_after_block(block)
            if after < 0:
                continue
            inside = self._inside(block)
            way, node = inside.exits.T
            constant = np.ones_like(node)
            entries.append(np.stack([-1 - first - way, node, constant * after, constant], axis=1))
            ways.append(
                np.concatenate([np.full((len(inside.ways), 1), number, np.int32), inside.ways], axis=1)
            )
            first += len(inside.ways)
        tables = BlockTables(self._blocks, [automaton.state_after_block(block) for block in self._blocks])
        edges, starts, nodes, status = walk(
            np.concatenate(entries), len(automaton), automaton.table, automaton.row_of, *tables.arrays(len(automaton)),
            trie.byte, trie.depth, trie.skip, trie.is_token, _MAX_NODES, self._max_steps,
        )  # fmt: skip
        if status != FINE:
            limit, what = (
                (_MAX_NODES, "tokens in its labels")
                if status == TOO_MANY_NODES
                else (self._max_steps, "steps through the vocabulary")
            )
            raise _too_large(f"more than {limit} {what}")
        source, target, label = edges.T
        plain = source >= 0
        self._take(int(plain.sum()))
        self._edges.append((source[plain], target[plain], labels + label[plain]))
        self._add_ways_out(np.concatenate(ways)[-1 - source[~plain]], target[~plain], labels + label[~plain])
        return starts, nodes

    def _add_ways_out(self, ways: Ints, target: Ints, label: Ints) -> None:
        """Edges out of string bodies, for every counter value that may end there."""
        if not len(ways):
            return
        rules = np.array(
            [
                (b.first_state, b.node.body.places, b.node.least, b.node.counts - 1, b.node.most is None)
                for b in self._blocks
            ],
            np.int32,
        )
        block, place, codes = ways.T
        first, places, least, last, endless = rules[block].T
        low, high = np.maximum(least - codes, 0), last - codes * (1 - endless)
        self._take(int(np.maximum(high - low + 1, 0).sum()))
        index, count = _spread(low, high)
        self._edges.append((first[index] + count * places[index] + place[index], target[index], label[index]))

    def _add_single(self, labels: int, starts: Ints, nodes: Ints) -> tuple[Ints, Ints]:
        """Edges of special tokens and of the end, each with a label of its own; returns all walked labels."""
        names = [
            name for name, index in self._vocabulary.special.items() if index in self._vocabulary.eos_ids
        ]
        special_nodes = self._trie.special_nodes
        sets = [sorted(special_nodes[name] for name in names)]
        number: dict[str, int] = {}
        for _, name, _ in self._specials:
            if name not in special_nodes:
                raise GrammarError(f"the vocabulary has no special token {name!r}")
            if name in names:
                raise GrammarError(
                    f"the special token {name!r} ends a turn, so it cannot be inside a grammar"
                )
            if name not in number:
                number[name] = len(sets)
                sets.append([special_nodes[name]])
        first = labels + len(starts) - 1
        found = [(state, self._done, first) for state in self._states if self._automaton.is_accepting(state)]
        found += [(state, target, first + number[name]) for state, name, target in self._specials]
        source, target, label = np.array(found, np.int32).reshape(-1, 3).T
        self._edges.append((source, target, label))
        more = np.cumsum([len(members) for members in sets], dtype=np.int32)
        all_nodes = [nodes, *(np.array(members, np.int32) for members in sets)]
        return np.concatenate([starts, starts[-1] + more]), np.concatenate(all_nodes)

    def _take(self, count: int) -> None:
        self._edge_count += count
        if self._edge_count > MAX_EDGES:
            raise _too_large(f"more than {MAX_EDGES} edges over tokens")


def _too_large(what: str) -> GrammarError:
    return GrammarError(f"the grammar needs {what}", hint="lower maxLength or maxItems, or split the schema")


def _spread(low: Ints, high: Ints) -> tuple[Ints, Ints]:
    """All (i, n) with low[i] <= n <= high[i], as two arrays."""
    lengths = np.maximum(high - low + 1, 0)
    index = np.repeat(np.arange(len(low), dtype=np.int32), lengths)
    offset = np.arange(len(index), dtype=np.int32) - np.repeat(
        (np.cumsum(lengths) - lengths).astype(np.int32), lengths
    )
    return index, low[index] + offset
