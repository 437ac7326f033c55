"""Gemma 4's notation for values against JSON: a text is accepted just if the JSON of the same value is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentfast.chat.base import Segment
from agentfast.chat.gemma4_notation import QUOTE, joined, parse_object, render_value
from agentfast.chat.json_signature import dump_json
from agentfast.errors import GrammarError, ModelError
from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar import Grammar, TokenGrammar, compile_schema
from agentfast.runtime.grammar.schema.keywords import as_list, as_object

TOKENS = [bytes([b]) for b in range(256)] + [
    b"{a:",
    b"},",
    b'x"',
    b"\\n",
    b"1,b:",
    b"tr",
    b"\xc3\xa9:",
    b"],[",
]
VOCABULARY = Vocabulary(
    (*TOKENS, None, None), {QUOTE: len(TOKENS), "<eos>": len(TOKENS) + 1}, frozenset({len(TOKENS) + 1})
)

names = st.sampled_from(["a", "b", "é", "first name", "A.b"])
texts = st.text(st.sampled_from('ab"\\{}:,\n\x01é漢😀'), max_size=4)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-30, 30) | st.sampled_from([1.5, -0.25, 1e-7]) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=6,
)
leaves: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {"type": "string", "maxLength": 2},
        {"type": "string", "minLength": 1},
        {"type": "string", "pattern": '^[a"]*$'},
        {"type": "integer", "minimum": -3, "maximum": 20},
        {"type": "number"},
        {"type": ["boolean", "null"]},
        {"enum": ["a", 'b"\n', 3, None]},
    ]
)


def extend(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.one_of(
        st.dictionaries(names, inner, max_size=3).map(
            lambda properties: {
                "type": "object",
                "properties": dict(sorted(properties.items(), key=lambda pair: pair[0].lower())),
                "required": sorted(properties)[:1],
                "additionalProperties": False,
            }
        ),
        inner.map(lambda schema: {"type": "object", "additionalProperties": schema}),
        inner.map(lambda schema: {"type": "array", "items": schema, "maxItems": 2}),
        st.lists(inner, min_size=1, max_size=2).map(lambda schemas: {"anyOf": schemas}),
    )


schemas = st.recursive(leaves, extend, max_leaves=4)


def near(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values of a schema's shape, some of them valid."""
    if "anyOf" in schema:
        return st.one_of([near(option) for option in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema.get("type"):
        case "object" if "properties" in schema:
            parts = {name: near(value) for name, value in schema["properties"].items()}
            return st.fixed_dictionaries({}, optional=parts)
        case "object":
            return st.dictionaries(names, near(schema["additionalProperties"]), max_size=2)
        case "array":
            return st.lists(near(schema["items"]), max_size=3)
        case "string":
            return texts
        case "integer" | "number":
            return st.integers(-5, 25)
        case _:
            return values


def ordered(value: Any) -> Any:
    """The value with members in the order in which the notation writes them."""
    members, items = as_object(value), as_list(value)
    if members is not None:
        return {name: ordered(members[name]) for name in sorted(members, key=str.lower)}
    return value if items is None else [ordered(item) for item in items]


def ends(grammar: TokenGrammar, tokens: list[int]) -> bool:
    state = grammar.start
    for token in tokens:
        state = grammar.advance(state, token)
    return grammar.is_done(grammar.advance(state, VOCABULARY.special["<eos>"]))


def splits(data: st.DataObject, segments: Iterable[Segment]) -> list[int]:
    """A random way to write segments in tokens."""
    ids: list[int] = []
    for is_special, text in segments:
        rest = b"" if is_special else text.encode()
        if is_special:
            ids.append(VOCABULARY.special[text])
        while rest:
            fitting = [i for i, token in enumerate(TOKENS) if rest.startswith(token)]
            ids.append(data.draw(st.sampled_from(fitting)))
            rest = rest[len(TOKENS[ids[-1]]) :]
    return ids


@given(schemas, st.data())
def test_a_value_is_accepted_in_this_notation_just_if_it_is_in_json(
    schema: dict[str, Any], data: st.DataObject
) -> None:
    json_grammar = compile_schema(schema)
    compiled = json_grammar.in_native_notation(QUOTE).compile(VOCABULARY)
    for value in data.draw(st.lists(near(schema) | values, min_size=3, max_size=6)):
        value = ordered(value)
        written = splits(data, joined(render_value(value)))
        assert ends(compiled, written) == json_grammar.accepts(dump_json(value)), (schema, value)


@given(st.dictionaries(names, values, max_size=3))
def test_an_object_survives_rendering_and_parsing(value: dict[str, Any]) -> None:
    segments = list(joined(render_value(value)))
    assert parse_object(segments) == value
    assert all(left[0] or right[0] for left, right in zip(segments, segments[1:], strict=False))


def test_members_stand_in_order_of_their_names() -> None:
    written = "".join(text for _, text in render_value({"b": 1, "C": [True, None], "a": "x"}))
    assert written == '{a:<|"|>x<|"|>,b:1,C:[true,null]}'


def test_what_is_not_in_this_notation_is_refused() -> None:
    kinds = [{"type": "string"}, {"type": "integer"}, {"type": "array", "items": {"type": "string"}}]
    schema = {"type": "object", "additionalProperties": {"anyOf": kinds}}
    grammar = compile_schema(schema).in_native_notation(QUOTE)
    compiled = grammar.compile(VOCABULARY)
    quote = [VOCABULARY.special[QUOTE]]
    assert ends(compiled, [*b"{a:", *quote, *b'say "hi"', *quote, *b"}"])
    for wrong in (
        [*b'{"a":1}'],
        [*b"{", *quote, *b"a", *quote, *b":1}"],
        [*b'{a:"x"}'],
        [*b"{:1}"],
        [*b"{a:[b:1]}"],
    ):
        assert not ends(compiled, wrong)
    assert grammar.specials == {QUOTE}
    with pytest.raises(GrammarError, match="special tokens"):
        grammar.in_native_notation(QUOTE)
    with pytest.raises(GrammarError, match="no special token"):
        grammar.compile(Vocabulary.byte_level())


@pytest.mark.parametrize(
    "segments",
    [
        [(False, "[1]")],
        [(False, "{a:1")],
        [(False, "{a:"), (True, QUOTE), (False, "x}")],
        [(False, "{a:"), (True, "<bos>"), (False, "}")],
        [(False, "{a:b}")],
        [],
    ],
)
def test_arguments_that_cannot_be_read_are_the_models_error(segments: list[Segment]) -> None:
    with pytest.raises(ModelError, match="the model wrote"):
        parse_object(segments)


def test_a_recursive_schema_is_as_deep_as_it_is_cheap() -> None:
    tree: dict[str, Any] = {
        "$defs": {"t": {"type": "array", "items": {"$ref": "#/$defs/t"}, "maxItems": 2}},
        "$ref": "#/$defs/t",
    }
    compiled: Grammar = compile_schema(tree).in_native_notation(QUOTE)
    assert ends(compiled.compile(VOCABULARY), [*b"[[[],[]],[]]"])
