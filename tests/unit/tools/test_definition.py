"""A function becomes a tool: its declaration, its validator, and the functions that are refused."""

from __future__ import annotations

import datetime
import functools
import json
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import AliasChoices, AliasPath, BaseModel, Field

from agentfast import Agent, ScriptedModel
from agentfast.errors import ConfigError, ToolArgumentsError, ToolDefinitionError
from agentfast.tools import Tool, as_tool, tool
from agentfast.tools.definition import FunctionTool


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog"]
    tricks: list[str]


@dataclass
class Place:
    city: str
    zip_code: int | None = None


class Bound(BaseModel):
    most: float = math.inf


class NeedsPackage:
    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        raise ImportError("no package")


class Node(BaseModel):
    value: int
    children: list[Node] = []


class Desk:
    def book(self, day: datetime.date, seats: int = 1) -> str:
        """Book a table."""
        return f"{self.__class__.__name__} {day} {seats}"

    @staticmethod
    def hours(day: datetime.date) -> str:
        """Opening hours."""
        return str(day)


class Greeter:
    """Greets."""

    async def __call__(self, name: str) -> str:
        return f"hello {name}"


async def move(
    item: int, to: Place, *, when: datetime.date, pet: Annotated[Cat | Dog, Field(discriminator="kind")]
) -> str:
    """Move an item
    to a place.

    It stays there.

    Args:
        item (int): number of
            the item.
        to: where: a place
        unknown: not a parameter

    Returns:
        a sentence
    """
    return f"{item} {to.city} {when} {pet.kind}"


def untyped(a: int, b) -> None: ...  # type: ignore[no-untyped-def]  # pyright: ignore


def positional(a: int, /) -> None: ...


def many(*values: int) -> None: ...


def options(**values: int) -> None: ...


def needs_a_thread(a: int, worker: threading.Thread) -> None: ...


