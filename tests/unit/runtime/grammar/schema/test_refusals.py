"""Every refusal names its keyword and its path."""

from __future__ import annotations

from typing import Any

import pytest

from agentfast.errors import ConfigError, GrammarError, UnsupportedSchemaError
from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar import compile_schema

REFUSED: list[tuple[str, Any]] = [
    ("patternProperties", {"type": "object", "patternProperties": {"(?=": {}}}),
    ("patternProperties", {"type": "object", "patternProperties": []}),
    ("minProperties", {"type": "object", "minProperties": 2, "additionalProperties": True}),
    ("minProperties", {"type": "object", "minProperties": -1}),
    ("multipleOf", {"type": "integer", "multipleOf": 0}),
    ("contains", {"type": "array", "allOf": [{"contains": {"const": n}} for n in range(5)]}),
    ("uniqueItems", {"type": "array", "uniqueItems": True}),
    ("uniqueItems", {"type": "array", "uniqueItems": 1}),
    ("additionalProperties", {"not": {"additionalProperties": {"type": "string"}}}),
    ("patternProperties", {"not": {"patternProperties": {"a": {"type": "string"}}}}),
    ("maxProperties", {"not": {"maxProperties": 1}}),
    ("dependentRequired", {"dependentRequired": {"a": 1}}),
    ("nullable", {"type": "string", "nullable": True}),
    ("$recursiveRef", {"$recursiveRef": "#"}),
    ("requierd", {"type": "object", "requierd": ["a"]}),
    ("max_length", {"type": "string", "max_length": 3}),
    ("item", {"type": "array", "item": {"type": "string"}}),
    ("tpye", {"tpye": "string"}),
    ("min", {"type": "integer", "min": 3}),
    ("divisibleBy", {"type": "integer", "divisibleBy": 3}),
    ("anyOf", {"anyOf": []}),
    ("$ref", {"$ref": "http://a.example/schema"}),
    ("$ref", {"$ref": "#/$defs/missing"}),
    ("$ref", {"$ref": "#missing"}),
    ("$schema", {"$schema": "http://a.example/dialect"}),
    ("type", {"type": "str"}),
    ("type", {"type": []}),
    ("minLength", {"type": "string", "minLength": -1}),
    ("maxItems", {"type": "array", "maxItems": 1.5}),
    ("minimum", {"type": "number", "minimum": "1"}),
    ("maximum", {"type": "number", "maximum": float("inf")}),
    ("pattern", {"type": "string", "pattern": 1}),
    ("pattern", {"type": "string", "pattern": "("}),
    ("format", {"type": "string", "format": 5}),
    ("exclusiveMinimum", {"type": "number", "minimum": 0, "exclusiveMinimum": True}),
    ("$schema", {"$schema": "http://json-schema.org/draft-03/schema#"}),
    ("enum", {"enum": "a"}),
    ("const", {"const": "\ud800"}),
    ("const", {"const": [float("nan")]}),
    ("prefixItems", {"type": "array", "prefixItems": {}}),
    ("required", {"type": "object", "required": "a"}),
    ("properties", {"type": "object", "properties": []}),
    ("properties", {"type": "object", "properties": {"\udc00": True}}),
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
    assert error.value.keyword == keyword
    assert error.value.path.startswith("/properties/a~1b/items")
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


def test_unknown_keywords_are_annotations_when_closed_is_off() -> None:
    assert compile_schema({"misspelt": 1, "type": "null"}, closed=False).accepts("null")
    with pytest.raises(UnsupportedSchemaError, match="anyOf"):
        compile_schema({"nullable": True}, closed=False)


def test_a_schema_without_instances_is_a_grammar_error_once_it_meets_a_vocabulary() -> None:
    with pytest.raises(GrammarError, match="matches nothing"):
        compile_schema({"enum": []}, vocabulary=Vocabulary.byte_level())


def test_recursion_that_never_ends_is_a_grammar_error() -> None:
    schema = {"type": "object", "properties": {"next": {"$ref": "#"}}, "required": ["next"]}
    with pytest.raises(GrammarError, match="matches nothing"):
        compile_schema(schema, vocabulary=Vocabulary.byte_level())


def test_a_counter_beyond_the_state_budget_is_refused_at_once() -> None:
    with pytest.raises(GrammarError, match="states"):
        compile_schema({"type": "string", "minLength": 10**9}, vocabulary=Vocabulary.byte_level())


def test_an_unknown_whitespace_style_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="whitespace"):
        compile_schema({}, whitespace="loose")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
