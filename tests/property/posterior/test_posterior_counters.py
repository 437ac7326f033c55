"""The canvas posterior where the automaton counts: code points, items, matches of `contains`, properties, repetitions.

The judge of the first test knows no automaton: it is `jsonschema` on every text that the canvas can hold.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from agentfast.errors import GrammarError
from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar import Grammar, TokenGrammar, compile_schema
from tests.support.enumeration import (
    Enumeration,
    Floats,
    agrees,
    agrees_with_enumeration,
    random_logits,
    samples_follow,
    solve,
)
from tests.support.token_splits import vocabulary_of

Schema = dict[str, Any]

small = st.integers(0, 4)
ones = {"enum": [1, 11]}
letters = {"type": "string", "pattern": "^a*$"}


def counted(name: str, **fixed: Any) -> st.SearchStrategy[Schema]:
    """A schema with a lower and an upper bound, either of which may be missing."""
    low, high = {"length": ("minLength", "maxLength"), "contains": ("minContains", "maxContains")}.get(
        name, (f"min{name}", f"max{name}")
    )
    return st.fixed_dictionaries({}, optional={low: small, high: small}).map(lambda bounds: fixed | bounds)


CASES: list[tuple[st.SearchStrategy[Schema], list[bytes], list[bytes]]] = [
    (counted("length", type="string"), [b'"', b"a", b"\xc3", b"\xa9"], [b"aa", b'a"', b"\xa9a", b'"a']),
    (counted("length", **letters), [b'"', b"a"], [b"aa", b'"a', b'aa"', b"aaa"]),
    (counted("Items", type="array", items=ones), [b"[", b"1", b",", b"]"], [b"1,", b",1", b"11", b"1]", b"[1,1"]),
    (
        counted("Items", type="array", items=letters | {"maxLength": 1, "minLength": 1}),
        [b"[", b'"', b"a", b",", b"]"],
        [b'"a"', b'",', b'["a', b'"a",', b'a"]'],
    ),
    (
        counted("contains", type="array", items=ones, contains={"const": 1}),
        [b"[", b"1", b",", b"]"],
        [b"1,", b"11,", b",11", b"11]", b"[1"],
    ),
    (st.just({"type": "array", "items": ones, "uniqueItems": True}), [b"[", b"1", b",", b"]"], [b"11", b",1", b"1]"]),
    (
        counted("Properties", type="object", properties={name: {"const": 1} for name in "abc"}),
        [b"{", b"}", b",", b'"a":1', b'"b":1', b'"c":1'],
        [b',"a":1', b'{"b":1', b'"c":1}'],
    ),
]  # fmt: skip


@st.composite
def schemas(draw: st.DrawFn) -> tuple[Schema, Vocabulary]:
    """A schema that counts, and a vocabulary of tokens that count by one, by several, and across an end."""
    strategy, single, longer = draw(st.sampled_from(CASES))
    extra = draw(st.lists(st.sampled_from(longer), unique=True, max_size=4))
    return draw(strategy), vocabulary_of(single + extra)


@st.composite
def problems(draw: st.DrawFn, canvas: st.SearchStrategy[int]) -> tuple[Schema, TokenGrammar, Floats]:
    """A schema, its grammar (properties in any order), and [C, V] logits."""
    schema, vocabulary = draw(schemas())
    try:
        grammar = compile_schema(schema, order="any").compile(vocabulary)
    except GrammarError:  # minLength above maxLength, and the like
        assume(False)
        raise
    return schema, grammar, draw(random_logits(draw(canvas), vocabulary.size))


def valid_canvases(schema: Schema, vocabulary: Vocabulary, canvas: int) -> Iterator[tuple[int, ...]]:
    """Every canvas that holds a whole instance: tokens of a text that `jsonschema` likes, EOS, and anything."""
    judge = Draft202012Validator(schema)
    end = vocabulary.special["<eos>"]
    texts = [token for token in vocabulary.tokens if token is not None]
    for length in range(canvas):
        for content in itertools.product(range(len(texts)), repeat=length):
            if is_instance(b"".join(texts[token] for token in content), judge):
                for tail in itertools.product(range(vocabulary.size), repeat=canvas - length - 1):
                    yield *content, end, *tail


def is_instance(text: bytes, judge: Draft202012Validator) -> bool:
    """True for compact JSON of a valid value, without a name twice."""
    try:
        value = json.loads(text.decode())
    except ValueError:
        return False
    written = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return written.encode() == text and judge.is_valid(value)


@given(problems(st.integers(2, 5)))
def test_a_canvas_that_has_to_end_is_what_jsonschema_says(
    problem: tuple[Schema, TokenGrammar, Floats],
) -> None:
    schema, grammar, logits = problem
    assume(grammar.vocabulary.size ** len(logits) < 60_000)
    # Closed objects are what compile_schema reads by default.
    judged = {"additionalProperties": False, **schema}
    truth = Enumeration.of(valid_canvases(judged, grammar.vocabulary, len(logits)), logits)
    agrees(solve(grammar, logits, len(logits)), truth, logits)


@given(problems(st.integers(1, 4)), st.lists(st.floats(0, 1, exclude_max=True), max_size=4), small)
def test_a_counter_is_carried_from_canvas_to_canvas(
    problem: tuple[Schema, TokenGrammar, Floats], walk: list[float], more: int
) -> None:
    _, grammar, logits = problem
    state = grammar.start
    for share in walk:
        allowed = np.nonzero(grammar.allowed(state, grammar.longest))[0]
        after = grammar.advance(state, int(allowed[int(share * len(allowed))]))
        if grammar.is_done(after):
            break
        state = after
    budget = grammar.min_tokens(state) + more
    agrees_with_enumeration(grammar, logits, budget, state)


@given(small, small, st.sampled_from([b"ab", b"ba", b"aba"]), st.integers(1, 4), st.data())
def test_counted_repetitions_and_texts_agree_with_enumeration(
    least: int, more: int, extra: bytes, canvas: int, data: st.DataObject
) -> None:
    part = Grammar.from_choices(["a", "ab"]).repeat(least, least + more)
    grammar = (part + Grammar.text(most=more)).compile(vocabulary_of([b"a", b"b", extra]))
    logits = data.draw(random_logits(canvas, grammar.vocabulary.size))
    budget = grammar.min_tokens(grammar.start) + data.draw(small)
    agrees_with_enumeration(grammar, logits, budget)


def test_samples_of_counted_items_follow_the_joint_distribution() -> None:
    schema = {"type": "array", "items": ones, "minItems": 1, "maxItems": 3}
    vocabulary = vocabulary_of([b"[", b"1", b",", b"]", b"[1", b",1", b"1]"])
    grammar = compile_schema(schema).compile(vocabulary)
    random = np.random.default_rng(7)
    logits = random.normal(size=(5, vocabulary.size)).astype(np.float32)
    truth = Enumeration.of(valid_canvases(schema, vocabulary, 5), logits)
    samples_follow(truth, grammar, logits, 5, random)
