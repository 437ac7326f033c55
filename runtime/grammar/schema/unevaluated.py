"""unevaluatedProperties and unevaluatedItems: conditions on members that no other keyword has evaluated.

That depends on which subschemas hold for the value, so a schema becomes a choice of cases, each with the condition
that makes it so and a fixed set of evaluated members.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, Final, Protocol

from agentfast.errors import UnsupportedSchemaError
from agentfast.runtime.grammar.automaton.boolean_formula import TRUE, Formula, all_of, negation, some_of
from agentfast.runtime.grammar.schema import keywords
from agentfast.runtime.grammar.schema.dialect import Dialect
from agentfast.runtime.grammar.schema.rules.assertions import Assertions
from agentfast.runtime.grammar.schema.rules.by_type import KINDS, ArrayRules, ObjectRules, Others
from agentfast.runtime.grammar.schema.rules.presence import absent, present
from agentfast.runtime.grammar.schema.rules.subschemas import NEVER, Either, SchemaRef, Subschema

MAX_CASES: Final = 256
"""Cases of one schema; more are refused."""


class SchemaReader(Protocol):
    """Reader of a document's schemas; see `Reader`."""

    def formula(self, subschema: Subschema) -> Formula:
        """Conditions on a value, as a formula."""
        ...

    def rules_at(self, ref: SchemaRef) -> Mapping[str, Any] | bool:
        """The schema, checked."""
        ...

    def dialect(self, ref: SchemaRef) -> Dialect:
        """The dialect that a schema is read by."""
        ...

    def below(self, ref: SchemaRef, *steps: str | int) -> SchemaRef:
        """A schema inside another."""
        ...

    def referred(self, rules: Mapping[str, Any], ref: SchemaRef) -> list[SchemaRef]:
        """Targets of `$ref` and `$dynamicRef`."""
        ...

    def listed(self, rules: Mapping[str, Any], keyword: str, ref: SchemaRef) -> list[SchemaRef]:
        """The members of a keyword that lists schemas."""
        ...

    def dependents(self, rules: Mapping[str, Any], ref: SchemaRef) -> list[tuple[str, SchemaRef]]:
        """Names, each with the schema that holds where the name is present."""
        ...


@dataclass(frozen=True)
class Evaluated:
    """Members that were evaluated.

    Attributes:
        names, patterns: properties by name and by pattern; `properties` is all of them.
        count: so many first items; `items` is all of them.
        matching: items that meet one of these.
    """

    names: frozenset[str] = frozenset()
    patterns: frozenset[str] = frozenset()
    properties: bool = False
    count: int = 0
    items: bool = False
    matching: frozenset[Subschema] = frozenset()

    def __or__(self, other: Evaluated) -> Evaluated:
        return Evaluated(
            self.names | other.names,
            self.patterns | other.patterns,
            self.properties or other.properties,
            max(self.count, other.count),
            self.items or other.items,
            self.matching | other.matching,
        )


Case = tuple[Formula, Evaluated]
"""A condition, and the members evaluated where it holds."""
_NOTHING: Final[list[Case]] = [(TRUE, Evaluated())]


def unevaluated(reader: SchemaReader, rules: Mapping[str, Any], ref: SchemaRef) -> list[Formula]:
    """Conditions of the two keywords, beside those of all others in the schema.

    Raises:
        UnsupportedSchemaError: too many cases.
    """
    own = frozenset(("unevaluatedProperties", "unevaluatedItems"))
    cases = _Cases(reader).of(rules, ref, without=own)
    found: list[Formula] = []
    for keyword in sorted(own & rules.keys()):
        if rules[keyword] is True:
            subschema = None
        else:
            subschema = NEVER if rules[keyword] is False else reader.below(ref, keyword)
        found.append(
            some_of(
                all_of([condition, _rest(keyword, evaluated, subschema)]) for condition, evaluated in cases
            )
        )
    return found


def _rest(keyword: str, evaluated: Evaluated, subschema: Subschema | None) -> Formula:
    """The subschema for members that were not evaluated."""
    if keyword == "unevaluatedProperties":
        others = (
            ()
            if subschema is None
            else (Others(evaluated.names, tuple(sorted(evaluated.patterns)), subschema),)
        )
        kind, rules = "object", ObjectRules(others=() if evaluated.properties else others, is_open=True)
        return Assertions({name: rules if name == kind else TRUE for name in KINDS})
    if evaluated.items or subschema is None:
        return TRUE
    rest = Either((subschema, *sorted(evaluated.matching, key=repr)))
    array = ArrayRules(prefix=((),) * evaluated.count, rest=(rest,))
    return Assertions({name: array if name == "array" else TRUE for name in KINDS})


