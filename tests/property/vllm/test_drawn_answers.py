"""Any logits, any budget from the least: outputs of a request's grammar end in time, and read back as what was asked for."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from agentfast.errors import BudgetTooSmallError
from agentfast.runtime.adapters.vllm.requests.constraint import Constraint
from bench.data.schemas import SCHEMAS, closed
from tests.property.vllm.drawn_texts import asked, drawn, gemma_tokenizer, grammars, parsed, shown

OBJECTS: dict[str, Any] = {
    re.sub("\\W+", "_", name): closed(schema)
    for name, schema in SCHEMAS.items()
    if isinstance(schema, dict) and schema.get("type") == "object"
    if name != "names with escapes"  # which a call's notation cannot write
}
FEW = list(OBJECTS)[:12]
TOOLS = [{"name": name, "parameters": OBJECTS[name]} for name in FEW]
SMALL: dict[str, Any] = {"enum": [{"a": 1}, {"a": 2}]}
ROOMS = (0, 3, 40, 200)
"""Tokens beyond the least."""


def outputs(constraint: Constraint, seeds: range, likes: str = "") -> list[list[int]]:
    """Outputs with budgets from the least up."""
    grammar = grammars().compile(constraint)
    least = grammars().least_tokens(grammar)
    return [drawn(grammar, seed, least + ROOMS[seed % len(ROOMS)], likes=likes) for seed in seeds]


def valid(name: str, value: Any) -> bool:
    return Draft202012Validator(OBJECTS[name]).is_valid(value)


@pytest.mark.parametrize("name", FEW)
def test_json_answers_are_valid(name: str) -> None:
    for tokens in outputs(asked(json=OBJECTS[name]), range(8)):
        assert valid(name, json.loads(parsed(tokens).text))


@pytest.mark.parametrize("name", FEW)
def test_a_named_tool_is_called_with_valid_arguments(name: str) -> None:
    for tokens in outputs(asked({"tools": TOOLS, "tool_choice": {"function": {"name": name}}}), range(8)):
        (call,) = parsed(tokens).calls
        assert call.name == name
        assert valid(name, call.arguments)


@pytest.mark.parametrize(
    "parameters", [None, {}, {"type": ["object", "null"]}, {"anyOf": [{"type": "integer"}, SMALL]}]
)
def test_the_arguments_of_a_call_are_an_object_whatever_else_its_schema_allows(parameters: Any) -> None:
    tool = {"name": "f", "parameters": parameters}
    for tokens in outputs(asked({"tools": [tool], "tool_choice": "required", "max_calls": 1}), range(8)):
        (call,) = parsed(tokens).calls
        assert call.name == "f"
        assert call.arguments in (SMALL["enum"] if parameters and "anyOf" in parameters else [{}])


def test_a_required_choice_is_one_or_more_valid_calls() -> None:
    counts = set[int]()
    for tokens in outputs(asked({"tools": TOOLS, "tool_choice": "required", "max_calls": 3}), range(40)):
        calls = parsed(tokens).calls
        counts.add(len(calls))
        assert not parsed(tokens).text
        assert all(valid(call.name, call.arguments) for call in calls)
    assert counts <= {1, 2, 3}
    assert 1 in counts


def test_a_free_choice_is_a_text_or_valid_calls() -> None:
    constraint = asked({"tools": TOOLS})
    drawn_ones = outputs(constraint, range(30)) + outputs(constraint, range(30), likes="<|tool_call>")
    turns = [parsed(tokens) for tokens in drawn_ones]
    assert any(turn.calls for turn in turns)
    assert any(turn.text for turn in turns)
    assert all(valid(call.name, call.arguments) for turn in turns for call in turn.calls)
    assert not any(turn.calls and turn.text for turn in turns)


def test_a_free_choice_beside_a_schema_is_a_call_or_a_valid_answer() -> None:
    constraint = asked({"tools": TOOLS[:2]}, json=SMALL)
    for tokens in outputs(constraint, range(20)) + outputs(constraint, range(20), likes="<|tool_call>"):
        turn = parsed(tokens)
        assert all(valid(call.name, call.arguments) for call in turn.calls)
        assert turn.calls or json.loads(turn.text) in SMALL["enum"]


def test_a_choice_of_no_tool_is_text_without_a_call() -> None:
    for tokens in outputs(asked({"tools": TOOLS, "tool_choice": "none"}), range(20)):
        assert not parsed(tokens).calls
        assert "<|tool_call>" not in shown(tokens)


def test_regular_expressions_and_choices_match() -> None:
    for tokens in outputs(asked(regex=r"[a-f]{2,5}-\d+"), range(20)):
        assert re.fullmatch(r"[a-f]{2,5}-[0-9]+", parsed(tokens).text)
    for tokens in outputs(asked(choice=["yes", "no", "perhaps"]), range(20)):
        assert parsed(tokens).text in ("yes", "no", "perhaps")


def test_any_json_object_is_one() -> None:
    for tokens in outputs(asked(json_object=True), range(12)):
        assert isinstance(json.loads(parsed(tokens).text), dict)


@pytest.mark.parametrize("thinking", [None, True])
def test_a_thought_ends_in_time_for_the_answer_behind_it(thinking: bool | None) -> None:
    constraint = asked({"thinking": thinking}, json=SMALL)
    thoughts = 0
    for tokens in outputs(constraint, range(20)) + outputs(constraint, range(40), likes="<|channel>"):
        before, _, after = shown(tokens).rpartition("<channel|>")
        thoughts += before.startswith("<|channel>thought\n")
        assert json.loads(after) in SMALL["enum"]
    assert thoughts >= 20  # none fits into the least budget


def test_a_long_thought_leaves_the_answer_its_tokens() -> None:
    """A model that would think for ever: the thought's end alone is never likely, and comes when it must."""
    grammar = grammars().compile(asked({"thinking": True}, json=SMALL))
    state = grammar.start
    for token in (gemma_tokenizer().special("<|channel>"), *gemma_tokenizer().encode("thought\n")):
        state = grammar.advance(state, token)
    needed = grammar.min_tokens(state)
    for token in gemma_tokenizer().encode("The user asks for the order."):
        state = grammar.advance(state, token)
        assert grammar.min_tokens(state) == needed  # the same wherever the thought is


def test_a_model_that_does_not_think_may_write_an_empty_thought_only() -> None:
    constraint = asked({"thinking": False}, json=SMALL)
    tokens_of_all = outputs(constraint, range(20)) + outputs(constraint, range(20), likes="<|channel>")
    starts = {shown(tokens).rpartition("<channel|>")[0] for tokens in tokens_of_all}
    assert starts == {"", "<|channel>thought\n"}


def test_a_prompt_that_ends_in_a_thought_goes_on_with_it() -> None:
    tokenizer = gemma_tokenizer()
    constraint = asked({}, json=SMALL)
    opening = [tokenizer.special("<|channel>"), *tokenizer.encode("thought\n")]
    inside = grammars().for_prompt(constraint, opening)
    for tokens in outputs(inside, range(20)):
        thought, end, answer = shown(tokens).partition("<channel|>")
        assert end
        assert "<|channel>" not in thought
        assert json.loads(answer) in SMALL["enum"]
    assert grammars().for_prompt(inside, [*opening, tokenizer.special("<channel|>")]) == constraint
    assert grammars().for_prompt(constraint, tokenizer.encode("hello")) == constraint


def test_a_budget_below_the_least_is_refused() -> None:
    grammar = grammars().compile(asked(json=SMALL))
    with pytest.raises(BudgetTooSmallError):
        drawn(grammar, 0, grammars().least_tokens(grammar) - 1)
