"""Reading of a document's schemas to formulas over assertions: references followed, applicators opened."""

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
from agentfast.runtime.grammar.schema.dialect import Dialect, dialect_named
from agentfast.runtime.grammar.schema.document import Document, Documents
from agentfast.runtime.grammar.schema.keywords import JsonSchema, pointer
from agentfast.runtime.grammar.schema.rules.assertions import assertions_of, value_assertions
from agentfast.runtime.grammar.schema.rules.presence import absent, present
from agentfast.runtime.grammar.schema.rules.subschemas import Either, Except, Fixed, SchemaRef, Subschema
from agentfast.runtime.grammar.schema.unevaluated import unevaluated


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
        self._formulas: dict[Subschema, Formula] = {}
        self._open: set[SchemaRef] = set()

    def root(self) -> SchemaRef:
        """The whole schema."""
        return self.enter("", ())

    def enter(self, path: str, scope: tuple[str, ...]) -> SchemaRef:
        """The schema at a pointer, reached from a scope."""
        if not self.document.is_dynamic:
            return SchemaRef(path)
        base = self.document.base(path)
        return SchemaRef(path, scope if base in scope else (*scope, base))

    def formula(self, subschema: Subschema) -> Formula:
        """Conditions on a value, as a formula over `Assertions`.

        Raises:
            UnsupportedSchemaError: a keyword, or a use of it, is not enforced here.
        """
        if subschema not in self._formulas:
            self._formulas[subschema] = self._read(subschema)
        return self._formulas[subschema]

    def _read(self, subschema: Subschema) -> Formula:
        match subschema:
            case Fixed():
                return value_assertions(subschema.value)
            case Either():
                return some_of(self.formula(one) for one in subschema.subschemas)
            case Except():
                return negation(self.formula(subschema.subschema))
            case SchemaRef():
                with self._opened(subschema):
                    return self._schema(subschema)

    @contextmanager
    def _opened(self, ref: SchemaRef) -> Generator[None]:
        if ref in self._open:
            raise UnsupportedSchemaError(
                "$ref", ref.path, "the schema refers to itself without an object or array between"
            )
        self._open.add(ref)
        try:
            yield
        finally:
            self._open.discard(ref)

    def rules_at(self, ref: SchemaRef) -> Mapping[str, Any] | bool:
        """The schema, checked.

        Raises:
            UnsupportedSchemaError: it is no schema, or has a keyword that is not read.
        """
        schema = self.document.at(ref.path)
        if isinstance(schema, bool):
            return schema
        rules = keywords.as_object(schema)
        if rules is None:
            raise UnsupportedSchemaError("$schema", ref.path, f"{schema!r} is not a schema")
        if "$schema" in rules and dialect_named(rules["$schema"]) is None:
            raise UnsupportedSchemaError(
                "$schema",
                ref.path,
                f"the dialect {rules['$schema']!r} is not known",
                hint="drafts 4, 6, 7, 2019-09 and 2020-12 are",
            )
        rules = self.dialect(ref).rules(rules, strict=self._strict)
        keywords.check_known(rules, ref.path, strict=self._strict)
        return rules

    def dialect(self, ref: SchemaRef) -> Dialect:
        """The dialect that a schema is read by."""
        return self.document.dialect(ref.path)

    def _schema(self, ref: SchemaRef) -> Formula:
        ref = self.enter(ref.path, ref.scope)
        rules = self.rules_at(ref)
        if isinstance(rules, bool):
            return TRUE if rules else FALSE
        assertions = assertions_of(rules, ref, assert_format=self._assert_format)
        if not rules.keys() & keywords.APPLICATORS:
            return TRUE if assertions is None else assertions
        parts: list[Formula] = [] if assertions is None else [assertions]
        parts += (self.formula(target) for target in self.referred(rules, ref))
        for keyword, combine in (("allOf", all_of), ("anyOf", some_of), ("oneOf", one_of)):
            if keyword in rules:
                parts.append(combine(self.formula(member) for member in self.listed(rules, keyword, ref)))
        if "not" in rules:
            parts.append(negation(self.formula(self.below(ref, "not"))))
        if "if" in rules and ("then" in rules or "else" in rules):
            parts.append(self._conditional(rules, ref))
        parts += self._dependent(rules, ref)
        if rules.keys() & {"unevaluatedProperties", "unevaluatedItems"}:
            parts += unevaluated(self, rules, ref)
        return all_of(parts)

    def below(self, ref: SchemaRef, *steps: str | int) -> SchemaRef:
        """A schema inside another."""
        return self.enter(pointer(ref.path, *steps), ref.scope)

    def referred(self, rules: Mapping[str, Any], ref: SchemaRef) -> list[SchemaRef]:
        """Targets of `$ref` and `$dynamicRef`."""
        found: list[SchemaRef] = []
        if "$ref" in rules:
            found.append(self.enter(self.document.resolve(rules["$ref"], ref.path), ref.scope))
        if "$dynamicRef" in rules:
            path = self.document.resolve_dynamic(rules["$dynamicRef"], ref.path, ref.scope)
            found.append(self.enter(path, ref.scope))
        return found

    def listed(self, rules: Mapping[str, Any], keyword: str, ref: SchemaRef) -> list[SchemaRef]:
        """The members of a keyword that lists schemas."""
        members = keywords.as_list(rules[keyword])
        if not members:
            raise UnsupportedSchemaError(keyword, ref.path, "it is not a list of schemas")
        return [self.below(ref, keyword, index) for index in range(len(members))]

    def _conditional(self, rules: Mapping[str, Any], ref: SchemaRef) -> Formula:
        condition = self.formula(self.below(ref, "if"))
        then = self.formula(self.below(ref, "then")) if "then" in rules else TRUE
        otherwise = self.formula(self.below(ref, "else")) if "else" in rules else TRUE
        if otherwise == TRUE:
            return some_of([all_of([condition, then]), negation(condition)])
        return some_of([all_of([condition, then]), all_of([negation(condition), otherwise])])

    def dependents(self, rules: Mapping[str, Any], ref: SchemaRef) -> list[tuple[str, SchemaRef]]:
        """Names, each with the schema that holds where the name is there."""
        found = [
            (keyword, name, value)
            for keyword in ("dependentSchemas", "dependencies")
            for name, value in keywords.members(rules, keyword, ref.path).items()
        ]
        return [
            (name, self.below(ref, keyword, name))
            for keyword, name, value in found
            if keyword == "dependentSchemas" or keywords.as_list(value) is None
        ]

    def _dependent(self, rules: Mapping[str, Any], ref: SchemaRef) -> list[Formula]:
        return [
            some_of([absent(name), all_of([present(name), self.formula(schema)])])
            for name, schema in self.dependents(rules, ref)
        ]
