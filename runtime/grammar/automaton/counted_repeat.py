"""Bounded repeats as loops whose rounds a special token counts, so that an automaton holds one copy of them.

A repeat whose every round begins with a special token that stands nowhere else makes as many rounds as its text has of
these tokens. So it is the endless repeat, of the texts with at most so many; a counter beside the state says how many
there were, see tokens/counter.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from agentfast.runtime.grammar.automaton import nodes


@dataclass(frozen=True)
class CountedRepeat:
    """An expression of which one repeat was made endless.

    Attributes:
        root: the expression. Of its words those with at most `most` of the special token count.
        special: name of the token that each round of the repeat begins with, and that stands nowhere else.
    """

    root: nodes.Node
    special: str
    most: int


def counted_repeat(root: nodes.Node) -> CountedRepeat | None:
    """An expression with a bounded repeat made endless, None if it has none whose rounds a special token counts."""
    for repeat in _repeats(root):
        name = _opening(repeat.item)
        if name is None or repeat.most is None or repeat.most < 2 or repeat.least > 1:
            continue
        others = [_with(root, repeat, nodes.EMPTY), *_behind_opening(repeat.item)]
        if not _holds(others, name) and _times(root, repeat) == 1:
            endless = nodes.Repeat(repeat.item, repeat.least, None)
            return CountedRepeat(_with(root, repeat, endless), name, repeat.most)
    return None


def _repeats(root: nodes.Node) -> Iterator[nodes.Repeat]:
    """Repeats that are entered from outside of any other."""
    pending = [root]
    while pending:
        node = pending.pop()
        if isinstance(node, nodes.Repeat):
            yield node
        elif isinstance(node, (nodes.Sequence, nodes.Choice)):
            pending += node.children


def _opening(item: nodes.Node) -> str | None:
    """Name of the special token that all words begin with."""
    names = {
        part.name if isinstance(part := next(_parts(option), None), nodes.Special) else None
        for option in _options(item)
    }
    return names.pop() if len(names) == 1 else None


def _behind_opening(item: nodes.Node) -> Iterator[nodes.Node]:
    for option in _options(item):
        yield from list(_parts(option))[1:]


def _options(node: nodes.Node) -> Iterator[nodes.Node]:
    """The options of choices inside each other."""
    pending = [node]
    while pending:
        node = pending.pop()
        if isinstance(node, nodes.Choice):
            pending += reversed(node.options)
        else:
            yield node


def _parts(node: nodes.Node) -> Iterator[nodes.Node]:
    """The parts of sequences inside each other, but for empty ones."""
    pending = [node]
    while pending:
        node = pending.pop()
        if isinstance(node, nodes.Sequence):
            pending += reversed(node.parts)
        elif node != nodes.EMPTY:
            yield node


def _holds(found: Iterable[nodes.Node], name: str) -> bool:
    special = nodes.Special(name)
    return any(special in nodes.walk(node) for node in found)


def _times(node: nodes.Node, repeat: nodes.Repeat) -> int:
    """Times that a repeat may be entered in one word, at most."""
    if isinstance(node, nodes.Sequence):
        return sum(_times(part, repeat) for part in _parts(node))
    if isinstance(node, nodes.Choice):
        return max((_times(option, repeat) for option in _options(node)), default=0)
    return int(node == repeat)


def _with(node: nodes.Node, repeat: nodes.Repeat, other: nodes.Node) -> nodes.Node:
    """The expression with another one in place of a repeat."""
    if node == repeat:
        return other
    if isinstance(node, nodes.Sequence):
        return nodes.Sequence(*(_with(part, repeat, other) for part in _parts(node)))
    if isinstance(node, nodes.Choice):
        return nodes.Choice(_with(option, repeat, other) for option in _options(node))
    return node
