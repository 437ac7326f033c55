"""Requests are plain data, for other processes as well."""

from __future__ import annotations

import pickle

import pytest

from agentfast.errors import ConfigError
from agentfast.runtime.core.fields import CallNotation, Field, TurnFields
from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar import Grammar, compile_schema
from agentfast.runtime.scheduling.request import Request

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


@pytest.mark.parametrize(
    "fields",
    [
        None,
        (Field("n", 5, None, (), b"0123456789"),),
        TurnFields(CallNotation("<call>", "call:", ""), (("f", SCHEMA),), answer=SCHEMA),
    ],
)
def test_a_request_can_be_pickled_and_means_the_same(fields: TurnFields | tuple[Field, ...] | None) -> None:
    grammar = compile_schema(SCHEMA) | Grammar.special("<call>")
    request = Request((1, 2), 30, grammar, seed=3, temperature=0.5, program="p", fields=fields)
    copy = pickle.loads(pickle.dumps(request))
    assert copy == request
    assert copy.id == request.id
    vocabulary = Vocabulary.byte_level(special=("<eos>", "<call>"))
    assert copy.grammar.compile(vocabulary, "") is grammar.compile(vocabulary, "")


def test_fields_need_a_grammar() -> None:
    with pytest.raises(ConfigError, match="grammar"):
        Request((1,), 8, fields=(Field("n", 0, None),))
