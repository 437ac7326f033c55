"""Notes name what a schema says and what is not enforced."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from agentfast.runtime.grammar import compile_schema
from agentfast.runtime.grammar.schema.notes import schema_notes


def noted(schema: Any, **options: bool) -> list[tuple[str, str, str]]:
    return [(note.kind, note.path, note.name) for note in schema_notes(schema, **options)]


@pytest.mark.parametrize("name", ["url", "json", "html-selector", "int32", "idn-email", "regex"])
def test_an_unknown_format_is_an_annotation_with_a_note(name: str) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "format": name}}, "required": ["a"]}
    assert compile_schema(schema).accepts('{"a":"anything"}')
    assert noted(schema) == [("format", "/properties/a", name)]
    assert noted(schema, assert_format=False) == []


def test_a_known_format_is_asserted_without_a_note() -> None:
    schema = {"type": "string", "format": "date"}
    assert not compile_schema(schema).accepts('"anything"')
    assert noted(schema) == []


def test_each_unknown_format_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    schema = {"anyOf": [{"type": "string", "format": "once-only"}, {"format": "once-only", "maxLength": 3}]}
    with caplog.at_level(logging.WARNING, "agentfast.grammar"):
        compile_schema(schema)
        compile_schema(schema)
    assert [record.getMessage().count("once-only") > 0 for record in caplog.records] == [True]


def test_an_annotation_that_no_draft_knows_has_a_note_but_those_of_ones_own_have_none() -> None:
    schema = {"type": "string", "enumTitles": ["A"], "x-note": 1, "title": "T"}
    assert noted(schema) == [("keyword", "", "enumTitles")]


def test_what_a_draft_reads_otherwise_has_a_note() -> None:
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {"a": {"$ref": "#/definitions/a", "minLength": 1}, "b": {"prefixItems": [True]}},
        "definitions": {"a": {"type": "string"}},
    }
    assert noted(schema) == [
        ("dialect", "/properties/a", "minLength"),
        ("dialect", "/properties/b", "prefixItems"),
    ]


@pytest.mark.parametrize(
    ("schema", "paths"),
    [
        ({"type": "object"}, [""]),
        ({"type": "object", "properties": {}}, []),
        ({"type": "object", "additionalProperties": True}, []),
        ({"type": ["object", "null"]}, [""]),
        ({"type": "object", "properties": {"meta": {"type": "object", "title": "M"}}}, ["/properties/meta"]),
        ({"type": "array", "items": {"type": "object"}}, ["/items"]),
        ({"anyOf": [{"type": "object"}, {"type": "null"}]}, ["/anyOf/0"]),
        ({"allOf": [{"type": "object"}, {"properties": {"a": True}}]}, []),
        ({"properties": {"a": True}, "anyOf": [{"type": "object"}]}, []),
        ({"not": {"type": "object"}}, []),
        ({"type": "object", "$ref": "#/$defs/a", "$defs": {"a": {"properties": {"b": True}}}}, []),
        ({"type": "object", "enum": [{"a": 1}]}, []),
    ],
)
def test_an_object_that_is_closed_without_properties_has_a_note(schema: Any, paths: list[str]) -> None:
    assert noted(schema) == [("empty object", path, "type") for path in paths]
    assert noted(schema, closed=False) == []
