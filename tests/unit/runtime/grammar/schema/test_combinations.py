"""Schemas that combine others: exact in every spelling with closed=False, and in declared order with closed=True."""

from __future__ import annotations

from typing import Any

import pytest

from agentfast.errors import ConfigError, GrammarError
from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar import Grammar, compile_schema
from agentfast.runtime.grammar.automaton.whitespace import Whitespace

A_STRING = {"properties": {"a": {"type": "string"}}}
OPEN: list[tuple[Any, list[str], list[str]]] = [
    ({"not": A_STRING}, ['{"a":1}', '{"b":"","a":null}'], ['{"a":""}', "{}", "1", '{"b":1}']),
    # The reader takes the second of two equal keys, so that a complement must not be satisfied by the first.
    ({"not": A_STRING}, [], ['{"a":1,"a":""}', '{"a":1,"\\u0061":""}', '{"a":"","a":1}']),
    ({"not": {"properties": {"a": A_STRING}}}, ['{"a":{"a":1}}'], ['{"a":{"a":1,"a":""}}', '{"a":1,"a":{}}']),
    ({"not": {"items": A_STRING}}, ['[{},{"a":1}]'], ['[{},{"a":1,"a":""}]', "[]"]),
    ({"const": 1}, ["1", "1.0", "10e-1", "1E0"], ["2", "true", '"1"', "1.5"]),
    ({"const": {"a": [1, "é"], "b": None}}, ['{"b":null,"a":[1.0,"\\u00e9"]}'], ['{"a":[1,"é"]}', '{"b":null,"a":["é",1]}']),
    ({"type": "integer"}, ["1.0", "1e2"], ["1.5"]),
    ({"oneOf": [{"required": ["a"]}, {"required": ["b"]}], "type": "object"}, ['{"a":1}', '{"b":1,"c":2}'], ["{}", '{"a":1,"b":2}']),
    ({"oneOf": [{"multipleOf": 2}, {"multipleOf": 3}]}, ["2", "9", "3.0"], ["6", "12e0", "5", '"x"']),
    ({"if": {"required": ["a"]}, "then": {"required": ["b"]}, "else": {"maxProperties": 1}},
     ['{"b":1,"a":2}', "{}", '{"c":1}', "3"], ['{"a":1}', '{"c":1,"d":2}']),
    ({"patternProperties": {"^x": {"type": "integer"}, "y$": {"minimum": 3}}, "additionalProperties": False},
     ['{"x":1}', '{"xy":3}', '{"y":"any"}'], ['{"xy":2}', '{"z":1}', '{"x":"s"}']),
    ({"propertyNames": {"enum": ["a", "b"]}, "minProperties": 2}, ['{"b":1,"a":2}'], ['{"a":1}', '{"a":1,"a":2}', '{"a":1,"c":2}']),
    ({"dependentRequired": {"a": ["b"]}}, ['{"b":1,"a":1}', "{}", '{"b":1}'], ['{"a":1}']),
    ({"contains": {"const": 1}, "minContains": 2, "maxContains": 3}, ["[1,0,1]", "[1,1,1]", "{}"], ["[1]", "[1,1,1,1]", "[]"]),
    ({"items": {"enum": [1, "a", None]}, "uniqueItems": True}, ['[1,"a"]', "[]", '[null,1.0,"a"]'], ["[1,1.0]", '["a","\\u0061"]']),
    ({"allOf": [{"properties": {"a": True}}], "unevaluatedProperties": False}, ['{"a":1}', "{}"], ['{"b":1}']),
    ({"anyOf": [{"properties": {"a": {"const": 1}}, "required": ["a"]}, {"properties": {"b": True}}], "unevaluatedProperties": False},
     ['{"a":1,"b":2}', '{"a":1}', '{"b":2}'], ['{"a":2}', '{"c":1}']),
    ({"prefixItems": [True], "contains": {"const": 9}, "unevaluatedItems": False}, ["[9]", "[1,9,9]"], ["[1]", "[9,8]"]),
    ({"items": [{"const": 1}], "additionalItems": False}, ["[1]", "[]"], ["[2]", "[1,2]"]),
    ({"dependencies": {"a": ["b"], "c": {"required": ["d"]}}}, ['{"a":1,"b":1}', '{"c":1,"d":1}'], ['{"a":1}', '{"c":1}']),
    ({"$id": "http://x.example/root", "$ref": "item", "$defs": {"i": {"$id": "item", "$anchor": "here", "type": "null"}}}, ["null"], ["1"]),
    ({"$ref": "#here", "$defs": {"i": {"$anchor": "here", "minimum": 2}}, "maximum": 3}, ["2", '"x"'], ["1", "4"]),
    ({"$schema": "http://json-schema.org/draft-07/schema#", "$ref": "#/definitions/a", "maximum": 1, "definitions": {"a": {"minimum": 2}}},
     ["5"], ["1"]),
    ({"$defs": {"t": {"properties": {"a": {"$ref": "#/$defs/t"}}, "not": {"required": ["b"]}}}, "$ref": "#/$defs/t"},
     ['{"a":{"a":{}}}', "{}"], ['{"a":{"a":{"b":1}}}', '{"b":1}', '{"a":1}']),
]  # fmt: skip
CLOSED: list[tuple[Any, list[str], list[str]]] = [
    ({"allOf": [{"properties": {"a": {"type": "integer"}}}, {"properties": {"b": True, "a": {"minimum": 2}}}], "type": "object"},
     ['{"a":2,"b":[]}', "{}"], ['{"a":1}', '{"b":1,"a":2}', '{"c":1}']),
    ({"properties": {"t": {"enum": ["x", "y"]}}, "required": ["t"], "type": "object",
      "oneOf": [{"properties": {"t": {"const": "x"}, "p": True}}, {"properties": {"t": {"const": "y"}, "q": True}}]},
     ['{"t":"x","p":1}', '{"t":"y","q":1}'], ['{"t":"x","q":1}', '{"t":"y","p":1}']),
    ({"type": "object", "properties": {"a": {"type": "integer"}, "b": True}, "not": {"required": ["a", "b"]}},
     ['{"a":1}', '{"b":1}', "{}"], ['{"a":1,"b":1}', '{"c":1}']),
    ({"type": "object", "properties": {"k": {"enum": ["u", "v"]}}, "required": ["k"],
      "if": {"properties": {"k": {"const": "u"}}}, "then": {"properties": {"n": {"type": "integer"}}, "required": ["n"]}},
     ['{"k":"u","n":1}', '{"k":"v"}'], ['{"k":"u"}', '{"n":1,"k":"u"}', '{"k":"w"}']),
    ({"type": "object", "properties": {"a": True}, "additionalProperties": {"type": "integer"}},
     ['{"a":"x","b":1}', '{"b":1}'], ['{"b":1,"a":"x"}', '{"b":"x"}']),
    ({"type": "integer", "not": {"multipleOf": 3}, "minimum": 1, "maximum": 10}, ["1", "10"], ["3", "9", "11", "1.0"]),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "good", "bad"), OPEN)
