"""Lift of a byte automaton to edges over the tokens of a vocabulary.

A label is a set of tokens that share an edge. Each kind of string body is lifted once per vocabulary for all lengths
and continuations (see string_lift.py): inside, a token only moves between places and counts code points; the rest
of a token after the closing quote is walked once per continuation. A shared rule (see `nodes.Rule`) likewise: its edges
are copied by offset, and only tokens that leave it are walked on. All else is walked through the vocabulary's trie.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from agentfast.errors import GrammarError
from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar.automaton.automaton import Explored
from agentfast.runtime.grammar.automaton.nodes import StringBody
from agentfast.runtime.grammar.automaton.string_body import Body
from agentfast.runtime.grammar.codepoints.length_sets import spans
from agentfast.runtime.grammar.progress import report
from agentfast.runtime.grammar.tokens.kernels.walk import FINE, walk
from agentfast.runtime.grammar.tokens.lifting.explore import MAX_EDGES, too_many_edges
from agentfast.runtime.grammar.tokens.lifting.string_lift import (
    MAX_NODES,
    MAX_STEPS,
    StringLift,
    lift_string,
    too_large,
)
from agentfast.runtime.grammar.tokens.partition import Partition, common_refinement, refine
from agentfast.runtime.grammar.tokens.transition_tables import transition_tables
from agentfast.runtime.grammar.tokens.trie import trie_of

Ints = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Edges:
    """Edges over tokens.

    Labels are numbered through: first those of the partitions `given`, one after the other, then the sets of trie
    nodes `nodes[starts[i]:starts[i + 1]]`.
    """

    source: Ints
    target: Ints
    label: Ints
    given: tuple[Partition, ...]
    starts: Ints
    nodes: Ints


@dataclass(frozen=True, eq=False)
class RuleLift:
    """A shared rule lifted to a vocabulary, for every place where it is used.

    Attributes:
        source, target, label: [E] edges between its own states.
        leaving: [m, 2] a state, and the trie node of tokens that leave the rule at their node's last byte; by state.
        partition: of the vocabulary by the labels.
        first_labels: of the rules and the string bodies in it, itself included, the first label of each.
    """

    source: Ints
    target: Ints
    label: Ints
    leaving: Ints
    partition: Partition
    first_labels: dict[Explored | StringLift, int]


def lift(explored: Explored, vocabulary: Vocabulary, done: int, max_steps: int = MAX_STEPS) -> Edges:
    """Find the edges between the states of an explored automaton.

    Args:
        done: the id of the state after EOS; it has no edges here.
        max_steps: trie nodes that may be visited.

    Raises:
        GrammarError: the budget of edges or steps is used up, or the grammar names an unknown special token.
    """
    return _Lifter(explored, vocabulary, max_steps).edges(done)


@lru_cache(maxsize=64)
def lift_rule(rule: Explored, vocabulary: Vocabulary) -> RuleLift:
    """Lift a shared rule to a vocabulary, or find it.

    Raises:
        GrammarError: the budget of edges or steps is used up.
    """
    return _Lifter(rule, vocabulary, MAX_STEPS).rule()


class _Lifter:
    def __init__(self, explored: Explored, vocabulary: Vocabulary, max_steps: int) -> None:
        self._explored = explored
        self._automaton = explored.automaton
        self._vocabulary = vocabulary
        self._trie = trie_of(vocabulary)
        self._max_steps = max_steps
        self._states, self._blocks, self._specials = explored.states, explored.blocks, explored.specials
        # Each is asked for once: what `lift_string` and `lift_rule` remember may be forgotten, or be another thread's,
        # the next time.
        self._string_lifts: dict[tuple[Body, int | None], StringLift] = {}
        self._rule_lifts: dict[Explored, RuleLift] = {}
        self._given: list[Partition] = []
        self._first_labels: dict[Explored | StringLift, int] = {}
        self._labels = 0
        self._edges: list[tuple[Ints, Ints, Ints]] = []
        self._edge_count = 0
        self._take(len(self._specials))

    def edges(self, done: int) -> Edges:
        """The edges of a whole grammar."""
        starts, nodes, leaving = self._lift()
        assert not len(leaving), "only a rule's automaton is left at a byte"
        starts, nodes = self._add_single(done, starts, nodes)
        return Edges(*self._all_edges(), tuple(self._given), starts, nodes)

    def rule(self) -> RuleLift:
        """The edges of a rule."""
        starts, nodes, leaving = self._lift()
        own = refine(common_refinement(self._given, self._vocabulary.size), starts, nodes, self._trie)
        leaving = leaving[np.lexsort((leaving[:, 1], leaving[:, 0]))]
        return RuleLift(*self._all_edges(), leaving, own, self._first_labels | {self._explored: 0})

    def _lift(self) -> tuple[Ints, Ints, Ints]:
        """Find all edges over bytes; returns the labels that were walked, and what leaves a rule."""
        for copy in sorted(self._explored.copies, key=lambda copy: -len(copy.rule.automaton)):
            self._rule_lift(copy.rule)
        for block in self._blocks:
            self._string_lift(block.node)
        self._add_string_edges()
        self._add_copied_edges()
        return self._add_walked()

    def _all_edges(self) -> tuple[Ints, Ints, Ints]:
        source, target, label = (
            np.concatenate([np.zeros(0, np.int32), *parts]) for parts in zip(*self._edges, strict=True)
        )
        return source, target, label

    def _rule_lift(self, rule: Explored) -> RuleLift:
        if rule not in self._rule_lifts:
            rule_lift = self._rule_lifts[rule] = lift_rule(rule, self._vocabulary)
            if rule not in self._first_labels:  # else it has come with a rule that holds it
                for part, label in rule_lift.first_labels.items():
                    self._first_labels.setdefault(part, self._labels + label)
                self._give(rule_lift.partition)
        return self._rule_lifts[rule]

    def _give(self, partition: Partition) -> None:
        self._given.append(partition)
        self._labels += partition.labels

    def _string_lift(self, node: StringBody) -> StringLift:
        # Without an upper bound only the counts up to the last one matter, which are mostly none or a single one.
        last = node.counts - 1 if node.most is None else None
        key = node.body, last
        if key not in self._string_lifts:
            string_lift = self._string_lifts[key] = lift_string(self._vocabulary, *key)
            if string_lift not in self._first_labels:
                self._first_labels[string_lift] = self._labels
                self._give(string_lift.partition)
        return self._string_lifts[key]

    def _add_copied_edges(self) -> None:
        """Edges between the states of shared rules."""
        for copy in self._explored.copies:
            rule_lift = self._rule_lift(copy.rule)
            self._take(len(rule_lift.source))
            after = self._automaton.state_after_region(copy)
            is_whole = rule_lift.target == copy.rule.automaton.whole
            target = np.where(is_whole, np.int32(after), rule_lift.target + np.int32(copy.first_state))
            source = rule_lift.source + np.int32(copy.first_state)
            self._edges.append((source, target, rule_lift.label + np.int32(self._first_labels[copy.rule])))

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
            label = self._first_labels[string_lift] + string_lift.label[index]
            first = np.array(firsts, np.int32)[:, None]
            labels = np.broadcast_to(label, (len(firsts), len(label)))
            self._edges.append(((first + source).ravel(), (first + target).ravel(), labels.ravel()))

    def _add_walked(self) -> tuple[Ints, Ints, Ints]:
        """Edges found in the trie; returns their labels, and the states and nodes at which a rule is left."""
        entries, ways = self._entries()
        report(0, len(self._vocabulary.tokens), "tokens")
        edges, exits, starts, nodes, status = walk(
            entries,
            transition_tables(self._explored),
            self._trie.arrays,
            MAX_NODES,
            self._max_steps,
        )
        report(len(self._vocabulary.tokens), len(self._vocabulary.tokens), "tokens")
        if status != FINE:
            raise too_large(status, self._max_steps)
        source, target, label = edges.T
        plain = source >= 0
        index, before = self._states_before(ways[-1 - source[~plain]])
        self._take(int(plain.sum()))
        self._edges.append((source[plain], target[plain], self._labels + label[plain]))
        self._edges.append((before, target[~plain][index], self._labels + label[~plain][index]))
        source, node = exits[:, 0], exits[:, 2]
        plain = source >= 0
        index, before = self._states_before(ways[-1 - source[~plain]])
        sources = np.concatenate([source[plain], before])
        return starts, nodes, np.stack([sources, np.concatenate([node[plain], node[~plain][index]])], axis=1)

    def _entries(self) -> tuple[Ints, Ints]:
        """Entries of the walk, and the ways out of string bodies that are sources of some (-1 - the way)."""
        automaton = self._automaton
        generic = np.array(self._states, np.int32)
        nothing = np.zeros_like(generic)
        entries = [np.stack([generic, nothing, generic, nothing], axis=1)]
        ways = [np.zeros((0, 4), np.int32)]  # block, place, code points, place before the quote
        first = 0
        for number, block in enumerate(self._blocks):
            after = automaton.state_after_region(block)
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
        for copy in self._explored.copies:
            state, node = self._rule_lift(copy.rule).leaving.T
            after = automaton.row(automaton.state_after_region(copy))[self._trie.byte[node]]
            goes_on = after >= 0
            state, node, after = state[goes_on], node[goes_on], after[goes_on]
            entries.append(
                np.stack([state + np.int32(copy.first_state), node, after, np.ones_like(node)], axis=1)
            )
        return np.concatenate(entries), np.concatenate(ways)

    def _states_before(self, ways: Ints) -> tuple[Ints, Ints]:
        """States of string bodies from which a way out may be taken, each with the index of the way."""
        if not len(ways):
            return ways[:, 0], ways[:, 0]
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
        return index, first[index] + count * places[index] + place[index]

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

    def _add_single(self, done: int, starts: Ints, nodes: Ints) -> tuple[Ints, Ints]:
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
        first = self._labels + len(starts) - 1
        found = [(state, done, first) for state in self._states if self._automaton.is_accepting(state)]
        found += [(state, target, first + number[name]) for state, name, target in self._specials]
        source, target, label = np.array(found, np.int32).reshape(-1, 3).T
        self._edges.append((source, target, label))
        more = np.cumsum([len(members) for members in sets], dtype=np.int32)
        all_nodes = [nodes, *(np.array(members, np.int32) for members in sets)]
        return np.concatenate([starts, starts[-1] + more]), np.concatenate(all_nodes)

    def _take(self, count: int) -> None:
        self._edge_count += count
        if self._edge_count > MAX_EDGES:
            raise too_many_edges()


def _spread(low: Ints, high: Ints) -> tuple[Ints, Ints]:
    """All (i, n) with low[i] <= n <= high[i], as two arrays."""
    lengths = np.maximum(high - low + 1, 0)
    index = np.repeat(np.arange(len(low), dtype=np.int32), lengths)
    offset = np.arange(len(index), dtype=np.int32) - np.repeat(
        (np.cumsum(lengths) - lengths).astype(np.int32), lengths
    )
    return index, low[index] + offset
