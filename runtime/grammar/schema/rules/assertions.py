"""Assertions: the keywords of one schema that speak of the value itself, as rules by type."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from agentfast.errors import UnsupportedSchemaError
from agentfast.runtime.grammar.automaton.boolean_formula import FALSE, TRUE, Formula, Leaf, all_of, some_of
from agentfast.runtime.grammar.numbers.number import Bounds
from agentfast.runtime.grammar.schema import keywords
from agentfast.runtime.grammar.schema.keywords import pointer
from agentfast.runtime.grammar.schema.rules.by_type import (
    KINDS,
    ArrayRules,
    BooleanRules,
    Contains,
    NumberRules,
    ObjectRules,
    Others,
    StringRules,
)
from agentfast.runtime.grammar.schema.rules.subschemas import (
    ALWAYS,
    NEVER,
    Fixed,
    SchemaRef,
    Subschema,
    Subschemas,
)
from agentfast.runtime.grammar.strings.format_sets import FORMATS


@dataclass(frozen=True, eq=False)
class Assertions(Leaf):
    """A formula over rules for each type."""

    kinds: Mapping[str, Formula]


def assertions_of(schema: Mapping[str, Any], ref: SchemaRef, *, assert_format: bool) -> Assertions | None:
    """Assertions of a schema's own keywords; None if there are none.

    Raises:
        UnsupportedSchemaError: a keyword's value is malformed.
    """
    found = schema.keys() & keywords.ASSERTIONS
    if not found:
        return None
    path = ref.path
    allowed = keywords.types_of(schema, path)
    kinds: dict[str, Formula] = {kind: TRUE if kind in allowed else FALSE for kind in KINDS}
    if "object" in allowed:
        kinds["object"] = _object(schema, ref)
    if "array" in allowed and found & keywords.ARRAY:
        kinds["array"] = _array(schema, ref)
    if "string" in allowed and found & keywords.STRING:
        kinds["string"] = _string(schema, path, assert_format=assert_format)
    if "number" in allowed or "integer" in allowed:
        kinds["number"] = _number(schema, path, integral="number" not in allowed)
    if found & keywords.VALUES:
        _fix_values(kinds, schema, path)
    return Assertions(kinds)


def value_assertions(value: Any, path: str = "") -> Assertions:
    """Assertions that only one value meets."""
    kinds: dict[str, Formula] = dict.fromkeys(KINDS, FALSE)
    kind, rules = _fixed_value(value, "const", path)
    kinds[kind] = rules
    return Assertions(kinds)


def _object(schema: Mapping[str, Any], ref: SchemaRef) -> Formula:
    path = ref.path
    if not schema.keys() & keywords.OBJECT:
        return ObjectRules(closable=True, path=path)
    properties = keywords.members(schema, "properties", path)
    patterns = keywords.members(schema, "patternProperties", path)
    others: tuple[Others, ...] = ()
    if "additionalProperties" in schema:
        subschema = _subschema(schema["additionalProperties"], ref, "additionalProperties")
        others = () if subschema is None else (Others(frozenset(properties), tuple(patterns), subschema),)
    needs = keywords.members(schema, "dependentRequired", path)
    older = keywords.members(schema, "dependencies", path)
    needs = {**needs, **{n: v for n, v in older.items() if keywords.as_list(v) is not None}}
    keys = _subschema(schema.get("propertyNames", True), ref, "propertyNames")
    return ObjectRules(
        order=tuple(properties),
        named=tuple(
            (name, subschema)
            for name, inner in properties.items()
            if (subschema := _subschema(inner, ref, "properties", name)) is not None
        ),
        patterns=tuple(
            (p, _subschema(s, ref, "patternProperties", p) or ALWAYS) for p, s in patterns.items()
        ),
        others=others,
        required=keywords.names(schema.get("required", []), "required", path),
        names=() if keys is None else (keys,),
        least=keywords.count(schema, "minProperties", path) or 0,
        most=keywords.count(schema, "maxProperties", path),
        needs=tuple((name, keywords.names(v, "dependentRequired", path)) for name, v in needs.items()),
        closable=True,
        is_open=bool(schema.keys() & {"additionalProperties", "propertyNames"}),
        path=path,
    )


def _subschema(schema: Any, ref: SchemaRef, *steps: str | int) -> Subschema | None:
    """The subschema of a schema further down; None if any value meets it."""
    if schema is True or schema == {}:
        return None
    return NEVER if schema is False else SchemaRef(pointer(ref.path, *steps), ref.scope)


def _array(schema: Mapping[str, Any], ref: SchemaRef) -> Formula:
    path = ref.path
    items: Any = schema.get("items", True)
    listed = keywords.as_list(items)
    rest: Subschemas
    if listed is not None:  # draft 7
        prefix, keyword = listed, "items"
        rest = _alone(schema.get("additionalItems", True), ref, "additionalItems")
    else:
        keyword = "prefixItems"
        found = keywords.as_list(schema.get(keyword, []))
        if found is None:
            raise UnsupportedSchemaError(keyword, path, "it is not a list")
        prefix, rest = found, _alone(items, ref, "items")
    contains: tuple[Contains, ...] = ()
    if "contains" in schema:
        least, most = keywords.count(schema, "minContains", path), keywords.count(schema, "maxContains", path)
        subschema = SchemaRef(pointer(path, "contains"), ref.scope)
        contains = (Contains(subschema, 1 if least is None else least, most),)
    unique = schema.get("uniqueItems", False)
    if not isinstance(unique, bool):
        raise UnsupportedSchemaError("uniqueItems", path, f"{unique!r} is not true or false")
    least, most = keywords.count(schema, "minItems", path) or 0, keywords.count(schema, "maxItems", path)
    if most is not None and most < least:
        return FALSE
    fixed = tuple(_alone(item, ref, keyword, index) for index, item in enumerate(prefix))
    return ArrayRules(fixed, rest, least, most, contains, unique, path)


def _alone(schema: Any, ref: SchemaRef, *steps: str | int) -> Subschemas:
    subschema = _subschema(schema, ref, *steps)
    return () if subschema is None else (subschema,)


def _string(schema: Mapping[str, Any], path: str, *, assert_format: bool) -> Formula:
    least = keywords.count(schema, "minLength", path) or 0
    most = keywords.count(schema, "maxLength", path)
    if most is not None and most < least:
        return FALSE
    parts: list[tuple[str, str]] = []
    pattern = keywords.text(schema, "pattern", path)
    if pattern is not None:
        parts.append(("pattern", pattern))
    name = keywords.text(schema, "format", path)
    if assert_format and name in FORMATS:  # others are annotations, see notes.py
        parts.append(("format", name))
    return StringRules(least, most, None, tuple(parts), path)


def _number(schema: Mapping[str, Any], path: str, *, integral: bool) -> Formula:
    if not integral and not schema.keys() & keywords.NUMBER:
        return TRUE
    found: Formula = NumberRules(integral=integral, path=path)
    low, high = keywords.number(schema, "minimum", path), keywords.number(schema, "maximum", path)
    above, below = (keywords.number(schema, name, path) for name in ("exclusiveMinimum", "exclusiveMaximum"))
    multiple = keywords.number(schema, "multipleOf", path)
    if multiple is not None and multiple <= 0:
        raise UnsupportedSchemaError("multipleOf", path, f"{multiple} is not above 0")
    for rules in (
        NumberRules(Bounds(low, high), multiple_of=multiple, path=path),
        NumberRules(Bounds(above, below, low_included=False, high_included=False), path=path),
    ):
        if isinstance(found, NumberRules):
            found = found.both(rules)
    return found


def _fix_values(kinds: dict[str, Formula], schema: Mapping[str, Any], path: str) -> None:
    """Restrict each type to the values of enum and const."""
    for keyword in sorted(schema.keys() & keywords.VALUES):
        values = [schema["const"]] if keyword == "const" else keywords.as_list(schema["enum"])
        if values is None:
            raise UnsupportedSchemaError("enum", path, "it is not a list")
        listed: dict[str, list[Formula]] = {kind: [] for kind in KINDS}
        words = frozenset(value for value in values if isinstance(value, str))
        for word in words:
            keywords.check_text(word, keyword, path)
        if words:
            listed["string"] = [StringRules(words=words, path=path)]
        for value in values:
            if not isinstance(value, str):
                kind, rules = _fixed_value(value, keyword, path)
                listed[kind].append(rules)
        for kind in KINDS:
            kinds[kind] = all_of([kinds[kind], some_of(listed[kind])])


def _fixed_value(value: Any, keyword: str, path: str) -> tuple[str, Formula]:
    """The type of a value, and the rules that it alone meets."""
    members, items = keywords.as_object(value), keywords.as_list(value)
    if isinstance(value, str):
        keywords.check_text(value, keyword, path)
        return "string", StringRules(words=frozenset((value,)), path=path)
    if value is None:
        return "null", TRUE
    if isinstance(value, bool):
        return "boolean", BooleanRules(value=value, path=path)
    if isinstance(value, (int, float, Decimal)) and math.isfinite(value):
        exact = value if isinstance(value, Decimal) else Decimal(repr(value))
        return "number", NumberRules(Bounds(exact, exact), is_value=True, path=path)
    if members is not None:
        return "object", _fixed_object(members, keyword, path)
    if items is not None:
        for item in items:
            _check(item, keyword, path)
        prefix = tuple((Fixed.of(item),) for item in items)
        return "array", ArrayRules(prefix, (), len(items), len(items), path=path)
    raise UnsupportedSchemaError(keyword, path, f"{value!r} is not a JSON value")


def _fixed_object(members: Mapping[str, Any], keyword: str, path: str) -> Formula:
    names = tuple(members)
    for name, item in members.items():
        keywords.check_text(name, keyword, path)
        _check(item, keyword, path)
    others = (Others(frozenset(names), (), NEVER),)
    named = tuple((name, Fixed.of(value)) for name, value in members.items())
    return ObjectRules(names, named, (), others, names, path=path)


def _check(value: Any, keyword: str, path: str) -> None:
    """Refuse a value inside another that JSON cannot write."""
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False, default=str).encode()
    except (TypeError, ValueError) as error:
        raise UnsupportedSchemaError(keyword, path, f"{value!r} is not a JSON value: {error}") from error
