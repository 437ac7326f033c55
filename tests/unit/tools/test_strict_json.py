"""Schemas that every server can read: defaults that JSON cannot hold go, anything else is refused."""

from __future__ import annotations

import math
from typing import Any

import pytest

from agentfast.tools.strict_json import strict_json


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
