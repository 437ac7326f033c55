"""JSON Schemas of Python types that say what pydantic's validators truly take.

pydantic's own schemas describe; a grammar enforces. A NaiveDatetime has `format: date-time` there, whose offset its
validator forbids, and a Decimal's text may be any. So each schema here is at most as wide as its validator in strict
mode: a value that the schema allows is one that the type takes, user-defined validators aside. It may be narrower, as
with URLs (ASCII hosts) and regular expressions (groups two deep).

Checks of a type that no schema can state, such as that a date is past or a file exists, are reported beside it: a model
that is held to its schemas is not given such a type. Functions that a user wrote (AfterValidator, field_validator, ...)
are not: what they refuse becomes an error that the model reads.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from agentfast.tools.schema import patterns
from agentfast.tools.schema.json_keywords import (
    MARK,
    as_set,
    bounds,
    moment,
    unenforced,
    unless_limited,
    without_digits,
)
from agentfast.tools.schema.pydantic_checks import checked_by

_STANDARD: Final = {
    "iso-date-time": "date-time",
    "iso-time": "time",
    "iso-duration": "duration",
    "local-date-time": None,
}
"""Formats that pydantic's types have here, and JSON Schema's next to them."""
_URL_LENGTH: Final = 512
"""Longest URL where its type has a limit (2083 for HttpUrl): lengths cost states."""
_STEPS: Final = 10**6
"""Largest multiple of a fraction, in such fractions."""
_DIFFERS: Final = re.compile(r"\\[DWSbB]|\[\^[^\]]*\\[dwsDWS]")
"""Parts of patterns that match more in ECMA-262 than in Rust's Unicode reading."""


@dataclass(frozen=True, slots=True)
class Unenforced:
    """A check that no schema states.

    Attributes:
        place: the parameter or field, as "order.date".
        check: the type, and what to use instead.
    """

    place: str
    check: str


def describe(adapter: TypeAdapter[Any]) -> tuple[dict[str, Any], tuple[Unenforced, ...]]:
    """The JSON Schema of a type in validation mode, and its checks that the schema does not state.

    Raises:
        PydanticUserError: the type has no JSON Schema.
    """
    schema = adapter.json_schema(schema_generator=TypeJsonSchema)
    return schema, tuple(_taken(schema, ""))


