"""Sampled instances: valid, reproducible, of bounded length."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema
import pytest

from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar import Grammar, compile_schema
from agentfast.runtime.grammar.tokens.sampling import SLACK, Sampler

VOCABULARY = Vocabulary.byte_level()

SCHEMAS: list[Any] = [
    {"type": "object", "properties": {"id": {"type": "integer", "minimum": 1}, "tags": {"type": "array"}}},
    {"type": "string", "minLength": 3, "maxLength": 5},
    {"enum": ["a", 1, None, {"b": [2]}]},
    {"type": "number", "exclusiveMinimum": 0, "maximum": 0.25},
    True,
]


@pytest.mark.parametrize("schema", SCHEMAS, ids=json.dumps)
def test_samples_are_instances(schema: Any) -> None:
    grammar = compile_schema(schema).compile(VOCABULARY)
    sampler = Sampler(grammar)
    for _ in range(20):
        text = sampler.draw()
        jsonschema.validate(json.loads(text), schema)
        assert len(text) < grammar.min_tokens(grammar.start) + SLACK


def test_samples_differ_and_come_again_with_the_same_seed() -> None:
    grammar = compile_schema({"type": "string"}).compile(VOCABULARY)

    def drawn(seed: int) -> list[str]:
        sampler = Sampler(grammar, seed)
        return [sampler.draw() for _ in range(10)]

    assert drawn(1) == drawn(1) != drawn(2)
    assert len(set(drawn(1))) > 5


def test_samples_keep_to_words_where_they_can() -> None:
    sampler = Sampler((Grammar.literal("é") + Grammar.text()).compile(VOCABULARY))
    for _ in range(5):
        assert re.fullmatch("é[A-Za-z0-9 ]*", sampler.draw())
