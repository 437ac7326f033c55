"""Requests to vLLM as its servers make them: the constraint that is read, and what is refused with a reason."""

from __future__ import annotations

import json
import pickle
from types import SimpleNamespace
from typing import Any

import pytest

from agentfast.errors import ConfigError
from agentfast.runtime.adapters.vllm.requests.read import KEY, Constraint, constraint_of

SCHEMA = {"type": "object", "properties": {"b": {"type": "integer"}, "a": {"type": "null"}}}
FIND: dict[str, Any] = {"name": "find", "description": "Finds it.", "parameters": SCHEMA}
OPENAI_FIND: dict[str, Any] = {"type": "function", "function": FIND}


def request(outputs: dict[str, Any] | None = None, extra: Any = None, **params: Any) -> SimpleNamespace:
    structured = None if outputs is None else SimpleNamespace(**outputs)
    return SimpleNamespace(
        structured_outputs=structured, extra_args=None if extra is None else {KEY: extra}, **params
    )


def source(outputs: dict[str, Any] | None = None, extra: Any = None) -> dict[str, Any]:
    found = constraint_of(request(outputs, extra))
    assert found is not None
    return found.source


def test_a_request_without_a_constraint_has_none() -> None:
    assert constraint_of(SimpleNamespace()) is None
    assert constraint_of(request(extra={"thinking": True})) is None


@pytest.mark.parametrize(
    ("outputs", "read"),
    [
        ({"json": SCHEMA}, {"json": SCHEMA}),
        ({"json": json.dumps(SCHEMA)}, {"json": SCHEMA}),
        ({"json": SCHEMA, "disable_any_whitespace": True}, {"json": SCHEMA, "whitespace": "compact"}),
        ({"json_object": True}, {"json": {"type": "object", "additionalProperties": True}}),
        ({"regex": "a+"}, {"regex": "a+"}),
        ({"choice": ["x", "y"]}, {"choice": ["x", "y"]}),
        (
            {"structural_tag": '{"format":{"type":"any_text"}}'},
            {"structural_tag": {"format": {"type": "any_text"}}},
        ),
    ],
)
def test_structured_outputs_are_read(outputs: dict[str, Any], read: dict[str, Any]) -> None:
    assert source(outputs) == read


def test_the_same_can_be_asked_for_in_extra_args_as_an_object_or_as_text() -> None:
    for extra in ({"json": SCHEMA, "confidence": True}, json.dumps({"json": SCHEMA, "confidence": 1})):
        assert constraint_of(request(extra=extra)) == Constraint({"json": SCHEMA}, confidence=True)


def test_tools_are_read_in_openais_form_and_flat() -> None:
    for tool in (FIND, OPENAI_FIND):
        assert source(extra={"tools": [tool]}) == {
            "tools": [FIND],
            "tool_choice": "auto",
            "max_calls": 8,
            "answer": None,
        }


def test_a_named_tool_is_its_name() -> None:
    for choice in ("find", {"name": "find"}, {"type": "function", "function": {"name": "find"}}):
        assert source(extra={"tools": [FIND], "tool_choice": choice})["tool_choice"] == "find"


@pytest.mark.parametrize("more", [{}, {"type": "object"}, {"type": ["object", "null"]}])
def test_the_arguments_of_a_call_are_an_object(more: dict[str, Any]) -> None:
    parameters = {"properties": {"n": {"type": "integer"}}}
    (tool,) = source(extra={"tools": [{"name": "f", "parameters": parameters | more}]})["tools"]
    assert tool["parameters"] == parameters | {"type": "object"}
    (without,) = source(extra={"tools": [{"name": "f", "parameters": more}]})["tools"]
    assert without["parameters"] == {"type": "object"}


def test_a_schema_beside_tools_is_that_of_the_answer() -> None:
    assert source({"json": SCHEMA}, {"tools": [FIND]})["answer"] == {"json": SCHEMA}


@pytest.mark.parametrize(
    "constraint",
    [
        Constraint({"json": SCHEMA, "whitespace": "compact"}, thinking=False),
        Constraint({"choice": ["x"]}, open_thought=True),
        Constraint(source({"json": SCHEMA}, {"tools": [FIND], "tool_choice": "required", "max_calls": 2})),
        Constraint(source({"regex": "a"}, {"tools": [OPENAI_FIND]}), thinking=True, confidence=True),
    ],
)
def test_a_constraint_comes_back_from_its_text_and_its_pickle(constraint: Constraint) -> None:
    back = constraint_of(request(extra=constraint.as_text()))
    assert back == constraint
    assert hash(back) == hash(constraint)
    assert pickle.loads(pickle.dumps(constraint)) == constraint
    schema = constraint.source.get("json", SCHEMA)
    assert list(schema["properties"]) == ["b", "a"]  # in the schema's order


def test_half_a_surrogate_pair_in_a_description_can_be_handed_over() -> None:
    constraint = Constraint({"json": {"type": "null", "description": "\ud800 \u00e9"}})
    assert constraint.as_text().isascii()
    assert constraint_of(request(extra=constraint.as_text())) == constraint


