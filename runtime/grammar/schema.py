"""JSON Schema to grammar: each keyword is enforced exactly, or refused with its name and path.

The language is that of JSON texts whose value the schema allows, in this notation:

- objects have their properties in declared order, and keys in canonical form;
- numbers are as in numbers.py, so an integer has no fraction or exponent;
- enum and const values, and strings with a pattern or a format, have canonical escapes only; other strings may be
  written with every escape that JSON has;
- whitespace is as in whitespace.py, none before the first or after the last byte.

`format` is asserted (formats.py says what each means). Strings are well-formed Unicode: no lone surrogates.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from agentfast.errors import ConfigError, GrammarError, UnsupportedSchemaError
from agentfast.runtime.grammar import keywords, nodes
from agentfast.runtime.grammar.branches import branches_of
from agentfast.runtime.grammar.containers import array_node, list_node, map_node, object_node
from agentfast.runtime.grammar.grammar import Grammar
from agentfast.runtime.grammar.keywords import JsonSchema
from agentfast.runtime.grammar.numbers import Bounds, number_machine
from agentfast.runtime.grammar.quoted import string_node
from agentfast.runtime.grammar.values import passes, resolve, string_rules, value_node
from agentfast.runtime.grammar.whitespace import Whitespace, gap
from agentfast.runtime.vocabulary import Vocabulary


def compile_schema(
    schema: JsonSchema,
    *,
    vocabulary: Vocabulary | None = None,
    whitespace: Whitespace = "compact",
    closed: bool = True,
) -> Grammar:
    """The grammar of a schema's instances.

    Args:
        schema: draft 2020-12 (or 7) JSON Schema, as `json.load` gives it.
        vocabulary: also lift the grammar to it now, so that failure and cost come at once.
        whitespace: "compact" has none; "flexible" allows what models write (see `gap`).
        closed: read an object that does not mention additionalProperties as closed, which is what a tool call wants.

    Raises:
        UnsupportedSchemaError: a keyword, or a use of it, is not enforced here; says which and where.
        GrammarError: no instance can be written, or too many states are needed; with a vocabulary only.
    """
    if whitespace not in ("compact", "flexible"):
        raise ConfigError(f"unknown whitespace style {whitespace!r}; there are compact and flexible")
    grammar = Grammar(_Compiler(schema, gap(whitespace), whitespace, closed).compile())
    if vocabulary is not None:
        grammar.compile(vocabulary)
    return grammar


class _Compiler:
    """Turns the schemas of one document into nodes; each referenced schema once."""

    def __init__(self, root: JsonSchema, gap_node: nodes.Node, style: str, closed: bool) -> None:
        self._root = root
        self._gap = gap_node
        self._closed = closed
        content = json.dumps([root, style, closed], default=str, sort_keys=False)
        self._digest = hashlib.sha256(content.encode()).hexdigest()
        self._rules: dict[str, nodes.Rule] = {}
        self._finished: dict[str, nodes.Node] = {}
        self._recursive: set[str] = set()

    def compile(self) -> nodes.Node:
        node = self._reference("#", "")
        for path in sorted(self._recursive):
            _refuse_left_recursion(self._rules[path], path)
        return node

    def build(self, schema: JsonSchema, path: str) -> nodes.Node:
        if schema is True or schema == {}:
            return any_value(self._gap)
        if schema is False:
            return nodes.NOTHING
        if keywords.as_object(schema) is None:
            raise UnsupportedSchemaError("$schema", path, f"{schema!r} is not a schema")
        rules = keywords.constraints(schema, path)
        for keyword in ("enum", "const"):
            if keyword in rules:
                return self._fixed(rules, keyword, path)
        for keyword in ("anyOf", "oneOf", "allOf"):
            if keyword in rules:
                branches = branches_of(rules, keyword, path, self._root)
                return nodes.Choice(self.build(branch, at) for branch, at in branches)
        if "$ref" in rules:
            if others := sorted(rules.keys() - {"$ref"}):
                raise UnsupportedSchemaError(others[0], path, "beside $ref it is not supported")
            return self._reference(rules["$ref"], path)
        if not rules:
            return any_value(self._gap)
        return nodes.Choice(self._typed(kind, rules, path) for kind in keywords.types_of(rules, path))

    def _reference(self, reference: Any, path: str) -> nodes.Node:
        target, at = resolve(self._root, reference, path)
        if at in self._finished:
            return self._finished[at]
        if at in self._rules:
            self._recursive.add(at)
            return nodes.Reference(self._rules[at])
        rule = self._rules[at] = nodes.Rule(f"{self._digest}#{at}")
        rule.body = self.build(target, at)
        self._finished[at] = nodes.Reference(rule) if at in self._recursive else rule.body
        return self._finished[at]

    def _fixed(self, rules: Mapping[str, Any], keyword: str, path: str) -> nodes.Node:
        values = [rules["const"]] if keyword == "const" else keywords.as_list(rules["enum"])
        if values is None:
            raise UnsupportedSchemaError("enum", path, "it is not a list")
        others = {name: value for name, value in rules.items() if name not in (keyword, "const")}
        if keyword == "enum" and "const" in rules:
            values = [value for value in values if _equal(value, rules["const"])]
        chosen = [value for value in values if passes(value, others, keyword, path)]
        return nodes.Choice(value_node(value, self._gap, keyword, path) for value in chosen)

    def _typed(self, kind: str, rules: Mapping[str, Any], path: str) -> nodes.Node:
        match kind:
            case "object":
                return object_node(rules, path, self.build, self._gap, closed=self._closed)
            case "array":
                return array_node(rules, path, self.build, self._gap)
            case "string":
                return _string(rules, path)
            case "number" | "integer":
                return _number(rules, path, integral=kind == "integer")
            case "boolean":
                return _BOOLEAN
            case _:
                return _NULL


_BOOLEAN = nodes.Choice((nodes.Literal(b"true"), nodes.Literal(b"false")))
_NULL = nodes.Literal(b"null")


@lru_cache(maxsize=4)
def any_value(gap_node: nodes.Node) -> nodes.Node:
    """Any JSON value; objects in it are open."""
    rule = nodes.Rule(f"any value with {gap_node.digest.hex()}")
    value = nodes.Reference(rule)
    scalars = (
        string_node(0, None, None, None),
        nodes.Terminal(number_machine(Bounds(), integral=False)),
        _BOOLEAN,
        _NULL,
    )
    rule.body = nodes.Choice(
        (*scalars, list_node(b"[", value, b"]", gap_node, 0, None), map_node(value, gap_node))
    )
    return value


def _string(rules: Mapping[str, Any], path: str) -> nodes.Node:
    least, most, pattern, format_name = string_rules(rules, path)
    try:
        return string_node(least, most, pattern, format_name)
    except GrammarError as error:
        keyword = "pattern" if pattern is not None else "format"
        raise UnsupportedSchemaError(keyword, path, error.message) from error


def _number(rules: Mapping[str, Any], path: str, *, integral: bool) -> nodes.Node:
    low, low_included = _stricter(rules, "minimum", "exclusiveMinimum", path, max)
    high, high_included = _stricter(rules, "maximum", "exclusiveMaximum", path, min)
    try:
        machine = number_machine(Bounds(low, high, low_included, high_included), integral=integral)
    except GrammarError as error:
        raise UnsupportedSchemaError("minimum", path, error.message) from error
    return nodes.NOTHING if machine.is_empty else nodes.Terminal(machine)


def _stricter(
    rules: Mapping[str, Any], inclusive: str, exclusive: str, path: str, choose: Any
) -> tuple[Decimal | None, bool]:
    """The bound that two keywords give together, and whether it is included."""
    included, excluded = keywords.number(rules, inclusive, path), keywords.number(rules, exclusive, path)
    if included is None or excluded is None:
        return (included, True) if excluded is None else (excluded, False)
    bound = choose(included, excluded)
    return bound, bound != excluded


def _equal(left: Any, right: Any) -> bool:
    """JSON equality: 1 is 1.0 but not true."""
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True) or (
        not isinstance(left, bool) and not isinstance(right, bool) and left == right
    )


def _refuse_left_recursion(rule: nodes.Rule, path: str) -> None:
    """A rule that can come back to itself before it takes a byte would never end."""
    seen: set[nodes.Node] = set()
    pending = [rule.body]
    while pending:
        node = pending.pop()
        if isinstance(node, nodes.Reference) and node.rule is rule:
            raise UnsupportedSchemaError(
                "$ref", path, "the schema refers to itself without an object or array between"
            )
        if node not in seen:
            seen.add(node)
            pending += _heads(node)


def _heads(node: nodes.Node) -> Iterable[nodes.Node]:
    """Where a node begins. No JSON value is empty, so a sequence begins with its first part that is not a gap."""
    match node:
        case nodes.Sequence():
            return [next(part for part in node.parts if part != nodes.EMPTY)]
        case nodes.Choice():
            return node.options
        case nodes.Repeat():
            return [node.item]
        case nodes.Reference():
            return [node.rule.body]
        case _:
            return []