def with_standard_formats(schema: Any) -> Any:
    """A schema with formats of JSON Schema alone, for servers that refuse others; these allow a little more or less."""
    if isinstance(schema, list):
        return [with_standard_formats(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    found = {name: with_standard_formats(value) for name, value in cast("Mapping[str, Any]", schema).items()}
    if isinstance(name := found.get("format"), str) and name in _STANDARD:
        found["format"] = _STANDARD[name]
    return {name: value for name, value in found.items() if value is not None or name != "format"}


class TypeJsonSchema(GenerateJsonSchema):
    """Generator of JSON Schemas that are as strict as their types."""

    ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012  (as pydantic declares it)

    def generate_inner(self, schema: Any) -> JsonSchemaValue:
        """The schema of a core schema; functions of pydantic's own add what they check."""
        found = super().generate_inner(schema)
        if str(schema["type"]).startswith("function-") and "$ref" not in found:
            found = {**found, **checked_by(schema["function"]["function"], found)}
        return found

    def datetime_schema(self, schema: core_schema.DatetimeSchema) -> JsonSchemaValue:
        zone = schema.get("tz_constraint")
        if isinstance(zone, int):
            return unenforced("iso-date-time", "an exact UTC offset: use AwareDatetime")
        name = {"aware": "date-time", "naive": "local-date-time", None: "iso-date-time"}[zone]
        return moment(name, schema.get("now_op"), "datetime")

    def date_schema(self, schema: core_schema.DateSchema) -> JsonSchemaValue:
        return moment("date", schema.get("now_op"), "date") | bounds(schema)

    def time_schema(self, schema: core_schema.TimeSchema) -> JsonSchemaValue:
        return {"type": "string", "format": "iso-time"} | bounds(schema)

    def timedelta_schema(self, schema: core_schema.TimedeltaSchema) -> JsonSchemaValue:
        return {"type": "string", "format": "iso-duration"} | bounds(schema)

    def url_schema(self, schema: core_schema.UrlSchema) -> JsonSchemaValue:
        schemes, most = schema.get("allowed_schemes"), schema.get("max_length")
        found: JsonSchemaValue = {"type": "string", "format": "uri", "pattern": patterns.url(schemes)}
        return found if most is None else found | {"maxLength": min(most, _URL_LENGTH)}

    def multi_host_url_schema(self, schema: core_schema.MultiHostUrlSchema) -> JsonSchemaValue:
        found = super().multi_host_url_schema(schema)
        found.pop("minLength", None)  # the pattern has one
        return {**found, "pattern": patterns.url(schema.get("allowed_schemes"), hosts=True)}

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        digits, places = schema.get("max_digits"), schema.get("decimal_places")
        number = cast("Any", super().decimal_schema(schema))["anyOf"][0]
        if digits is not None and digits == places:  # a number's 0 has a digit before the point
            return {"type": "string", "pattern": patterns.decimal(digits, places)} | bounds(schema)
        number = without_digits(number, digits, places)
        limits = {name: schema[name] for name in ("gt", "ge", "lt", "le", "multiple_of") if name in schema}
        is_positive = limits == {"ge": 0}
        if limits and not is_positive:  # a pattern is no place for the bounds of a number
            return number
        text = patterns.decimal(digits, places, signed=not is_positive)
        return {"anyOf": [number, {"type": "string", "pattern": text}]}

    def fraction_schema(self, schema: Any) -> JsonSchemaValue:
        found = cast("Any", super()).fraction_schema(schema)
        text = {"type": "string", "format": "fraction", "pattern": patterns.FRACTION}
        return {"anyOf": [found["anyOf"][0], text]}

    def float_schema(self, schema: core_schema.FloatSchema) -> JsonSchemaValue:
        found = super().float_schema(schema)
        step = schema.get("multiple_of")
        if step is None or float(step).is_integer():
            return found
        # Binary fractions: the remainder of a large number is off by more than the validator forgives.
        most = step * _STEPS
        return {**found, "allOf": [{"minimum": -most, "maximum": most}]}

    def enum_schema(self, schema: core_schema.EnumSchema) -> JsonSchemaValue:
        found = super().enum_schema(schema)
        if "enum" in found:
            found["enum"] = [
                value for value in found["enum"] if any(value == m.value for m in schema["members"])
            ]
            if not found["enum"]:
                return found | {
                    MARK: "no value of this Enum can be written in JSON: give its members texts or numbers"
                }
        return found

    def complex_schema(self, schema: core_schema.ComplexSchema) -> JsonSchemaValue:
        return {"type": "string", "pattern": patterns.COMPLEX}

    def str_schema(self, schema: core_schema.StringSchema) -> JsonSchemaValue:
        found = super().str_schema(schema)
        more: list[str] = []
        if found.get("pattern") and _DIFFERS.search(found["pattern"]):
            more.append(patterns.ASCII)
        strips = schema.get("strip_whitespace", self._config.str_strip_whitespace)
        if strips and (found.get("pattern") or found.get("minLength")):
            more.append(patterns.STRIPPED)
        return {**found, "allOf": [{"pattern": text} for text in more]} if more else found

    def bytes_schema(self, schema: core_schema.BytesSchema) -> JsonSchemaValue:
        found = super().bytes_schema(schema)
        match self._config.val_json_bytes:
            case "base64":
                text = {"type": "string", "format": "base64url", "pattern": patterns.base64_bytes("-_")}
                return unless_limited(text, found, "bytes in base64")
            case "hex":
                text = {"type": "string", "pattern": "^(?:[0-9a-f]{2})*$"}
                return unless_limited(text, found, "bytes in hexadecimal")
            case _:  # UTF-8: characters are bytes in ASCII alone
                return found | {"pattern": patterns.ASCII} if "maxLength" in found else found

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        return self._with_keys(super().dict_schema(schema), schema)

    def ordered_dict_schema(self, schema: Any) -> JsonSchemaValue:
        return self._with_keys(cast("Any", super()).ordered_dict_schema(schema), schema)

    def counter_schema(self, schema: Any) -> JsonSchemaValue:
        return self._with_keys(cast("Any", super()).counter_schema(schema), schema)

    def set_schema(self, schema: core_schema.SetSchema) -> JsonSchemaValue:
        return as_set(super().set_schema(schema), schema)

    def frozenset_schema(self, schema: core_schema.FrozenSetSchema) -> JsonSchemaValue:
        return as_set(super().frozenset_schema(schema), schema)

    def json_schema(self, schema: core_schema.JsonSchema) -> JsonSchemaValue:
        check = "a text that holds JSON is beyond a grammar: use the type of its value, say dict[str, int]"
        return super().json_schema(schema) | {MARK: check}

    def is_subclass_schema(self, schema: core_schema.IsSubclassSchema) -> JsonSchemaValue:
        return self.handle_invalid_for_json_schema(schema, "core_schema.IsSubclassSchema")

    def _with_keys(self, found: JsonSchemaValue, schema: Mapping[str, Any]) -> JsonSchemaValue:
        """A mapping's schema with the schema of its keys, which JSON writes as strings."""
        inner = schema.get("keys_schema", {"type": "any"})
        keys = {"type": "string"} if inner["type"] == "any" else self._key(self.generate_inner(inner))
        patterned = found.pop("patternProperties", None)
        if patterned is not None:  # pydantic's way to write a key's pattern, without its other keywords
            found["additionalProperties"] = next(iter(patterned.values()))
        found.pop("propertyNames", None)
        found.setdefault("additionalProperties", True)
        return found if keys.keys() <= {"type", "title"} else {**found, "propertyNames": keys}

    def _key(self, schema: Mapping[str, Any]) -> JsonSchemaValue:
        """The schema of a key, given that of its value."""
        target: Any = schema
        if "$ref" in schema:
            target = self.get_schema_from_definitions(schema["$ref"]) or {}
        if "anyOf" in target:
            return {"anyOf": [self._key(option) for option in target["anyOf"]]}
        values = target.get("enum", [target["const"]] if "const" in target else None)
        if values is not None and all(isinstance(value, str) for value in values):
            return dict(schema)
        if values is not None and "$ref" in schema and all(isinstance(value, (str, int)) for value in values):
            # An Enum; the numbers of a Literal are not read from keys.
            return {
                "enum": [str(value).lower() if isinstance(value, bool) else str(value) for value in values]
            }
        match target.get("type"):
            case "string":
                return dict(schema)
            case "boolean":
                return {"enum": ["true", "false"]}
            case "integer" | "number" as kind if not target.keys() - {"type", "title", "minimum"}:
                text = patterns.INTEGER if kind == "integer" else patterns.NUMBER
                if "minimum" not in target:
                    return {"pattern": text}
                if target["minimum"] == 0:
                    return {"pattern": text.replace("-?", "")}
            case _:
                pass
        return {MARK: "keys of this type are not texts that a schema describes: use str, int or an Enum"}


def _taken(schema: Any, place: str) -> Iterator[Unenforced]:
    """Take the marks out of a schema."""
    if isinstance(schema, list):
        for item in schema:
            yield from _taken(item, place)
    if not isinstance(schema, dict):
        return
    rules = cast("dict[str, Any]", schema)
    if (check := rules.pop(MARK, None)) is not None:
        yield Unenforced(place, check)
    for keyword, value in rules.items():
        if keyword in ("properties", "$defs"):
            for name, inner in value.items():
                yield from _taken(inner, name if keyword == "$defs" else f"{place}.{name}" if place else name)
        elif keyword not in ("default", "examples", "enum", "const"):
            yield from _taken(value, place)
