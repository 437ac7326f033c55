"""References to other documents, which the caller gives by URI."""

from __future__ import annotations

from typing import Any

import pytest

from agentfast.errors import ConfigError, UnsupportedSchemaError
from agentfast.runtime.grammar import compile_schema

ADDRESS: dict[str, Any] = {
    "$id": "https://x.example/schemas/address",
    "type": "object",
    "properties": {"zip": {"$ref": "#/$defs/zip"}, "country": {"$ref": "country.json"}},
    "required": ["zip"],
    "$defs": {"zip": {"$anchor": "zip", "type": "string", "pattern": "^[0-9]{5}$"}},
}
COUNTRY: dict[str, Any] = {"enum": ["de", "fr"]}
DOCUMENTS: dict[str, Any] = {
    "https://x.example/address.json": ADDRESS,
    "https://x.example/schemas/country.json": COUNTRY,
}


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        ("https://x.example/address.json", '{"zip":"12345","country":"de"}'),
        ("https://x.example/schemas/address", '{"zip":"12345","country":"de"}'),
        ("https://x.example/address.json#/$defs/zip", '"12345"'),
        ("https://x.example/address.json#zip", '"12345"'),
        ("https://x.example/schemas/address#zip", '"12345"'),
        ("https://x.example/address.json#/properties/country", '"fr"'),
    ],
)
def test_a_document_is_found_by_its_uri_and_by_its_id(reference: str, text: str) -> None:
    grammar = compile_schema({"$ref": reference}, documents=DOCUMENTS)
    assert grammar.accepts(text)
    assert not grammar.accepts(text.replace("5", "x").replace("fr", "nl"))


def test_relative_uris_are_meant_from_the_schema_that_has_them() -> None:
    items = {"type": "array", "items": {"$ref": "parts/item.json"}}
    documents: dict[str, Any] = {"parts/item.json": {"$ref": "other.json"}, "parts/other.json": {"const": 1}}
    assert compile_schema(items, documents=documents).accepts("[1,1]")
    assert compile_schema({"$id": "https://x.example/a/", **items}, documents=documents).accepts("[1]")


def test_documents_may_refer_to_each_other_and_back() -> None:
    tree = {"type": "object", "properties": {"children": {"$ref": "list.json"}}}
    grammar = compile_schema(
        {"$id": "https://x.example/tree.json", **tree},
        documents={"list.json": {"type": "array", "items": {"$ref": "tree.json"}}},
    )
    assert grammar.accepts('{"children":[{},{"children":[]}]}')
    assert not grammar.accepts('{"children":[1]}')


def test_a_document_is_read_in_its_own_draft() -> None:
    documents = {
        "old.json": {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "$ref": "#/definitions/a",
            "maximum": 1,
            "definitions": {"a": {"minimum": 2}},
        }
    }
    assert compile_schema({"$ref": "old.json", "type": "integer"}, documents=documents).accepts("5")


def test_what_a_schema_embeds_goes_before_a_document_of_the_same_uri() -> None:
    schema = {"$ref": "https://x.example/a", "$defs": {"a": {"$id": "https://x.example/a", "const": 1}}}
    assert compile_schema(schema, documents={"https://x.example/a": {"const": 2}}).accepts("1")


def test_a_missing_document_is_named_by_its_uri() -> None:
    with pytest.raises(UnsupportedSchemaError, match=r"https://x\.example/b\.json.*documents=") as error:
        compile_schema({"$id": "https://x.example/a.json", "properties": {"b": {"$ref": "b.json#/x"}}})
    assert (error.value.keyword, error.value.path) == ("$ref", "/properties/b")


def test_a_refusal_inside_a_document_names_the_document() -> None:
    with pytest.raises(UnsupportedSchemaError) as error:
        compile_schema({"$ref": "a.json"}, documents={"a.json": {"items": {"pattern": "(a"}}})
    assert error.value.path == "a.json#/items"


def test_different_documents_make_different_grammars() -> None:
    recursive = {"anyOf": [{"$ref": "leaf.json"}, {"type": "array", "items": {"$ref": "#"}}]}
    one, other = (compile_schema(recursive, documents={"leaf.json": {"const": value}}) for value in (1, 2))
    assert one != other


@pytest.mark.parametrize("uri", ["", "a.json#b"])
def test_the_uri_of_a_document_has_no_fragment(uri: str) -> None:
    with pytest.raises(ConfigError, match="documents"):
        compile_schema(True, documents={uri: True})
