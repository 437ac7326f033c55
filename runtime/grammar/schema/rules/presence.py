"""Formulas on the presence of a property, for `dependentSchemas`."""

from __future__ import annotations

from agentfast.runtime.grammar.automaton.boolean_formula import TRUE, Formula
from agentfast.runtime.grammar.schema.rules.assertions import Assertions
from agentfast.runtime.grammar.schema.rules.by_type import KINDS, ObjectRules
from agentfast.runtime.grammar.schema.rules.subschemas import NEVER


def for_objects(rules: ObjectRules) -> Formula:
    """Rules for objects alone; every value of another type meets them."""
    return Assertions({kind: rules if kind == "object" else TRUE for kind in KINDS})


def present(name: str) -> Formula:
    """Objects that have a property, and other types."""
    return for_objects(ObjectRules(required=(name,)))


def absent(name: str) -> Formula:
    """Objects that do not have a property, and other types."""
    return for_objects(ObjectRules(named=((name, NEVER),)))