def test_combinations_are_exact_by_the_specification(schema: Any, good: list[str], bad: list[str]) -> None:
    grammar = compile_schema(schema, closed=False)
    assert [text for text in good if not grammar.accepts(text)] == []
    assert [text for text in bad if grammar.accepts(text)] == []


@pytest.mark.parametrize(("schema", "good", "bad"), CLOSED)
def test_combinations_are_closed_as_a_whole(schema: Any, good: list[str], bad: list[str]) -> None:
    grammar = compile_schema(schema)
    assert [text for text in good if not grammar.accepts(text)] == []
    assert [text for text in bad if grammar.accepts(text)] == []


@pytest.mark.parametrize(
    ("style", "text"), [("compact", '{"a":[1,2],"b":{}}'), ("spaced", '{"a": [1, 2], "b": {}}')]
)
def test_a_fixed_style_has_one_way_to_space(style: Whitespace, text: str) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "array"}, "b": {"type": "object"}}}
    grammar = compile_schema(schema, whitespace=style)
    assert grammar.accepts(text)
    assert not grammar.accepts(text.replace(" ", "") if style == "spaced" else text.replace(":", ": "))


def test_format_is_an_annotation_on_request() -> None:
    schema = {"type": "string", "format": "no such format"}
    assert compile_schema(schema, assert_format=False).accepts('"x"')


