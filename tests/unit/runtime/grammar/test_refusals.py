"""Every refusal names its keyword and its path."""

from __future__ import annotations

from typing import Any

import pytest

from agentfast.errors import ConfigError, GrammarError, UnsupportedSchemaError
from agentfast.runtime.grammar import compile_schema
from agentfast.runtime.vocabulary import Vocabulary

REFUSED: list[tuple[str, Any]] = [
    ("patternProperties", {"patternProperties": {"a": {}}}),
    ("propertyNames", {"type": "object", "propertyNames": {}}),
    ("minProperties", {"type": "object", "minProperties": 1}),
    ("multipleOf", {"type": "integer", "multipleOf": 2}),
    ("contains", {"type": "array", "contains": {}}),
    ("uniqueItems", {"type": "array", "uniqueItems": True}),
    ("not", {"not": {}}),
    ("if", {"if": {}, "then": {}}),
    ("dependentRequired", {"dependentRequired": {}}),
    ("unevaluatedProperties", {"unevaluatedProperties": False}),
    ("$anchor", {"$anchor": "x"}),
    ("$id", {"$id": "http://a.example/"}),
    ("nullable", {"type": "string", "nullable": True}),
    ("misspelt", {"misspelt": 1}),
    ("allOf", {"allOf": [{"type": "string"}, {"minLength": 1}]}),
    ("anyOf", {"anyOf": []}),
    ("oneOf", {"oneOf": [{"type": "string"}, {"type": "string", "minLength": 2}]}),
    ("oneOf", {"oneOf": [{"type": "integer"}, {"type": "number"}]}),
    ("properties", {"properties": {"a": {}}, "anyOf": [{"additionalProperties": False}]}),
    ("minimum", {"$ref": "#/$defs/x", "minimum": 1}),
    ("$ref", {"$ref": "http://a.example/schema"}),
    ("$ref", {"$ref": "#/$defs/missing"}),
    ("type", {"type": "str"}),
    ("type", {"type": []}),
    ("minLength", {"type": "string", "minLength": -1}),
    ("maxItems", {"type": "array", "maxItems": 1.5}),
    ("minimum", {"type": "number", "minimum": "1"}),
    ("maximum", {"type": "number", "maximum": float("inf")}),
    ("pattern", {"type": "string", "pattern": 1}),
    ("format", {"type": "string", "format": "iri"}),
    ("enum", {"enum": "a"}),
    ("enum", {"enum": [{}], "required": ["a"]}),
    ("const", {"const": "\ud800"}),
    ("items", {"type": "array", "items": [{}]}),
    ("required", {"type": "object", "required": "a"}),
    ("properties", {"type": "object", "properties": []}),
    ("additionalProperties", {"type": "object", "properties": {"a": {}}, "additionalProperties": True}),
    ("$schema", "not a schema"),
]


@pytest.mark.parametrize(("keyword", "schema"), REFUSED)
def test_a_refusal_names_keyword_and_path(keyword: str, schema: Any) -> None:
    whole = {
        "type": "object",
        "properties": {"a/b": {"type": "array", "items": schema}},
        "$defs": {"x": True},
    }
    with pytest.raises(UnsupportedSchemaError) as error:
        compile_schema(whole)
    assert (error.value.keyword, error.value.path) == (keyword, "/properties/a~1b/items")
    assert keyword in str(error.value)


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
        {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"anyOf": [{"$ref": "#/$defs/a"}]}}, "$ref": "#/$defs/a"},
        {
            "$defs": {
                "a": {"anyOf": [{"type": "array", "items": {"$ref": "#/$defs/b"}}, {"$ref": "#/$defs/b"}]},
                "b": {"anyOf": [{"$ref": "#/$defs/a"}, {"type": "null"}]},
            },
            "$ref": "#/$defs/a",
        },
    ],
)
def test_a_schema_that_is_only_itself_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedSchemaError, match="refers to itself") as error:
        compile_schema(schema)
    assert error.value.keyword == "$ref"


def test_open_declared_objects_are_refused_when_closed_is_off() -> None:
    with pytest.raises(UnsupportedSchemaError, match="additionalProperties"):
        compile_schema({"type": "object", "properties": {"a": {}}}, closed=False)


def test_a_schema_without_instances_is_a_grammar_error_once_it_meets_a_vocabulary() -> None:
    with pytest.raises(GrammarError, match="matches nothing"):
        compile_schema({"enum": []}, vocabulary=Vocabulary.byte_level())


def test_recursion_that_never_ends_is_a_grammar_error() -> None:
    schema = {"type": "object", "properties": {"next": {"$ref": "#"}}, "required": ["next"]}
    with pytest.raises(GrammarError, match="matches nothing"):
        compile_schema(schema, vocabulary=Vocabulary.byte_level())


def test_a_counter_beyond_the_state_budget_is_refused_at_once() -> None:
    with pytest.raises(GrammarError, match="states"):
        compile_schema({"type": "string", "maxLength": 10**9}, vocabulary=Vocabulary.byte_level())


def test_an_unknown_whitespace_style_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="whitespace"):
        compile_schema({}, whitespace="loose")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
