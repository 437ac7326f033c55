"""A trellis and its token classes as one int32 tensor on a device, shared by all rows that have them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Final

import numpy as np
import numpy.typing as npt
import torch

from agentfast.runtime.grammar.tokens.token_classes import TokenClasses
from agentfast.runtime.posterior.trellis import Trellis

Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]

FIELDS: Final = (
    "token_order", "piece_start", "piece_class", "class_piece", "label_start", "label_class", "holder_start", "holder", "token_class",
    "layer_start", "states", "edge_start", "edge_to", "edge_label", "in_start", "in_edge", "edge_from",
    "slot_start", "slot_label", "slot_edge_start", "slot_edge", "wanted",
)  # fmt: skip
"""Parts of a trellis on a device: those of the classes, then those of the trellis."""
KEPT_NUMBERS: Final = 64_000_000
"""int32 numbers of all trellises that are kept on a device: some 256 MB."""


@dataclass(frozen=True, eq=False)
class DeviceTrellis:
    """A trellis on a device.

    Attributes:
        numbers: int32, the fields one after another; starts: [len(FIELDS)] where each begins.
        most_slots: labels of one position at most.
    """

    trellis: Trellis
    classes: TokenClasses
    numbers: torch.Tensor
    starts: Longs
    most_slots: int


def _grouped(keys: Ints, count: int) -> tuple[Ints, Ints]:
    """Starts of the keys' groups, [count + 1], and the indices in order of keys."""
    starts = np.zeros(count + 1, np.int64)
    np.cumsum(np.bincount(keys, minlength=count), out=starts[1:])
    return starts.astype(np.int32), np.argsort(keys, kind="stable").astype(np.int32)


def _class_fields(classes: TokenClasses) -> list[Ints]:
    chunks = classes.chunks
    labels = np.repeat(np.arange(len(classes.label_start) - 1, dtype=np.int32), np.diff(classes.label_start))
    holder_start, order = _grouped(classes.label_class, classes.count)
    return [
        chunks.token_order, chunks.start, chunks.class_of, chunks.of_class,
        classes.label_start, classes.label_class, holder_start, labels[order], classes.token_class,
    ]  # fmt: skip


def _trellis_fields(trellis: Trellis, labels: int) -> list[Ints]:
    nodes = len(trellis.states)
    edge_from = np.repeat(np.arange(nodes, dtype=np.int32), np.diff(trellis.edge_start))
    in_start, in_edge = _grouped(trellis.edge_to, nodes)
    positions = len(trellis.layer_start) - 2
    layer = np.repeat(np.arange(positions + 1), np.diff(trellis.layer_start))
    # A slot is a label of a position.
    slot_of = np.full(positions * labels, -1, np.int32)
    slot_of[np.repeat(np.arange(positions), np.diff(trellis.label_start)) * labels + trellis.labels] = (
        np.arange(len(trellis.labels), dtype=np.int32)
    )
    slots = slot_of[layer[edge_from] * labels + trellis.edge_label]
    slot_edge_start, slot_edge = _grouped(slots, len(trellis.labels))
    return [
        trellis.layer_start, trellis.states, trellis.edge_start, trellis.edge_to, trellis.edge_label,
        in_start, in_edge, edge_from, trellis.label_start, trellis.labels, slot_edge_start, slot_edge,
        trellis.wanted.astype(np.int32).ravel(),
    ]  # fmt: skip


def trellis_on(trellis: Trellis, classes: TokenClasses, device: torch.device) -> DeviceTrellis:
    """Lay a trellis out and copy it to a device."""
    fields = _class_fields(classes) + _trellis_fields(trellis, len(classes.label_start) - 1)
    starts = np.concatenate([[0], np.cumsum([len(field) for field in fields])]).astype(np.int64)
    numbers = torch.from_numpy(np.concatenate(fields).astype(np.int32)).to(device)
    return DeviceTrellis(trellis, classes, numbers, starts[:-1], int(np.diff(trellis.label_start).max()))


class DeviceTrellises:
    """The trellises used last, on one device, and the last sets of them that stood in a batch, joined."""

    def __init__(self, device: torch.device, *, kept: int = KEPT_NUMBERS) -> None:
        self._device, self._kept = device, kept
        self._trellises: OrderedDict[int, DeviceTrellis] = OrderedDict()
        self._joined: tuple[tuple[DeviceTrellis, ...], torch.Tensor] | None = None
        self._lock = Lock()

    def on_device(self, trellis: Trellis, classes: TokenClasses) -> DeviceTrellis:
        """A trellis on the device. It holds the trellis, so that the identity of that names it."""
        with self._lock:
            found = self._trellises.get(id(trellis))
            if found is None:
                found = self._trellises[id(trellis)] = trellis_on(trellis, classes, self._device)
            self._trellises.move_to_end(id(trellis))
            while (
                len(self._trellises) > 1
                and sum(len(p.numbers) for p in self._trellises.values()) > self._kept
            ):
                self._trellises.popitem(last=False)
            return found

    def joined(self, trellises: Sequence[DeviceTrellis]) -> torch.Tensor:
        """The numbers of several trellises in one tensor, in their order."""
        with self._lock:
            key = tuple(trellises)
            if self._joined is None or self._joined[0] != key:
                numbers = (
                    trellises[0].numbers if len(trellises) == 1 else torch.cat([p.numbers for p in trellises])
                )
                self._joined = key, numbers
            return self._joined[1]
