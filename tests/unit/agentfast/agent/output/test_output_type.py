"""Output types: their schema for the model, and the strict check of its answer."""

from __future__ import annotations

import importlib
import json
import math
import re
import threading
from dataclasses import dataclass
from typing import Any, Literal

import pytest
from pydantic import BaseModel, field_validator
from typing_extensions import TypedDict

from agentfast import ConfigError, Grammar, OutputError
from agentfast.agent.output.output_type import OutputType

types: Any = importlib.import_module("outlines.types")  # its operators have no types
dsl: Any = importlib.import_module("outlines.types.dsl")


class Invoice(BaseModel):
    total: float
    lines: list[str] = []

    @field_validator("total")
    @classmethod
    def not_negative(cls, value: float) -> float:
        if value < 0:
            raise ValueError("total is negative")
        return value


class Bound(BaseModel):
    most: float = math.inf


class NeedsPackage:
    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        raise ImportError("no package")


class Buggy(BaseModel):
    a: int

    @field_validator("a")
    @classmethod
    def broken(cls, value: int) -> int:
        raise KeyError(value)


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


@pytest.mark.parametrize(
    "output_type",
    [Invoice, {"type": "object", "required": ["total"]}, re.compile("[0-9]+")],
)
def test_an_answer_that_does_not_fit_is_shown_by_its_beginning(output_type: Any) -> None:
    output = OutputType[Any](output_type)
    with pytest.raises(OutputError) as caught:
        output.parse("I am sorry,\n but")
    assert caught.value.message == f"{caught.value.reason}; the model answered 'I am sorry,\\n but'"
    with pytest.raises(OutputError) as caught:
        output.parse("x" * 201)
    assert caught.value.answer == "x" * 201
    assert caught.value.message.endswith(f"; the model answered '{'x' * 200}'...")


@pytest.mark.parametrize(
    ("output_type", "complaint"),
    [
        (threading.Thread, "the class Thread, which has no JSON Schema"),
        (importlib.import_module, "functions are not supported"),
        (print, "functions are not supported"),
        (None, "leave it out for text"),
        ("City", "give the type itself"),
        (5, r"5 \(int\)"),
        ([int], "no JSON Schema"),
        (NeedsPackage, "no package"),
        (list["Nowhere"], "no JSON Schema"),  # type: ignore[name-defined]  # noqa: F821  # pyright: ignore
        ({"type": "nonsense"}, r"no JSON Schema: \$.type"),
        ({"maximum": math.inf}, "inf at /maximum"),
    ],
)
def test_what_is_no_type_is_refused_when_the_agent_is_defined(output_type: Any, complaint: str) -> None:
    with pytest.raises(ConfigError, match=f"output_type is .*{complaint}"):
        OutputType[Any](output_type)


def test_a_default_that_json_cannot_hold_is_not_sent_but_filled_in() -> None:
    output = OutputType[Bound](Bound)
    assert output.schema is not None
    json.dumps(output.schema, allow_nan=False)
    assert output.parse("{}").most == math.inf


def test_a_bug_in_a_validator_of_the_type_is_an_output_error_with_its_cause() -> None:
    with pytest.raises(OutputError, match="the output type raised KeyError") as caught:
        OutputType[Buggy](Buggy).parse('{"a":1}')
    assert isinstance(caught.value.__cause__, KeyError)


def test_a_json_schema_is_read_by_the_draft_whose_rules_it_keeps_to() -> None:
    pair = OutputType[Any]({"type": "array", "items": [{"type": "integer"}, {"type": "string"}]})
    assert pair.parse('[1,"a"]') == [1, "a"]
    with pytest.raises(OutputError):
        pair.parse('["a",1]')


@pytest.mark.parametrize(
    ("output_type", "text", "value", "wrong"),
    [
        (Grammar.from_choices(["yes", "no"]), "yes", "yes", "maybe"),
        (re.compile(r"[A-Z]{2}\d+"), "AB12", "AB12", "ab12"),
        (types.date, "2024-02-29", "2024-02-29", "today"),
        (dsl.Choice([1, 2]), "2", 2, "3"),
        (dsl.Choice(["a", "b"]), "b", "b", '"b"'),
        ("total: " + types.integer, "total: 3", "total: 3", "3"),
    ],
)
def test_an_answer_that_is_no_json_is_its_text_or_the_value_that_was_chosen(
    output_type: Any, text: str, value: Any, wrong: str
) -> None:
    output = OutputType[Any](output_type)
    assert output.schema is None
    assert output.grammar is not None
    assert output.grammar.accepts(text)
    assert output.parse(text) == value
    assert type(output.parse(text)) is type(value)
    with pytest.raises(OutputError, match="form"):
        output.parse(wrong)


@pytest.mark.parametrize(
    "output_type", [{"type": "integer", "minimum": 3}, dsl.JsonSchema({"type": "integer", "minimum": 3})]
)
def test_a_json_schema_is_an_output_type_and_gives_plain_values(output_type: Any) -> None:
    output = OutputType[Any](output_type)
    assert output.schema == {"type": "integer", "minimum": 3}
    assert output.grammar is None
    assert output.parse("4") == 4
    with pytest.raises(OutputError, match="less than the minimum"):
        output.parse("1")
    with pytest.raises(OutputError, match="Invalid JSON"):
        output.parse("four")


@pytest.mark.parametrize(
    ("output_type", "complaint"),
    [
        (types.cfg('start: "a"'), "not regular"),
        (re.compile(r"(a)\1"), "back-reference"),
        (re.compile("a", re.DOTALL), "DOTALL"),
        (Grammar.text() + Grammar.special("<|call|>"), "special tokens"),
    ],
)
def test_what_cannot_be_a_grammar_is_refused_when_the_agent_is_defined(
    output_type: Any, complaint: str
) -> None:
    with pytest.raises(ConfigError, match=complaint):
        OutputType[Any](output_type)
