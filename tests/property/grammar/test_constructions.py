"""Counters, masks and recursion against plain automata in which everything is written out.

Two grammars over one vocabulary are the same if no sequence of tokens tells them apart, which is decided here for all
sequences at once, by walking both together.
"""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from agentfast.runtime.grammar import Grammar, TokenGrammar, compile_schema
from tests.support.token_splits import vocabulary_of

Schema = dict[str, Any]

bounds = st.tuples(st.integers(0, 4), st.none() | st.integers(0, 3)).map(
    lambda pair: (pair[0], None if pair[1] is None else pair[0] + pair[1])
)


def same(one: TokenGrammar, other: TokenGrammar) -> bool:
    """Whether both allow the same tokens, and need as many to end, wherever the same tokens lead."""
    seen = {(one.start, other.start)}
    pending = list(seen)
    for a, b in pending:  # grows while it is read
        if one.is_done(a) != other.is_done(b) or one.min_tokens(a) != other.min_tokens(b):
            return False
        allowed = one.allowed(a, 1 << 29)
        if (allowed != other.allowed(b, 1 << 29)).any():
            return False
        for token in np.nonzero(allowed)[0].tolist():
            pair = one.advance(a, token), other.advance(b, token)
            if pair not in seen:
                seen.add(pair)
                pending.append(pair)
    return True


def written_out(part: str, least: int, most: int | None, *, between: str = "") -> str:
    """A regular expression for `least` to `most` parts, without counters."""
    further = between + part
    if most is None:
        endless = f"(?:{part}(?:{further})*)"
        return f"{part}{further * (least - 1)}(?:{further})*" if least else f"(?:{endless})?"
    options = [part + further * (count - 1) if count else "" for count in range(least, most + 1)]
    return f"(?:{'|'.join(options)})"


def limits(low: str, high: str, pair: tuple[int, int | None]) -> Schema:
    return {low: pair[0]} | ({} if pair[1] is None else {high: pair[1]})


def tokens(*longer: bytes) -> st.SearchStrategy[list[bytes]]:
    return st.lists(st.sampled_from(longer), unique=True, max_size=4)


@given(bounds, tokens(b"aa", b'"a', b'a"', b"\xa9a", b"a\xc3", b'""', b"aaaa"))
def test_a_counted_string_is_one_with_every_length_written_out(
    pair: tuple[int, int | None], extra: list[bytes]
) -> None:
    vocabulary = vocabulary_of([b'"', b"a", b"\xc3", b"\xa9", *extra])
    counted = compile_schema({"type": "string", **limits("minLength", "maxLength", pair)})
    plain = Grammar.from_regex(f'"{written_out("[aé]", *pair)}"')
    assert same(counted.compile(vocabulary), plain.compile(vocabulary))


@given(bounds, tokens(b"1,", b",1", b"11", b"1]", b"[1,1", b"[]"))
def test_counted_items_are_those_with_every_number_written_out(
    pair: tuple[int, int | None], extra: list[bytes]
) -> None:
    vocabulary = vocabulary_of([b"[", b"1", b",", b"]", *extra])
    schema = {"type": "array", "items": {"enum": [1, 11]}, **limits("minItems", "maxItems", pair)}
    plain = Grammar.from_regex(rf"\[{written_out('11?', *pair, between=',')}\]")
    assert same(compile_schema(schema).compile(vocabulary), plain.compile(vocabulary))


@given(bounds, tokens(b"aa", b"ba", b"bb", b"aab"), st.sampled_from(["a", "ab", "ab?", "a|bb"]))
def test_a_repetition_is_its_parts_written_out(
    pair: tuple[int, int | None], extra: list[bytes], part: str
) -> None:
    vocabulary = vocabulary_of([b"a", b"b", *extra])
    counted = Grammar.from_regex(part).repeat(*pair)
    plain = Grammar.from_regex(written_out(f"(?:{part})", *pair))
    assert same(counted.compile(vocabulary), plain.compile(vocabulary))


ITEMS = [1, 11, True]
CONTAINS: list[Schema] = [
    {"contains": {"const": 1}},
    {"contains": {"type": "integer"}},
    {"uniqueItems": True},
]


@given(bounds, bounds, st.sampled_from(CONTAINS), tokens(b"1,", b",1", b"11", b"[1,1", b",true", b"e]"))
def test_items_that_are_told_apart_are_the_arrays_that_jsonschema_likes(
    items: tuple[int, int | None], contains: tuple[int, int | None], rule: Schema, extra: list[bytes]
) -> None:
    schema = {"type": "array", "items": {"enum": ITEMS}, **rule, **limits("minItems", "maxItems", items)}
    schema |= {"maxItems": min(items[1] or 4, 4)}
    if "contains" in rule:
        schema |= limits("minContains", "maxContains", contains)
    judge = Draft202012Validator(schema)
    every = (list(v) for n in range(5) for v in itertools.product(ITEMS, repeat=n))
    texts = [json.dumps(value, separators=(",", ":")) for value in every if judge.is_valid(value)]
    assume(texts)
    vocabulary = vocabulary_of([b"[", b"1", b",", b"true", b"]", *extra])
    plain = Grammar.from_choices(texts)
    assert same(compile_schema(schema).compile(vocabulary), plain.compile(vocabulary))


@given(
    bounds,
    st.lists(st.sampled_from("abc"), unique=True),
    st.dictionaries(st.sampled_from("abc"), st.just(["b"]), max_size=1),
)
def test_properties_in_any_order_are_all_permutations(
    count: tuple[int, int | None], required: list[str], dependent: dict[str, list[str]]
) -> None:
    schema = {
        "type": "object",
        "properties": {name: {"const": 1} for name in "abc"},
        "required": required,
        "dependentRequired": dependent,
        **limits("minProperties", "maxProperties", count),
    }  # fmt: skip
    judge = Draft202012Validator(schema)
    every = (dict.fromkeys(names, 1) for n in range(4) for names in itertools.permutations("abc", n))
    texts = [json.dumps(value, separators=(",", ":")) for value in every if judge.is_valid(value)]
    assume(texts)
    vocabulary = vocabulary_of([b"{", b"}", b",", b'"', b"a", b"b", b"c", b":1", b'{"', b'":', b"1", b',"a'])
    plain = Grammar.from_choices(texts)
    assert same(compile_schema(schema, order="any").compile(vocabulary), plain.compile(vocabulary))


@pytest.mark.parametrize("extra", [[], [b"[["], [b"]]", b"[]", b"[[1"]])
def test_recursion_is_every_depth_written_out(extra: list[bytes]) -> None:
    vocabulary = vocabulary_of([b"[", b"1", b",", b"]", *extra])
    recursive = compile_schema({"anyOf": [{"const": 1}, {"type": "array", "items": {"$ref": "#"}}]})
    lifted = recursive.compile(vocabulary)
    assert lifted.recursion is not None
    schema: Schema | bool = False
    for _ in range(lifted.recursion + 1):
        schema = {"anyOf": [{"const": 1}, {"type": "array", "items": schema}]}
    assert same(lifted, compile_schema(schema).compile(vocabulary))
