"""Schemas of Python types: what they say, and the checks that they cannot state."""

from __future__ import annotations

import collections.abc
import datetime as dt
import enum
import ipaddress
from typing import Annotated, Any, Literal

import annotated_types
import pydantic
import pytest
from pydantic import Field, TypeAdapter

from agentfast import ToolDefinitionError, tool
from agentfast.tools.schema.json_schema import describe, with_standard_formats


class Trip(pydantic.BaseModel):
    start: pydantic.PastDatetime
    stops: list[pydantic.DirectoryPath]


class Pair(enum.Enum):
    A = (1, 2)


@pytest.mark.parametrize(
    ("python", "check"),
    [
        (pydantic.PastDate, "date is past"),
        (pydantic.FutureDatetime, "datetime is future"),
        (pydantic.FilePath, "path exists"),
        (pydantic.NewPath, "path exists"),
        (pydantic.Json, "holds JSON"),
        (pydantic.ImportString, "imported"),
        (Annotated[dt.date, Field(ge=dt.date(2020, 1, 1))], "bound ge of a date"),
        (Annotated[dt.timedelta, Field(lt=dt.timedelta(1))], "bound lt of a timedelta"),
        (dict[tuple[int, int], str], "keys of this type"),
        (dict[Literal[1, 2], str], "keys of this type"),
        (dict[Annotated[int, Field(le=5)], str], "keys of this type"),
        (set[list[int]], "items of this type"),
        (Pair, "no value of this Enum"),
    ],
)
def test_a_check_that_no_schema_states_is_reported(python: Any, check: str) -> None:
    (found,) = describe(TypeAdapter(python))[1]
    assert found.place == ""
    assert check in found.check


def test_a_check_has_the_place_of_its_field_and_leaves_no_trace_in_the_schema() -> None:
    schema, found = describe(TypeAdapter(dict[str, Trip]))
    assert [check.place for check in found] == ["Trip.start", "Trip.stops"]
    assert "x-agentfast" not in str(schema)


def test_a_function_of_ones_own_is_no_check_that_is_reported() -> None:
    kinds: list[Any] = [
        Annotated[int, pydantic.AfterValidator(abs)],
        Annotated[int, pydantic.BeforeValidator(int)],
        Annotated[int, pydantic.WrapValidator(lambda value, handler: handler(value))],
        Annotated[str, annotated_types.Predicate(str.islower)],
    ]
    assert [describe(TypeAdapter(kind))[1] for kind in kinds] == [(), (), (), ()]


@pytest.mark.parametrize("python", [collections.abc.Callable[[int], int], type[int], type, object()])
def test_a_type_that_no_json_can_fill_is_refused_where_the_tool_is_made(python: Any) -> None:
    def f(value: Any) -> None: ...

    f.__annotations__ = {"value": python}
    with pytest.raises(ToolDefinitionError, match=r"value|annotation"):
        tool(f)


@pytest.mark.parametrize(
    ("python", "schema"),
    [
        (pydantic.NaiveDatetime, {"type": "string", "format": "local-date-time"}),
        (pydantic.AwareDatetime, {"type": "string", "format": "date-time"}),
        (dt.datetime, {"type": "string", "format": "iso-date-time"}),
        (dt.date, {"type": "string", "format": "date"}),
        (ipaddress.IPv4Address, {"type": "string", "format": "ipv4"}),
        (pydantic.UUID4, {"type": "string", "format": "uuid4"}),
        (set[int], {"type": "array", "items": {"type": "integer"}}),
        (str, {"type": "string"}),
        (dict[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
    ],
)
def test_schemas_stay_short(python: Any, schema: Any) -> None:
    assert describe(TypeAdapter(python)) == (schema, ())


def test_a_description_of_ones_own_stays() -> None:
    schema, _ = describe(TypeAdapter(Annotated[dt.datetime, Field(description="When.")]))
    assert schema == {"type": "string", "format": "iso-date-time", "description": "When."}


def test_a_schema_of_ones_own_is_taken_as_it_is() -> None:
    own = pydantic.WithJsonSchema({"type": "string", "format": "date-time"})
    assert describe(TypeAdapter(Annotated[dt.datetime, own]))[0] == {"type": "string", "format": "date-time"}


def test_servers_that_know_the_standard_formats_alone_get_the_next_ones() -> None:
    schema = {"anyOf": [{"format": "iso-time"}, {"format": "local-date-time"}, {"format": "uuid4"}]}
    assert with_standard_formats(schema) == {"anyOf": [{"format": "time"}, {}, {"format": "uuid4"}]}
