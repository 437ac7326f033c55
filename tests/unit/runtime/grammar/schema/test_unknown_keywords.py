"""Unknown keywords annotate, unless they could constrain."""

from __future__ import annotations

from typing import Any

import pytest

from agentfast.errors import UnsupportedSchemaError
from agentfast.runtime.grammar import compile_schema
from agentfast.runtime.grammar.schema.keywords import CONSTRAINING
from agentfast.runtime.grammar.schema.unknown_keywords import doubt

ANNOTATIONS = (
    "x-order enumTitles enumNames enumDescriptions markdownDescription markdownEnumDescriptions defaultSnippets $comment"
    " examples example deprecated deprecationMessage readOnly writeOnly discriminator xml externalDocs units unit note notes"
    " widget placeholder order group label icon name key internal sensitive ui:widget options category version tags links"
    " hidden errorMessage doNotSuggest tsType javaType meta:enum propertyOrder field source cost_center permissions ordered"
).split()


@pytest.mark.parametrize("keyword", ANNOTATIONS)
def test_a_keyword_that_only_annotates_is_read_over(keyword: str) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer", keyword: {"any": "thing"}}}}
    grammar = compile_schema(schema)
    assert grammar.accepts('{"a":1}')
    assert not grammar.accepts('{"a":"1"}')


@pytest.mark.parametrize(
    ("keyword", "meant"),
    [
        ("requierd", "required"),
        ("maxLenght", "maxLength"),
        ("max_length", "maxLength"),
        ("minlength", "minLength"),
        ("additonalProperties", "additionalProperties"),
        ("additional_properties", "additionalProperties"),
        ("property", "properties"),
        ("item", "items"),
        ("itmes", "items"),
        ("enums", "enum"),
        ("tpye", "type"),
        ("types", "type"),
        ("anyof", "anyOf"),
        ("any_of", "anyOf"),
        ("one-of", "oneOf"),
        ("ref", "$ref"),
        ("patern", "pattern"),
        ("formatt", "format"),
        ("uniqueitems", "uniqueItems"),
        ("exclusiveMinimun", "exclusiveMinimum"),
    ],
)
def test_a_misspelt_keyword_is_refused_with_the_one_that_is_meant(keyword: str, meant: str) -> None:
    found = doubt(keyword, 1, CONSTRAINING, strict=True)
    assert found is not None
    assert repr(meant) in found.reason


@pytest.mark.parametrize(
    "keyword", ["divisibleBy", "disallow", "extends", "$recursiveRef", "min", "max", "length"]
)
def test_a_keyword_that_constrains_elsewhere_is_refused_with_a_way_out(keyword: str) -> None:
    with pytest.raises(UnsupportedSchemaError, match="use ") as caught:
        compile_schema({keyword: 1})
    assert caught.value.keyword == keyword


@pytest.mark.parametrize(("value", "refused"), [(True, True), (False, False)])
def test_nullable_is_refused_where_it_says_something(value: Any, refused: bool) -> None:
    schema = {"type": "string", "nullable": value}
    if refused:
        with pytest.raises(UnsupportedSchemaError, match="null"):
            compile_schema(schema)
    else:
        assert compile_schema(schema).accepts('"a"')
