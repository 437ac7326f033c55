"""Grammars against independent judges: `re`, `jsonschema`, and the automaton itself read byte by byte."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from agentfast.runtime.grammar import Grammar, compile_schema
from agentfast.runtime.grammar.schema.keywords import as_list, as_object
from tests.support.token_splits import ends, splits, vocabulary_of

LETTERS = "ab"


def regexes() -> st.SearchStrategy[tuple[str, Grammar]]:
    """A regular expression and the same language as a grammar."""

    def extend(inner: st.SearchStrategy[tuple[str, Grammar]]) -> st.SearchStrategy[tuple[str, Grammar]]:
        both = st.tuples(inner, inner)
        counts = st.tuples(st.integers(0, 2), st.none() | st.integers(0, 2))
        return st.one_of(
            both.map(lambda pair: (pair[0][0] + pair[1][0], pair[0][1] + pair[1][1])),
            both.map(lambda pair: (f"(?:{pair[0][0]}|{pair[1][0]})", pair[0][1] | pair[1][1])),
            st.tuples(inner, counts).map(lambda pair: repeated(*pair)),
        )

    leaves = st.sampled_from(["", *LETTERS]).map(lambda text: (text, Grammar.literal(text)))
    return st.recursive(leaves, extend, max_leaves=8)


def repeated(pair: tuple[str, Grammar], counts: tuple[int, int | None]) -> tuple[str, Grammar]:
    least, more = counts
    most = None if more is None else least + more
    return f"(?:{pair[0]}){{{least},{'' if most is None else most}}}", pair[1].repeat(least, most)


@given(
    regexes(),
    st.lists(st.text(LETTERS, min_size=2, max_size=4), max_size=6),
    st.lists(st.text(LETTERS, max_size=6), min_size=5, max_size=20),
    st.data(),
)
def test_random_automata_agree_with_re_over_random_token_splits(
    pair: tuple[str, Grammar], extra: list[str], words: list[str], data: st.DataObject
) -> None:
    pattern, grammar = pair
    vocabulary = vocabulary_of([text.encode() for text in [*LETTERS, *extra]])
    compiled = grammar.compile(vocabulary)
    for word in words:
        matches = re.fullmatch(pattern, word) is not None
        assert grammar.accepts(word) == matches
        assert ends(compiled, splits(data, word.encode(), vocabulary)) == matches


@given(regexes(), st.lists(st.text(LETTERS, max_size=6), min_size=5, max_size=20))
def test_patterns_agree_with_re_search(pair: tuple[str, Grammar], words: list[str]) -> None:
    for pattern in (pair[0], "^" + pair[0], pair[0] + "$", f"^(?:{pair[0]})$|b^", f"a{pair[0]}$|^b"):
        grammar = compile_schema({"type": "string", "pattern": pattern})
        for word in words:
            assert grammar.accepts(f'"{word}"') == (re.search(pattern, word) is not None), (pattern, word)


texts = st.text(st.sampled_from('ab"\\/\n\x01é漢😀\u2028'), max_size=5)
BYTES = [bytes([b]) for b in range(256)]


@given(
    texts,
    st.integers(0, 3),
    st.none() | st.integers(0, 4),
    st.booleans(),
    st.lists(st.sampled_from([b'ab', b'"}', b'a"}', b'\\"', b"\\u", b"\\ud83d", b'\xa9"}', b"\xf0\x9f", b'{"k":"', b"\\n"]), max_size=8),
    st.data(),
)  # fmt: skip
def test_string_bodies_over_tokens_are_the_automaton_over_bytes(
    text: str, least: int, most: int | None, ascii_only: bool, extra: list[bytes], data: st.DataObject
) -> None:
    limits = {"minLength": least} | ({} if most is None else {"maxLength": most})
    grammar = compile_schema(
        {"type": "object", "properties": {"k": {"type": "string", **limits}}, "required": ["k"]}
    )
    vocabulary = vocabulary_of(BYTES + extra)
    written = json.dumps({"k": text}, ensure_ascii=ascii_only, separators=(",", ":")).encode()
    fits = least <= len(text) and (most is None or len(text) <= most)
    assert grammar.accepts(written) == fits
    if most is None or most >= least:
        assert ends(grammar.compile(vocabulary), splits(data, written, vocabulary)) == fits


names = st.sampled_from(["a", "b", "c", 'd"', "é"])
bounds = st.integers(-20, 20) | st.sampled_from([-1.5, 0.25, 7.5])
LEAVES: list[st.SearchStrategy[dict[str, Any]]] = [
    st.fixed_dictionaries({"type": st.just("string")}, optional={"minLength": st.integers(0, 2), "maxLength": st.integers(2, 4)}),
    st.fixed_dictionaries({"type": st.just("integer")}, optional={"minimum": bounds, "exclusiveMaximum": bounds}),
    st.fixed_dictionaries({"type": st.just("number")}, optional={"exclusiveMinimum": bounds, "maximum": bounds}),
    st.sampled_from([{"type": "boolean"}, {"type": "null"}, {"type": ["integer", "null"], "maximum": 3}, {"const": [1, {"a": "é"}]}]),
    st.fixed_dictionaries({"type": st.just("string"), "pattern": st.sampled_from(["^a", "b$", "^[ab]*$", "aé?b"])}),
    st.lists(st.sampled_from(["a", "b", 1, 2.5, None, True, "x\ny"]), min_size=1, max_size=3).map(lambda values: {"enum": values}),
    st.sampled_from(["date", "ipv4"]).map(lambda name: {"type": "string", "format": name}),
]  # fmt: skip


def extend_schema(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    objects = st.dictionaries(names, inner, max_size=3).flatmap(
        lambda properties: (
            st.lists(st.sampled_from(sorted(properties)), unique=True).map(
                lambda required: closed(properties, required)
            )
            if properties
            else st.just(closed({}, []))
        )
    )
    arrays = st.fixed_dictionaries(
        {"type": st.just("array"), "items": inner},
        optional={"minItems": st.integers(0, 2), "maxItems": st.integers(0, 3)},
    )
    maps = inner.map(lambda schema: {"type": "object", "additionalProperties": schema})
    unions = st.lists(inner, min_size=1, max_size=3).map(lambda branches: {"anyOf": branches})
    tuples = st.lists(inner, min_size=1, max_size=2).map(
        lambda items: {"type": "array", "prefixItems": items, "items": {"type": "integer"}}
    )
    return objects | arrays | maps | unions | tuples


def closed(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


schemas = st.recursive(st.one_of(LEAVES), extend_schema, max_leaves=6)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-25, 25),
    st.integers(-2500, 2500).filter(lambda n: n % 100).map(lambda n: n / 100),
    st.text(st.sampled_from('ab"é\n'), max_size=5),
    st.sampled_from(["2024-02-29", "2023-02-29", "1.2.3.4", "1.2.3.256"]),
)
ANYTHING = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=5,
)


def instances(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values near a schema: mostly of its shape, some of them valid; objects in declared order."""
    by_shape: list[tuple[str, Callable[[], st.SearchStrategy[Any]]]] = [
        ("const", lambda: st.just(schema["const"])),
        ("enum", lambda: st.sampled_from(schema["enum"])),
        ("anyOf", lambda: st.one_of([instances(branch) for branch in schema["anyOf"]])),
        ("properties", lambda: objects_near(schema)),
        (
            "additionalProperties",
            lambda: st.dictionaries(names, instances(schema["additionalProperties"]), max_size=2),
        ),
        ("prefixItems", lambda: st.tuples(*(instances(item) for item in schema["prefixItems"])).map(list)),
        ("items", lambda: st.lists(instances(schema["items"]), max_size=4)),
    ]
    for keyword, make in by_shape:
        if keyword in schema:
            return make() | ANYTHING
    return scalars


