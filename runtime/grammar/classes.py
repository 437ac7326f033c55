"""Token classes: tokens that no edge tells apart are one class, so that all work per step is in classes, not tokens."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from agentfast.runtime.grammar.pieces import Pieces, pieces_of
from agentfast.runtime.grammar.trie import Trie
from agentfast.runtime.kernel import kernel

if TYPE_CHECKING:
    import torch

Ints = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Classes:
    """A partition of the vocabulary into K classes, and labels as sets of classes.

    Class 0 is every token that no edge takes. Label 0 is every class (what may follow EOS); the labels given to
    `classes_of` follow from 1.

    Attributes:
        token_class: [V] int32.
        count: number of classes, K.
        label_start: [L + 1] int32, where each label begins in `label_class`.
        label_class: classes of each label, rising.
        on_device: `token_class` as int64 tensors, by device; filled by the decoder as needed.
    """

    token_class: Ints
    count: int
    label_start: Ints
    label_class: Ints
    on_device: dict[str, torch.Tensor] = field(default_factory=dict[str, "torch.Tensor"], repr=False)

    @cached_property
    def pieces(self) -> Pieces:
        """The vocabulary in order of classes; made when a decoder first needs it."""
        return pieces_of(self.token_class, self.count)


def classes_of(labels: list[Ints], trie: Trie) -> Classes:
    """The coarsest partition under which every label is a union of classes."""
    random = np.random.default_rng(1)
    signature = np.zeros(trie.node_count + 1, np.uint64)  # the last entry is for ids that are never generated
    for nodes, key in zip(labels, random.integers(1, 1 << 63, len(labels), np.uint64), strict=True):
        signature[nodes] += key
    token_class, count = _number(signature[trie.node_of_token])
    node_class = np.zeros(trie.node_count + 1, np.int32)
    node_class[trie.node_of_token] = token_class
    sets = [np.arange(count, dtype=np.int32)] + [np.unique(node_class[nodes]) for nodes in labels]
    return Classes(
        token_class=token_class,
        count=count,
        label_start=np.concatenate([[0], np.cumsum([len(s) for s in sets])]).astype(np.int32),
        label_class=np.concatenate(sets),
    )


@kernel
def _number(signature: npt.NDArray[np.uint64]) -> tuple[Ints, int]:
    """Number equal signatures alike in order of appearance, from 1; 0 is for those that are 0."""
    size = 2
    while size < 2 * len(signature):
        size *= 2
    mask = np.uint64(size - 1)
    keys = np.zeros(size, np.uint64)
    numbers = np.zeros(size, np.int32)
    result = np.zeros(len(signature), np.int32)
    count = 1
    for i in range(len(signature)):
        key = signature[i]
        if key == np.uint64(0):
            continue
        at = key & mask
        while keys[at] != np.uint64(0) and keys[at] != key:
            at = (at + np.uint64(1)) & mask
        if keys[at] == np.uint64(0):
            keys[at] = key
            numbers[at] = count
            count += 1
        result[i] = numbers[at]
    return result, count
