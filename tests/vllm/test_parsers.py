"""vLLM's own parsers on what requests' grammars let a model write, and the requests that they hand down.

Slow, and skipped where vLLM is not installed: `python -m pytest -m slow tests/vllm/test_parsers.py`.
"""

from __future__ import annotations

import codecs
import importlib
import json
import os
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from agentfast.errors import ConfigError
from agentfast.runtime.adapters.vllm.requests.read import KEY, constraint_of
from bench.data.bfcl import load_functions
from tests.property.vllm.drawn_texts import drawn, gemma_tokenizer, grammars, parsed, shown
from tests.property.vllm.test_drawn_answers import OBJECTS

pytest.importorskip("vllm")
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

TOOLS: list[dict[str, Any]] = [
    {"type": "function", "function": {"name": name, "description": "", "parameters": schema}}
    for name, schema in OBJECTS.items()
]
MESSAGES = [{"role": "user", "content": "hello"}]


class TheirTokenizer:
    """The vocabulary as vLLM's parsers ask for it."""

    def get_vocab(self) -> dict[str, int]:
        return dict(gemma_tokenizer().vocabulary.special)

    def decode(self, ids: list[int] | int, **_: Any) -> str:
        return shown([ids] if isinstance(ids, int) else ids)


def parser_class(*, ours: bool = True) -> Any:
    """vLLM's composed parser of `--tool-call-parser gemma4 --reasoning-parser gemma4`."""
    if ours:
        importlib.import_module("agentfast.runtime.adapters.vllm.requests.parsers").register_parsers()
    manager = importlib.import_module("vllm.parser.parser_manager").ParserManager
    return manager.get_parser("gemma4", "gemma4", enable_auto_tools=True)


def request(**members: Any) -> Any:
    protocol = importlib.import_module("vllm.entrypoints.openai.chat_completion.protocol")
    return protocol.ChatCompletionRequest(model="m", messages=MESSAGES, **members)


def adjusted(thinking: bool = False, **members: Any) -> tuple[Any, Any]:
    """A parser, and the request after it, as vLLM's server does it."""
    asks = request(**members)
    parser = parser_class()(TheirTokenizer(), asks.tools, chat_template_kwargs={"enable_thinking": thinking})
    return parser, parser.adjust_request(asks)


def sampling(asks: Any) -> Any:
    return asks.to_sampling_params(100, {})


def read(parser: Any, asks: Any, tokens: list[int]) -> tuple[str | None, str | None, list[Any]]:
    """Reasoning, content and calls of a whole answer."""
    reasoning, content, calls = parser.parse(
        shown(tokens), asks, enable_auto_tools=True, model_output_token_ids=tokens
    )
    return reasoning, content, calls or []


