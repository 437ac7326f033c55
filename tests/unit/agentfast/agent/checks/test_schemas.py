"""Agents are refused the schemas and types that their model cannot keep to, when they are made."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic
import pytest

from agentfast import Agent, ConfigError, Escalate, OpenAIModel, ScriptedModel, UnsupportedSchemaError
from agentfast.agent.output.output_type import OutputType
from agentfast.chat.json import JsonChat
from agentfast.models.local.model import LocalModel
from agentfast.models.replay import RecordingModel
from tests.support.tiny_engine import tiny_engine


@pytest.fixture
def model() -> Iterator[LocalModel]:
    found = LocalModel(tiny_engine(), JsonChat(), name="tiny")
    yield found
    asyncio.run(found.aclose())


class Booking(pydantic.BaseModel):
    on: pydantic.FutureDate


def book(day: pydantic.FutureDate) -> str:
    return str(day)


def read(file: pydantic.FilePath) -> str:
    return str(file)


def parse(data: pydantic.Json[list[int]]) -> str:
    return str(data)


def plan(booking: Booking) -> str:
    return str(booking)


def number(items: Annotated[set[int], pydantic.Field(min_length=2)]) -> str:
    return str(items)


@pytest.mark.parametrize(
    ("tool", "message"),
    [
        (book, "tool 'book', parameter 'day': that a date is future .* use date"),
        (read, "tool 'read', parameter 'file': that a path exists .* use Path"),
        (parse, "tool 'parse', parameter 'data': .* use the type of its value"),
        (plan, "tool 'plan', parameter 'Booking.on': that a date is future"),
        (number, "tool 'number': 'uniqueItems' at /properties/items"),
    ],
)
def test_a_tool_that_cannot_be_enforced_is_refused_by_name(
    tool: Any, message: str, model: LocalModel
) -> None:
    with pytest.raises((ConfigError, UnsupportedSchemaError), match=message):
        Agent(model, tools=[tool])


@pytest.mark.parametrize(
    ("output_type", "message"),
    [
        (Booking, "output_type, 'on': that a date is future"),
        (pydantic.FutureDate, "output_type, 'as a whole': that a date is future"),
        ({"type": "string", "nullable": True}, "the output type: 'nullable' at /"),
    ],
)
def test_so_is_an_output_type(output_type: Any, message: str, model: LocalModel) -> None:
    with pytest.raises((ConfigError, UnsupportedSchemaError), match=message):
        Agent(model, output_type=output_type)


def test_the_model_of_an_escalation_is_asked_and_a_recorded_one_too(
    model: LocalModel, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="future"):
        Agent(ScriptedModel(["x"]), tools=[book], escalate=Escalate(model))
    with pytest.raises(ConfigError, match="future"):
        Agent(RecordingModel(model, tmp_path / "file"), tools=[book])


def test_models_that_are_not_held_to_schemas_refuse_nothing(tmp_path: Path) -> None:
    remote = OpenAIModel("m", base_url="http://localhost:1/v1")
    for free in (remote, ScriptedModel(["x"]), RecordingModel(ScriptedModel(["x"]), tmp_path / "file")):
        agent = Agent(free, tools=[book, read, parse, plan, number])
        assert len(agent.tools) == 5


def test_an_object_that_is_read_as_empty_is_logged_once_with_its_owner(
    model: LocalModel, caplog: pytest.LogCaptureFixture
) -> None:
    schema = {"type": "object", "properties": {"extra_data": {"type": "object"}}}
    with caplog.at_level(logging.WARNING, "agentfast.grammar"):
        Agent(model, output_type=schema)
        Agent(model, output_type=schema)
    (record,) = [record.getMessage() for record in caplog.records if "extra_data" in record.getMessage()]
    assert "the output type" in record
    assert "/properties/extra_data" in record


def test_a_schema_is_validated_by_the_draft_that_it_names() -> None:
    schema = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$ref": "#/definitions/text",
        "maxLength": 1,
        "definitions": {"text": {"type": "string"}},
    }
    assert OutputType[Any](schema).parse('"long"') == "long"


def test_a_validator_of_ones_own_is_not_refused(model: LocalModel) -> None:
    def even(value: int) -> int:
        if value % 2:
            raise ValueError("odd")
        return value

    def halve(value: Annotated[int, pydantic.AfterValidator(even)], how: Literal["up", "down"]) -> str:
        return f"{value} {how}"

    halve.__annotations__ = {
        "value": Annotated[int, pydantic.AfterValidator(even)],
        "how": str,
        "return": str,
    }
    assert Agent(model, tools=[halve]).tools[0].unenforced == ()


def pick(name: str, n: Annotated[int, pydantic.Field(ge=5, le=3)]) -> str:
    return name * n


class Shelf(pydantic.BaseModel):
    books: Annotated[
        list[Annotated[str, pydantic.Field(min_length=3, max_length=2)]], pydantic.Field(min_length=1)
    ]


def test_a_tool_that_could_never_be_called_is_refused_with_its_argument(model: LocalModel) -> None:
    with pytest.raises(ConfigError, match=r"tool 'pick', argument 'n': no value meets .*minimum"):
        Agent(model, tools=[pick])


@pytest.mark.parametrize(
    ("output_type", "message"),
    [
        (Annotated[int, pydantic.Field(ge=5, le=3)], "the output type: no value meets"),
        (Shelf, r"the output type, field 'books\[\]': no value meets"),
        ({"not": {}}, r'the output type: no value meets the schema {"not": {}}'),
        ({"allOf": [{"pattern": "^a$"}, {"pattern": "^b$"}], "type": "string"}, "no value meets"),
        (re.compile(r"[^\s\S]"), "no text matches it"),
    ],
)
def test_an_output_type_that_nothing_satisfies_is_refused(
    model: LocalModel, output_type: Any, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        Agent(model, output_type=output_type)
