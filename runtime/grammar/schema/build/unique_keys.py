"""Values in which no key that a schema names comes twice, whatever else they are.

A complement needs them: an operand that has failed at the first of two equal keys would say no for good, while readers
of the text take the second. So everything under a Boolean node with a complement is read by this shadow of it, too.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from agentfast.runtime.grammar.automaton import nodes
from agentfast.runtime.grammar.automaton.array_items import Counter, Elements, Option
from agentfast.runtime.grammar.automaton.boolean_formula import Formula, leaves
from agentfast.runtime.grammar.automaton.object_members import Field, Members, Shape
from agentfast.runtime.grammar.schema.build.values import any_value, written
from agentfast.runtime.grammar.schema.rules.alternatives import project
from agentfast.runtime.grammar.schema.rules.by_type import ArrayRules, ObjectRules
from agentfast.runtime.grammar.schema.rules.subschemas import Atoms, joined
from agentfast.runtime.grammar.strings.language import StringLanguage

if TYPE_CHECKING:
    from agentfast.runtime.grammar.schema.build.builder import Builder


def shadow_of(builder: Builder, formulas: Iterable[Formula], kind: str) -> nodes.Node | None:
    """The shadow of formulas over the rules of objects or arrays; None if they name no keys."""
    shadows = _Shadows(builder)
    parts = _Parts()
    for formula in formulas:
        parts.add(formula)
    if not shadows.tracks(parts):
        return None
    return shadows.object(parts) if kind == "object" else shadows.array(parts)


class _Parts:
    """Keys that are named, with the atoms of their values; the atoms of other keys' values, and of items."""

    def __init__(self) -> None:
        self.named: dict[str, Atoms] = {}
        self.others: Atoms = ()
        self.items: Atoms = ()

    def add(self, formula: Formula) -> None:
        for leaf in leaves(formula):
            match leaf:
                case ArrayRules():
                    contained = (contains.atom for contains in leaf.contains)
                    self.items = joined(self.items, leaf.rest, *leaf.prefix, contained)
                case ObjectRules():
                    self._add_object(leaf)
                case _:
                    pass

    def _add_object(self, rules: ObjectRules) -> None:
        needed = [name for trigger, names in rules.needs for name in (trigger, *names)]
        excluded = [name for other in rules.others for name in other.names]
        for name in (*rules.order, *rules.required, *needed, *excluded):
            self.named.setdefault(name, ())
        for name, atom in rules.named:
            self.named[name] = joined(self.named.get(name, ()), (atom,))
        self.others = joined(
            self.others, (atom for _, atom in rules.patterns), (other.atom for other in rules.others)
        )

    def inner(self) -> list[Atoms]:
        """What may be inside."""
        return [*self.named.values(), self.others, self.items]


class _Shadows:
    def __init__(self, builder: Builder) -> None:
        self._builder = builder
        self._parts: dict[Atoms, _Parts] = {}
        self._rules: dict[Atoms, nodes.Rule] = {}
        self._finished: dict[Atoms, nodes.Node] = {}

    def tracks(self, parts: _Parts) -> bool:
        """Whether a key is named, here or further inside."""
        pending, seen = [parts], set[Atoms]()
        while pending:
            found = pending.pop()
            if found.named:
                return True
            for atoms in found.inner():
                if atoms and atoms not in seen:
                    seen.add(atoms)
                    pending.append(self._parts_of(atoms))
        return False

    def object(self, parts: _Parts) -> nodes.Node:
        names = tuple(parts.named)
        fields = tuple(
            Field(
                written(name, "any"),
                self._value(joined(atoms, parts.others)),
                required=False,
                ordered=False,
            )
            for name, atoms in parts.named.items()
        )
        keys = ~StringLanguage.words(names) if names else StringLanguage.anything()
        return Members(Shape(fields, ((keys.node("any"), self._value(parts.others)),)), self._builder.gaps)

    def array(self, parts: _Parts) -> nodes.Node:
        item = Option(self._value(parts.items))
        return Elements((), (item,), self._builder.gaps, Counter(0, None))

    def _value(self, atoms: Atoms) -> nodes.Node:
        if atoms in self._finished:
            return self._finished[atoms]
        if atoms in self._rules:
            return nodes.Reference(self._rules[atoms])
        anything = any_value(self._builder.gaps, "any")
        parts = self._parts_of(atoms)
        if not self.tracks(parts):
            self._finished[atoms] = anything
            return anything
        rule = self._rules[atoms] = nodes.Rule(f"{self._builder.digest} shadow {atoms!r}")
        assert isinstance(anything, nodes.Reference)
        assert isinstance(anything.rule.body, nodes.Choice)
        scalars = anything.rule.body.options[:-2]
        rule.body = nodes.Choice((*scalars, self.array(parts), self.object(parts)))
        self._finished[atoms] = nodes.Reference(rule)
        return self._finished[atoms]

    def _parts_of(self, atoms: Atoms) -> _Parts:
        if atoms not in self._parts:
            parts = self._parts[atoms] = _Parts()
            formula = self._builder.formula(atoms)
            for kind in ("object", "array"):
                parts.add(project(formula, kind, closed=False))
        return self._parts[atoms]
