"""Output types: their schema for the model, and the strict check of its answer."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from pydantic import BaseModel, field_validator
from typing_extensions import TypedDict

from agentfast import ConfigError, OutputError
from agentfast.output import OutputType


class Invoice(BaseModel):
    total: float
    lines: list[str] = []

    @field_validator("total")
    @classmethod
    def not_negative(cls, value: float) -> float:
        if value < 0:
            raise ValueError("total is negative")
        return value


@dataclass
class Point:
    x: int
    y: int = 0


class Flags(TypedDict):
    a: bool


def test_text_has_no_schema_and_is_taken_as_it_is() -> None:
    output = OutputType[str](str)
    assert output.schema is None
    assert output.parse('{"a":1}') == '{"a":1}'


@pytest.mark.parametrize(
    ("output_type", "text", "value"),
    [
        (Invoice, '{"total":2}', Invoice(total=2)),
        (Point, '{"x":1}', Point(1)),
        (Flags, '{"a":true}', {"a": True}),
        (int, "3", 3),
        (list[int], "[1,2]", [1, 2]),
        (Literal["yes", "no"], '"no"', "no"),
        (Invoice | Point, '{"x":1,"y":2}', Point(1, 2)),
        (type(None), "null", None),
    ],
)
def test_any_type_that_pydantic_knows_is_parsed(output_type: Any, text: str, value: Any) -> None:
    output = OutputType[Any](output_type)
    assert output.schema
    assert output.parse(text) == value


def test_the_schema_is_closed_and_has_no_titles() -> None:
    assert OutputType[Point](Point).schema == {
        "type": "object",
        "properties": {"x": {"type": "integer"}, "y": {"type": "integer", "default": 0}},
        "required": ["x"],
        "additionalProperties": False,
    }


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "Invalid JSON"),
        ("{}", "total: Field required"),
        ('{"total":"2"}', "total: Input should be a valid number"),
        ('{"total":-1}', "total is negative"),
    ],
)
def test_an_answer_that_does_not_fit_says_where(text: str, complaint: str) -> None:
    with pytest.raises(OutputError, match=complaint):
        OutputType[Invoice](Invoice).parse(text)


def test_a_type_without_a_schema_is_refused_when_the_agent_is_defined() -> None:
    with pytest.raises(ConfigError, match="no JSON Schema"):
        OutputType[Any](threading.Thread)
