"""From the schemas of a document to formulas over their plain rules: references followed, applicators opened."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any

from agentfast.errors import UnsupportedSchemaError
from agentfast.runtime.grammar.automaton.boolean_formula import (
    FALSE,
    TRUE,
    Formula,
    all_of,
    negation,
    one_of,
    some_of,
)
from agentfast.runtime.grammar.schema import keywords
from agentfast.runtime.grammar.schema.document import Document, Documents
from agentfast.runtime.grammar.schema.keywords import JsonSchema, pointer
from agentfast.runtime.grammar.schema.rules.assertions import Plain, fixed_rules, plain_rules
from agentfast.runtime.grammar.schema.rules.by_type import KINDS, ObjectRules
from agentfast.runtime.grammar.schema.rules.subschemas import NEVER, Atom, Either, Except, Fixed, Place

DIALECTS = (
    "https://json-schema.org/draft/",
    "http://json-schema.org/draft-0",
    "http://json-schema.org/schema",
)
"""What `$schema` may begin with."""


class Reader:
    """Reads a document and those it refers to; each schema once."""

    def __init__(
        self, root: JsonSchema, *, strict: bool, assert_format: bool, documents: Documents | None = None
    ) -> None:
        """
        Args:
            documents: further schemas, by URI.
            strict: refuse unknown keywords; else they are annotations.
            assert_format: `format` bears on validity.
        """
        self.document = Document(root, documents)
        self._strict = strict
        self._assert_format = assert_format
        self._formulas: dict[Atom, Formula] = {}
        self._open: set[Place] = set()

    def root(self) -> Place:
        """The whole schema."""
        return self.enter("", ())

    def enter(self, path: str, scope: tuple[str, ...]) -> Place:
        """The schema at a pointer, reached from a scope."""
        if not self.document.is_dynamic:
            return Place(path)
        base = self.document.base(path)
        return Place(path, scope if base in scope else (*scope, base))

    def formula(self, atom: Atom) -> Formula:
        """What a value has to meet, in terms of `Plain` rules.

        Raises:
            UnsupportedSchemaError: a keyword, or a use of it, is not enforced here.
        """
        if atom not in self._formulas:
            self._formulas[atom] = self._read(atom)
        return self._formulas[atom]

    def _read(self, atom: Atom) -> Formula:
        match atom:
            case Fixed():
                return fixed_rules(atom.value)
            case Either():
                return some_of(self.formula(one) for one in atom.atoms)
            case Except():
                return negation(self.formula(atom.atom))
            case Place():
                with self._opened(atom):
                    return self._schema(atom)

    @contextmanager
    def _opened(self, place: Place) -> Generator[None]:
        if place in self._open:
            raise UnsupportedSchemaError(
                "$ref", place.path, "the schema refers to itself without an object or array between"
            )
        self._open.add(place)
        try:
            yield
        finally:
            self._open.discard(place)

    def rules_at(self, place: Place) -> Mapping[str, Any] | bool:
        """The schema, checked.

        Raises:
            UnsupportedSchemaError: it is no schema, or has a keyword that is not read.
        """
        schema = self.document.at(place.path)
        if isinstance(schema, bool):
            return schema
        rules = keywords.as_object(schema)
        if rules is None:
            raise UnsupportedSchemaError("$schema", place.path, f"{schema!r} is not a schema")
        keywords.check_known(rules, place.path, strict=self._strict)
        dialect = rules.get("$schema", DIALECTS[0])
        if not isinstance(dialect, str) or not dialect.startswith(DIALECTS):
            raise UnsupportedSchemaError("$schema", place.path, f"the dialect {dialect!r} is not known")
        if "$ref" in rules and self.document.ignores_beside_ref(place.path):
            return {"$ref": rules["$ref"]}
        return rules

    def _schema(self, place: Place) -> Formula:
        place = self.enter(place.path, place.scope)
        rules = self.rules_at(place)
        if isinstance(rules, bool):
            return TRUE if rules else FALSE
        plain = plain_rules(rules, place, assert_format=self._assert_format)
        if not rules.keys() & keywords.APPLICATORS:
            return TRUE if plain is None else plain
        parts: list[Formula] = [] if plain is None else [plain]
        parts += (self.formula(target) for target in self.referred(rules, place))
        for keyword, combine in (("allOf", all_of), ("anyOf", some_of), ("oneOf", one_of)):
            if keyword in rules:
                parts.append(combine(self.formula(member) for member in self.listed(rules, keyword, place)))
        if "not" in rules:
            parts.append(negation(self.formula(self.below(place, "not"))))
        if "if" in rules and ("then" in rules or "else" in rules):
            parts.append(self._conditional(rules, place))
        parts += self._dependent(rules, place)
        if rules.keys() & {"unevaluatedProperties", "unevaluatedItems"}:
            from agentfast.runtime.grammar.schema.unevaluated import unevaluated

            parts += unevaluated(self, rules, place)
        return all_of(parts)

    def below(self, place: Place, *steps: str | int) -> Place:
        """A schema inside another."""
        return self.enter(pointer(place.path, *steps), place.scope)

    def referred(self, rules: Mapping[str, Any], place: Place) -> list[Place]:
        """The schemas that `$ref` and `$dynamicRef` mean."""
        found: list[Place] = []
        if "$ref" in rules:
            found.append(self.enter(self.document.resolve(rules["$ref"], place.path), place.scope))
        if "$dynamicRef" in rules:
            path = self.document.resolve_dynamic(rules["$dynamicRef"], place.path, place.scope)
            found.append(self.enter(path, place.scope))
        return found

    def listed(self, rules: Mapping[str, Any], keyword: str, place: Place) -> list[Place]:
        """The members of a keyword that lists schemas."""
        members = keywords.as_list(rules[keyword])
        if not members:
            raise UnsupportedSchemaError(keyword, place.path, "it is not a list of schemas")
        return [self.below(place, keyword, index) for index in range(len(members))]

    def _conditional(self, rules: Mapping[str, Any], place: Place) -> Formula:
        condition = self.formula(self.below(place, "if"))
        then = self.formula(self.below(place, "then")) if "then" in rules else TRUE
        otherwise = self.formula(self.below(place, "else")) if "else" in rules else TRUE
        if otherwise == TRUE:
            return some_of([all_of([condition, then]), negation(condition)])
        return some_of([all_of([condition, then]), all_of([negation(condition), otherwise])])

    def dependents(self, rules: Mapping[str, Any], place: Place) -> list[tuple[str, Place]]:
        """Names, each with the schema that holds where the name is there."""
        found = [
            (keyword, name, value)
            for keyword in ("dependentSchemas", "dependencies")
            for name, value in keywords.members(rules, keyword, place.path).items()
        ]
        return [
            (name, self.below(place, keyword, name))
            for keyword, name, value in found
            if keyword == "dependentSchemas" or keywords.as_list(value) is None
        ]

    def _dependent(self, rules: Mapping[str, Any], place: Place) -> list[Formula]:
        return [
            some_of([absent(name), all_of([present(name), self.formula(schema)])])
            for name, schema in self.dependents(rules, place)
        ]


def for_objects(rules: ObjectRules) -> Formula:
    """Rules that other types need not meet."""
    return Plain({kind: rules if kind == "object" else TRUE for kind in KINDS})


def present(name: str) -> Formula:
    """Objects that have a property, and other types."""
    return for_objects(ObjectRules(required=(name,)))


def absent(name: str) -> Formula:
    """Objects that do not have a property, and other types."""
    return for_objects(ObjectRules(named=((name, NEVER),)))
