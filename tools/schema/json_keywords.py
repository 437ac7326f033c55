"""Keywords of JSON Schema for the constraints of pydantic's core schemas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic.json_schema import JsonSchemaValue

MARK: Final = "x-agentfast-unenforced"
"""Keyword of a check that the schema does not state; taken out again by `describe`."""


def moment(name: str, now: str | None, kind: str) -> JsonSchemaValue:
    """A date or time in a format; `now` says whether it is past or future, `kind` what to use instead."""
    found = {"type": "string", "format": name}
    if now is not None:
        return found | {
            MARK: f"that a {kind} is {now} depends on the time: use {kind}, and check it in the tool"
        }
    return found


def bounds(schema: Mapping[str, Any]) -> JsonSchemaValue:
    """Bounds of a moment or a duration, which have no keyword."""
    named = [name for name in ("le", "ge", "lt", "gt") if schema.get(name) is not None]
    return (
        {MARK: f"the bound {named[0]} of a {schema['type']} has no keyword: check it in the tool"}
        if named
        else {}
    )


def unenforced(name: str, check: str) -> JsonSchemaValue:
    """A string of a format with a check that no keyword states."""
    return {"type": "string", "format": name, MARK: check}


def unless_limited(text: JsonSchemaValue, found: Mapping[str, Any], kind: str) -> JsonSchemaValue:
    """The schema of bytes as a text, unless `found` limits how many they are."""
    if found.keys() & {"minLength", "maxLength"}:
        return text | {MARK: f"the length of {kind} is not that of the text: check it in the tool"}
    return text


def without_digits(number: JsonSchemaValue, digits: int | None, places: int | None) -> JsonSchemaValue:
    """A number's schema with limits on its digits."""
    limits: list[JsonSchemaValue] = []
    if digits is not None:
        whole = digits - (places or 0)
        limits.append({"exclusiveMinimum": -(10**whole), "exclusiveMaximum": 10**whole})
        if places is None:
            number = {**number, "type": "integer"}
    if places is not None:
        limits.append({"multipleOf": float(f"1e-{places}")})
    return {**number, "allOf": limits} if limits else number


def as_set(found: JsonSchemaValue, schema: Mapping[str, Any]) -> JsonSchemaValue:
    """An array that becomes a set. Items may repeat, unless so many different ones are asked for."""
    items = schema.get("items_schema", {"type": "any"})
    if items["type"] == "any":
        found["items"] = {"type": ["string", "number", "boolean", "null"]}
    elif items["type"] in ("list", "set", "dict", "typed-dict", "model"):
        found[MARK] = "items of this type cannot be in a set: use a list"
    if items["type"] not in ("enum", "literal", "bool") and (schema.get("min_length") or 0) < 2:
        found.pop("uniqueItems", None)
    return found
