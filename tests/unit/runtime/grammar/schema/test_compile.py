"""JSON Schema keywords: what each lets through."""

from __future__ import annotations

from typing import Any

import pytest

from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar import compile_schema

OBJECT = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "b": {"type": "string"}, "c": {"type": "boolean"}},
    "required": ["b"],
}
TREE: dict[str, Any] = {
    "$defs": {
        "tree": {
            "type": "object",
            "properties": {
                "value": {"type": "integer"},
                "left": {"anyOf": [{"$ref": "#/$defs/tree"}, {"type": "null"}]},
                "right": {"$ref": "#/$defs/tree"},
            },
            "required": ["value"],
        }
    },
    "$ref": "#/$defs/tree",
}
CASES: list[tuple[Any, list[str], list[str]]] = [
    (OBJECT, ['{"b":""}', '{"a":1,"b":"x","c":true}', '{"b":"x","c":false}'], ["{}", '{"a":1}', '{"b":""', '{,"b":""}']),
    (OBJECT, [], ['{"b":"","a":1}', '{"b":"","d":1}', '{"b":"",}', '{"b":"","b":""}', '{"b": ""}', '{"\\u0062":""}']),
    ({"type": "object"}, ["{}"], ['{"a":1}', "[]"]),
    (
        {"type": "object", "additionalProperties": {"type": "integer"}},
        ["{}", '{"a":1}', '{"a":1,"\\u00e9":2}'],
        ['{"a":"x"}', "{1:2}"],
    ),
    ({"properties": {"a": False, "b": {"const": 1}}, "type": "object"}, ["{}", '{"b":1}'], ['{"a":1}', '{"a":1,"b":1}']),
    ({"type": "object", "required": ["x"], "additionalProperties": False}, [], ["{}", '{"x":1}']),
    ({"type": "array", "items": {"type": "integer"}}, ["[]", "[1]", "[1,2,3]"], ["[1,]", "[,1]", '["a"]', "[1 ,2]"]),
    (
        {"type": "array", "items": {"type": "null"}, "minItems": 2, "maxItems": 3},
        ["[null,null]", "[null,null,null]"],
        ["[]", "[null]", "[null,null,null,null]"],
    ),
    ({"type": "array", "maxItems": 0}, ["[]"], ["[1]"]),
    ({"type": "array", "minItems": 2, "maxItems": 1}, [], ["[]", "[1]", "[1,2]"]),
    (
        {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "items": False},
        ["[]", "[1]", '[1,"a"]'],
        ['[1,"a",2]', '["a"]'],
    ),
    (
        {"type": "array", "prefixItems": [{"const": 1}], "items": {"const": 2}, "minItems": 2, "maxItems": 3},
        ["[1,2]", "[1,2,2]"],
        ["[1]", "[1,1]", "[1,2,2,2]"],
    ),
    ({"enum": ["a", 1, 2.5, None, True, {"k": [1, "é"]}, [], 3.0]},
     ['"a"', "1", "2.5", "null", "true", '{"k":[1,"é"]}', "[]", "3"], ["2", "false", "{}", '"\\u0061"', "3.0", "1.0"]),
    ({"enum": ["a", 1, 15, None], "type": ["integer", "null"], "maximum": 9}, ["1", "null"], ['"a"', "15"]),
    ({"enum": ["a", "bb", "cc1"], "minLength": 2, "pattern": "c"}, ['"cc1"'], ['"a"', '"bb"']),
    ({"const": 'quote " and \\ and \n'}, ['"quote \\" and \\\\ and \\n"'], ['"quote"']),
    ({"type": ["string", "null"], "minLength": 1}, ['"a"', "null"], ['""', "1"]),
    ({"type": ["integer", "number"]}, ["1", "1.5"], ['"1"']),
    ({"anyOf": [{"type": "integer", "minimum": 5}, {"type": "string"}]}, ["5", '""'], ["4", "null"]),
    ({"type": "string", "anyOf": [{"pattern": "^a"}, {"format": "ipv4"}]}, ['"ab"', '"1.2.3.4"'], ['"b"', "1"]),
    ({"anyOf": [{"type": "integer"}, {"type": "integer", "minimum": 5}]}, ["1", "5"], []),
    ({"oneOf": [{"type": "integer"}, {"type": "string"}]}, ["1", '"a"'], ["null"]),
    ({"allOf": [{"type": "integer"}], "minimum": 3}, ["3"], ["2"]),
    ({"$ref": "#/$defs/a~1b", "$defs": {"a/b": {"const": 1}}, "description": "d", "default": 1}, ["1"], ["2"]),
    ({"$defs": {"unused": {"not": {}}}, "type": "null"}, ["null"], []),
    (TREE, ['{"value":1}', '{"value":1,"left":null,"right":{"value":2,"left":{"value":3}}}'], ['{"value":1,"right":null}']),
    (True, ['{"a":[1,{"b":null}],"c":"x"}', "-1.5e3", "[[[[[]]]]]"], ["{a:1}", "tru", ""]),
    ({"title": "anything", "x-note": 1}, ["1", "{}"], []),
    (False, [], ["1", "{}", ""]),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "text"), [(schema, text) for schema, good, _ in CASES for text in good])
