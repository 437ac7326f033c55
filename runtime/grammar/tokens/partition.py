"""Partitions of a vocabulary by sets of tokens, and their refinement by further, small sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from agentfast.runtime.grammar.tokens.kernels.subtree import mixed
from agentfast.runtime.grammar.tokens.trie import Trie
from agentfast.runtime.jit.arrays import by_group, concatenate, grown, sort_each
from agentfast.runtime.jit.kernel import kernel

Ints = npt.NDArray[np.int32]
Int = int | np.integer[Any]
Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class Partition:
    """The coarsest partition of V tokens into classes under which each of some sets, the labels, is a union of classes.

    Attributes:
        token_class: [V] int32; class 0 is every token that is in no label.
        size: [K] int32, tokens of each class.
        label_start: [L + 1] int32, where each label begins in `label_class`.
        label_class: classes of each label, rising.
    """

    token_class: Ints
    size: Ints
    label_start: Ints
    label_class: Ints

    @property
    def labels(self) -> int:
        """Number of labels."""
        return len(self.label_start) - 1


def partition_by(starts: Ints, nodes: Ints, trie: Trie) -> Partition:
    """By sets of trie nodes, set i being `nodes[starts[i]:starts[i + 1]]`."""
    return Partition(*_partition(starts, nodes, trie.node_of_token, trie.node_count))


def common_refinement(partitions: Sequence[Partition], size: int) -> Partition:
    """By the labels of several partitions of V = `size` tokens, numbered one after the other."""
    if not partitions:
        none = np.zeros(1, np.int32)
        return Partition(np.zeros(size, np.int32), np.full(1, size, np.int32), none, none[:0])
    result = partitions[0]
    for other in partitions[1:]:
        result = Partition(*_pair(*_fields(result), *_fields(other)))
    return result


def _fields(partition: Partition) -> tuple[Ints, Ints, Ints, Ints]:
    return partition.token_class, partition.size, partition.label_start, partition.label_class


@kernel
def _partition(
    starts: Ints, nodes: Ints, node_of_token: Ints, node_count: int
) -> tuple[Ints, Ints, Ints, Ints]:
    signature = np.zeros(node_count, np.uint64)
    for label in range(len(starts) - 1):
        key = mixed(label)
        for node in nodes[starts[label] : starts[label + 1]]:
            signature[node] += key
    token_class, size = _number(signature, node_of_token)
    node_class = np.zeros(node_count, np.int32)
    for token in range(len(node_of_token)):
        if node_of_token[token] >= 0:
            node_class[node_of_token[token]] = token_class[token]
    label_start, label_class = _classes_of_sets(starts, nodes, node_class, len(size))
    return token_class, size, label_start, label_class


@kernel
def _number(signature: Hashes, node_of_token: Ints) -> tuple[Ints, Ints]:
    """Number tokens of equal signatures alike in order of appearance, from 1; 0 is for those that are 0."""
    room = 2
    while room < 2 * len(node_of_token):
        room *= 2
    mask = np.uint64(room - 1)
    keys = np.zeros(room, np.uint64)
    numbers = np.zeros(room, np.int32)
    size = np.zeros(len(node_of_token) + 1, np.int32)
    result = np.zeros(len(node_of_token), np.int32)
    count = 1
    for token in range(len(node_of_token)):
        key = signature[node_of_token[token]] if node_of_token[token] >= 0 else np.uint64(0)
        if key != np.uint64(0):
            at = key & mask
            while keys[at] != np.uint64(0) and keys[at] != key:
                at = (at + np.uint64(1)) & mask
            if keys[at] == np.uint64(0):
                keys[at] = key
                numbers[at] = count
                count += 1
            result[token] = numbers[at]
        size[result[token]] += 1
    return result, size[:count].copy()


@kernel
def _classes_of_sets(starts: Ints, nodes: Ints, node_class: Ints, count: Int) -> tuple[Ints, Ints]:
    """CSR of the classes of each set, rising in each."""
    label_start = np.zeros(len(starts), np.int32)
    label_class = np.empty(1024, np.int32)
    met = np.full(count, -1, np.int32)
    total = 0
    for label in range(len(starts) - 1):
        for node in nodes[starts[label] : starts[label + 1]]:
            k = node_class[node]
            if met[k] != label:
                met[k] = label
                if total == len(label_class):
                    label_class = grown(label_class)
                label_class[total] = k
                total += 1
        label_start[label + 1] = total
    return label_start, sort_each(label_start, label_class[:total], count)


@kernel
def _pair(
    one_class: Ints,
    one_size: Ints,
    one_start: Ints,
    one_label: Ints,
    two_class: Ints,
    two_size: Ints,
    two_start: Ints,
    two_label: Ints,
) -> tuple[Ints, Ints, Ints, Ints]:
    """The common refinement of two partitions."""
    number = np.zeros((len(one_size), len(two_size)), np.int32)
    token_class = np.empty(len(one_class), np.int32)
    size = np.zeros(len(one_class) + 1, np.int32)
    first, second = np.zeros(len(one_class) + 1, np.int32), np.zeros(len(one_class) + 1, np.int32)
    count = 1  # class 0 is (0, 0)
    for token in range(len(one_class)):
        a, b = one_class[token], two_class[token]
        k = 0
        if a > 0 or b > 0:
            if number[a, b] == 0:
                number[a, b] = count
                first[count], second[count] = a, b
                count += 1
            k = number[a, b]
        token_class[token] = k
        size[k] += 1
    start_a, class_a = _refined_labels(one_start, one_label, first[:count], len(one_size))
    start_b, class_b = _refined_labels(two_start, two_label, second[:count], len(two_size))
    return (
        token_class,
        size[:count].copy(),
        concatenate(start_a, start_b[1:], np.int64(start_a[-1])),
        concatenate(class_a, class_b, 0),
    )


@kernel
def _refined_labels(label_start: Ints, label_class: Ints, parent: Ints, parents: int) -> tuple[Ints, Ints]:
    """Labels over classes, given the labels over the classes' parents. Class 0 is in no label."""
    begin, child = by_group(parent, parents)
    starts = np.zeros(len(label_start), np.int32)
    total = 0
    for label in range(len(label_start) - 1):
        for k in label_class[label_start[label] : label_start[label + 1]]:
            total += begin[k + 1] - begin[k]
        starts[label + 1] = total
    classes = np.empty(total, np.int32)
    for label in range(len(label_start) - 1):
        at = starts[label]
        for k in label_class[label_start[label] : label_start[label + 1]]:
            for i in range(begin[k], begin[k + 1]):
                classes[at] = child[i]
                at += 1
    return starts, sort_each(starts, classes, len(parent))