def objects_near(schema: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    properties = schema["properties"]
    parts = {name: instances(value) for name, value in properties.items()}
    kept = {name: value for name, value in parts.items() if name in schema["required"]}
    found = st.fixed_dictionaries(kept, optional={n: v for n, v in parts.items() if n not in kept})
    return found.map(lambda value: {name: value[name] for name in properties if name in value})


def ordered_schema(schema: Any) -> Any:
    """The schema with properties declared in order of names, so that sorted values are in declared order."""
    items, rules = as_list(schema), as_object(schema)
    if rules is None:
        return schema if items is None else [ordered_schema(item) for item in items]
    result = {key: ordered_schema(value) for key, value in rules.items()}
    properties = as_object(result.get("properties"))
    return result if properties is None else {**result, "properties": dict(sorted(properties.items()))}


def sorted_keys(value: Any) -> Any:
    items, members = as_list(value), as_object(value)
    if members is not None:
        return {key: sorted_keys(item) for key, item in sorted(members.items())}
    return value if items is None else [sorted_keys(item) for item in items]


def for_python(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with patterns as Python reads them, whose $ also stands before a line feed at the end."""
    result: dict[str, Any] = json.loads(json.dumps(schema).replace('$"', '\\\\Z"'))
    return result


@given(schemas.map(ordered_schema), st.data())
def test_schemas_and_instances_agree_with_jsonschema(schema: dict[str, Any], data: st.DataObject) -> None:
    judge = Draft202012Validator(for_python(schema), format_checker=Draft202012Validator.FORMAT_CHECKER)
    grammar = compile_schema(schema)
    for value in data.draw(st.lists(instances(schema), min_size=5, max_size=10)):
        ordered = sorted_keys(value)
        text = json.dumps(ordered, ensure_ascii=False, separators=(",", ":"))
        assert grammar.accepts(text) == judge.is_valid(ordered), (schema, text)


@given(st.lists(ANYTHING, min_size=5, max_size=10), st.booleans())
def test_any_value_means_any_value(values: list[Any], ascii_only: bool) -> None:
    anything, flexible = compile_schema(True), compile_schema({}, whitespace="flexible")
    for value in values:
        assert anything.accepts(json.dumps(value, ensure_ascii=ascii_only, separators=(",", ":")))
        assert flexible.accepts(json.dumps(value, ensure_ascii=ascii_only, indent=2))
