"""Varied schemas for the benchmarks of constrained generation: typical tools and typed outputs, and corner cases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentfast.runtime.grammar.schema.keywords import as_list, as_object

Schema = dict[str, Any]

STRING: Schema = {"type": "string"}
INTEGER: Schema = {"type": "integer"}
NUMBER: Schema = {"type": "number"}
BOOLEAN: Schema = {"type": "boolean"}
NULL: Schema = {"type": "null"}


def obj(required: Mapping[str, Any] | None = None, /, **optional: Any) -> Schema:
    """An object of required and optional properties, in this order."""
    needed = dict(required or {})
    return {"type": "object", "properties": needed | optional, "required": list(needed)}


def array(items: Any, least: int | None = None, most: int | None = None) -> Schema:
    """An array with optional counts."""
    limits = {"minItems": least, "maxItems": most}
    return {"type": "array", "items": items} | {name: n for name, n in limits.items() if n is not None}


def text(**rules: Any) -> Schema:
    """A string with rules."""
    return {"type": "string", **rules}


def number(**bounds: Any) -> Schema:
    """A number with bounds."""
    return {"type": "number", **bounds}


def integer(**bounds: Any) -> Schema:
    """An integer with bounds."""
    return {"type": "integer", **bounds}


def call(name: str, arguments: Schema) -> Schema:
    """One tool call, as the JSON chat format writes it."""
    return obj({"name": {"const": name}, "arguments": arguments})


ADDRESS = obj({"street": text(minLength=1, maxLength=30), "city": STRING}, zip=text(pattern=r"^\d{5}$"))
TREE: Schema = {
    "$defs": {"node": obj({"value": INTEGER}, left={"$ref": "#/$defs/node"}, right={"$ref": "#/$defs/node"})},
    "$ref": "#/$defs/node",
}
LIST: Schema = {
    "$defs": {"list": {"anyOf": [NULL, obj({"head": STRING, "tail": {"$ref": "#/$defs/list"}})]}},
    "$ref": "#/$defs/list",
}
EXPRESSION: Schema = {
    "$defs": {
        "expression": {
            "anyOf": [
                NUMBER,
                obj({"op": {"enum": ["+", "-", "*"]}, "args": array({"$ref": "#/$defs/expression"}, 1, 3)}),
            ]
        }
    },
    "$ref": "#/$defs/expression",
}
TOOLS = [
    call("find_order", obj({"id": integer(minimum=1)}, status={"enum": ["open", "shipped"]})),
    call("send_message", obj({"to": text(format="email"), "body": text(maxLength=80)})),
    call("book", obj({"start": text(format="date-time")}, minutes=integer(minimum=15, maximum=480))),
    call("list_customers", obj()),
    call(
        "refund", obj({"order": INTEGER, "amount": number(exclusiveMinimum=0, maximum=999.99)}, reason=STRING)
    ),
]

SCHEMAS: dict[str, Schema | bool] = {
    "string": STRING,
    "string up to 5": text(maxLength=5),
    "string of 3 to 8": text(minLength=3, maxLength=8),
    "string of 12 at least": text(minLength=12),
    "empty string": text(maxLength=0),
    "pattern": text(pattern=r"^[A-Z]{2}-\d{3,6}$"),
    "pattern inside": text(pattern="ab+c", maxLength=12),
    "pattern with quotes": text(pattern=r'^("[a-z]"|\\|\n){1,4}$'),
    "pattern of Unicode": text(pattern="^[é漢😀]{1,3}$"),
    "enum": {"enum": ["open", "shipped", "closed", None, 3, 1.5, True, {"a": [1]}]},
    "enum of escapes": {"enum": ['say "hi"', "back\\slash", "line\nbreak", "é漢😀"]},
    "const": {"const": {"version": 2, "tags": ["a", "b"]}},
    "date": text(format="date"),
    "time": text(format="time"),
    "date-time": text(format="date-time"),
    "duration": text(format="duration"),
    "email": text(format="email"),
    "uuid": text(format="uuid"),
    "ipv4": text(format="ipv4"),
    "ipv6": text(format="ipv6"),
    "hostname": text(format="hostname"),
    "uri": text(format="uri", maxLength=40),
    "integer": INTEGER,
    "integer 1 to 100": integer(minimum=1, maximum=100),
    "integer below 0": integer(exclusiveMaximum=0),
    "integer of 7 digits": integer(minimum=1_000_000, maximum=9_999_999),
    "number": NUMBER,
    "number 0 to 1": number(minimum=0, maximum=1),
    "number in a narrow gap": number(exclusiveMinimum=0.125, exclusiveMaximum=0.126),
    "number from -2.5": number(minimum=-2.5, exclusiveMaximum=10),
    "boolean": BOOLEAN,
    "null": NULL,
    "type list": {"type": ["string", "integer", "null"], "maxLength": 4, "minimum": 0},
    "array of integers": array(INTEGER),
    "array of 2 to 4": array(number(minimum=0), 2, 4),
    "array of strings": array(text(maxLength=6), 1, 5),
    "tuple": {"type": "array", "prefixItems": [STRING, INTEGER], "items": False, "minItems": 2},
    "nested arrays": array(array(BOOLEAN, 1, 3), 1, 3),
    "empty object": obj(),
    "one property": obj({"id": INTEGER}),
    "optional properties": obj(a=INTEGER, b=BOOLEAN, c=NULL, d=STRING),
    "mixed properties": obj({"name": STRING, "age": integer(minimum=0, maximum=130)}, email=text(format="email")),
    "names with escapes": obj({'a"b': INTEGER, "c\\d": BOOLEAN}, **{"é 漢": NULL}),
    "map": {"type": "object", "additionalProperties": integer(minimum=0)},
    "map of maps": {"type": "object", "additionalProperties": {"type": "object", "additionalProperties": BOOLEAN}},
    "person": obj({"name": text(minLength=1), "address": ADDRESS}, tags=array(STRING, 0, 3), born=text(format="date")),
    "order": obj(
        {
            "id": integer(minimum=1),
            "lines": array(obj({"sku": text(pattern="^[A-Z0-9]{4}$"), "count": integer(minimum=1, maximum=99)}), 1, 3),
            "status": {"enum": ["open", "paid", "shipped"]},
        },
        note={"anyOf": [text(maxLength=20), NULL]},
    ),
    "seven fields": obj(
        {"city": STRING, "country": {"enum": ["FR", "DE", "JP"]}, "days": integer(minimum=1, maximum=14)},
        units={"enum": ["metric", "imperial"]},
        hourly=BOOLEAN,
        lat=number(minimum=-90, maximum=90),
        lon=number(minimum=-180, maximum=180),
    ),
    "nullable": obj({"a": {"anyOf": [INTEGER, NULL]}, "b": {"anyOf": [STRING, NULL], "default": None}}),
    "union of objects": {"anyOf": [obj({"kind": {"const": "a"}, "x": INTEGER}), obj({"kind": {"const": "b"}, "y": STRING})]},
    "one of": {"oneOf": [obj({"t": {"const": 1}, "v": BOOLEAN}), obj({"t": {"const": 2}, "v": NULL}), STRING]},
    "overlapping unions": {"anyOf": [text(maxLength=4), text(pattern="^a"), {"enum": ["abc", "xyz"]}]},
    "tree": TREE,
    "list": LIST,
    "expression": EXPRESSION,
    "anything": True,
    "a choice of tools": {"anyOf": TOOLS},
    "one tool": TOOLS[0],
    "multiples": integer(multipleOf=7, minimum=0, maximum=700),
    "multiples of a fraction": number(multipleOf=0.25, minimum=0, maximum=3),
    "not listed": text(maxLength=5) | {"not": {"enum": ["a", "bb"]}},
    "not a multiple": integer(minimum=0, maximum=99) | {"not": {"multipleOf": 3}},
    "not both": obj(a=INTEGER, b=BOOLEAN, c=NULL) | {"not": {"required": ["a", "b"]}},
    "at least one": obj(a=INTEGER, b=BOOLEAN) | {"anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
    "exactly one": obj(a=INTEGER, b=BOOLEAN, c=NULL) | {"oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
    "a multiple of just one": integer(minimum=0, maximum=60) | {"oneOf": [{"multipleOf": 2}, {"multipleOf": 3}]},
    "all of": obj({"a": integer(minimum=0)}, b=STRING)
    | {"allOf": [{"properties": {"a": {"maximum": 9}}}, {"properties": {"b": {"maxLength": 3}}, "required": ["b"]}]},
    "if, then, else": obj({"kind": {"enum": ["card", "cash"]}}, number=text(pattern=r"^\d{4}$"), note=text(maxLength=4))
    | {"if": {"properties": {"kind": {"const": "card"}}}, "then": {"required": ["number"]}, "else": {"required": ["note"]}},
    "pattern properties": {
        "type": "object",
        "patternProperties": {"^n_[a-z]{1,3}$": INTEGER, "^s_[a-z]$": text(maxLength=3)},
        "additionalProperties": False,
    },
    "property names": {
        "type": "object",
        "propertyNames": {"pattern": "^[a-z]{1,4}$"},
        "additionalProperties": BOOLEAN,
        "minProperties": 1,
        "maxProperties": 3,
    },
    "declared and others": obj({"id": INTEGER}, name=STRING) | {"additionalProperties": BOOLEAN},
    "two of three": obj(a=INTEGER, b=BOOLEAN, c=NULL) | {"minProperties": 2, "maxProperties": 2},
    "dependent required": obj(a=INTEGER, b=BOOLEAN, c=NULL) | {"dependentRequired": {"a": ["c"]}},
    "dependent schemas": obj(a=INTEGER, b=integer()) | {"dependentSchemas": {"a": {"properties": {"b": {"minimum": 5}}}}},
    "contains": array(integer(minimum=0, maximum=9), 0, 5) | {"contains": {"const": 7}, "minContains": 1, "maxContains": 2},
    "unique items": array({"enum": ["a", "b", "c", 1]}, 2) | {"uniqueItems": True},
    "nothing unevaluated": {"type": "array", "prefixItems": [INTEGER], "allOf": [{"prefixItems": [True, STRING]}], "unevaluatedItems": False},
    "a reference and more": {"$defs": {"n": {"$anchor": "n", "type": "integer", "minimum": 0}}, "$ref": "#n", "maximum": 50},
    "recursion under not": {
        "$defs": {"t": obj(a={"$ref": "#/$defs/t"}, b=NULL) | {"not": {"required": ["a", "b"]}}},
        "$ref": "#/$defs/t",
    },
    "deep": obj({"a": obj({"b": obj({"c": obj({"d": array(obj({"e": INTEGER}), 0, 2)})})})}),
}  # fmt: skip
"""By name; objects are closed unless they say otherwise."""


def closed(schema: Any) -> Any:
    """The schema with its objects closed in words, for validators that take JSON Schema at its own word."""
    items, keywords = as_list(schema), as_object(schema)
    if items is not None:
        return [closed(item) for item in items]
    if keywords is None:
        return schema
    result = {name: value if name in ("enum", "const") else closed(value) for name, value in keywords.items()}
    if result.get("type") == "object":
        result.setdefault("additionalProperties", False)
    return result
