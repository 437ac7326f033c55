"""Lift of a byte automaton to edges over the tokens of a vocabulary.

A label is a set of tokens that share an edge. Each kind of string body is lifted once per vocabulary for all lengths
and continuations (see string_lift.py): inside, a token only moves between places and counts code points; the rest
of a token after the closing quote is walked once per continuation. All else is walked through the vocabulary's trie.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from agentfast.errors import GrammarError, GrammarTooLargeError
from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar.automaton.automaton import Automaton, Block
from agentfast.runtime.grammar.automaton.nodes import StringBody
from agentfast.runtime.grammar.automaton.string_body import Body
from agentfast.runtime.grammar.codepoints.length_sets import spans
from agentfast.runtime.grammar.progress import report
from agentfast.runtime.grammar.tokens.kernels.walk import FINE, walk
from agentfast.runtime.grammar.tokens.string_lift import (
    HINT,
    MAX_NODES,
    MAX_STEPS,
    StringLift,
    lift_string,
    too_large,
)
from agentfast.runtime.grammar.tokens.transition_tables import transition_tables
from agentfast.runtime.grammar.tokens.trie import trie_of

Ints = npt.NDArray[np.int32]

_REPORTED: Final = 1000  # states between two reports of progress
MAX_EDGES: Final = 16_000_000
"""Edges over tokens that a grammar may take; more is a GrammarError."""


@dataclass(frozen=True, eq=False)
class Edges:
    """Edges over tokens.

    Labels are numbered through: first those of `string_lifts`, one after the other, then the sets of trie nodes
    `nodes[starts[i]:starts[i + 1]]`.
    """

    source: Ints
    target: Ints
    label: Ints
    string_lifts: tuple[StringLift, ...]
    starts: Ints
    nodes: Ints


@dataclass(frozen=True, eq=False)
class Explored:
    """An automaton all of whose states are made that bytes of a vocabulary reach from the start.

    Attributes:
        states: in order of discovery, without those of blocks.
        specials: (state, name, state after) for each special token that may come.
    """

    automaton: Automaton
    states: list[int]
    blocks: list[Block]
    specials: list[tuple[int, str, int]]


def explore(automaton: Automaton, vocabulary: Vocabulary) -> Explored:
    """Make every state that bytes of the vocabulary reach from the start; a string body's are passed over as one.

    Raises:
        GrammarError: the budget of states or of edges is used up.
    """
    occurs = np.zeros(257, np.int64)
    occurs[trie_of(vocabulary).alphabet + 1] = 1
    before: list[int] = np.cumsum(occurs).tolist()  # of the bytes below each, those that occur
    found = Explored(automaton, [], [], [])
    seen = {-1, automaton.start}
    pending = [automaton.start] if automaton.start >= 0 else []
    blocks_seen: set[int] = set()
    while pending:
        state = pending.pop()
        block = automaton.block_at(state)
        if block is None:
            found.states.append(state)
            if len(found.states) % _REPORTED == 0:
                report(len(automaton), None, "states")
            ranges = automaton.successors(state)
            after = {to for low, high, to in ranges if before[high + 1] > before[low]}
            for name, target in automaton.specials(state).items():
                found.specials.append((state, name, target))
                after.add(target)
        elif block.first_state in blocks_seen:
            continue
        else:
            blocks_seen.add(block.first_state)
            found.blocks.append(block)
            after = {automaton.state_after_block(block)}
            found.specials.extend(_closers(automaton, block))
            if len(found.specials) > MAX_EDGES:
                raise _too_many_edges()
        after -= seen
        seen |= after
        pending.extend(after)
    return found


def _closers(automaton: Automaton, block: Block) -> Iterator[tuple[int, str, int]]:
    """The special token that closes a string body, if that is how it is closed, wherever it may come."""
    body, after = block.node.body, automaton.state_after_block(block)
    if body.closer is None or after < 0:
        return
    for count in range(block.node.least, block.node.counts):
        for place in sorted(body.ends):
            if body.closes(place, count):
                yield block.first_state + count * body.places + place, body.closer, after


def lift(explored: Explored, vocabulary: Vocabulary, done: int, max_steps: int = MAX_STEPS) -> Edges:
    """Find the edges between the states of an explored automaton.

    Args:
        done: the id of the state after EOS; it has no edges here.
        max_steps: trie nodes that may be visited.

    Raises:
        GrammarError: the budget of edges or steps is used up, or the grammar names an unknown special token.
    """
    return _Lifter(explored, vocabulary, done, max_steps).run()


class _Lifter:
    def __init__(self, explored: Explored, vocabulary: Vocabulary, done: int, max_steps: int) -> None:
        self._automaton = explored.automaton
        self._vocabulary = vocabulary
        self._trie = trie_of(vocabulary)
        self._done = done
        self._max_steps = max_steps
        self._states, self._blocks, self._specials = explored.states, explored.blocks, explored.specials
        # Each is asked for once: what `lift_string` remembers may be forgotten, or be another thread's, the next time.
        self._found: dict[tuple[Body, int | None], StringLift] = {}
        self._string_lifts: dict[StringLift, int] = {}  # with the first of its labels
        self._edges: list[tuple[Ints, Ints, Ints]] = []
        self._edge_count = 0
        self._take(len(self._specials))

    def run(self) -> Edges:
        for block in self._blocks:
            self._string_lift(block.node)
        labels = sum(string_lift.labels for string_lift in self._string_lifts)
        self._add_string_edges()
        starts, nodes = self._add_walked(labels)
        starts, nodes = self._add_single(labels, starts, nodes)
        source, target, label = (
            np.concatenate([np.zeros(0, np.int32), *parts]) for parts in zip(*self._edges, strict=True)
        )
        return Edges(source, target, label, tuple(self._string_lifts), starts, nodes)

    def _string_lift(self, node: StringBody) -> StringLift:
        # Without an upper bound only the counts up to the last one matter, which are mostly none or a single one.
        last = node.counts - 1 if node.most is None else None
        key = node.body, last
        if key not in self._found:
            string_lift = self._found[key] = lift_string(self._vocabulary, *key)
            self._string_lifts[string_lift] = sum(other.labels for other in self._string_lifts)
        return self._found[key]

    def _add_string_edges(self) -> None:
        """Edges between the states of string bodies."""
        first_states: dict[StringBody, list[int]] = {}
        for block in self._blocks:
            first_states.setdefault(block.node, []).append(block.first_state)
        for node, firsts in first_states.items():
            string_lift = self._string_lift(node)
            last, places = node.counts - 1, node.body.places
            # Without an upper bound the counter stays at the last value, from which every step is allowed.
            most = np.full_like(string_lift.codes, last) if node.most is None else last - string_lift.codes
            self._take(len(firsts) * int(np.maximum(most + 1, 0).sum()))
            index, count = _spread(np.zeros_like(string_lift.codes), most)
            target = np.minimum(count + string_lift.codes[index], last) * places + string_lift.after[index]
            source = count * places + string_lift.place[index]
            label = self._string_lifts[string_lift] + string_lift.label[index]
            first = np.array(firsts, np.int32)[:, None]
            labels = np.broadcast_to(label, (len(firsts), len(label)))
            self._edges.append(((first + source).ravel(), (first + target).ravel(), labels.ravel()))

    def _add_walked(self, labels: int) -> tuple[Ints, Ints]:
        """Edges found in the trie, their labels counted from `labels` on; returns these."""
        trie, automaton = self._trie, self._automaton
        generic = np.array(self._states, np.int32)
        nothing = np.zeros_like(generic)
        entries = [np.stack([generic, nothing, generic, nothing], axis=1)]
        ways = [np.zeros((0, 4), np.int32)]  # block, place, code points, place before the quote
        first = 0
        for number, block in enumerate(self._blocks):
            after = automaton.state_after_block(block)
            if after < 0:
                continue
            string_lift = self._string_lift(block.node)
            way, node = string_lift.exits.T
            constant = np.ones_like(node)
            entries.append(np.stack([-1 - first - way, node, constant * after, constant], axis=1))
            ways.append(
                np.concatenate(
                    [np.full((len(string_lift.ways), 1), number, np.int32), string_lift.ways], axis=1
                )
            )
            first += len(string_lift.ways)
        report(0, len(self._vocabulary.tokens), "tokens")
        edges, _, starts, nodes, status = walk(
            np.concatenate(entries),
            transition_tables(automaton, self._blocks),
            trie.arrays,
            MAX_NODES,
            self._max_steps,
        )
        report(len(self._vocabulary.tokens), len(self._vocabulary.tokens), "tokens")
        if status != FINE:
            raise too_large(status, self._max_steps)
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
        block, place, codes, before = ways.T
        first, places, least, last, endless = rules[block].T
        low, high = np.maximum(least - codes, 0), last - codes * (1 - endless)
        way, low, high = self._where_lengths_allow(block, codes, before, low, high)
        self._take(int(np.maximum(high - low + 1, 0).sum()))
        index, count = _spread(low, high)
        index = way[index]
        self._edges.append((first[index] + count * places[index] + place[index], target[index], label[index]))

    def _where_lengths_allow(
        self, block: Ints, codes: Ints, before: Ints, low: Ints, high: Ints
    ) -> tuple[Ints, Ints, Ints]:
        """Ways out, each with its first and last counter value; more than one such range where a body's places differ."""
        free = np.array([b.node.body.lengths is None for b in self._blocks], np.bool_)
        plain = np.nonzero(free[block])[0].astype(np.int32)
        found = [(plain, low[plain], high[plain])]
        for number in np.nonzero(~free)[0].tolist():
            mine = np.nonzero(block == number)[0].astype(np.int32)
            for place, lengths in enumerate(self._blocks[number].node.body.lengths or ()):
                here = mine[before[mine] == place] if lengths else mine[:0]
                for least, most in spans(lengths) if len(here) else ():
                    last = high[here] if most is None else np.minimum(high[here], most - codes[here])
                    found.append((here, np.maximum(low[here], least - codes[here]), last))
        way, low, high = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return way, low, high

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
            raise _too_many_edges()


def _too_many_edges() -> GrammarTooLargeError:
    return GrammarTooLargeError(f"the grammar needs more than {MAX_EDGES} edges over tokens", hint=HINT)


def _spread(low: Ints, high: Ints) -> tuple[Ints, Ints]:
    """All (i, n) with low[i] <= n <= high[i], as two arrays."""
    lengths = np.maximum(high - low + 1, 0)
    index = np.repeat(np.arange(len(low), dtype=np.int32), lengths)
    offset = np.arange(len(index), dtype=np.int32) - np.repeat(
        (np.cumsum(lengths) - lengths).astype(np.int32), lengths
    )
    return index, low[index] + offset
