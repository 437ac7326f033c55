"""Token classes: tokens that no edge tells apart are one class, so that all work per step is in classes, not tokens."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from agentfast.runtime.grammar.tokens.class_chunks import ClassChunks, class_chunks_of
from agentfast.runtime.grammar.tokens.partition import Partition

if TYPE_CHECKING:
    import torch

Ints = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class TokenClasses:
    """A partition of the vocabulary into K classes, and labels as sets of classes.

    Class 0 is every token that no edge takes. Label 0 is every class (what may follow EOS); the others follow from 1.

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
    def chunks(self) -> ClassChunks:
        """The vocabulary in order of classes; made when a decoder first needs it."""
        return class_chunks_of(self.token_class, self.count)


def token_classes_of(partition: Partition, labels: Ints) -> TokenClasses:
    """The classes of a partition, with those of its labels that are in use."""
    count = len(partition.size)
    begin, end = partition.label_start[labels], partition.label_start[labels + 1]
    lengths = np.concatenate([[count], end - begin])
    start = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    offset: Ints = np.repeat(begin - (start[1:-1] - count), end - begin)
    picked = offset + np.arange(len(offset), dtype=np.int32)
    every = np.arange(count, dtype=np.int32)
    return TokenClasses(
        partition.token_class, count, start, np.concatenate([every, partition.label_class[picked]])
    )


def without_equal_labels(classes: TokenClasses) -> tuple[TokenClasses, Ints]:
    """Keep one of several labels with the same classes; returns also the new number of each label."""
    start, members = classes.label_start, classes.label_class
    numbers: dict[bytes, int] = {}
    kept: list[int] = []
    name = np.zeros(len(start) - 1, np.int32)
    for label in range(len(name)):
        content = members[start[label] : start[label + 1]].tobytes() if label else b""
        name[label] = numbers.setdefault(content, len(kept))
        if name[label] == len(kept):
            kept.append(label)
    lengths = np.diff(start)[kept]
    of_kept = np.zeros(len(name), np.bool_)
    of_kept[kept] = True
    return (
        TokenClasses(
            classes.token_class,
            classes.count,
            np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32),
            members[np.repeat(of_kept, np.diff(start))],
        ),
        name,
    )