def unresolvable(a: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821  # pyright: ignore


def field_default(a: int = Field(ge=1)) -> None: ...


def many_aliases(a: Annotated[int, Field(validation_alias=AliasChoices("b", "c"))]) -> None: ...


def deep_alias(a: Annotated[int, Field(validation_alias=AliasPath("b", 0))]) -> None: ...


def same_alias(a: Annotated[int, Field(alias="b")], b: int) -> None: ...


def needs_a_package(a: NeedsPackage) -> None: ...


def half_written(a: "list[") -> None: ...  # type: ignore  # noqa: F722  # pyright: ignore


def not_there(a: "math.Nowhere") -> None: ...  # type: ignore  # noqa: UP037  # pyright: ignore


def no_character(a: Literal["\ud83d"]) -> None: ...


def unwritable_description(a: int) -> None:
    "\ud83d"


def unwritable_parameter(a: int) -> None:
    """Act.

    Args:
        a: \ud83d
    """


def generator(a: int) -> Any:
    yield a


def test_the_declaration_comes_from_the_signature_and_the_docstring() -> None:
    made = tool(move)
    assert made.name == "move"
    assert made.description == "Move an item to a place.\n\nIt stays there."
    assert made.is_async
    assert made.parameters["required"] == ["item", "to", "when", "pet"]
    properties = made.parameters["properties"]
    assert properties["item"] == {"type": "integer", "description": "number of the item."}
    assert properties["to"] == {"$ref": "#/$defs/Place", "description": "where: a place"}
    assert properties["when"] == {"type": "string", "format": "date"}


def test_every_object_is_closed_and_untitled_and_tagged_unions_are_any_of() -> None:
    schema = tool(move).parameters
    assert schema["additionalProperties"] is False
    assert all(inner["additionalProperties"] is False for inner in schema["$defs"].values())
    assert '"title"' not in repr(schema).replace("'", '"')
    assert schema["properties"]["pet"] == {"anyOf": [{"$ref": "#/$defs/Cat"}, {"$ref": "#/$defs/Dog"}]}
    jsonschema.Draft202012Validator.check_schema(schema)


def test_a_parameter_may_be_called_title_or_anything_else() -> None:
    def odd(title: str, schema: int, model_config: bool, _hidden: int = 1) -> None: ...

    made = tool(odd)
    assert list(made.parameters["properties"]) == ["title", "schema", "model_config", "_hidden"]
    assert made.validate({"title": "a", "schema": 1, "model_config": True}) == {
        "title": "a",
        "schema": 1,
        "model_config": True,
    }


def test_a_default_is_shown_and_the_parameter_is_optional() -> None:
    def search(text: str, limit: int = 5, place: Place | None = None, lock: bytes = b"\xff") -> None: ...

    made = tool(search)
    assert made.parameters["required"] == ["text"]
    assert made.parameters["properties"]["limit"] == {"type": "integer", "default": 5}
    assert made.parameters["properties"]["place"]["default"] is None
    assert "default" not in made.parameters["properties"]["lock"]
    assert made.validate({"text": "x"}) == {"text": "x"}


def test_a_tool_without_parameters_takes_the_empty_object() -> None:
    def now() -> str:
        return "noon"

    made = tool(now)
    assert made.validate({}) == {}
    assert made.parameters["properties"] == {}


def test_a_field_description_comes_before_the_docstrings() -> None:
    def act(a: Annotated[int, Field(description="from the field", ge=1)]) -> None:
        """Act.

        Args:
            a: from the docstring
        """

    assert tool(act).parameters["properties"]["a"] == {
        "type": "integer",
        "minimum": 1,
        "description": "from the field",
    }


def by_alias(city: Annotated[str, Field(alias="location")] = "Oslo", days: int = 1) -> str:
    """Forecast.

    Args:
        city: where
    """
    return f"{city} {days}"


def by_validation_alias(
    city: Annotated[str, Field(validation_alias="location", description="where")] = "Oslo", days: int = 1
) -> str:
    return f"{city} {days}"


@pytest.mark.parametrize("weather", [by_alias, by_validation_alias])
def test_a_parameter_is_called_by_its_alias_and_the_function_gets_it_by_name(
    weather: Callable[..., str],
) -> None:
    made: Tool[Any] = tool(weather)
    assert made.parameters["properties"] == {
        "location": {"type": "string", "default": "Oslo", "description": "where"},
        "days": {"type": "integer", "default": 1},
    }
    assert weather(**made.validate({"location": "Rome"})) == "Rome 1"
    assert weather(**made.validate({})) == "Oslo 1"
    with pytest.raises(ToolArgumentsError):
        made.validate({"city": "Rome"})


def test_a_default_that_json_cannot_hold_is_not_shown_but_filled_in() -> None:
    def act(a: float = math.inf, b: list[float] = [math.nan], c: Bound = Bound()) -> float:  # noqa: B006, B008
        return a

    made = tool(act)
    json.dumps(made.parameters, allow_nan=False)
    assert made.parameters["properties"]["a"] == {"type": "number"}
    assert act(**made.validate({})) == math.inf


def test_recursive_models_keep_their_definitions() -> None:
    def grow(node: Node) -> None: ...

    made = tool(grow)
    assert made.validate({"node": {"value": 1, "children": [{"value": 2}]}})["node"].children[0].value == 2


def test_valid_arguments_become_the_functions_own_types() -> None:
    arguments = tool(move).validate(
        {"item": 1, "to": {"city": "Oslo"}, "when": "2025-02-28", "pet": {"kind": "cat"}}
    )
    assert arguments == {
        "item": 1,
        "to": Place("Oslo"),
        "when": datetime.date(2025, 2, 28),
        "pet": Cat(kind="cat"),
    }


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"item": "1"}, "item"),
        ({"item": 1.5}, "item"),
        ({"item": True}, "item"),
        ({"when": "2025-02-30"}, "when"),
        ({"pet": {"kind": "cow"}}, "pet"),
        ({"extra": 1}, "extra"),
        ({"to": {}}, "to.city"),
        ({"item": {1, 2}}, "item"),
        ({"item": object()}, "not JSON"),
        ({"item": "\ud800"}, "not JSON"),
    ],
)
def test_bad_arguments_are_refused_by_name(change: dict[str, Any], complaint: str) -> None:
    good = {"item": 1, "to": {"city": "Oslo"}, "when": "2025-02-28", "pet": {"kind": "cat"}}
    with pytest.raises(ToolArgumentsError, match=complaint):
        tool(move).validate(good | change)


