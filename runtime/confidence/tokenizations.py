"""Tokenizations of a text: all splits into tokens of the vocabulary."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from agentfast.runtime.confidence import evidence_kernels as kernels
from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar.tokens.trie import Trie, trie_of

Ints = npt.NDArray[np.int32]

SPECIAL: Final = 0xFF
"""In a text: any special token. No well-formed text has the byte."""


@dataclass(frozen=True, eq=False)
class Tokenizations:
    """The tokens that can spell a text from each of its offsets; see `evidence_kernels.matches`.

    Attributes:
        start: [n + 2] int32, where the tokens from each offset begin.
        tokens: [U] int64; to: [U] int32, where each leads.
    """

    start: Ints
    tokens: npt.NDArray[np.int64]
    to: Ints


@lru_cache(maxsize=4096)
def tokenizations_of(vocabulary: Vocabulary, text: bytes, continues: bytes) -> Tokenizations:
    """Build, or find, the tokenizations of a text; the names and values of an agent's tools come again and again."""
    trie = trie_of(vocabulary)
    going_on = np.zeros(256, np.bool_)
    going_on[list(continues)] = True
    found = kernels.matches(np.frombuffer(text, np.uint8), going_on, trie.byte, trie.skip)
    order, nodes = _tokens_by_node(vocabulary, trie)
    low, high = np.searchsorted(nodes, found[:, 1]), np.searchsorted(nodes, found[:, 2])
    counts = high - low
    special = np.array(sorted(vocabulary.special.values()), np.int64)
    marks = [offset for offset, byte in enumerate(text) if byte == SPECIAL]
    tokens = [order[a:b] for a, b in zip(low, high, strict=True)] + [special] * len(marks)
    last = len(text) if continues else len(text) + 1
    leads = [offset + 1 if offset + 1 < len(text) else last for offset in marks]
    offsets = np.concatenate([np.repeat(found[:, 0], counts), np.repeat(marks, len(special))]).astype(
        np.int32
    )
    to = np.concatenate([np.repeat(found[:, 3], counts), np.repeat(leads, len(special))]).astype(np.int32)
    rising = np.argsort(offsets, kind="stable")
    return Tokenizations(
        start=np.searchsorted(offsets[rising], np.arange(len(text) + 2)).astype(np.int32),
        tokens=np.concatenate([np.empty(0, np.int64), *tokens])[rising],
        to=to[rising],
    )


@lru_cache(maxsize=8)
def _tokens_by_node(vocabulary: Vocabulary, trie: Trie) -> tuple[npt.NDArray[np.int64], Ints]:
    """Token ids in order of their trie nodes, and those nodes."""
    order = np.argsort(trie.node_of_token, kind="stable").astype(np.int64)
    return order, trie.node_of_token[order]
