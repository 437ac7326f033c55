"""Of a schema that no value meets, the innermost part that is to blame is named."""

from __future__ import annotations

from typing import Any

import pytest

from agentfast.runtime.grammar import compile_schema
from agentfast.runtime.grammar.schema.unsatisfiable import find_unsatisfiable

_CROSSED: dict[str, Any] = {"type": "integer", "minimum": 5, "maximum": 3}


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


@pytest.mark.parametrize(
    ("schema", "field", "path"),
    [
        (_CROSSED, "", ""),
        (_object(a={"type": "string"}, n=_CROSSED), "n", "/properties/n"),
        (_object(a=_object(n=_CROSSED)), "a.n", "/properties/a/properties/n"),
        (
            _object(a={"type": "array", "items": _object(n=_CROSSED), "minItems": 2}),
            "a[].n",
            "/properties/a/items/properties/n",
        ),
        (
            _object(a={"prefixItems": [{"type": "null"}, _CROSSED], "type": "array", "minItems": 2}),
            "a[1]",
            "/properties/a/prefixItems/1",
        ),
        ({"$defs": {"d": _object(n=_CROSSED)}, "$ref": "#/$defs/d"}, "n", "/$defs/d/properties/n"),
        (_object(a={"allOf": [{"type": "integer"}, {"not": {}}]}), "a", "/properties/a/allOf/1"),
        (_object(a={"anyOf": [_CROSSED, False]}), "a", "/properties/a"),
        (_object(next={"$ref": "#"}), "next", "/properties/next"),
    ],
)
def test_the_innermost_field_that_no_value_meets_is_named(
    schema: dict[str, Any], field: str, path: str
) -> None:
    found = find_unsatisfiable(schema, compile_schema(schema))
    assert found is not None
    assert (found.field, found.path) == (field, path)


def test_a_long_schema_is_shown_by_its_beginning() -> None:
    schema: dict[str, Any] = {"type": "string", "enum": [], "description": "x" * 500}
    found = find_unsatisfiable(schema, compile_schema(schema))
    assert found is not None
    assert found.text == '{"type": "string", "enum": [], "description": "' + 153 * "x" + "…"


def test_a_schema_with_a_value_has_no_part_to_blame() -> None:
    schema = {"type": "object", "properties": {"n": _CROSSED}}
    assert find_unsatisfiable(schema, compile_schema(schema)) is None