class _Cases:
    def __init__(self, reader: SchemaReader) -> None:
        self._reader = reader

    def at(self, ref: SchemaRef) -> list[Case]:
        """The cases of a schema, given that it holds."""
        rules = self._reader.rules_at(ref)
        return _NOTHING if isinstance(rules, bool) else self.of(rules, ref, without=frozenset())

    def of(self, rules: Mapping[str, Any], ref: SchemaRef, *, without: frozenset[str]) -> list[Case]:
        """The cases of a schema, with some of its keywords left out."""
        reader = self._reader
        parts = [self.at(target) for target in reader.referred(rules, ref)]
        if "allOf" in rules:
            parts += [self.at(member) for member in reader.listed(rules, "allOf", ref)]
        for keyword in ("anyOf", "oneOf"):
            if keyword in rules:
                parts += [self._optional(member) for member in reader.listed(rules, keyword, ref)]
        if "if" in rules:
            parts.append(self._conditional(rules, ref))
        for name, schema in reader.dependents(rules, ref):
            parts.append(self._dependent(name, schema))
        if not reader.dialect(ref).contains_evaluates:
            without |= {"contains"}
        evaluated = _own(rules, ref, without)
        return self._product([[(TRUE, evaluated)], *parts], ref)

    def _optional(self, ref: SchemaRef) -> list[Case]:
        """The cases of a schema that may hold or not; one that says nothing is not asked."""
        cases = self.at(ref)
        if all(evaluated == Evaluated() for _, evaluated in cases):
            return _NOTHING
        holds = self._reader.formula(ref)
        return [
            *((all_of([holds, condition]), evaluated) for condition, evaluated in cases),
            (negation(holds), Evaluated()),
        ]

    def _conditional(self, rules: Mapping[str, Any], ref: SchemaRef) -> list[Case]:
        reader = self._reader
        condition = reader.formula(reader.below(ref, "if"))
        then = self.at(reader.below(ref, "then")) if "then" in rules else _NOTHING
        both = self._product([self.at(reader.below(ref, "if")), then], ref)
        otherwise = self.at(reader.below(ref, "else")) if "else" in rules else _NOTHING
        return _grouped(
            [
                *((all_of([condition, inner]), evaluated) for inner, evaluated in both),
                *((all_of([negation(condition), inner]), evaluated) for inner, evaluated in otherwise),
            ]
        )

    def _dependent(self, name: str, schema: SchemaRef) -> list[Case]:
        there = [(all_of([present(name), inner]), evaluated) for inner, evaluated in self.at(schema)]
        return [*there, (absent(name), Evaluated())]

    def _product(self, parts: list[list[Case]], ref: SchemaRef) -> list[Case]:
        found = _NOTHING
        for part in parts:
            if len(found) * len(part) > MAX_CASES:
                raise UnsupportedSchemaError(
                    "unevaluatedProperties", ref.path, f"more than {MAX_CASES} cases to tell apart"
                )
            found = _grouped(
                [(all_of([left, right]), a | b) for (left, a), (right, b) in product(found, part)]
            )
        return found


def _grouped(cases: Iterable[Case]) -> list[Case]:
    """Cases that speak of the same members made one."""
    by_evaluated: dict[Evaluated, list[Formula]] = {}
    for condition, evaluated in cases:
        by_evaluated.setdefault(evaluated, []).append(condition)
    if len(by_evaluated) == 1:
        return [(TRUE, next(iter(by_evaluated)))]  # the cases leave nothing out
    return [(some_of(conditions), evaluated) for evaluated, conditions in by_evaluated.items()]


def _own(rules: Mapping[str, Any], ref: SchemaRef, without: frozenset[str]) -> Evaluated:
    """Members that a schema's own keywords evaluate."""
    read = rules.keys() - without
    properties = keywords.members(rules, "properties", ref.path)
    patterns = keywords.members(rules, "patternProperties", ref.path)
    items = rules.get("items")
    listed = keywords.as_list(items)
    prefix = listed if listed is not None else keywords.as_list(rules.get("prefixItems", []))
    every_item = ("items" in read and listed is None) or "unevaluatedItems" in read
    every_item |= listed is not None and "additionalItems" in read
    contains = SchemaRef(keywords.pointer(ref.path, "contains"), ref.scope)
    return Evaluated(
        frozenset(properties),
        frozenset(patterns),
        bool(read & {"additionalProperties", "unevaluatedProperties"}),
        len(prefix or ()),
        every_item,
        frozenset([contains]) if "contains" in read else frozenset(),
    )