REFUSED: list[tuple[Any, str]] = [
    (untyped, "'b' has no type annotation"),
    (positional, "'a' is positional-only"),
    (many, "'values' takes any number"),
    (options, "'values' takes any keyword"),
    (needs_a_thread, "'worker' cannot be described"),
    (unresolvable, "Nowhere"),
    (field_default, "'a' has a Field as its default"),
    (generator, "generator"),
    (Desk.book, "'self' has no type annotation"),
    (Desk.__dict__["hours"], "static"),
    (Place, "class Place is not a function"),
    (3, r"3 \(int\) is not a function"),
    (Agent(ScriptedModel([])), "wrap an agent in a function"),
    (many_aliases, "'a' has several aliases"),
    (deep_alias, "'a' has several aliases, or a path"),
    (same_alias, "two parameters are called 'b'"),
    (needs_a_package, "'a' cannot be described.*no package"),
    (half_written, "cannot be resolved"),
    (not_there, "cannot be resolved"),
    (no_character, "'a' cannot be described"),
    (unwritable_description, "lone surrogate at position 0"),
    (unwritable_parameter, "lone surrogate at /properties/a/description"),
    (max, "'max' has no signature"),
    (lambda: None, "'<lambda>' is not a tool name"),
]


@pytest.mark.parametrize(("function", "complaint"), REFUSED)
def test_a_function_that_cannot_be_a_tool_is_refused_when_defined(function: Any, complaint: str) -> None:
    with pytest.raises(ToolDefinitionError, match=complaint):
        tool(function)


def test_name_description_and_timeout_may_be_given() -> None:
    @tool(name="sum-up", description="Adds.", timeout=2.5)
    def add(a: int, b: int) -> int:
        """Not this text."""
        return a + b

    assert (add.name, add.description, add.timeout) == ("sum-up", "Adds.", 2.5)
    assert add(1, b=2) == 3


@pytest.mark.parametrize(
    ("arguments", "kind", "complaint"),
    [
        ({"timeout": 0}, ConfigError, "timeout"),
        ({"timeout": "5"}, ConfigError, "timeout"),
        ({"timeout": math.nan}, ConfigError, "timeout"),
        ({"name": 5}, ToolDefinitionError, "5 is not a tool name"),
        ({"description": 5}, ToolDefinitionError, "description is 5"),
        ({"description": "\ud83d"}, ToolDefinitionError, "lone surrogate"),
    ],
)
def test_what_a_tool_is_given_is_checked(arguments: dict[str, Any], kind: Any, complaint: str) -> None:
    with pytest.raises(kind, match=complaint):
        tool(**arguments)(positional_free)


def test_bound_methods_partials_and_callable_objects_are_tools() -> None:
    book = tool(Desk().book)
    assert (book.name, book.description, book.is_async) == ("book", "Book a table.", False)
    assert list(book.parameters["properties"]) == ["day", "seats"]

    def scale(value: int, by: int) -> int:
        return value * by

    double = tool(functools.partial(scale, by=2), name="double")
    assert double.parameters["required"] == ["value"]
    greeter = tool(Greeter())
    assert (greeter.name, greeter.is_async) == ("Greeter", True)


def test_as_tool_leaves_a_tool_as_it_is() -> None:
    made: FunctionTool[..., Any] = tool(positional_free)
    assert as_tool(made) is made
    assert as_tool(positional_free).name == "positional_free"


def positional_free(a: int) -> int:
    return a


@settings(max_examples=50, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["item", "to", "when", "pet", "x"]),
        st.one_of(
            st.integers(-5, 5),
            st.booleans(),
            st.none(),
            st.sampled_from(["2025-01-31", "x"]),
            st.fixed_dictionaries({"city": st.one_of(st.text(max_size=2), st.integers(0, 1))}),
            st.fixed_dictionaries({"kind": st.sampled_from(["cat", "dog"])}),
        ),
    )
)
def test_the_validator_and_the_schema_agree(arguments: dict[str, Any]) -> None:
    made = tool(move)
    checker: Any = jsonschema.Draft202012Validator(
        made.parameters, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    try:
        made.validate(arguments)
        accepted = True
    except ToolArgumentsError:
        accepted = False
    assert accepted == checker.is_valid(arguments)


class Unfinished(BaseModel):
    next: "Nowhere"  # type: ignore[name-defined]  # noqa: F821, UP037  # pyright: ignore


def test_no_reason_for_a_refusal_leads_to_pages_of_pydantics() -> None:
    def calls(function: Callable[[int], int]) -> None: ...
    def takes(value: Unfinished) -> None: ...

    functions: list[Callable[..., None]] = [calls, takes]
    for function in functions:
        with pytest.raises(ToolDefinitionError) as refused:
            tool(function)
        assert "cannot be described by a JSON Schema: " in str(refused.value)
        assert "http" not in str(refused.value)
        assert "For further" not in str(refused.value)
