"""Schemas of OpenAPI documents as JSON Schemas that stand alone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, cast

from agentfast.tools.toolsets.openapi.document import Document

_LEFT_OUT: Final = frozenset(
    ("deprecated", "discriminator", "example", "examples", "externalDocs", "readOnly", "writeOnly", "xml")
)
_PLAIN_FORMATS: Final = frozenset(("int32", "int64", "float", "double", "password", "binary", "byte"))
"""Formats that OpenAPI has for programs, and JSON Schema does not know."""
_BY_NAME: Final = frozenset(("properties", "patternProperties", "$defs", "dependentSchemas"))
_SCHEMAS: Final = frozenset(
    "additionalProperties allOf anyOf contains else if items not oneOf prefixItems propertyNames then "
    "unevaluatedItems unevaluatedProperties".split()
)
"""Keywords that hold schemas, or lists of them."""


class Schemas:
    """The schemas of one tool: each that is referred to lies once under `$defs`."""

    def __init__(self, document: Document, where: str) -> None:
        """Take the document, and the operation for messages."""
        self.definitions: dict[str, Any] = {}
        self._names: dict[str, str] = {}  # by reference
        self._document = document
        self._where = where

    def standalone(self, schema: object) -> Any:
        """The schema in JSON Schema of draft 2020-12, what it refers to in `definitions`.

        Properties that only responses have are left out.

        Raises:
            ToolDefinitionError: it refers to what the document does not hold.
        """
        if isinstance(schema, list):
            return [self.standalone(item) for item in cast("list[object]", schema)]
        if not isinstance(schema, Mapping):
            return schema
        given = dict(cast("Mapping[str, Any]", schema))
        reference = given.pop("$ref", None)
        if isinstance(reference, str):
            target = {"$ref": f"#/$defs/{self._definition(reference)}"}
            return target if self._document.is_3_0 else {**self._plain(given), **target}
        if self._document.is_3_0:
            return _with_null(self._plain(_with_numeric_bounds(given)), given)
        return self._plain(given)

    def _definition(self, reference: str) -> str:
        if reference not in self._names:
            text = re.sub(r"[^A-Za-z0-9_]", "_", reference.rpartition("/")[2]) or "schema"
            name = text if text not in self.definitions else f"{text}_{len(self.definitions)}"
            self._names[reference] = name
            self.definitions[name] = {}  # its place, as it may refer to itself
            target = self._document.target(reference, self._where)
            self.definitions[name] = self.standalone(target)
        return self._names[reference]

    def _plain(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for keyword, value in schema.items():
            if keyword in _LEFT_OUT or keyword.startswith("x-") or keyword == "nullable":
                continue
            if keyword == "format" and value in _PLAIN_FORMATS:
                continue
            if keyword in _BY_NAME and isinstance(value, dict):
                members = cast("dict[str, Any]", value)
                found[keyword] = {
                    name: self.standalone(inner)
                    for name, inner in members.items()
                    if keyword != "properties" or not self._is_read_only(inner)
                }
            else:
                found[keyword] = self.standalone(value) if keyword in _SCHEMAS else value
        if isinstance(found.get("required"), list) and "properties" in found:
            read_only = schema["properties"].keys() - found["properties"].keys()
            found["required"] = [name for name in found["required"] if name not in read_only]
        return found

    def _is_read_only(self, schema: object) -> bool:
        if isinstance(schema, dict) and "$ref" in schema:
            schema = self._document.resolved(cast("object", schema), self._where)
        return isinstance(schema, dict) and cast("dict[str, Any]", schema).get("readOnly") is True


def _with_numeric_bounds(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Bounds of OpenAPI 3.0, where `exclusiveMinimum` says whether `minimum` itself is allowed, as numbers."""
    found = dict(schema)
    for exclusive, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(found.get(exclusive), bool) and found.pop(exclusive) and bound in found:
            found[exclusive] = found.pop(bound)
    return found


def _with_null(found: dict[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The schema, of null as well where it is `nullable`."""
    if given.get("nullable") is not True:
        return found
    if set(found) - {"description", "title", "default", "enum", "format", "pattern"} == {"type"}:
        if None not in found.get("enum", (None,)):
            found["enum"] = [*found["enum"], None]
        return {**found, "type": [found["type"], "null"]}
    notes: dict[str, Any] = {key: found.pop(key) for key in ("description", "default") if key in found}
    return {**notes, "anyOf": [found, {"type": "null"}]}