def refine(partition: Partition, starts: Ints, nodes: Ints, trie: Trie) -> Partition:
    """By further sets of trie nodes; work goes with the tokens in these sets, not with the vocabulary.

    The labels of `partition` come first, then the new ones.
    """
    return Partition(*_refine(*_fields(partition), starts, nodes, trie.token_of_node, trie.next_token))


@kernel
def _refine(
    token_class: Ints,
    size: Ints,
    label_start: Ints,
    label_class: Ints,
    starts: Ints,
    nodes: Ints,
    token_of_node: Ints,
    next_token: Ints,
) -> tuple[Ints, Ints, Ints, Ints]:
    touched, signature, index = _touched(starts, nodes)
    before = len(size)
    refined = token_class.copy()
    left = np.zeros(before + len(touched), np.int32)
    parent = np.empty(before + len(touched), np.int32)
    for k in range(before):
        left[k], parent[k] = size[k], k
    new_class, count = _split(touched, signature, token_class, token_of_node, parent, before)
    for i in range(len(touched)):
        token = token_of_node[touched[i]]
        while token >= 0:
            left[refined[token]] -= 1
            refined[token] = new_class[i]
            left[new_class[i]] += 1
            token = next_token[token]
    # Classes that have lost all their tokens go; class 0 stays.
    name = np.empty(count, np.int32)
    kept = 0
    for k in range(count):
        name[k] = kept
        if k == 0 or left[k] > 0:
            left[kept], parent[kept] = left[k], parent[k]
            kept += 1
    if kept < count:
        for token in range(len(refined)):
            refined[token] = name[refined[token]]
    for i in range(len(new_class)):
        new_class[i] = name[new_class[i]]
    start_a, class_a = _refined_labels(label_start, label_class, parent[:kept], before)
    start_b, class_b = _classes_of_sets(starts, index, new_class, np.int64(kept))
    return (
        refined,
        left[:kept].copy(),
        concatenate(start_a, start_b[1:], np.int64(start_a[-1])),
        concatenate(class_a, class_b, 0),
    )


@kernel
def _touched(starts: Ints, nodes: Ints) -> tuple[Ints, Hashes, Ints]:
    """Nodes in any set, a hash of the sets that each is in, and for each entry of `nodes` which of them it is."""
    room = 16
    while room < 2 * len(nodes):
        room *= 2
    mask = np.uint64(room - 1)
    slots = np.full(room, -1, np.int32)
    touched = np.empty(len(nodes), np.int32)
    signature = np.zeros(len(nodes), np.uint64)
    index = np.empty(len(nodes), np.int32)
    count = 0
    for label in range(len(starts) - 1):
        key = mixed(label)
        for i in range(starts[label], starts[label + 1]):
            at = mixed(nodes[i]) & mask
            while slots[at] >= 0 and touched[slots[at]] != nodes[i]:
                at = (at + np.uint64(1)) & mask
            if slots[at] < 0:
                slots[at] = count
                touched[count] = nodes[i]
                count += 1
            index[i] = slots[at]
            signature[slots[at]] += key
    return touched[:count], signature[:count], index


@kernel
def _split(
    touched: Ints, signature: Hashes, token_class: Ints, token_of_node: Ints, parent: Ints, before: int
) -> tuple[Ints, int]:
    """New classes of the touched nodes, from `before` on: one for each pair of old class and signature."""
    room = 16
    while room < 2 * len(touched):
        room *= 2
    mask = np.uint64(room - 1)
    slots = np.full(room, -1, np.int32)
    keys = np.empty(len(touched), np.uint64)
    result = np.empty(len(touched), np.int32)
    count = before
    for i in range(len(touched)):
        old = token_class[token_of_node[touched[i]]]
        key = signature[i] + mixed(old) * np.uint64(3)
        at = key & mask
        while slots[at] >= 0 and keys[slots[at]] != key:
            at = (at + np.uint64(1)) & mask
        if slots[at] < 0:
            slots[at] = count - before
            keys[count - before] = key
            parent[count] = old
            count += 1
        result[i] = before + slots[at]
    return result, count
