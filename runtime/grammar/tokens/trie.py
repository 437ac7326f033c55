"""The vocabulary as a trie of bytes, in preorder, so that a kernel walks it with one loop and a stack of states."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar.tokens.disk_cache import Arrays, DiskCache
from agentfast.runtime.jit.kernel import kernel


class TrieArrays(NamedTuple):
    """Trie as kernels take it, see `Trie`."""

    depth: npt.NDArray[np.int32]
    skip: npt.NDArray[np.int32]
    is_token: npt.NDArray[np.bool_]
    child_start: npt.NDArray[np.int32]
    child: npt.NDArray[np.int32]
    child_byte: npt.NDArray[np.uint8]


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
        child_start: [N + 1] int32, where each node's children begin.
        child: [N - 1] int32, the children of each node, rising; child_byte: [N - 1] uint8, their bytes.
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
    child_start: npt.NDArray[np.int32]
    child: npt.NDArray[np.int32]
    child_byte: npt.NDArray[np.uint8]
    node_of_token: npt.NDArray[np.int32]
    token_of_node: npt.NDArray[np.int32]
    next_token: npt.NDArray[np.int32]
    special_nodes: dict[str, int]
    node_count: int

    @property
    def arrays(self) -> TrieArrays:
        """Arrays that kernels walk through."""
        return TrieArrays(self.depth, self.skip, self.is_token, self.child_start, self.child, self.child_byte)

    @cached_property
    def alphabet(self) -> npt.NDArray[np.int64]:
        """The bytes that occur, rising."""
        return np.unique(self.byte[1:]).astype(np.int64)


_KEPT: Final = 8  # tries in memory
_LARGE: Final = 20_000  # tokens from which on a trie is worth a file
_known: OrderedDict[str, Trie] = OrderedDict()
_lock = Lock()


def trie_of(vocabulary: Vocabulary, disk: DiskCache | None = None) -> Trie:
    """Build, or find, the trie of a vocabulary.

    Args:
        disk: where that of a large vocabulary is kept for other processes.
    """
    with _lock:
        if vocabulary.digest in _known:
            _known.move_to_end(vocabulary.digest)
            return _known[vocabulary.digest]
    kept = disk if vocabulary.size >= _LARGE else None
    arrays = kept.load("trie", vocabulary.digest) if kept is not None else None
    if arrays is None:
        arrays = _built(vocabulary)
        if kept is not None:
            kept.store(arrays, "trie", vocabulary.digest)
    specials = sorted(vocabulary.special.items(), key=lambda item: item[1])
    size = len(arrays["byte"])
    trie = Trie(
        byte=arrays["byte"],
        depth=arrays["depth"],
        skip=arrays["skip"],
        is_token=arrays["is_token"],
        child_start=arrays["child_start"],
        child=arrays["child"],
        child_byte=arrays["child_byte"],
        node_of_token=arrays["node_of_token"],
        token_of_node=arrays["token_of_node"],
        next_token=arrays["next_token"],
        special_nodes={name: size + k for k, (name, _) in enumerate(specials)},
        node_count=size + len(specials),
    )
    with _lock:
        trie = _known.setdefault(vocabulary.digest, trie)
        while len(_known) > _KEPT:
            _known.popitem(last=False)
    return trie


def _built(vocabulary: Vocabulary) -> Arrays:
    tokens = sorted((token, index) for index, token in enumerate(vocabulary.tokens) if token is not None)
    ends = np.cumsum([len(token) for token, _ in tokens], dtype=np.int64)
    data = np.frombuffer(b"".join(token for token, _ in tokens), np.uint8)
    byte, depth, is_token, node_of_sorted = _preorder(data, ends)
    node_of_token = np.full(vocabulary.size, -1, np.int32)
    node_of_token[[index for _, index in tokens]] = node_of_sorted
    specials = sorted(vocabulary.special.values())
    node_of_token[specials] = len(byte) + np.arange(len(specials), dtype=np.int32)
    token_of_node, next_token = _tokens_of(node_of_token, len(byte) + len(specials))
    child_start, child = _children(depth)
    return {
        "byte": byte,
        "depth": depth,
        "skip": _skips(depth),
        "is_token": is_token,
        "child_start": child_start,
        "child": child,
        "child_byte": byte[child],
        "node_of_token": node_of_token,
        "token_of_node": token_of_node,
        "next_token": next_token,
    }


@kernel
def _preorder(
    data: npt.NDArray[np.uint8], ends: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32], npt.NDArray[np.bool_], npt.NDArray[np.int32]]:
    """Trie nodes of sorted strings in preorder: each adds its bytes beyond the prefix shared with the last one."""
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
def _children(depth: npt.NDArray[np.int32]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """CSR of the children of each node; the parent of a node is the last one before it on the level above."""
    n = len(depth)
    parent = np.empty(n, np.int32)
    last = np.zeros(depth.max() + 1, np.int32)
    start = np.zeros(n + 1, np.int32)
    for i in range(1, n):
        parent[i] = last[depth[i] - 1]
        start[parent[i] + 1] += 1
        last[depth[i]] = i
    for i in range(n):
        start[i + 1] += start[i]
    place = start.copy()
    child = np.empty(n - 1, np.int32)
    for i in range(1, n):
        child[place[parent[i]]] = i
        place[parent[i]] += 1
    return start, child


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
