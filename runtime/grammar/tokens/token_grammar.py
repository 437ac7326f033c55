"""Grammar over the tokens of one vocabulary, as arrays for decoders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from agentfast.errors import GrammarError
from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar.automaton.automaton import Explored
from agentfast.runtime.grammar.tokens.counter import NO_COUNTER, CountedPaths, Counter
from agentfast.runtime.grammar.tokens.graph import UNREACHABLE, distances, starts_of
from agentfast.runtime.grammar.tokens.kernels.edges import EdgeArrays, after_class, after_edge, allowed_tokens
from agentfast.runtime.grammar.tokens.lifting.lift import Edges, lift
from agentfast.runtime.grammar.tokens.lifting.string_lift import MAX_STEPS
from agentfast.runtime.grammar.tokens.partition import common_refinement, refine
from agentfast.runtime.grammar.tokens.token_classes import (
    TokenClasses,
    token_classes_of,
    without_equal_labels,
)
from agentfast.runtime.grammar.tokens.trie import trie_of

Ints = npt.NDArray[np.int32]

DEAD: Final = -1
"""The state of tokens that the grammar does not allow."""


@dataclass(frozen=True, eq=False)
class TokenGrammar:
    """Content, then exactly one EOS token, then a free tail: after EOS any token may follow, and is discarded.

    States are 0..S-1; the start is 0, the state after EOS is S-1. Every state can be completed. Token sequences and
    paths are one to one: the automaton is deterministic. With a counter, state s after n counted edges is s + n S; the
    state after EOS is the same whatever was counted.

    Attributes:
        vocabulary: the tokens this was lifted to.
        classes: token classes and labels, see there.
        edge_start: [S + 1] int32, where each state's edges begin.
        edge_target, edge_label: [E] int32, the state after an edge and the label of the tokens that take it. The
            state after EOS has one edge, to itself, with label 0.
        distance: [S] int32, fewest tokens to the state after EOS.
        byte_states: states of the byte automaton that this was lifted from.
        recursion: references that may be open at a time where deeper ones were left out, else None.
        counter: bound on the edges of one label. It never matters to `distance`, see `CountedPaths.never_need`.
    """

    vocabulary: Vocabulary
    classes: TokenClasses
    edge_start: Ints
    edge_target: Ints
    edge_label: Ints
    distance: Ints
    byte_states: int = 0
    recursion: int | None = None
    counter: Counter = NO_COUNTER

    DEAD = DEAD

    @property
    def start(self) -> int:
        """The state before any token."""
        return 0

    @property
    def done(self) -> int:
        """The state after EOS."""
        return len(self.distance) - 1

    def advance(self, state: int, token_id: int) -> int:
        """State after a token; DEAD if the grammar does not allow it."""
        if state == DEAD or not 0 <= token_id < self.vocabulary.size:
            return DEAD
        if state == self.done:
            return state
        return after_class(self.edge_arrays, state, self.classes.token_class[token_id])

    def edges(self, state: int) -> Iterator[tuple[int, Ints]]:
        """The edges of a state: the state after each, and the classes of the tokens that take it."""
        base = state % self.state_count
        for edge in range(self.edge_start[base], self.edge_start[base + 1]):
            after = after_edge(self.edge_arrays, edge, state - base)
            if after != DEAD:
                yield after, self._label(self.edge_label[edge])

    def is_done(self, state: int) -> bool:
        """Test whether EOS was consumed."""
        return state == self.done

    def min_tokens(self, state: int) -> int:
        """Fewest tokens to EOS, itself included; UNREACHABLE for DEAD."""
        return UNREACHABLE if state == DEAD else int(self.distance[state % self.state_count])

    def max_tokens(self, state: int) -> int:
        """Most tokens to EOS, itself included; UNREACHABLE where there is no limit."""
        if state == DEAD:
            return UNREACHABLE
        counted, base = divmod(state, self.state_count)
        return int(self.counted_paths.longest(self.counter.most - counted)[base])

    def allowed(self, state: int, budget: int) -> npt.NDArray[np.bool_]:
        """[V] bool: tokens after which the rest still fits, with `budget` tokens left before this one."""
        if state == DEAD:
            return np.zeros(self.vocabulary.size, np.bool_)
        return allowed_tokens(self.edge_arrays, state, budget)

    def forced(self, state: int) -> int | None:
        """The only token that may come next, if there is just one."""
        if state in (DEAD, self.done):
            return None
        allowed = np.nonzero(self.allowed(state, UNREACHABLE))[0]
        return int(allowed[0]) if len(allowed) == 1 else None

    @cached_property
    def edge_arrays(self) -> EdgeArrays:
        """Arrays for kernels that step through the edges."""
        classes = self.classes
        return EdgeArrays(
            self.edge_start,
            self.edge_target,
            self.edge_label,
            self.distance,
            classes.label_start,
            classes.label_class,
            classes.token_class,
            classes.count,
            self.counter.label,
            self.counter.most,
        )

    @cached_property
    def counted_paths(self) -> CountedPaths:
        """Ways to the end by what may still be counted."""
        return CountedPaths(self.edge_start, self.edge_target, self.edge_label == self.counter.label)

    @cached_property
    def longest(self) -> int:
        """Most tokens that the shortest completion of any state takes."""
        return int(self.distance.max())

    @property
    def state_count(self) -> int:
        """Number of states, S."""
        return len(self.distance)

    def _label(self, label: int) -> Ints:
        classes = self.classes
        return classes.label_class[classes.label_start[label] : classes.label_start[label + 1]]


def token_grammar(explored: Explored, vocabulary: Vocabulary, *, max_steps: int = MAX_STEPS) -> TokenGrammar:
    """Lift an explored automaton to a vocabulary.

    Args:
        max_steps: see `lift`.

    Raises:
        GrammarError: nothing can be generated, or a budget of states, edges or steps is used up.
    """
    automaton = explored.automaton
    edges = lift(explored, vocabulary, _DONE, max_steps)
    done = len(automaton)  # lifting adds states, so their number is known only now
    target = np.where(edges.target == _DONE, done, edges.target)
    to_done = distances(target, edges.source, done, done + 1)
    if automaton.start < 0 or to_done[automaton.start] == UNREACHABLE:
        raise GrammarError("the grammar matches nothing that the vocabulary can write")
    alive = (to_done[edges.source] < UNREACHABLE) & (to_done[target] < UNREACHABLE)
    source, target, label = edges.source[alive], target[alive], edges.label[alive]
    # States in breadth-first order from the start, so that those met together lie together.
    from_start = distances(source, target, automaton.start, done + 1)
    kept = np.nonzero(from_start < UNREACHABLE)[0]
    kept = kept[np.lexsort((kept, from_start[kept], kept == done))]
    new_id = np.full(done + 1, -1, np.int32)
    new_id[kept] = np.arange(len(kept), dtype=np.int32)
    reached = new_id[source] >= 0
    source, target, label = new_id[source[reached]], new_id[target[reached]], label[reached]
    classes, name = _classes(edges, label, vocabulary)
    if explored.copies:  # a rule and one that is copied into it have many labels alike
        classes, merged = without_equal_labels(classes)
        name = merged[name]
    return _assemble(source, target, name[label], classes, to_done[kept], vocabulary, len(automaton))


def with_counter(grammar: TokenGrammar, special: str, most: int) -> TokenGrammar | None:
    """The grammar of the token sequences with at most so many of a special token.

    None if the bound changes how far the end is, which `distance` could not say.
    """
    classes = grammar.classes
    special_class = classes.token_class[grammar.vocabulary.special[special]]
    at = np.nonzero(classes.label_class == special_class)[0]
    label = int(np.searchsorted(classes.label_start, at[-1], side="right")) - 1
    if not label:  # no edge takes the token
        return grammar
    # States and counts share a number of 32 bits: so many tokens no model reads.
    most = min(most, np.iinfo(np.int32).max // grammar.state_count - 1)
    counted = replace(grammar, counter=Counter(label, most))
    return counted if counted.counted_paths.never_need(grammar.distance) else None


_DONE: Final = -3


def _classes(edges: Edges, label: Ints, vocabulary: Vocabulary) -> tuple[TokenClasses, Ints]:
    """Partition the vocabulary by the labels in use, and number these from 1."""
    given = sum(partition.labels for partition in edges.given)
    used = np.zeros(given + len(edges.starts) - 1, np.bool_)
    used[label] = True
    walked = np.nonzero(used[given:])[0]
    lengths = np.diff(edges.starts)
    kept = np.repeat(used[given:], lengths)
    starts = np.concatenate([[0], np.cumsum(lengths[walked])]).astype(np.int32)
    base = common_refinement(edges.given, vocabulary.size)
    partition = refine(base, starts, edges.nodes[kept], trie_of(vocabulary))
    from_given = np.nonzero(used[:given])[0]
    name = np.zeros(len(used), np.int32)
    name[used] = np.arange(1, 1 + used.sum())
    kept_labels = np.concatenate([from_given, given + np.arange(len(walked))]).astype(np.int32)
    return token_classes_of(partition, kept_labels), name


def _assemble(
    source: Ints,
    target: Ints,
    label: Ints,
    classes: TokenClasses,
    distance: Ints,
    vocabulary: Vocabulary,
    byte_states: int,
) -> TokenGrammar:
    """Sort the edges by source."""
    done = len(distance) - 1
    source, target, label = np.append(source, done), np.append(target, done), np.append(label, 0)
    order = np.lexsort((label, target, source))
    return TokenGrammar(
        vocabulary=vocabulary,
        classes=classes,
        edge_start=starts_of(source[order], done + 1).astype(np.int32),
        edge_target=target[order].astype(np.int32),
        edge_label=label[order].astype(np.int32),
        distance=distance,
        byte_states=byte_states,
    )
