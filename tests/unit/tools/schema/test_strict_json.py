"""Schemas that every server can read: defaults that JSON cannot hold go, anything else is refused."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentfast.tools.schema.strict_json import is_json_object, repeated_key, strict_json


def test_defaults_that_json_cannot_hold_are_left_out_wherever_they_stand() -> None:
    schema = {
        "properties": {
            "default": {"type": "number", "default": math.inf},
            "b": {"type": "array", "default": [math.nan]},
            "c": {"type": "string", "default": "\ud83d"},
            "d": {"type": "integer", "default": 1},
        }
    }
    assert strict_json(schema) == {
        "properties": {
            "default": {"type": "number"},
            "b": {"type": "array"},
            "c": {"type": "string"},
            "d": {"type": "integer", "default": 1},
        }
    }


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@given(st.dictionaries(st.text(max_size=3), json_values, max_size=3))
def test_what_json_gives_is_a_json_object(value: dict[str, Any]) -> None:
    assert is_json_object(json.loads(json.dumps(value)))


@pytest.mark.parametrize("value", [None, [], "a", {1: 2}, {"a": {1}}, {"a": ["\ud83d"]}, {"\ud83d": 1}])
def test_other_values_are_no_json_object(value: object) -> None:
    assert not is_json_object(value)


@pytest.mark.parametrize(
    ("schema", "where"),
    [
        ({"maximum": math.inf}, "/maximum"),
        ({"properties": {"a": {"enum": ["\ud83d"]}}}, "/properties/a/enum/0"),
        ({"properties": {"\ud83d": {}}}, "/properties"),
    ],
)
def test_anything_else_is_refused_by_its_place(schema: dict[str, Any], where: str) -> None:
    with pytest.raises(ValueError, match=where):
        strict_json(schema)


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("{}", None),
        ('{"a":1,"b":2}', None),
        ('[{"a":1},{"a":2}]', None),
        ('{"a":{"a":{"a":1e300}},"b":"\\"a\\":"}', None),
        ('{"a":1,"b":[{"c":1,"c":1}]}', "c"),
        ('{"":1,"":2}', ""),
        ("[" * 600 + '{"a":1,"a":2}' + "]" * 600, "a"),
    ],
)
def test_a_key_that_comes_twice_in_an_object_is_found(written: str, key: str | None) -> None:
    assert repeated_key(written.encode()) == key
