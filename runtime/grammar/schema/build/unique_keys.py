"""Values with unique keys: no key that a schema names comes twice, whatever else they are.

A complement needs them: an operand that has failed at the first of two equal keys would say no for good, while readers
of the text take the second. So a Boolean node with a complement has this operand, too.
"""

from __future__ import annotations

from collections.abc import Iterable

from agentfast.runtime.grammar.automaton import nodes
from agentfast.runtime.grammar.automaton.array_items import ArrayItems, ItemCounter, ItemOption
from agentfast.runtime.grammar.automaton.boolean_formula import Formula, leaves
from agentfast.runtime.grammar.automaton.object_members import ObjectMembers, ObjectShape, Property
from agentfast.runtime.grammar.schema.build.base import NodeBuilder
from agentfast.runtime.grammar.schema.build.values import any_value, string_node
from agentfast.runtime.grammar.schema.rules.alternatives import project
from agentfast.runtime.grammar.schema.rules.by_type import ArrayRules, ObjectRules
from agentfast.runtime.grammar.schema.rules.subschemas import Subschemas, conjoin
from agentfast.runtime.grammar.strings.language import StringLanguage


def unique_keys_node(builder: NodeBuilder, formulas: Iterable[Formula], kind: str) -> nodes.Node | None:
    """The unique-keys operand for formulas over the rules of objects or arrays; None if they name no keys."""
    unique = _UniqueKeys(builder)
    keys = _NamedKeys()
    for formula in formulas:
        keys.add(formula)
    if not unique.tracks(keys):
        return None
    return unique.object(keys) if kind == "object" else unique.array(keys)


class _NamedKeys:
    """Keys that are named, with the subschemas of their values; the subschemas of other keys' values, and of items."""

    def __init__(self) -> None:
        self.named: dict[str, Subschemas] = {}
        self.others: Subschemas = ()
        self.items: Subschemas = ()

    def add(self, formula: Formula) -> None:
        for leaf in leaves(formula):
            match leaf:
                case ArrayRules():
                    contained = (contains.subschema for contains in leaf.contains)
                    self.items = conjoin(self.items, leaf.rest, *leaf.prefix, contained)
                case ObjectRules():
                    self._add_object(leaf)
                case _:
                    pass

    def _add_object(self, rules: ObjectRules) -> None:
        needed = [name for trigger, names in rules.needs for name in (trigger, *names)]
        excluded = [name for other in rules.others for name in other.names]
        for name in (*rules.order, *rules.required, *needed, *excluded):
            self.named.setdefault(name, ())
        for name, subschema in rules.named:
            self.named[name] = conjoin(self.named.get(name, ()), (subschema,))
        self.others = conjoin(
            self.others,
            (subschema for _, subschema in rules.patterns),
            (other.subschema for other in rules.others),
        )

    def inner(self) -> list[Subschemas]:
        """Subschemas of the values inside."""
        return [*self.named.values(), self.others, self.items]


class _UniqueKeys:
    def __init__(self, builder: NodeBuilder) -> None:
        self._builder = builder
        self._known: dict[Subschemas, _NamedKeys] = {}
        self._rules: dict[Subschemas, nodes.Rule] = {}
        self._finished: dict[Subschemas, nodes.Node] = {}

    def tracks(self, keys: _NamedKeys) -> bool:
        """Test whether a key is named, here or further inside."""
        pending, seen = [keys], set[Subschemas]()
        while pending:
            found = pending.pop()
            if found.named:
                return True
            for subschemas in found.inner():
                if subschemas and subschemas not in seen:
                    seen.add(subschemas)
                    pending.append(self._named_keys_of(subschemas))
        return False

    def object(self, keys: _NamedKeys) -> nodes.Node:
        names = tuple(keys.named)
        properties = tuple(
            Property(
                string_node(name, "any"),
                self._value(conjoin(subschemas, keys.others)),
                required=False,
                ordered=False,
            )
            for name, subschemas in keys.named.items()
        )
        other_keys = ~StringLanguage.words(names) if names else StringLanguage.anything()
        return ObjectMembers(
            ObjectShape(properties, ((other_keys.node("any"), self._value(keys.others)),)), self._builder.gaps
        )

    def array(self, keys: _NamedKeys) -> nodes.Node:
        item = ItemOption(self._value(keys.items))
        return ArrayItems((), (item,), self._builder.gaps, ItemCounter(0, None))

    def _value(self, subschemas: Subschemas) -> nodes.Node:
        if subschemas in self._finished:
            return self._finished[subschemas]
        if subschemas in self._rules:
            return nodes.Reference(self._rules[subschemas])
        anything = any_value(self._builder.gaps, "any")
        keys = self._named_keys_of(subschemas)
        if not self.tracks(keys):
            self._finished[subschemas] = anything
            return anything
        rule = self._rules[subschemas] = nodes.Rule(f"{self._builder.digest} unique keys {subschemas!r}")
        assert isinstance(anything, nodes.Reference)
        assert isinstance(anything.rule.body, nodes.Choice)
        scalars = anything.rule.body.options[:-2]
        rule.body = nodes.Choice((*scalars, self.array(keys), self.object(keys)))
        self._finished[subschemas] = nodes.Reference(rule)
        return self._finished[subschemas]

    def _named_keys_of(self, subschemas: Subschemas) -> _NamedKeys:
        if subschemas not in self._known:
            keys = self._known[subschemas] = _NamedKeys()
            formula = self._builder.formula(subschemas)
            for kind in ("object", "array"):
                keys.add(project(formula, kind, closed=False))
        return self._known[subschemas]