def test_an_unknown_order_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="order"):
        compile_schema({}, order="random")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def chain(size: int) -> Any:
    return {
        "$defs": {
            f"d{i}": {"type": "object", "properties": {"x": {"$ref": f"#/$defs/d{(i + 1) % size}"}, "y": {"type": "null"}}}
            for i in range(size)
        },
        "$ref": "#/$defs/d0",
    }  # fmt: skip


def nested(size: int) -> Any:
    schema: Any = {"type": "integer"}
    for _ in range(size):
        schema = {"type": "array", "items": schema}
    return schema


def fields(size: int) -> Any:
    return {"type": "object", "properties": {f"field_{i}": {"type": "integer"} for i in range(size)}}


TOOLS = [
    {
        "type": "object",
        "properties": {"name": {"const": f"tool_{i}"}, "arguments": fields(10)},
        "required": ["name", "arguments"],
    }
    for i in range(100)
]
VARIANTS = [
    {
        "type": "object",
        "properties": {"kind": {"const": f"k{i}"}, f"v{i}": {"type": "integer"}},
        "required": ["kind"],
    }
    for i in range(20)
]
PAIRS = [{"anyOf": [{"required": [f"field_{i}"]}, {"required": [f"field_{i + 1}"]}]} for i in range(7)]
BIG: list[tuple[Any, dict[str, Any], int | None]] = [
    ({"type": "object"}, {}, 10),
    ({"type": "object"}, {"closed": False}, 10_000),
    ({"type": "string", "maxLength": 10_000}, {}, 250_000),
    ({"type": "array", "items": {"type": "integer"}, "maxItems": 1000}, {}, 5_000),
    ({"type": "array", "items": {"type": "integer"}, "maxItems": 1000}, {"closed": False}, None),
    (chain(300), {}, 10_000),
    (nested(300), {}, 2_000),
    ({"anyOf": TOOLS}, {}, 30_000),
    ({"oneOf": VARIANTS}, {}, 1_000),
    ({"oneOf": [{"required": [f"v{i}"]} for i in range(20)], "type": "object"}, {"closed": False}, None),
    (fields(8), {"order": "any"}, 10_000),
    (fields(15), {"order": "any"}, None),
    (fields(15), {"closed": False}, None),
    ({**fields(8), "allOf": PAIRS}, {}, 2_000),
    ({"type": "array", "items": {"enum": list(range(40))}, "uniqueItems": True}, {}, None),
]


@pytest.mark.parametrize(("schema", "options", "most"), BIG)
def test_nothing_runs_away(schema: Any, options: dict[str, Any], most: int | None) -> None:
    """Few states, or none at all: what the budget cannot hold is refused before it is built."""
    vocabulary = Vocabulary.byte_level()
    if most is None:
        with pytest.raises(GrammarError, match="more than 500000 states"):
            compile_schema(schema, **options).compile(vocabulary)
    else:
        assert compile_schema(schema, **options).compile(vocabulary).state_count <= most


def test_two_deep_recursions_through_a_complement_are_lifted() -> None:
    schema = {
        "$defs": {"t": {"type": "object", "properties": {"a": {"$ref": "#/$defs/t"}, "b": {"type": "null"}},
                        "not": {"required": ["a", "b"]}}},
        "$ref": "#/$defs/t",
    }  # fmt: skip
    grammar = compile_schema(schema).compile(Vocabulary.byte_level())
    assert reads(grammar.vocabulary, grammar.advance, '{"a":{"a":{"b":null}}}', grammar.start)
    assert not reads(grammar.vocabulary, grammar.advance, '{"a":{"a":{},"b":null}}', grammar.start)


def reads(vocabulary: Vocabulary, advance: Any, text: str, state: int) -> bool:
    for byte in text.encode():
        state = advance(state, vocabulary.tokens.index(bytes([byte])))
    return bool(state >= 0)


def test_grammars_of_equal_schemas_are_equal() -> None:
    schema = {"not": {"type": "string"}, "$ref": "#/$defs/a", "$defs": {"a": {"items": {"$ref": "#"}}}}
    first, second = compile_schema(schema), compile_schema(dict(schema))
    assert first == second
    assert isinstance(first, Grammar)
    assert first != compile_schema(schema, closed=False)
