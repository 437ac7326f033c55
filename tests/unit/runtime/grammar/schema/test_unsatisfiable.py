"""Schemas that no value meets: told from others, and the field to blame is named."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentfast.errors import GrammarError
from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar import compile_schema
from agentfast.runtime.grammar.schema.unsatisfiable import is_unsatisfiable, unsatisfiable_field

BYTES = Vocabulary.byte_level()
NOTHING: dict[str, Any] = {"type": "integer", "minimum": 5, "maximum": 3}
EMPTY: list[tuple[Any, str]] = [
    (False, ""),
    ({"not": {}}, ""),
    ({"enum": []}, ""),
    ({"allOf": [{"const": 1}, {"const": 2}]}, ""),
    ({"type": "string", "minLength": 3, "maxLength": 2}, ""),
    ({"type": "string", "pattern": "^a$", "minLength": 2}, ""),
    ({"type": "array", "items": NOTHING, "minItems": 1}, "items"),
    ({"type": "object", "properties": {"a": NOTHING}, "required": ["a"]}, "a"),
    (
        {
            "type": "object",
            "properties": {"b": {"type": "array", "minItems": 2, "items": {"$ref": "#/$defs/n"}}},
            "required": ["b"],
            "$defs": {"n": {"type": "object", "properties": {"c": NOTHING}, "required": ["c"]}},
        },
        "b.items",
    ),
    ({"type": "object", "properties": {"next": {"$ref": "#"}}, "required": ["next"]}, ""),
    ({"anyOf": [NOTHING, {"type": "object", "properties": {"a": False}, "required": ["a"]}]}, ""),
]


@pytest.mark.parametrize(("schema", "place"), EMPTY)
def test_nothing_is_told_from_the_expression_alone(schema: Any, place: str) -> None:
    assert is_unsatisfiable(compile_schema(schema).node)
    if schema is not False:
        assert unsatisfiable_field(schema)[0] == place


@pytest.mark.parametrize(
    "schema",
    [
        True,
        {},
        {"type": "object"},
        {"type": "object", "properties": {"a": NOTHING}},
        {"type": "array", "items": NOTHING},
        {"anyOf": [NOTHING, {"type": "null"}]},
        {"type": "object", "properties": {"next": {"$ref": "#"}}},
        {"type": "object", "properties": {f"p{n}": {"type": "string"} for n in range(150)}},
        {"type": "array", "minItems": 6000, "items": {"type": "integer"}},
    ],
)
def test_what_can_be_written_is_not_taken_for_nothing(schema: Any) -> None:
    assert not is_unsatisfiable(compile_schema(schema).node)


numbers = st.fixed_dictionaries(
    {"type": st.just("integer")}, optional={"minimum": st.integers(0, 3), "maximum": st.integers(0, 3)}
)
texts = st.fixed_dictionaries(
    {"type": st.just("string")}, optional={"minLength": st.integers(0, 2), "maxLength": st.integers(0, 2)}
)


def composed(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    objects = st.fixed_dictionaries(
        {
            "type": st.just("object"),
            "properties": st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
            "required": st.lists(st.sampled_from("ab"), max_size=2, unique=True),
        }
    )
    arrays = st.fixed_dictionaries(
        {
            "type": st.just("array"),
            "items": inner,
            "minItems": st.integers(0, 1),
            "maxItems": st.integers(0, 2),
        }
    )
    return objects | arrays | st.lists(inner, min_size=1, max_size=2).map(lambda options: {"anyOf": options})


@given(st.recursive(numbers | texts | st.just(False), composed, max_leaves=5))
def test_it_agrees_with_the_automaton(schema: Any) -> None:
    grammar = compile_schema(schema)
    try:
        grammar.compile(BYTES, "")
        is_empty = False
    except GrammarError as error:
        if "matches nothing" not in error.message:
            raise
        is_empty = True
    assert is_unsatisfiable(grammar.node) == is_empty
