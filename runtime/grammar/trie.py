"""The vocabulary as a trie of bytes, in preorder, so that a kernel walks it with one loop and a stack of states."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from agentfast.runtime.kernel import kernel
from agentfast.runtime.vocabulary import Vocabulary


@dataclass(frozen=True, eq=False)
class Trie:
    """Nodes in preorder; node 0 is the root, the empty string. N nodes.

    Tokens of the same bytes share a node. Special tokens that have a name get a node of their own behind the trie's,
    N + k for the k-th in order of ids, so that "node" means "what a token does" everywhere in the lifting.

    Attributes:
        byte: [N] uint8, the last byte of the node's string.
        depth: [N] int32, the length of the node's string.
        skip: [N] int32, the first node after the node's subtree.
        is_token: [N] bool, whether a token ends here.
        node_of_token: [V] int32, -1 for ids that are never generated.
        token_of_node: [N + special tokens] int32, the first token of a node, -1 where none ends.
        next_token: [V] int32, the next token of the same node, -1 after the last.
        special_nodes: node of each special token by name.
        node_count: N plus the number of special tokens.
    """

    byte: npt.NDArray[np.uint8]
    depth: npt.NDArray[np.int32]
    skip: npt.NDArray[np.int32]
    is_token: npt.NDArray[np.bool_]
    node_of_token: npt.NDArray[np.int32]
    token_of_node: npt.NDArray[np.int32]
    next_token: npt.NDArray[np.int32]
    special_nodes: dict[str, int]
    node_count: int

    @cached_property
    def alphabet(self) -> npt.NDArray[np.int64]:
        """The bytes that occur, rising."""
        return np.unique(self.byte[1:]).astype(np.int64)


@lru_cache(maxsize=8)
def trie_of(vocabulary: Vocabulary) -> Trie:
    """Build, or find, the trie of a vocabulary."""
    tokens = sorted((token, index) for index, token in enumerate(vocabulary.tokens) if token is not None)
    ends = np.cumsum([len(token) for token, _ in tokens], dtype=np.int64)
    data = np.frombuffer(b"".join(token for token, _ in tokens), np.uint8)
    byte, depth, is_token, node_of_sorted = _preorder(data, ends)
    specials = sorted(vocabulary.special.items(), key=lambda item: item[1])
    node_of_token = np.full(vocabulary.size, -1, np.int32)
    node_of_token[[index for _, index in tokens]] = node_of_sorted
    special_nodes = {name: len(byte) + k for k, (name, _) in enumerate(specials)}
    for name, index in specials:
        node_of_token[index] = special_nodes[name]
    node_count = len(byte) + len(specials)
    tokens_of = _tokens_of(node_of_token, node_count)
    return Trie(byte, depth, _skips(depth), is_token, node_of_token, *tokens_of, special_nodes, node_count)


@kernel
def _preorder(
    data: npt.NDArray[np.uint8], ends: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32], npt.NDArray[np.bool_], npt.NDArray[np.int32]]:
    """Nodes of sorted strings, given one after the other: each adds what goes beyond its prefix with the last one."""
    byte = np.zeros(len(data) + 1, np.uint8)
    depth = np.zeros(len(data) + 1, np.int32)
    is_token = np.zeros(len(data) + 1, np.bool_)
    node_of = np.zeros(len(ends), np.int32)
    count = 1
    before, before_length = 0, 0
    start = 0
    for i in range(len(ends)):
        length = ends[i] - start
        shared = 0
        while shared < min(length, before_length) and data[before + shared] == data[start + shared]:
            shared += 1
        for j in range(shared, length):
            byte[count] = data[start + j]
            depth[count] = j + 1
            count += 1
        # A repeated string adds no node: its node is the last one, as sorted strings never go back.
        node_of[i] = count - 1
        is_token[count - 1] = True
        before, before_length = start, length
        start = ends[i]
    return byte[:count].copy(), depth[:count].copy(), is_token[:count].copy(), node_of


@kernel
def _skips(depth: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """First node after each subtree: the next one that is not deeper."""
    n = len(depth)
    skip = np.empty(n, np.int32)
    open_at = np.full(depth.max() + 2, -1, np.int32)
    top = -1
    for i in range(n):
        while top >= depth[i]:
            skip[open_at[top]] = i
            top -= 1
        top = depth[i]
        open_at[top] = i
    while top >= 0:
        skip[open_at[top]] = n
        top -= 1
    return skip


@kernel
def _tokens_of(
    node_of_token: npt.NDArray[np.int32], node_count: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """The first token of each node, and the one after each token at the same node."""
    first = np.full(node_count, -1, np.int32)
    after = np.full(len(node_of_token), -1, np.int32)
    for token in range(len(node_of_token) - 1, -1, -1):
        node = node_of_token[token]
        if node >= 0:
            after[token] = first[node]
            first[node] = token
    return first, after
