"""Lift of string bodies to a vocabulary, shared by all lengths, grammars and continuations."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from agentfast.errors import GrammarTooLargeError
from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar.automaton.string_body import Body
from agentfast.runtime.grammar.tokens.kernels.walk import FINE, TOO_MANY_NODES, walk
from agentfast.runtime.grammar.tokens.lifting.explore import HINT
from agentfast.runtime.grammar.tokens.partition import Partition, partition_by
from agentfast.runtime.grammar.tokens.transition_tables import string_tables
from agentfast.runtime.grammar.tokens.trie import trie_of

Ints = npt.NDArray[np.int32]

MAX_NODES: Final = 50_000_000
"""Tokens in all labels together."""
MAX_STEPS: Final = 1_000_000_000
"""Trie nodes that may be visited: some ten seconds. More is a GrammarError."""


@dataclass(frozen=True, eq=False)
class StringLift:
    """A string body lifted to a vocabulary.

    Attributes:
        place, after, codes, label: [G] place, place after, code points and label of each group of tokens that stay inside.
        partition: of the vocabulary by the labels.
        ways: [W, 3] ways out: place, code points, and the place before the closing quote.
        exits: [m, 2] the way and the node that the closing quote leads to, in rising order.
    """

    place: Ints
    after: Ints
    codes: Ints
    label: Ints
    partition: Partition
    ways: Ints
    exits: Ints


@lru_cache(maxsize=128)
def lift_string(vocabulary: Vocabulary, body: Body, last: int | None) -> StringLift:
    """Lift a string body to a vocabulary, or find it.

    Args:
        last: code points that are told apart, more of them count as so many; None is all that a token can have.

    Raises:
        GrammarError: too many steps through the vocabulary are needed.
    """
    trie = trie_of(vocabulary)
    longest = int(trie.depth.max())
    tables = string_tables(body, longest if last is None else min(last, longest))
    place = np.arange(body.places, dtype=np.int32)
    nothing = np.zeros_like(place)
    entries = np.stack([place, nothing, place, nothing], axis=1)
    edges, exits, starts, nodes, status = walk(entries, tables, trie.arrays, MAX_NODES, MAX_STEPS)
    if status != FINE:
        raise too_large(status, MAX_STEPS)
    source, target, label = edges.T
    before = np.stack([exits[:, 0], exits[:, 1] // body.places, exits[:, 1] % body.places], axis=1)
    ways, way = np.unique(before, axis=0, return_inverse=True)
    leaving = np.stack([way.reshape(-1).astype(np.int32), exits[:, 2]], axis=1)
    return StringLift(
        place=source,
        after=target % body.places,
        codes=target // body.places,
        label=label,
        partition=partition_by(starts, nodes, trie),
        ways=ways.astype(np.int32),
        exits=leaving[np.lexsort((leaving[:, 1], leaving[:, 0]))],
    )


def too_large(status: int, max_steps: int) -> GrammarTooLargeError:
    """Error for a walk that has met a limit."""
    what = (
        f"{MAX_NODES} tokens in its labels"
        if status == TOO_MANY_NODES
        else f"{max_steps} steps through the vocabulary"
    )
    return GrammarTooLargeError(f"the grammar needs more than {what}", hint=HINT)
