"""Fields of JSON texts that are still being written."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentfast.chat.base import FieldFormat, TurnRules
from agentfast.chat.gemma4 import Gemma4Chat
from agentfast.chat.json import CALL, JsonChat
from agentfast.chat.json_signature import dump_json
from agentfast.runtime.confidence.field_reader import TurnFieldReader
from agentfast.runtime.confidence.field_scanner import NUMBER_BYTES, FieldScanner, JsonField, values_of
from agentfast.runtime.core.fields import Field
from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.tools.call import ToolDefinition


def leaves(value: Any, path: tuple[str, ...] = ()) -> dict[str, Any]:
    """Scalars and empty containers by path."""
    items: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        items = list(cast("dict[object, object]", value).items())
    elif isinstance(value, list):
        items = list(enumerate(cast("list[object]", value)))
    if not items:
        return {".".join(path): value}
    return {k: v for key, inner in items for k, v in leaves(inner, (*path, str(key))).items()}


keys = st.text('abé"\\', min_size=1, max_size=4)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)


@given(values, st.sampled_from([None, 1]))
def test_every_scalar_is_found_where_it_stands(value: Any, indent: int | None) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=indent).encode() + b" "
    fields, end = FieldScanner(text, True).scan()
    assert end == len(text) - 1
    assert {field.path: json.loads(text[field.start : field.end]) for field in fields} == leaves(value)


@given(values, st.integers(0, 200))
def test_a_text_that_is_cut_has_the_fields_begun_so_far(value: Any, cut: int) -> None:
    text = dump_json(value).encode() + b" "
    complete, _ = FieldScanner(text, True).scan()
    found, end = FieldScanner(text[:cut], True).scan()
    assert end is None or cut >= len(text) - 1
    begun = [field for field in complete if field.start < cut]
    assert len(begun) - 1 <= len(found) <= len(begun)  # an empty container is found once it is closed
    for field, whole in zip(found, begun, strict=False):
        assert (field.path, field.start) == (whole.path, whole.start)
        assert field.end in (whole.end, None)


ORDER: dict[str, Any] = {
    "type": "object",
    "properties": {
        "unit": {"enum": ["kg", "kilo", 1, 12]},
        "gift": {"type": "boolean"},
        "note": {"anyOf": [{"$ref": "#/$defs/note"}, {"type": "null"}]},
        "tags": {"type": "array", "items": {"const": "é"}},
        "text": {"type": "string"},
    },
    "$defs": {"note": {"enum": ["a/b"]}},
}


def fields_of(chat: FieldFormat, pieces: list[tuple[bool, bytes]], rules: TurnRules) -> list[Field]:
    """The fields of a turn that is written as these segments: names of special tokens, and texts."""
    reader = TurnFieldReader(chat.turn_fields(rules), Vocabulary.byte_level())
    return reader.read([(piece.decode(), b"") if special else (None, piece) for special, piece in pieces])


def scanned(text: str) -> dict[str, JsonField]:
    return {field.path: field for field in FieldScanner(text.encode(), ORDER).scan()[0]}


def test_the_values_that_a_schema_lets_stand_are_listed_as_they_are_written() -> None:
    fields = scanned('{"unit":"kg","gift":true,"note":null,"tags":["é"],"text":"x"}')
    assert fields["unit"].values == (b'"kg"', b'"kilo"', b"1", b"12")
    assert fields["unit"].continues == NUMBER_BYTES
    assert fields["gift"].values == (b"true", b"false")
    assert fields["note"].values == (b'"a/b"', b"null")
    assert fields["tags.0"].values == ('"é"'.encode(),)
    assert fields["text"].values == ()


def test_a_value_spelled_otherwise_has_no_alternatives() -> None:
    assert scanned('{"tags":["\\u00e9"],"text":"x"}')["tags.0"].values == ()


def test_a_value_that_may_go_on_has_no_end() -> None:
    assert scanned('{"unit":1')["unit"].end is None
    assert scanned('{"unit":1,')["unit"].end == 9
    assert scanned('{"unit":"ki')["unit"].values
    assert scanned('{"gift":tr')["gift"].end is None
    assert scanned('{"gift":true')["gift"].end == 12


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string"},
        {"enum": [[1]]},
        {"anyOf": [{"const": 1}, {"type": "integer"}]},
        {"$ref": "#/$defs/loop"},
        {"$ref": "elsewhere"},
        {"enum": list(range(300))},
        True,
    ],
)
def test_values_that_are_many_or_no_scalars_are_not_listed(schema: Any) -> None:
    assert values_of([schema], {"$defs": {"loop": {"$ref": "#/$defs/loop"}}}) is None


FIND = ToolDefinition("find", "", {"type": "object", "properties": {"kind": {"enum": ["x", "y"]}}})
COUNT = ToolDefinition("count", "", {"type": "object", "properties": {"n": {"type": "integer"}}})


def test_calls_have_names_and_arguments_of_their_own_tool() -> None:
    pieces = [
        (True, CALL.encode()),
        (False, b'{"name":"find","arguments":{"kind":"x"}}'),
        (True, CALL.encode()),
        (False, b'{"name":"count","arguments":{"n":4'),
    ]
    fields = {field.key: field for field in fields_of(JsonChat(), pieces, TurnRules((FIND, COUNT)))}
    assert list(fields) == [
        (0, None), (0, "name"), (0, "arguments.kind"), (1, None), (1, "name"), (1, "arguments.n"),
    ]  # fmt: skip
    assert fields[0, "name"].values == (b'"find"', b'"count"')
    assert fields[0, "arguments.kind"].values == (b'"x"', b'"y"')
    assert (fields[0, None].start, fields[0, None].end) == (0, 41)
    assert (fields[1, None].start, fields[1, None].end) == (41, None)
    assert fields[1, "arguments.n"].end is None


def test_a_call_that_is_only_opened_is_no_field_yet() -> None:
    assert fields_of(JsonChat(), [(True, CALL.encode())], TurnRules((FIND,))) == []


def test_a_typed_answer_has_fields_and_a_plain_one_has_none() -> None:
    pieces = [(False, b'{"n":4}')]
    typed = fields_of(JsonChat(), pieces, TurnRules(output_schema=COUNT.parameters))
    assert [field.key for field in typed] == [(None, None), (None, "n")]
    assert fields_of(JsonChat(), pieces, TurnRules((FIND,))) == []


def test_native_calls_have_bare_names_and_strings_between_special_tokens() -> None:
    tool = ToolDefinition(
        "find",
        "",
        {
            "type": "object",
            "properties": {
                "kind": {"enum": ["x", "y", None]},
                "near": {"type": "object", "properties": {"city": {"type": "string"}}},
                "n": {"type": "integer"},
            },
        },
    )
    quote = (True, b'<|"|>')
    pieces = [
        (True, b"<|tool_call>"), (False, b"call:find{kind:"), quote, (False, b"x"), quote,
        (False, b",n:12,near:{city:"), quote, (False, b"a, {b}:"), quote, (False, b"}}"), (True, b"<tool_call|>"),
    ]  # fmt: skip
    rules = TurnRules((tool, ToolDefinition("find_all", "", {"type": "object"})))
    flat = b"".join(b"\xff" if special else piece for special, piece in pieces)
    chat = Gemma4Chat()
    fields = {field.key: field for field in fields_of(chat, pieces, rules)}
    written = {key: flat[field.start : field.end] for key, field in fields.items()}
    assert written == {
        (0, None): flat,
        (0, "name"): b"find",
        (0, "arguments.kind"): b"\xffx\xff",
        (0, "arguments.n"): b"12",
        (0, "arguments.near.city"): b"\xffa, {b}:\xff",
    }
    assert fields[0, "name"].values == (b"find", b"find_all")
    assert b"_"[0] in fields[0, "name"].continues
    values = fields[0, "arguments.kind"].values
    assert values == (b"\xffx\xff", b"\xffy\xff", b"null")
    assert [chat.value(0, "arguments.kind", value) for value in values] == ["x", "y", None]
    assert chat.value(0, "name", b"find") == "find"
    for cut in range(len(pieces)):
        begun = fields_of(chat, pieces[:cut], rules)
        assert all(field.end in (None, fields[field.key].end) for field in begun)
        assert {field.key for field in begun} <= fields.keys()
