"""What tokens do inside a string, for one vocabulary: the same for all lengths, grammars and continuations."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from agentfast.runtime.grammar.blocks import body_table
from agentfast.runtime.grammar.strings import CLOSED, Body
from agentfast.runtime.grammar.token_sets import Partition, partition_by
from agentfast.runtime.grammar.trie import trie_of
from agentfast.runtime.grammar.walk_kernels import walk_string
from agentfast.runtime.vocabulary import Vocabulary

Ints = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Inside:
    """A string body lifted to a vocabulary.

    Attributes:
        place, after, codes: [G] place, place after and code points of each group of tokens that stay inside.
        partition: of the vocabulary by these groups, which are its labels.
        ways: [W, 2] ways out: place and code points.
        exits: [m, 2] the way and the node that the closing quote leads to, in rising order.
    """

    place: Ints
    after: Ints
    codes: Ints
    partition: Partition
    ways: Ints
    exits: Ints


@lru_cache(maxsize=128)
def inside_of(vocabulary: Vocabulary, body: Body, *, counting: bool) -> Inside:
    """Lift a string body to a vocabulary, or find it. Where nothing is counted all code points are 0."""
    table = body_table(body)
    counted = table[:, 1] if counting else np.zeros_like(table[:, 1])
    trie = trie_of(vocabulary)
    groups, starts, nodes, exits = walk_string(
        table[:, 0].copy(), counted.copy(), CLOSED, trie.byte, trie.depth, trie.skip, trie.is_token
    )
    ways, way = np.unique(exits[:, :2], axis=0, return_inverse=True)
    leaving = np.stack([way.reshape(-1).astype(np.int32), exits[:, 2]], axis=1)
    return Inside(
        place=groups[:, 0],
        after=groups[:, 1],
        codes=groups[:, 2],
        partition=partition_by(starts, nodes, trie),
        ways=ways.astype(np.int32),
        exits=leaving[np.lexsort((leaving[:, 1], leaving[:, 0]))],
    )