def test_instances_are_accepted(schema: Any, text: str) -> None:
    assert compile_schema(schema).accepts(text)


@pytest.mark.parametrize(("schema", "text"), [(schema, text) for schema, _, bad in CASES for text in bad])
def test_others_are_refused(schema: Any, text: str) -> None:
    assert not compile_schema(schema).accepts(text)


def test_deep_recursion_is_accepted_to_any_depth() -> None:
    text = '{"value":1,"right":' * 300 + '{"value":2}' + "}" * 300
    assert compile_schema(TREE).accepts(text)
    assert not compile_schema(TREE).accepts(text[:-1])


@pytest.mark.parametrize(
    "text", ['{"b": "x", "c": true}', '{\n  "b": "x",\n  "c": true\n}', '{"b":"x","c":true}', '{ "b": "x" }']
)
def test_flexible_whitespace_allows_what_models_write(text: str) -> None:
    assert compile_schema(OBJECT, whitespace="flexible").accepts(text)


@pytest.mark.parametrize(
    "text", [' {"b":"x"}', '{"b" :"x"}', '{"b":  "x"}', '{\n\n"b":"x"}', '{"b":"x"}\n', '{\t"b":"x"}']
)
def test_flexible_whitespace_is_bounded(text: str) -> None:
    assert not compile_schema(OBJECT, whitespace="flexible").accepts(text)


def test_flexible_whitespace_reaches_fixed_values_and_empty_brackets() -> None:
    grammar = compile_schema({"enum": [{"a": [1, 2]}, []]}, whitespace="flexible")
    assert grammar.accepts('{"a": [1, 2]}')
    assert grammar.accepts("[ ]")


def test_open_objects_are_maps_when_nothing_is_declared() -> None:
    assert compile_schema({"type": "object"}, closed=False).accepts('{"a":[]}')


@pytest.mark.parametrize("count", [4, 5, 12, 16])
def test_keys_that_are_enumerated_come_once_and_many_in_order(count: int) -> None:
    names = [f"k{index:02}" for index in range(count)]
    schema = {"type": "object", "propertyNames": {"enum": names}, "additionalProperties": {"type": "null"}}
    grammar = compile_schema(schema)
    assert grammar.accepts('{"k00":null,"k03":null}')
    assert not grammar.accepts('{"k00":null,"k00":null}')
    assert not grammar.accepts('{"other":null}')
    assert grammar.accepts('{"k03":null,"k00":null}') == (count <= 4)
    assert grammar.compile(Vocabulary.byte_level()).byte_states < 1000