REFUSED: list[tuple[Any, Any, str]] = [
    (
        {"grammar": "root ::= x"},
        None,
        "structured_outputs.grammar is not served (give json, regex or choice)",
    ),
    ({"json": SCHEMA, "whitespace_pattern": " "}, None, "whitespace_pattern is not served"),
    ({"json_object": False}, None, "json_object is False (give true, or leave it out)"),
    ({"json": "{"}, None, "json is no JSON"),
    ({"json": "7"}, None, "json is 7 (give a JSON object)"),
    ({"choice": []}, None, "choice is [] (give a list of one or more strings)"),
    ({"regex": "a"}, {"choice": ["x"]}, "a request has one constraint, not several: choice, regex"),
    (None, "{", "agentfast is no JSON"),
    (None, [1], "agentfast is [1] (give a JSON object, or its text)"),
    (None, {"jsonn": {}}, "agentfast has no member 'jsonn' (there are json, regex"),
    (None, {"json": SCHEMA, "thinking": "yes"}, "agentfast.thinking is 'yes' (give true or false)"),
    (None, {"json": SCHEMA, "whitespace": "none"}, "agentfast.whitespace is 'none'"),
    (None, {"confidence": True}, "agentfast.confidence needs a schema or tools"),
    (None, {"tool_choice": "required"}, "tools is None (give a list of tools)"),
    (None, {"tools": [], "tool_choice": "required"}, "'required', but there is no tool"),
    (None, {"tools": [FIND, FIND]}, "two tools are named 'find'"),
    (None, {"tools": [{"name": "a b"}]}, "the tool name 'a b' cannot be written in a call"),
    (None, {"tools": [{"name": "none"}]}, "a tool is named 'none', which is a tool choice"),
    (None, {"tools": [{"name": "f", "parameters": {"type": "string"}}]}, "of tool 'f' are of type 'string'"),
    (None, {"tools": [{"name": "f", "parameters": {"type": ["null"]}}]}, "of tool 'f' are of type ['null']"),
    (None, {"tools": [{"name": "f", "parameters": True}]}, "of tool 'f' are True (give a JSON Schema)"),
    (None, {"tools": [{"parameters": {}}]}, "give an object with a name and parameters"),
    (None, {"tools": [FIND], "tool_choice": "fin"}, "tool_choice is 'fin'"),
    (None, {"tools": [FIND], "tool_choice": {"name": "fin"}}, "tool_choice names the tool 'fin'"),
    (None, {"tools": [FIND], "max_calls": 0}, "max_calls is 0 (give a number from 1 on)"),
]


@pytest.mark.parametrize(("outputs", "extra", "message"), REFUSED)
def test_what_cannot_be_read_is_refused_with_a_reason(outputs: Any, extra: Any, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        constraint_of(request(outputs, extra))
    assert message in str(error.value)


@pytest.mark.parametrize(
    "params",
    [
        {"logprobs": 0},
        {"prompt_logprobs": 0},
        {"logprob_token_ids": [1]},
        {"ignore_eos": True},
        {"thinking_token_budget": 10},
        {"stop": ["\n"]},
        {"stop_token_ids": [5, 1]},
    ],
)
def test_parameters_that_would_break_a_constraint_are_refused_by_name(params: dict[str, Any]) -> None:
    (name,) = params
    with pytest.raises(ConfigError, match=f"^{name} cannot go with a constraint"):
        constraint_of(request({"json": SCHEMA}, **params), ends={1, 0})
    assert constraint_of(request(**params)) is None  # vLLM's own refusals are its own


@pytest.mark.parametrize(
    "name", ["diffusion_pinned", "diffusion_read_only", "diffusion_seed_canvas", "diffusion_constrained"]
)
def test_canvases_that_are_not_the_constraints_alone_are_refused_beside_a_constraint(name: str) -> None:
    asks = request({"json": SCHEMA})
    asks.extra_args = {name: [1]}
    with pytest.raises(ConfigError, match=name):
        constraint_of(asks)


@pytest.mark.parametrize("name", ["diffusion_max_steps", "diffusion_canvas_length"])
def test_counts_that_vllm_reads_in_its_worker_are_checked_before(name: str) -> None:
    asks = request({"json": SCHEMA})
    for wrong in ("abc", "3", [1], 0, -3, 2.5, float("inf"), True):
        asks.extra_args = {name: wrong}
        with pytest.raises(ConfigError, match=f"^{name} is .*give a number from 1 on"):
            constraint_of(asks)
    asks.extra_args = {name: 3}
    assert constraint_of(asks) is not None


def test_what_goes_with_a_constraint_is_not_refused() -> None:
    fine = request(
        {"json": SCHEMA},
        logprobs=None,
        stop=[],
        stop_token_ids=[1],
        ignore_eos=False,
        seed=3,
        temperature=0.5,
    )
    assert constraint_of(fine, ends={0, 1}) is not None


def test_a_stop_text_goes_with_text_that_cannot_be_a_call() -> None:
    assert constraint_of(request(extra={"tools": [FIND], "tool_choice": "none"}, stop=["\n"])) is not None
    for extra in ({"tools": [FIND]}, {"tools": [FIND], "tool_choice": "none", "regex": "a+"}):
        with pytest.raises(ConfigError, match=r"^stop cannot go with a constraint"):
            constraint_of(request(extra=extra, stop=["7"]))


def test_log_probabilities_come_with_confidence_only() -> None:
    asks = {"json": SCHEMA, "confidence": True}
    assert constraint_of(request(extra=asks, logprobs=0)) is not None
    with pytest.raises(ConfigError, match="leave top_logprobs out"):
        constraint_of(request(extra=asks, logprobs=5))
