"""Pickles of expressions as flat tables, so that neither their depth nor their recursion matters."""

from __future__ import annotations

import pickle
from io import BytesIO
from typing import Any

from agentfast.runtime.grammar.automaton.nodes import Node, Rule

_Entry = Node | Rule


def dump_node(root: Node) -> bytes:
    """Pickle an expression: the classes of its nodes and rules, then their states, which name others by number."""
    content = BytesIO()
    writer = _Writer(content, root)
    at = 0
    while at < len(writer.entries):  # grows while it is written
        writer.dump(writer.entries[at].__reduce_ex__(2)[2])
        at += 1
    return pickle.dumps(([type(entry) for entry in writer.entries], content.getvalue()))


def load_node(data: bytes) -> Node:
    """Restore the expression that `dump_node` pickled."""
    classes, content = pickle.loads(data)
    entries: list[Any] = [cls.__new__(cls) for cls in classes]
    reader = _Reader(BytesIO(content), entries)
    for entry in entries:
        _, slots = reader.load()
        for name, value in slots.items():
            setattr(entry, name, value)
    root: Node = entries[0]
    return root


class _Writer(pickle.Pickler):
    def __init__(self, file: BytesIO, root: Node) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        self.entries: list[_Entry] = [root]
        self._numbers = {id(root): 0}

    def persistent_id(self, obj: Any) -> int | None:
        """Number of a node or rule; None for any other object."""
        if not isinstance(obj, Node | Rule):
            return None
        number = self._numbers.setdefault(id(obj), len(self.entries))
        if number == len(self.entries):
            self.entries.append(obj)
        return number


class _Reader(pickle.Unpickler):
    def __init__(self, file: BytesIO, entries: list[_Entry]) -> None:
        super().__init__(file)
        self._entries = entries

    def persistent_load(self, pid: int) -> _Entry:
        """The node or rule of a number."""
        return self._entries[pid]
