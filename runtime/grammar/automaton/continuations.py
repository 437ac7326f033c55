"""Continuations of a grammar (partial derivatives, Antimirov 1996), made lazily.

A continuation (node, position, rest) is interned, so recursion makes only the frames that are used and a repeat only
the counts that are reached. A string body in front of one rest is a block: its continuations are numbered without
being made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from agentfast.runtime.grammar.automaton import nodes
from agentfast.runtime.grammar.automaton.gemma_notation import GemmaTransducer
from agentfast.runtime.grammar.automaton.product import Product
from agentfast.runtime.grammar.automaton.string_body import bare_key, unescaped

END: Final = 0
"""The continuation of nothing: the whole is complete."""
CUT: Final = 1
"""The continuation past the depth limit, whose verdict is not known."""
BLOCK: Final = 1 << 40
"""Continuations of block b are BLOCK * (b + 1) + offset; the others are below BLOCK, but those of copies."""
COPY: Final = 1 << 64
"""Continuations of copy c are COPY * (c + 1) + offset."""

Move = tuple[int, int, int]
"""From the first to the last byte go to a continuation."""


@dataclass(frozen=True)
class Block:
    """The states of one string body in front of one continuation."""

    node: nodes.StringBody
    rest: int
    first_state: int

    @property
    def size(self) -> int:
        """Number of states: counter values times places."""
        return self.node.size


class RuleAutomaton(Protocol):
    """States of a shared rule (see `nodes.Rule`), in which nothing comes after it."""

    @property
    def start(self) -> int:
        """The state before it."""
        ...

    @property
    def whole(self) -> int:
        """The state after which nothing may come, -1 for none."""
        ...

    def is_accepting(self, state: int) -> bool:
        """Test whether the bytes so far are complete."""
        ...

    def moves(self, state: int) -> list[tuple[int, int, int]]:
        """Byte ranges that may come, each with the state after it."""
        ...


@dataclass(frozen=True)
class CopiedRule:
    """The states of a shared rule in front of one continuation."""

    automaton: RuleAutomaton
    rest: int


@dataclass(frozen=True)
class Limits:
    """Bounds on continuations, and factories of blocks, products and transducers.

    Attributes:
        max_depth: recursive references that may be open at a time; None is any number.
        on_cut: where a reference that is too deep leads.
        first_state: reserves so many states for a block and says which is the first; None makes no blocks.
        rule: copies the states of a shared rule with so many references open at a time in front of a continuation;
            None shares no rules.
        product: the product of a Boolean node's operands at a depth.
        transducer: that of a GemmaText node's operand at a depth.
        check: refuses a node that needs more states than there may be.
        generates: take the part of a narrowed language that is generated, as lifting does, also of what a transducer
            in front writes in another notation; else the whole.
    """

    max_depth: int | None
    on_cut: Callable[[], list[int]]
    first_state: Callable[[int], int] | None
    rule: Callable[[nodes.Reference, int, int], CopiedRule] | None
    product: Callable[[nodes.Boolean, int], Product]
    transducer: Callable[[nodes.GemmaText, int], GemmaTransducer]
    check: Callable[[nodes.Node], None]
    generates: bool


class Continuations:
    """All continuations of one automaton; `blocks` are those of its string bodies, `copies` those of shared rules."""

    def __init__(self, limits: Limits, depth: int) -> None:
        self._limits = limits
        self._nodes: list[nodes.Node] = []
        self._has_specials: list[bool] = []
        self._node_ids: dict[bytes, int] = {}
        self._conts: list[tuple[int, int, int]] = [(-1, 0, 0), (-1, 0, 0)]
        self._cont_ids: dict[tuple[int, int, int], int] = {}
        self._depths: list[int] = [depth, depth]
        self._closures: dict[int, tuple[int, ...]] = {END: (END,), CUT: (CUT,)}
        self._products: dict[tuple[int, int], Product] = {}
        self._transducers: dict[tuple[int, int], GemmaTransducer] = {}
        self.blocks: list[Block] = []
        self._block_ids: dict[tuple[int, int], int] = {}
        self.copies: list[CopiedRule] = []
        self._copy_ids: dict[tuple[int, int], int | None] = {}

    def of(self, node: nodes.Node, rest: int, position: int = 0) -> int:
        """The continuation of a node in front of another."""
        node_id = self._node_ids.get(node.digest)
        if node_id is None:
            self._limits.check(node)
            node_id = self._node_ids[node.digest] = len(self._nodes)
            self._nodes.append(node)
            self._has_specials.append(isinstance(node, (nodes.Special, nodes.StringBody, nodes.GemmaText)))
        if self._limits.first_state is not None and isinstance(node, nodes.StringBody):
            return self._block(node_id, node, rest, self._limits.first_state) + position
        return self._at(node_id, position, rest, self._depths[rest])

    def depth_of(self, cont: int) -> int:
        """Recursive references that are open at a continuation; at one in a copy, as many as at its start."""
        if cont >= COPY:
            return self._depths[self.copies[cont // COPY - 1].rest] + 1
        return self._depths[cont] if cont < BLOCK else self._depths[self.blocks[cont // BLOCK - 1].rest]

    def special(self, cont: int) -> tuple[str, tuple[int, ...]] | None:
        """The special token that a closed continuation takes, and the closed continuations after it."""
        if cont <= CUT or cont >= COPY:
            return None
        if cont >= BLOCK:
            index, offset = divmod(cont, BLOCK)
            block = self.blocks[index - 1]
            return self._closing(block.node, offset, block.rest)
        node_id, position, rest = self._conts[cont]
        if not self._has_specials[node_id]:
            return None
        match node := self._nodes[node_id]:
            case nodes.Special():
                return node.name, self.closure(rest)
            case nodes.StringBody():
                return self._closing(node, position, rest)
            case nodes.GemmaText():
                after = self._after_quote(node_id, node, position, rest)
                return None if after is None else (node.quote, self.closure(after))
            case _:
                return None

    def string(self, cont: int) -> tuple[nodes.StringBody, int] | None:
        """The string body that a continuation is at the start of, and the continuation after it."""
        if not CUT < cont < BLOCK:
            return None
        node_id, position, rest = self._conts[cont]
        node = self._nodes[node_id]
        return (node, rest) if isinstance(node, nodes.StringBody) and position == 0 else None

    def _closing(
        self, node: nodes.StringBody, position: int, rest: int
    ) -> tuple[str, tuple[int, ...]] | None:
        closer = node.body.closer
        return (closer, self.closure(rest)) if closer is not None and node.may_close(position) else None

    def _after_quote(self, node_id: int, node: nodes.GemmaText, position: int, rest: int) -> int | None:
        depth = self._depths[rest]
        transducer = self._transducer(node_id, node, depth)
        after, body = transducer.after_quote(position)
        if after is None:
            return None
        behind = self._at(node_id, after, rest, depth)
        if body is None:
            return behind
        raw = unescaped(body.body, node.quote)
        return self.of(nodes.StringBody(body.least, body.most, raw), behind)

    def closure(self, cont: int) -> tuple[int, ...]:
        """Continuations reached without a symbol whose next step is a symbol, and END if there is nothing left."""
        before: dict[
            int, bool
        ] = {}  # continuations that unfold to one other each, and whether they take a symbol
        while True:
            if cont >= BLOCK:
                found = self._region_closure(cont)
                break
            known = self._closures.get(cont)
            if known is not None:
                found = known
                break
            consumes, successors = self._unfold(cont)
            if len(successors) != 1 or successors[0] in before or successors[0] == cont:
                found = self._closures[cont] = self._collected(cont, successors, consumes=consumes)
                break
            before[cont] = consumes
            cont = successors[0]
        for earlier, consumes in reversed(before.items()):
            if consumes:
                found = tuple(sorted({earlier, *found}))
            self._closures[earlier] = found
        return found

    def _region_closure(self, cont: int) -> tuple[int, ...]:
        if cont < COPY:
            return (cont,)
        index, offset = divmod(cont, COPY)
        copy = self.copies[index - 1]
        return (*self.closure(copy.rest), cont) if copy.automaton.is_accepting(offset) else (cont,)

    def _collected(self, cont: int, successors: list[int], *, consumes: bool) -> tuple[int, ...]:
        if not successors:
            return (cont,) if consumes else ()
        result = {cont} if consumes else set[int]()
        seen = {cont, *successors}
        pending = list(dict.fromkeys(successors))
        while pending:
            current = pending.pop()
            if current >= BLOCK:
                result.update(self._region_closure(current))
                continue
            known = self._closures.get(current)
            if known is not None:
                result.update(known)
                continue
            consumes, successors = self._unfold(current)
            if consumes:
                result.add(current)
            for successor in successors:
                if successor not in seen:
                    seen.add(successor)
                    pending.append(successor)
        return tuple(sorted(result))

    def moves(self, cont: int) -> list[Move]:
        """Byte ranges that a closed continuation takes, each with the continuation after it."""
        if cont >= COPY:
            return self._copy_moves(cont)
        if cont >= BLOCK:
            return self._block_moves(cont)
        if cont <= CUT:
            return []
        node_id, position, rest = self._conts[cont]
        node = self._nodes[node_id]
        if isinstance(node, nodes.Literal):
            byte = node.data[position]
            return [(byte, byte, rest if position + 1 == len(node.data) else self._next(cont))]
        depth = self._depths[cont]
        if isinstance(node, nodes.Terminal):
            moves = node.dfa.moves[position]
            return [(low, high, self._at(node_id, to, rest, depth)) for low, high, to in moves]
        if isinstance(node, (nodes.Boolean, nodes.GemmaText)):
            found = self._walker(node_id, node, depth).moves(position)
            return [(low, high, self._at(node_id, to, rest, depth)) for low, high, to in found]
        if isinstance(node, nodes.StringBody):
            return [
                (low, high, rest if to is None else self._at(node_id, to, rest, depth))
                for low, high, to in node.moves(position)
            ]
        return []

    def _at(self, node_id: int, position: int, rest: int, depth: int) -> int:
        key = (node_id, position, rest)
        cont = self._cont_ids.get(key)
        if cont is None:
            cont = self._cont_ids[key] = len(self._conts)
            self._conts.append(key)
            self._depths.append(depth)
        return cont

    def _block(
        self, node_id: int, node: nodes.StringBody, rest: int, first_state: Callable[[int], int]
    ) -> int:
        key = (node_id, rest)
        index = self._block_ids.get(key)
        if index is None:
            index = self._block_ids[key] = len(self.blocks)
            self.blocks.append(Block(node, rest, first_state(node.size)))
        return BLOCK * (index + 1)

    def _block_moves(self, cont: int) -> list[Move]:
        index, offset = divmod(cont, BLOCK)
        block = self.blocks[index - 1]
        return [
            (low, high, block.rest if to is None else index * BLOCK + to)
            for low, high, to in block.node.moves(offset)
        ]

    def _copy_moves(self, cont: int) -> list[Move]:
        index, offset = divmod(cont, COPY)
        copy = self.copies[index - 1]
        whole = copy.automaton.whole
        return [
            (low, high, copy.rest if to == whole else index * COPY + to)
            for low, high, to in copy.automaton.moves(offset)
        ]

    def _start_of_copy(self, cont: int, node: nodes.Reference, rest: int) -> int | None:
        """The first continuation of a shared rule; None where it cannot be shared."""
        if self._limits.rule is None or self._limits.max_depth is None or node.rule.followed_by is None:
            return None
        key = self._conts[cont][0], rest
        if key not in self._copy_ids:
            self._copy_ids[key] = None  # while it is asked whether there is to be one
            levels = self._limits.max_depth - self._depths[cont]
            if levels > 0 and self._only_follow(rest, node.rule.followed_by):
                self._copy_ids[key] = len(self.copies)
                self.copies.append(self._limits.rule(node, levels, rest))
        index = self._copy_ids[key]
        return None if index is None else COPY * (index + 1) + self.copies[index].automaton.start

    def _only_follow(self, cont: int, expected: bytes) -> bool:
        """Test whether something must come, and all that may are these bytes."""
        items = self.closure(cont)
        if not items or items[0] <= CUT or any(self.special(item) is not None for item in items):
            return False
        follows = set(expected)
        return all(
            follows.issuperset(range(low, high + 1)) for item in items for low, high, _ in self.moves(item)
        )

    def _unfold(self, cont: int) -> tuple[bool, list[int]]:
        """Unfold the head of a continuation: True if it takes a symbol, and the continuations reached without one."""
        node_id, position, rest = self._conts[cont]
        node = self._nodes[node_id]
        # The commonest first: this is where the making of an automaton spends its time.
        if isinstance(node, nodes.Literal):
            return (True, []) if node.data else (False, [rest])
        if isinstance(node, nodes.Sequence):
            last = position + 1 == len(node.parts)
            return False, [self.of(node.parts[position], rest if last else self._next(cont))]
        if isinstance(node, nodes.Steps):
            depth = self._depths[cont]
            steps = [self.of(step, self._at(node_id, to, rest, depth)) for step, to in node.steps(position)]
            return False, [rest, *steps] if node.is_final(position) else steps
        if isinstance(node, nodes.Terminal):
            accepting = node.dfa.accepting[position]
            return bool(node.dfa.moves[position]), [rest] if accepting else []
        if isinstance(node, nodes.Choice):
            return False, [self.of(option, rest) for option in node.options]
        if isinstance(node, nodes.Reference):
            return False, self._unfold_reference(cont, node, rest)
        if isinstance(node, nodes.Narrowed):
            return False, [self.of(node.generated if self._limits.generates else node.exact, rest)]
        if isinstance(node, nodes.Repeat):
            return False, self._unfold_repeat(node, position, rest)
        if isinstance(node, (nodes.Boolean, nodes.GemmaText)):
            return self._unfold_walker(self._walker(node_id, node, self._depths[cont]), cont)
        assert isinstance(node, (nodes.Special, nodes.StringBody)), f"unknown node {node!r}"
        return True, []

    def _unfold_walker(self, walker: Product | GemmaTransducer, cont: int) -> tuple[bool, list[int]]:
        node_id, position, rest = self._conts[cont]
        if walker.is_dead:
            return False, []
        successors = [rest] if walker.accepting(position) else []
        key = walker.key_at(position) if isinstance(walker, GemmaTransducer) else None
        if key is None:
            return True, successors
        body, after = key
        behind = self._at(node_id, after, rest, self._depths[rest])
        bare = nodes.StringBody(max(body.least, 1), body.most, bare_key(body.body))
        return bool(walker.moves(position)), [*successors, self.of(bare, behind)]

    def _next(self, cont: int) -> int:
        node_id, position, rest = self._conts[cont]
        return self._at(node_id, position + 1, rest, self._depths[cont])

    def _walker(
        self, node_id: int, node: nodes.Boolean | nodes.GemmaText, depth: int
    ) -> Product | GemmaTransducer:
        if isinstance(node, nodes.Boolean):
            return self._product(node_id, node, depth)
        return self._transducer(node_id, node, depth)

    def _transducer(self, node_id: int, node: nodes.GemmaText, depth: int) -> GemmaTransducer:
        key = (node_id, 0 if self._limits.max_depth is None else depth)
        if key not in self._transducers:
            self._transducers[key] = self._limits.transducer(node, key[1])
        return self._transducers[key]

    def _product(self, node_id: int, node: nodes.Boolean, depth: int) -> Product:
        # The depth counts on inside the operands, so that recursion through them ends, too.
        key = (node_id, 0 if self._limits.max_depth is None else depth)
        if key not in self._products:
            self._products[key] = self._limits.product(node, key[1])
        return self._products[key]

    def _unfold_repeat(self, node: nodes.Repeat, done: int, rest: int) -> list[int]:
        successors = [rest] if done >= node.least else []
        if node.most is None or done < node.most:
            count = done + 1 if node.most is not None else min(done + 1, node.least)
            successors.append(self.of(node.item, self.of(node, rest, count)))
        return successors

    def _unfold_reference(self, cont: int, node: nodes.Reference, rest: int) -> list[int]:
        """Push a frame (the reference at position 1) for the rule's body, or pop it at the end."""
        if self._conts[cont][1] == 1:
            return [rest]
        start = self._start_of_copy(cont, node, rest)
        if start is not None:
            return [start]
        depth = self._depths[cont] + 1
        if self._limits.max_depth is not None and depth > self._limits.max_depth:
            return self._limits.on_cut()
        frame = self._at(self._conts[cont][0], 1, rest, depth)
        return [self.of(node.rule.body, frame)]
