"""Random schemas over every keyword against `jsonschema`, on values of a small world and in several spellings."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from agentfast.errors import UnsupportedSchemaError
from agentfast.runtime.grammar import compile_schema
from agentfast.runtime.grammar.schema.keywords import as_list, as_object

NAMES = ("a", "b", "c", "é")
Schema = Any

names = st.sampled_from(NAMES)
small = st.integers(0, 3)
constants = st.sampled_from(
    [None, True, False, 0, 1, 2, 1.5, "", "a", "ab", "é", [], [1], {}, {"a": 1}, {"b": "a", "a": 1}]
)
BASIC: list[st.SearchStrategy[Schema]] = [
    st.booleans(),
    st.sampled_from(["string", "number", "integer", "boolean", "null", "object", "array", ["integer", "string", "null"]]).map(
        lambda name: {"type": name}
    ),
    constants.map(lambda value: {"const": value}),
    st.lists(constants, min_size=1, max_size=3).map(lambda values: {"enum": values}),
    st.fixed_dictionaries({}, optional={"minimum": small, "exclusiveMaximum": small, "multipleOf": st.sampled_from([1, 2, 0.5])}),
    st.fixed_dictionaries({}, optional={"minLength": small, "maxLength": small, "pattern": st.sampled_from(["^a", "b$", "é"])}),
    st.fixed_dictionaries(
        {},
        optional={
            "required": st.lists(names, unique=True, max_size=2),
            "minProperties": st.integers(0, 1),
            "maxProperties": small,
            "dependentRequired": st.dictionaries(names, st.lists(names, unique=True, max_size=2), max_size=2),
        },
    ),
    st.fixed_dictionaries({}, optional={"minItems": small, "maxItems": small}),
    st.lists(constants, min_size=1, max_size=3).map(lambda v: {"type": "array", "items": {"enum": v}, "uniqueItems": True}),
]  # fmt: skip


def extend(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    several = st.lists(inner, min_size=1, max_size=3)
    objects = st.fixed_dictionaries(
        {},
        optional={
            "properties": st.dictionaries(names, inner, max_size=3),
            "patternProperties": st.dictionaries(st.sampled_from(["a", "^b", "é|c"]), inner, max_size=2),
            "additionalProperties": inner,
            "propertyNames": st.sampled_from(
                [{"maxLength": 1}, {"pattern": "a"}, {"enum": ["a", "b"]}, False]
            ),
            "required": st.lists(names, unique=True, max_size=2),
            "dependentSchemas": st.dictionaries(names, inner, max_size=1),
            "unevaluatedProperties": inner,
        },
    )
    arrays = st.fixed_dictionaries(
        {},
        optional={
            "items": inner,
            "prefixItems": several,
            "contains": inner,
            "minContains": small,
            "maxContains": small,
            "maxItems": small,
            "unevaluatedItems": inner,
        },
    )
    applied = st.fixed_dictionaries(
        {},
        optional={
            "allOf": several, "anyOf": several, "oneOf": several, "not": inner,
            "if": inner, "then": inner, "else": inner,
        },
    )  # fmt: skip
    together = st.tuples(inner, objects | arrays | applied).map(beside)
    return st.one_of(objects, arrays, applied, together)


def beside(pair: tuple[Schema, dict[str, Schema]]) -> Schema:
    """The keywords of two schemas in one."""
    return {**pair[1], **(as_object(pair[0]) or {})}


schemas = st.recursive(st.one_of(BASIC), extend, max_leaves=7)
WORLD: list[Any] = [
    None, True, False, 0, 1, 2, 3, -1, 1.5, 0.5, 4, "", "a", "b", "ab", "é", "aéb", "cba", [], [1], [True], [1, 2], [1, 1], ["a"],
    ["a", 1], [1, "a", None], [[], {}], [2, 0, 1, 1], [{"a": 1}], [{"b": "a", "a": 1}, 1.5], {}, {"a": 1}, {"b": 1}, {"c": "a"},
    {"é": None}, {"d": 1}, {"a": "a"}, {"a": {"a": 1}}, {"a": 1, "b": "a"}, {"a": "ab", "c": []}, {"b": 2, "ab": 1},
    {"a": 1, "b": 1, "c": 1}, {"a": None, "d": "a"}, {"a": [1], "é": {"b": 1}}, {"a": {"b": "a", "a": 1}, "b": 1.5},
    {"d": 1, "e": 2}, {"a": 1, "b": "x", "c": 2, "é": 0},
]  # fmt: skip


def compact(value: Any, *, ascii_only: bool = False) -> str:
    return json.dumps(value, ensure_ascii=ascii_only, separators=(",", ":"))


def respelled(value: Any) -> str:
    """The same value: other order of keys, every character escaped, other numbers."""
    members, items = as_object(value), as_list(value)
    if members is not None:
        pairs = [f"{respelled(name)}:{respelled(members[name])}" for name in reversed(list(members))]
        return "{" + ",".join(pairs) + "}"
    if items is not None:
        return "[" + ",".join(respelled(item) for item in items) + "]"
    if isinstance(value, str):
        units = value.encode("utf-16-be")
        return '"' + "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2)) + '"'
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, int):
        return f"{value}.00"
    return f"{Decimal(repr(value)) * 100:f}e-2" if abs(value) < 1e6 else json.dumps(value)


@settings(suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(schemas)
def test_accepts_is_valid_for_whatever_compiles(schema: Schema) -> None:
    try:
        grammar = compile_schema(schema, closed=False)
    except UnsupportedSchemaError:
        assume(False)
        return
    judge = Draft202012Validator(schema)
    for value in WORLD:
        valid = judge.is_valid(value)
        for text in (compact(value), compact(value, ascii_only=True), respelled(value)):
            assert grammar.accepts(text) == valid, (schema, text, valid)


@given(st.permutations(("a", "b", "c", "é")), st.integers(0, 4), st.sets(names), st.booleans())
def test_any_order_is_every_permutation(
    order: list[str], size: int, required: set[str], closed: bool
) -> None:
    schema = {
        "type": "object",
        "properties": {name: {"const": name} for name in NAMES},
        "required": sorted(required),
        "additionalProperties": False,
    }
    grammar = compile_schema(schema, closed=closed, order="any")
    chosen = order[:size]
    text = compact({name: name for name in chosen})
    assert grammar.accepts(text) == (required <= set(chosen))
    again = text[:-1] + ("," if chosen else "") + compact({name: name for name in chosen[:1]})[1:]
    assert grammar.accepts(again) == (required <= set(chosen) and not chosen)


@given(st.permutations(("a", "b", "c", "d")))
def test_declared_order_puts_declared_properties_first(order: list[str]) -> None:
    schema = {"properties": {"b": True, "a": True}, "required": ["c"], "type": "object"}
    grammar = compile_schema(schema, closed=False, order="declared")
    text = compact(dict.fromkeys(order, 0))
    assert grammar.accepts(text) == (order[:2] == ["b", "a"])
