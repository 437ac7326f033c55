"""Compiled grammars of requests: kept, shared between threads, and refused where they cannot be."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agentfast.errors import ConfigError, GrammarError, UnsupportedSchemaError
from agentfast.runtime.adapters.vllm.requests.compiled import Grammars
from agentfast.runtime.adapters.vllm.requests.constraint import Constraint
from tests.property.vllm.drawn_texts import asked, gemma_tokenizer, grammars
from tests.support.byte_tokenizer import byte_tokenizer

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"kind": {"enum": ["a", "b"]}, "n": {"type": "integer"}},
    "required": ["kind"],
}
TOOL: dict[str, Any] = {"name": "find", "parameters": SCHEMA}


def test_an_equal_constraint_has_the_same_grammar_on_all_threads() -> None:
    found = Grammars(gemma_tokenizer(), kept=2)
    with ThreadPoolExecutor(8) as threads:
        compiled = list(threads.map(found.compile, [asked(json=SCHEMA)] * 32))
    assert all(grammar is compiled[0] for grammar in compiled)
    for at in range(5):
        found.compile(asked(choice=[str(at)]))  # more than are kept
    assert found.compile(asked(json=SCHEMA)) is compiled[0]  # grammars are shared by their content


def test_constraints_of_another_order_are_others() -> None:
    turned: dict[str, Any] = SCHEMA | {"properties": dict(reversed(SCHEMA["properties"].items()))}
    one, other = Constraint({"json": SCHEMA}), Constraint({"json": turned})
    assert one != other
    assert one == Constraint({"json": dict(SCHEMA)})
    assert grammars().compile(one) is not grammars().compile(other)


def test_the_least_tokens_hold_the_end_token_and_no_thought() -> None:
    tokenizer = gemma_tokenizer()
    for thinking in (None, True, False):
        constraint = asked({"thinking": thinking}, choice=["yes"])
        assert grammars().least_tokens(grammars().compile(constraint)) == len(tokenizer.encode("yes")) + 1
    inside = replace(asked(choice=["yes"]), open_thought=True)
    assert grammars().least_tokens(grammars().compile(inside)) == len(tokenizer.encode("yes")) + 2


def test_an_output_may_end_at_the_checkpoints_end_tokens_and_at_padding() -> None:
    special = gemma_tokenizer().vocabulary.special
    assert grammars().ends == {special[name] for name in ("<pad>", "<eos>", "<turn|>", "<|tool_response>")}


def test_fields_are_those_of_the_tools_and_of_the_typed_answer() -> None:
    both = grammars().fields(asked({"tools": [TOOL]}, json=SCHEMA))
    assert both is not None
    assert both.tools == (("find", SCHEMA),)
    assert both.answer == SCHEMA
    assert grammars().fields(asked(regex="a")) is None


@pytest.mark.parametrize(
    ("constraint", "error", "message"),
    [
        (asked(json={"type": "string", "minLenght": 1}), UnsupportedSchemaError, "minLenght"),
        (
            asked({"tools": [TOOL | {"parameters": {"x-y": {"$ref": "#/no"}, "$ref": "#/no"}}]}),
            GrammarError,
            "find",
        ),
        (asked(regex="(a)\\1"), GrammarError, "back-reference"),
        (asked(structural_tag={"format": {"type": "grammar"}}), GrammarError, "'grammar'"),
        (asked(json={"enum": []}), GrammarError, "matches nothing"),
    ],
)
def test_what_cannot_be_a_grammar_is_refused(
    constraint: Constraint, error: type[GrammarError], message: str
) -> None:
    with pytest.raises(error, match=message):
        grammars().compile(constraint)


def test_a_constraint_that_is_nested_too_deeply_is_refused() -> None:
    for depth in (400, 2000):
        schema: dict[str, Any] = {"type": "null"}
        for _ in range(depth):
            schema = {"anyOf": [schema]}
        with pytest.raises(GrammarError, match="nested too deeply"):
            grammars().compile(Constraint({"json": schema}))


def test_a_tokenizer_of_another_kind_is_refused() -> None:
    with pytest.raises(ConfigError, match="the tokenizer has no special token"):
        Grammars(byte_tokenizer())


def test_a_checkpoints_directory_is_read_without_its_weights(random_checkpoint: Path) -> None:
    """The random checkpoint is of Gemma's architecture, but its tokenizer has none of the chat's tokens."""
    with pytest.raises(ConfigError, match="give a checkpoint of Gemma 4's kind"):
        Grammars.from_checkpoint(random_checkpoint)
