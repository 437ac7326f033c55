"""Schemas are read by the draft that they name."""

from __future__ import annotations

from typing import Any

import pytest

from agentfast.errors import UnsupportedSchemaError
from agentfast.runtime.grammar import compile_schema
from agentfast.runtime.grammar.schema.dialect import LATEST, dialect_named

DRAFT_4 = "http://json-schema.org/draft-04/schema#"
DRAFT_7 = "http://json-schema.org/draft-07/schema#"


@pytest.mark.parametrize(
    ("name", "dialect"),
    [
        (DRAFT_4, "draft-04"),
        ("http://json-schema.org/draft-05/schema#", "draft-04"),
        ("http://json-schema.org/draft-06/schema", "draft-06"),
        (DRAFT_7, "draft-07"),
        ("https://json-schema.org/draft-07/schema", "draft-07"),
        ("http://json-schema.org/draft-07/hyper-schema#", "draft-07"),
        ("https://json-schema.org/draft/2019-09/schema", "draft 2019-09"),
        ("https://json-schema.org/draft/2020-12/schema", "draft 2020-12"),
        ("http://json-schema.org/schema#", "draft 2020-12"),
    ],
)
def test_a_draft_is_known_by_its_metaschema(name: str, dialect: str) -> None:
    found = dialect_named(name)
    assert found is not None
    assert found.name == dialect


@pytest.mark.parametrize("name", ["http://json-schema.org/draft-03/schema#", "http://a.example/", 7, None])
def test_other_names_are_no_dialect(name: object) -> None:
    assert dialect_named(name) is None


@pytest.mark.parametrize("draft", ["04", "06", "07"])
def test_a_reference_replaces_what_stands_beside_it_up_to_draft_7(draft: str) -> None:
    schema: dict[str, Any] = {
        "properties": {"a": {"$ref": "#/definitions/text", "maxLength": 1}},
        "definitions": {"text": {"type": "string"}},
    }
    named = {"$schema": f"http://json-schema.org/draft-{draft}/schema#", **schema}
    assert compile_schema(named).accepts('{"a":"long"}')
    assert not compile_schema(schema).accepts('{"a":"long"}')


def test_draft_4_bounds_are_exclusive_by_a_truth_value() -> None:
    schema = {"$schema": DRAFT_4, "type": "integer", "minimum": 3, "exclusiveMinimum": True, "maximum": 5}
    grammar = compile_schema(schema | {"exclusiveMaximum": False})
    assert [n for n in range(8) if grammar.accepts(str(n))] == [4, 5]


def test_a_truth_value_as_a_bound_is_refused_with_advice_where_no_draft_is_named() -> None:
    with pytest.raises(UnsupportedSchemaError, match="draft-04"):
        compile_schema({"type": "integer", "minimum": 3, "exclusiveMinimum": True})


def test_draft_4_identifies_schemas_by_id() -> None:
    schema = {
        "$schema": DRAFT_4,
        "id": "http://a.example/root.json",
        "properties": {"a": {"$ref": "number.json"}},
        "definitions": {"n": {"id": "number.json", "type": "number"}},
    }
    grammar = compile_schema(schema)
    assert grammar.accepts('{"a":1}')
    assert not grammar.accepts('{"a":"1"}')


@pytest.mark.parametrize("closed", [True, False])
def test_keywords_of_later_drafts_hold_in_closed_schemas_alone(closed: bool) -> None:
    schema = {"$schema": DRAFT_7, "type": "object", "dependentRequired": {"a": ["b"]}}
    grammar = compile_schema(schema | {"properties": {"a": True, "b": True}}, closed=closed)
    assert grammar.accepts('{"a":1}') != closed


def test_an_embedded_resource_may_name_its_own_draft() -> None:
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "properties": {"old": {"$ref": "old.json"}, "new": {"$ref": "#/$defs/text", "maxLength": 1}},
        "$defs": {
            "text": {"type": "string"},
            "old": {
                "$id": "old.json",
                "$schema": DRAFT_7,
                "items": {"$ref": "#/definitions/text", "maxLength": 1},
                "definitions": {"text": {"type": "string"}},
            },
        },
    }
    grammar = compile_schema(schema)
    assert grammar.accepts('{"old":["long"],"new":"a"}')
    assert not grammar.accepts('{"old":["long"],"new":"long"}')


def test_contains_evaluates_items_from_2020_on() -> None:
    schema = {"contains": {"const": 1}, "unevaluatedItems": {"const": 2}}
    old = {"$schema": "https://json-schema.org/draft/2019-09/schema", **schema}
    assert compile_schema(schema, closed=False).accepts("[1,2]")
    assert not compile_schema(old, closed=False).accepts("[1,2]")


def test_unnamed_drafts_are_read_as_the_latest() -> None:
    assert dialect_named("https://json-schema.org/draft/2020-12/schema") is LATEST
