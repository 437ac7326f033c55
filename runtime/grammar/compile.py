"""Compilation of a grammar to tokens, with the results kept on disk for other processes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import accumulate
from pathlib import Path
from time import perf_counter
from typing import Final

import numpy as np

from agentfast.errors import GrammarError, GrammarTooLargeError
from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar.automaton import nodes
from agentfast.runtime.grammar.automaton.automaton import Automaton, Explored
from agentfast.runtime.grammar.automaton.counted_repeat import counted_repeat
from agentfast.runtime.grammar.tokens.counter import Counter
from agentfast.runtime.grammar.tokens.disk_cache import Arrays, DiskCache, default_folder
from agentfast.runtime.grammar.tokens.lifting.explore import explore, rule_automaton
from agentfast.runtime.grammar.tokens.lifting.string_lift import MAX_STEPS
from agentfast.runtime.grammar.tokens.token_classes import TokenClasses
from agentfast.runtime.grammar.tokens.token_grammar import TokenGrammar, token_grammar, with_counter
from agentfast.runtime.grammar.tokens.trie import trie_of

MAX_STATES: Final = 500_000
"""Automaton states that a grammar may take; more is a GrammarError."""
WORTH_KEEPING: Final = 0.02
"""Seconds of compiling from which on the result goes to disk: reading it back takes a few milliseconds too."""
_COMFORTABLE_STATES: Final = 4_000
_DEEP_STEPS: Final = 200_000_000  # trie nodes visited for more depth than the least: about a second
_DEPTHS: Final = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
_PROBED: Final = 3  # the depth that is explored first


def load_or_compile(
    root: nodes.Node, vocabulary: Vocabulary, folder: Path | str | None = None
) -> TokenGrammar:
    """Read a compiled grammar from a folder, or lift the grammar to the vocabulary and keep it there.

    Args:
        folder: where results are kept for other processes; "" is nowhere, None the default, see tokens/disk_cache.py.

    Raises:
        GrammarError: nothing can be generated, or more states or edges are needed than allowed.
    """
    key = root.digest, vocabulary.digest
    disk = disk_cache(folder)
    arrays = disk.load("grammar", *key)
    if arrays is not None:
        return from_arrays(arrays, vocabulary)
    trie_of(vocabulary, disk)
    began = perf_counter()
    result = lift_to_tokens(root, vocabulary)
    if perf_counter() - began >= WORTH_KEEPING:
        disk.store(to_arrays(result), "grammar", *key)
    return result


def disk_cache(folder: Path | str | None) -> DiskCache:
    """The cache in a folder; "" keeps nothing, None is the default folder."""
    if folder is None:
        return DiskCache(default_folder())
    return DiskCache(Path(folder) if str(folder) else None)


def lift_to_tokens(root: nodes.Node, vocabulary: Vocabulary) -> TokenGrammar:
    """Lift a grammar to a vocabulary; repeats that a special token counts are one copy and a counter.

    Raises:
        GrammarError: see `load_or_compile`.
    """
    counted = counted_repeat(root)
    if counted is not None:
        grammar = with_counter(_lifted(counted.root, vocabulary), counted.special, counted.most)
        if grammar is not None:
            return grammar
    return _lifted(root, vocabulary)


def _lifted(root: nodes.Node, vocabulary: Vocabulary) -> TokenGrammar:
    """Lift a grammar to a vocabulary; a recursive one as deep as stays cheap.

    Only states are counted on the way down: lifting, which costs most, is for the deepest automaton, and for a
    shallower one just if that fails.
    """
    if not any(isinstance(node, nodes.Reference) for node in nodes.walk(root)):
        automaton = Automaton(root, max_depth=None, max_states=MAX_STATES)
        return token_grammar(explore(automaton, vocabulary), vocabulary, max_steps=MAX_STEPS)
    found: list[tuple[int, Explored]] = []
    failure: GrammarError | None = None
    for depth in _depths(root, vocabulary, found):
        limit = 16 * _COMFORTABLE_STATES if found else MAX_STATES
        automaton = _automaton(root, vocabulary, depth, limit)
        try:
            found.append((depth, explore(automaton, vocabulary)))
        except GrammarError as error:
            failure = error
        if not automaton.depth_was_cut or len(automaton) > _COMFORTABLE_STATES:
            break
    while found:
        depth, explored = found.pop()
        try:
            grammar = token_grammar(explored, vocabulary, max_steps=_DEEP_STEPS if found else MAX_STEPS)
            return replace(grammar, recursion=depth if explored.automaton.depth_was_cut else None)
        except GrammarError as error:
            failure = error
    assert failure is not None
    raise failure


def _automaton(root: nodes.Node, vocabulary: Vocabulary, depth: int, most: int) -> Automaton:
    return Automaton(
        root, max_depth=depth, max_states=most, rule_automaton=partial(rule_automaton, vocabulary)
    )


def _depths(root: nodes.Node, vocabulary: Vocabulary, found: list[tuple[int, Explored]]) -> Iterator[int]:
    """Depths to try: rising, or where states grow linearly soon the deepest that stays comfortable.

    The automaton at the third depth, which is made first, tells how many states the shallower ones have.
    """
    try:
        automaton = _automaton(root, vocabulary, _PROBED, 16 * _COMFORTABLE_STATES)
        probe = explore(automaton, vocabulary)
    except GrammarError:
        yield from _DEPTHS
        return
    *_, one, two, three = (0, 0, *accumulate(automaton.states_by_depth()))
    if automaton.depth_was_cut and max(one, two) > _COMFORTABLE_STATES:
        yield 1 if one > _COMFORTABLE_STATES else 2
        return
    found.append((_PROBED, probe))
    if not automaton.depth_was_cut or three > _COMFORTABLE_STATES:
        return
    grows, before = three - two, two - one
    fitting = [at for at in _DEPTHS if three + (at - _PROBED) * grows <= _COMFORTABLE_STATES]
    first = fitting[-1] if grows <= before else _PROBED
    if (
        grows > before > 0
    ):  # as a power: shallower ones would only be counted; a quarter covers what the guess is off
        expected = {
            at: three + sum(grows * (grows / before) ** n for n in range(1, at - 2)) for at in _DEPTHS
        }
        most = 3 * _COMFORTABLE_STATES // 4
        first = next((at for at in _DEPTHS if at > _PROBED and expected[at] > most), _DEPTHS[-1])
    yield from (depth for depth in _DEPTHS if depth > _PROBED and depth >= first)


def count_states(root: nodes.Node, most: int) -> int:
    """States of a grammar over bytes, without recursion; `most` if it needs as many or more."""
    try:
        automaton = Automaton(root, max_depth=1, max_states=most)
        explore(automaton, Vocabulary.byte_level())
    except GrammarTooLargeError:
        return most
    return len(automaton)


def to_arrays(grammar: TokenGrammar) -> Arrays:
    """Arrays of a grammar, without its vocabulary."""
    classes = grammar.classes
    recursion = -1 if grammar.recursion is None else grammar.recursion
    return {
        "token_class": classes.token_class,
        "label_start": classes.label_start,
        "label_class": classes.label_class,
        "edge_start": grammar.edge_start,
        "edge_target": grammar.edge_target,
        "edge_label": grammar.edge_label,
        "distance": grammar.distance,
        "numbers": np.array(
            [classes.count, grammar.byte_states, recursion, grammar.counter.label, grammar.counter.most],
            np.int64,
        ),
    }


def from_arrays(arrays: Arrays, vocabulary: Vocabulary) -> TokenGrammar:
    """Restore a grammar from the arrays of `to_arrays`."""
    count, byte_states, recursion, label, most = arrays["numbers"].tolist()
    return TokenGrammar(
        vocabulary=vocabulary,
        classes=TokenClasses(arrays["token_class"], count, arrays["label_start"], arrays["label_class"]),
        edge_start=arrays["edge_start"],
        edge_target=arrays["edge_target"],
        edge_label=arrays["edge_label"],
        distance=arrays["distance"],
        byte_states=byte_states,
        recursion=None if recursion < 0 else recursion,
        counter=Counter(label, most),
    )
