"""Nodes of arrays: lists and tuples directly, counters for `contains`, a mask of values for `uniqueItems`."""

from __future__ import annotations

import json
from decimal import Decimal
from itertools import product
from typing import Final

from agentfast.errors import UnsupportedSchemaError
from agentfast.runtime.grammar.automaton import nodes
from agentfast.runtime.grammar.automaton.array_items import ArrayItems, ItemCounter, ItemOption
from agentfast.runtime.grammar.automaton.boolean_formula import FALSE, TRUE, Formula
from agentfast.runtime.grammar.schema.build.base import NodeBuilder
from agentfast.runtime.grammar.schema.build.mode import Mode
from agentfast.runtime.grammar.schema.rules.alternatives import alternatives, project
from agentfast.runtime.grammar.schema.rules.by_type import ArrayRules, Contains, NumberRules, allows
from agentfast.runtime.grammar.schema.rules.subschemas import Except, Fixed, Subschemas, conjoin

MAX_CONTAINS: Final = 4
"""`contains` conditions at once: each item is told apart by all of them."""
MAX_VALUES: Final = 64
"""Values that unique items may have."""


def array_node(builder: NodeBuilder, rules: ArrayRules, mode: Mode) -> nodes.Node:
    """Arrays that meet the rules; NOTHING if there are plainly none.

    Raises:
        UnsupportedSchemaError: items have to be unique, but may have too many values.
    """
    rules = _cut(builder, rules)
    least, most, prefix = rules.least, rules.most, rules.prefix
    if most is not None and most < least:
        return nodes.NOTHING
    contains = tuple(c for c in rules.contains if c.least or c.most is not None)
    if any(c.most is not None and c.most < c.least for c in contains):
        return nodes.NOTHING
    unique = rules.unique and (most is None or most > 1)
    # Items that cannot occur are not read.
    has_rest = most is None or most > len(prefix)
    options = _ItemOptions(builder, mode, contains, rules, unique=unique)
    return ArrayItems(
        tuple(options.of(subschemas) for subschemas in prefix),
        options.of(rules.rest) if has_rest else (),
        builder.gaps,
        ItemCounter(least, most),
        tuple(ItemCounter(c.least, c.most) for c in contains),
    )


def _cut(builder: NodeBuilder, rules: ArrayRules) -> ArrayRules:
    """The rules with the number of items bounded where none can follow."""
    most = rules.most
    for index, subschemas in enumerate((*rules.prefix, rules.rest)):
        if (most is None or most > index) and builder.formula(subschemas) == FALSE:
            most = index
    prefix = rules.prefix if most is None else rules.prefix[:most]
    return ArrayRules(prefix, rules.rest, rules.least, most, rules.contains, rules.unique, rules.path)


class _ItemOptions:
    """Options of one item, split by the `contains` conditions that it meets and, if unique, by its value."""

    def __init__(
        self,
        builder: NodeBuilder,
        mode: Mode,
        contains: tuple[Contains, ...],
        rules: ArrayRules,
        *,
        unique: bool,
    ) -> None:
        if len(contains) > MAX_CONTAINS:
            raise UnsupportedSchemaError("contains", rules.path, f"more than {MAX_CONTAINS} of them at once")
        self._builder = builder
        self._mode = mode
        self._contains = contains
        self._path = rules.path
        self._unique = unique
        self._values: dict[str, int] = {}

    def of(self, subschemas: Subschemas) -> tuple[ItemOption, ...]:
        """The options of an item that meets the subschemas."""
        if self._unique:
            return tuple(
                ItemOption(option.node, option.counted, number)
                for text, number in self._listed(subschemas)
                for option in self._counted((Fixed(text),))
            )
        return self._counted(subschemas)

    def _counted(self, subschemas: Subschemas) -> tuple[ItemOption, ...]:
        if not self._contains:
            return (ItemOption(self._builder.value(subschemas, self._mode)),)
        found: list[ItemOption] = []
        for choice in product((True, False), repeat=len(self._contains)):
            pairs = list(zip(choice, self._contains, strict=True))
            wanted = conjoin(
                subschemas, (c.subschema if meets else Except(c.subschema) for meets, c in pairs)
            )
            if self._builder.has_no_values(wanted, 0, self._mode):
                continue
            node = self._builder.value(wanted, self._mode)
            if node != nodes.NOTHING:
                found.append(ItemOption(node, tuple(i for i, meets in enumerate(choice) if meets)))
        return tuple(found)

    def _listed(self, subschemas: Subschemas) -> list[tuple[str, int]]:
        """The values of an item as JSON texts, each with its number among all."""
        values = finite_values(self._builder, subschemas, self._mode)
        if values is None:
            raise UnsupportedSchemaError(
                "uniqueItems",
                self._path,
                f"items of more than {MAX_VALUES} values cannot be remembered",
                hint="list the values with enum, or check it in the tool",
            )
        return [(text, self._values.setdefault(text, len(self._values))) for text in values]


def finite_values(builder: NodeBuilder, subschemas: Subschemas, mode: Mode) -> list[str] | None:
    """The values that meet the subschemas, as JSON texts; None if there may be more than MAX_VALUES."""
    formula = builder.formula(subschemas)
    found: list[str] = []
    if project(formula, "null", closed=False) == TRUE:
        found.append("null")
    truths = project(formula, "boolean", closed=False)
    found += [json.dumps(value) for value in (True, False) if allows(truths, value=value)]
    words = builder.strings(project(formula, "string", closed=False)).finite(MAX_VALUES)
    numbers = _numbers(project(formula, "number", closed=False))
    if words is None or numbers is None:
        return None
    for kind in ("object", "array"):
        if project(formula, kind, closed=mode.closed) != FALSE:
            return None
    found += [json.dumps(word) for word in words] + [Fixed.of(number).text for number in numbers]
    return found if len(found) <= MAX_VALUES else None


def _numbers(formula: Formula) -> list[Decimal] | None:
    """The numbers that a formula allows, if they are few and it is plain."""
    found: dict[Decimal, None] = {}
    for alternative in alternatives(formula, lambda _: False):
        if alternative.hard or not isinstance(alternative.rules, NumberRules):
            return None
        low, high = alternative.rules.bounds.low, alternative.rules.bounds.high
        if low is None or high is None:
            return None
        if low == high:
            found[low] = None
            continue
        if not alternative.rules.integral or high - low > MAX_VALUES:
            return None
        for number in range(int(low) - 1, int(high) + 2):
            exact = Decimal(number)
            step = alternative.rules.multiple_of
            if alternative.rules.bounds.hold(exact) and (step is None or exact % step == 0):
                found[exact] = None
    return list(found)