def streamed(parser: Any, asks: Any, tokens: list[int], at_once: int) -> Iterator[Any]:
    """What a server sends, `at_once` tokens at a time; bytes of a character that has not come whole wait."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    vocabulary = gemma_tokenizer().vocabulary
    names = {index: name for name, index in vocabulary.special.items()}
    for start in range(0, len(tokens), at_once):
        piece = tokens[start : start + at_once]
        text = "".join(decoder.decode(vocabulary.tokens[token] or names[token].encode()) for token in piece)
        found = parser.parse_delta(
            text, piece, asks, prompt_token_ids=[], finished=start + at_once >= len(tokens)
        )
        if found is not None:
            yield found


@pytest.mark.parametrize("thinking", [False, True])
@pytest.mark.parametrize("name", list(OBJECTS))
def test_a_named_tools_call_is_read_as_our_own_reader_reads_it(name: str, thinking: bool) -> None:
    choice = {"type": "function", "function": {"name": name}}
    _, asks = adjusted(thinking, tools=TOOLS, tool_choice=choice)
    constraint = constraint_of(sampling(asks))
    assert constraint is not None
    assert constraint.source["tool_choice"] == name
    assert constraint.thinking is thinking
    grammar = grammars().compile(constraint)
    for seed in range(6):
        tokens = drawn(grammar, seed, grammars().least_tokens(grammar) + 40 * seed)
        parser, _ = adjusted(thinking, tools=TOOLS, tool_choice=choice)
        _, _, calls = read(parser, asks, tokens)
        (ours,) = parsed(tokens).calls
        assert [call.name for call in calls] == [name]
        given = json.loads(calls[0].arguments)
        assert given == ours.arguments, shown(tokens)
        assert Draft202012Validator(OBJECTS[name]).is_valid(given)


def test_streamed_calls_are_those_of_the_whole_answer() -> None:
    parser, asks = adjusted(tools=TOOLS[:8], tool_choice="required")
    constraint = constraint_of(sampling(asks))
    assert constraint is not None
    grammar = grammars().compile(constraint)
    for seed in range(24):
        tokens = drawn(grammar, seed, grammars().least_tokens(grammar) + 60, likes="<|tool_call>")
        parser, _ = adjusted(tools=TOOLS[:8], tool_choice="required")
        names, arguments = dict[int, str](), dict[int, str]()
        for delta in streamed(parser, asks, tokens, at_once=1 + 6 * (seed % 4)):
            for call in delta.tool_calls:
                names.setdefault(call.index, call.function.name or "")
                arguments[call.index] = arguments.get(call.index, "") + (call.function.arguments or "")
        ours = parsed(tokens).calls
        assert list(names.values()) == [call.name for call in ours]
        assert [json.loads(text) for text in arguments.values()] == [call.arguments for call in ours]


def test_thoughts_are_reasoning_and_typed_answers_are_content() -> None:
    schema = {"enum": [{"a": 1}, {"a": 2}]}
    for thinking in (False, True):
        _, asks = adjusted(thinking, response_format=json_schema(schema))
        constraint = constraint_of(sampling(asks))
        assert constraint is not None
        assert (constraint.source, constraint.thinking) == ({"json": schema}, thinking)
        grammar = grammars().compile(constraint)
        for seed in range(20):
            tokens = drawn(grammar, seed, grammars().least_tokens(grammar) + 5 * seed, likes="<|channel>")
            parser, _ = adjusted(thinking, response_format=json_schema(schema))
            reasoning, content, calls = read(parser, asks, tokens)
            assert json.loads(content or "") in schema["enum"]
            assert not calls
            if not thinking:
                assert not reasoning


def test_functions_of_the_leaderboard_are_called_validly() -> None:
    """BFCL's, a hundred of them; needs `bfcl-eval`, or its folder in BFCL."""
    try:
        functions = load_functions(os.environ.get("BFCL"))
    except ConfigError as error:
        pytest.skip(str(error))
    chosen = [
        (f"f{at}", found.parameters) for at, found in enumerate(functions[:: len(functions) // 100][:100])
    ]
    for seed, (name, parameters) in enumerate(chosen):
        tools = [{"type": "function", "function": {"name": name, "parameters": parameters}}]
        parser, asks = adjusted(tools=tools, tool_choice="required", parallel_tool_calls=False)
        constraint = constraint_of(sampling(asks))
        assert constraint is not None
        grammar = grammars().compile(constraint)
        tokens = drawn(grammar, seed, grammars().least_tokens(grammar) + 40 * (seed % 3))
        _, _, calls = read(parser, asks, tokens)
        assert [call.name for call in calls] == [name]
        assert Draft202012Validator(parameters).is_valid(json.loads(calls[0].arguments)), shown(tokens)


def test_types_behind_references_and_of_undeclared_properties_are_kept() -> None:
    schema = {
        "type": "object",
        "properties": {"at": {"$ref": "#/$defs/point"}, "level": {"$ref": "#/$defs/level"}},
        "required": ["at", "level"],
        "$defs": {
            "point": {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]},
            "level": {"enum": [1, 2, 3]},
        },
    }
    tools = [{"type": "function", "function": {"name": "go", "parameters": schema}}]
    parser, asks = adjusted(tools=tools, tool_choice="required", parallel_tool_calls=False)
    constraint = constraint_of(sampling(asks))
    assert constraint is not None
    tokens = drawn(grammars().compile(constraint), 2, 60)
    _, _, calls = read(parser, asks, tokens)
    assert Draft202012Validator(schema).is_valid(json.loads(calls[0].arguments)), shown(tokens)


@pytest.mark.parametrize("parameters", [None, {}, {"properties": {"n": {"type": "integer"}}}])
def test_a_tool_whose_parameters_have_no_type_is_called_by_its_name(parameters: Any) -> None:
    tools = [{"type": "function", "function": {"name": "f", "parameters": parameters}}]
    for seed in range(4):
        parser, asks = adjusted(tools=tools, tool_choice="required", parallel_tool_calls=False)
        constraint = constraint_of(sampling(asks))
        assert constraint is not None
        _, _, calls = read(parser, asks, drawn(grammars().compile(constraint), seed, 40))
        assert [call.name for call in calls] == ["f"]
        assert Draft202012Validator(parameters or {}).is_valid(json.loads(calls[0].arguments))


def json_schema(schema: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}


def test_each_tool_choice_arrives_at_the_sampler() -> None:
    for choice in ("auto", "required", "none"):
        _, asks = adjusted(tools=TOOLS[:2], tool_choice=choice, parallel_tool_calls=False)
        found = constraint_of(sampling(asks))
        assert found is not None
        assert found.source["tool_choice"] == choice
        assert found.source["max_calls"] == 1
        assert [tool["name"] for tool in found.source["tools"]] == list(OBJECTS)[:2]
        assert list(found.source["tools"][1]["parameters"]["properties"]) == list(
            OBJECTS[list(OBJECTS)[1]]["properties"]
        )


def test_the_responses_endpoint_hands_tools_down_as_well() -> None:
    protocol = importlib.import_module("vllm.entrypoints.openai.responses.protocol")
    (name, schema), *_ = OBJECTS.items()
    tool = {"type": "function", "name": name, "parameters": schema, "strict": True}
    asks = protocol.ResponsesRequest(
        model="m", input="hello", tools=[tool], tool_choice={"type": "function", "name": name}
    )
    parser = parser_class()(TheirTokenizer(), asks.tools, chat_template_kwargs={})
    found = constraint_of(parser.adjust_request(asks).to_sampling_params(100, {}))
    assert found is not None
    assert found.source["tool_choice"] == name
    assert found.source["tools"][0]["parameters"] == schema


def test_a_tool_parser_alone_leaves_thinking_open_where_it_is_not_told() -> None:
    asks = request(tools=TOOLS[:2])
    parser_class()
    manager = importlib.import_module("vllm.tool_parsers").ToolParserManager
    parser = manager.get_tool_parser("gemma4")(TheirTokenizer(), asks.tools)
    found = constraint_of(sampling(parser.adjust_request(asks)))
    assert found is not None
    assert found.thinking is None


def test_what_the_client_says_itself_goes_first() -> None:
    own = json.dumps({"thinking": False, "confidence": True})
    _, asks = adjusted(True, tools=TOOLS[:2], vllm_xargs={KEY: own})
    found = constraint_of(sampling(asks))
    assert found is not None
    assert (found.thinking, found.confidence) == (False, True)


def test_a_model_that_is_no_diffusion_model_is_served_as_ever() -> None:
    asks = request(tools=TOOLS[:2], tool_choice="required")
    other = SimpleNamespace(is_diffusion=False, hf_config=SimpleNamespace(model_type="gemma4"))
    parser = parser_class()(TheirTokenizer(), asks.tools, model_config=other, chat_template_kwargs={})
    if parser._tool_parser._hands_down:
        pytest.skip("this vLLM does not tell its tool parsers which model there is")
    assert parser.adjust_request(asks).vllm_xargs is None
    text = "<|tool_call>call:f{n:7}<tool_call|>"
    _, _, calls = parser.parse(text, asks, enable_auto_tools=True)
    assert json.loads(calls[0].arguments) == {"n": "7"}  # vLLM's own guess


def test_beam_search_to_which_vllm_hands_no_constraint_down_is_refused() -> None:
    asking: list[dict[str, Any]] = [
        {"tools": TOOLS[:2]},
        {"response_format": json_schema({"type": "null"})},
        {"structured_outputs": {"regex": "a"}},
        {"vllm_xargs": {KEY: '{"regex": "a"}'}},
    ]
    for asks in asking:
        with pytest.raises(ConfigError, match=r"^use_beam_search cannot go with a constraint"):
            adjusted(use_beam_search=True, **asks)
    _, free = adjusted(use_beam_search=True, response_format={"type": "text"})
    assert free.use_beam_search


def test_without_a_constraint_a_row_stays_free() -> None:
    _, asks = adjusted()
    assert constraint_of(sampling(asks)) is None


def test_the_parsers_are_registered_once_and_are_vllms_own() -> None:
    theirs = parser_class(ours=False)
    once, twice = parser_class(), parser_class()
    assert once.tool_parser_cls is twice.tool_parser_cls
    assert (
        issubclass(once.tool_parser_cls, theirs.tool_parser_cls)
        or theirs.tool_parser_cls is once.tool_parser_cls
    )
    assert once.reasoning_parser_cls.__name__ == theirs.reasoning_parser_cls.__name__
