"""Empty grammars are told from others before they are compiled."""

from __future__ import annotations

from typing import Any

import pytest

from agentfast.runtime.grammar import Grammar, compile_schema
from agentfast.runtime.grammar.emptiness import is_empty
from bench.data.schemas import SCHEMAS

_LIST: dict[str, Any] = {
    "$defs": {"list": {"type": "object", "properties": {"next": {"$ref": "#/$defs/list"}}}},
    "$ref": "#/$defs/list",
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_ordinary_schemas_have_instances(name: str) -> None:
    assert not is_empty(compile_schema(SCHEMAS[name]).node)


@pytest.mark.parametrize(
    "schema",
    [
        {},
        _LIST,
        {"type": "array", "items": False},
        {"type": "array", "items": {"enum": [1, 2, 3]}, "uniqueItems": True, "minItems": 3},
        {"type": "object", "properties": {"a": False}},
        {"anyOf": [False, {"type": "null"}]},
        {"type": "object", "properties": {"a": {"type": "string"}}, "not": {"required": ["a"]}},
        {"type": "integer", "minimum": 1, "maximum": 7, "multipleOf": 7},
        {"type": "string", "allOf": [{"pattern": "^a"}, {"pattern": "b$"}]},
        {"type": "string", "minLength": 5000},
        {"type": "array", "items": {"type": "integer"}, "minItems": 5000},
    ],
)
def test_a_schema_with_an_instance_is_not_empty(schema: dict[str, Any]) -> None:
    assert not is_empty(compile_schema(schema).node)


@pytest.mark.parametrize(
    "schema",
    [
        {"not": {}},
        {"enum": []},
        {"type": "array", "items": False, "minItems": 1},
        {"type": "array", "items": {"enum": [1, 2, 3]}, "uniqueItems": True, "minItems": 4},
        {"type": "integer", "minimum": 1, "maximum": 6, "multipleOf": 7},
        {"type": "integer", "allOf": [{"not": {"minimum": 3}}, {"not": {"maximum": 5}}]},
        {"type": "string", "allOf": [{"pattern": "^a$"}, {"pattern": "^b$"}]},
        {"type": "string", "pattern": "^a{3}$", "maxLength": 2},
        {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a", "b"]},
        {"type": "object", "properties": {"next": {"$ref": "#"}}, "required": ["next"]},
    ],
)
def test_a_schema_without_instances_is_empty(schema: dict[str, Any]) -> None:
    assert is_empty(compile_schema(schema).node)


def test_an_empty_part_makes_a_sequence_empty_and_a_choice_not() -> None:
    nothing, some = Grammar.from_regex(r"[^\s\S]"), Grammar.special("<|call|>") + Grammar.text()
    assert is_empty(nothing.node)
    assert is_empty((some + nothing).node)
    assert not is_empty((some | nothing).node)
    assert not is_empty(nothing.repeat(0, 3).node)
    assert is_empty(nothing.repeat(1).node)
