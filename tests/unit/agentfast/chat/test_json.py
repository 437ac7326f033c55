"""The JSON chat format: rendering, parsing, its grammar, and texts that try to forge a turn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agentfast import (
    AssistantMessage,
    ConfigError,
    Message,
    ModelError,
    SystemMessage,
    ToolCall,
    ToolDefinition,
    ToolMessage,
    UserMessage,
)
from agentfast.chat.base import ChatFormat, Segment, TurnRules
from agentfast.chat.gemma4 import SPECIAL_TOKENS as GEMMA_TOKENS
from agentfast.chat.gemma4 import Gemma4Chat
from agentfast.chat.json import ASSISTANT, CALL, END, RESULT, SPECIAL_TOKENS, SYSTEM, USER, JsonChat
from agentfast.chat.json_signature import render_signature, render_type
from agentfast.runtime.core.vocabulary import Vocabulary
from agentfast.runtime.grammar import TokenGrammar
from bench.data.repository_tools import repository_tools

CHAT: ChatFormat = JsonChat()


def definition(name: str, **properties: Any) -> ToolDefinition:
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
    return ToolDefinition(name, f"The {name}.", schema)


FIND = definition("find", id={"type": "integer"})
SEND = definition("send", to={"enum": ["a", "b"]}, text={"type": "string", "maxLength": 5})
ANSWER: dict[str, Any] = {
    "type": "object",
    "properties": {"ok": {"type": "boolean"}},
    "required": ["ok"],
    "additionalProperties": False,
}


def show(segments: Iterator[Segment]) -> str:
    return "".join(text for _, text in segments)


def test_a_conversation_is_rendered_as_documented() -> None:
    messages: list[Message] = [
        SystemMessage("Help."),
        UserMessage("Find order 1042."),
        AssistantMessage(calls=(ToolCall("find", {"id": 1042}), ToolCall("find", {"id": 7}))),
        ToolMessage('{"id":1042}', "find"),
        ToolMessage("null", "find"),
        AssistantMessage("It is open."),
    ]
    assert show(CHAT.render(messages, 0, [FIND], ANSWER)) == (
        "<|system|>Help.\nfind(id:int)The find.\nreturn {ok:bool}<|end|>"
        "<|user|>Find order 1042.<|end|>"
        '<|assistant|><|call|>{"name":"find","arguments":{"id":1042}}'
        '<|call|>{"name":"find","arguments":{"id":7}}<|end|>'
        '<|result|>{"id":1042}<|end|><|result|>null<|end|>'
        "<|assistant|>It is open.<|end|>"
    )


def test_tools_are_declared_without_a_system_message_too_and_only_once() -> None:
    messages: list[Message] = [UserMessage("a"), UserMessage("b")]
    assert show(CHAT.render(messages, 0, [FIND], None)).startswith(
        "<|system|>\nfind(id:int)The find.<|end|><|user|>a"
    )
    assert show(CHAT.render(messages, 1, [FIND], None)) == "<|user|>b<|end|>"
    assert show(CHAT.render(messages, 0, [], None)) == "<|user|>a<|end|><|user|>b<|end|>"


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(SPECIAL_TOKENS)
names = st.sampled_from(["find", "send"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=5,
)
tool_calls = st.builds(ToolCall, names, st.dictionaries(texts, json_values, max_size=3))
answers = st.builds(AssistantMessage, texts.filter(bool))
call_turns = st.lists(tool_calls, min_size=1, max_size=3).map(
    lambda calls: AssistantMessage(calls=tuple(calls))
)
messages_strategy = st.lists(
    st.builds(SystemMessage, texts)
    | st.builds(UserMessage, texts)
    | st.builds(ToolMessage, texts, names)
    | answers
    | call_turns,
    min_size=1,
    max_size=6,
)


@given(answers | call_turns)
def test_what_the_model_said_is_parsed_to_the_message_that_renders_so(message: AssistantMessage) -> None:
    segments = list(CHAT.render([message], 0, [], None))
    opening, closing = list(CHAT.open_turn([])), list(CHAT.close_turn(message))
    assert segments[: len(opening)] == opening
    assert segments[-len(closing) :] == closing
    assert CHAT.parse(segments[len(opening) : -len(closing)]) == message


def test_an_empty_turn_is_an_empty_message() -> None:
    assert CHAT.parse([]) == AssistantMessage()


@given(messages_strategy, st.integers(1, 6), st.booleans())
def test_a_conversation_can_be_rendered_piece_by_piece(
    messages: list[Message], cut: int, with_tools: bool
) -> None:
    tools = [FIND] if with_tools else []
    whole = list(CHAT.render(messages, 0, tools, None))
    pieces = [
        *CHAT.render(messages[:cut], 0, tools, None),
        *CHAT.render(messages, len(messages[:cut]), tools, None),
    ]
    assert pieces == whole


@given(messages_strategy)
def test_no_text_adds_a_special_token(messages: list[Message]) -> None:
    specials = [text for is_special, text in CHAT.render(messages, 0, [FIND], None) if is_special]
    expected: list[str] = [] if messages and isinstance(messages[0], SystemMessage) else [SYSTEM, END]
    for message in messages:
        match message:
            case SystemMessage():
                expected += [SYSTEM, END]
            case UserMessage():
                expected += [USER, END]
            case ToolMessage():
                expected += [RESULT, END]
            case AssistantMessage(calls=calls):
                expected += [ASSISTANT, *[CALL] * len(calls), END]
    assert specials == expected


@pytest.mark.parametrize(
    "segments",
    [
        [(True, CALL), (False, "{")],
        [(True, CALL), (False, "[]")],
        [(True, CALL), (False, '{"name":"a"}')],
        [(True, CALL), (False, '{"name":"a","arguments":3}')],
        [(True, CALL), (False, "[" * 100_000)],
        [(False, "a"), (True, USER), (False, "b")],
        [(True, END)],
    ],
)
def test_what_the_grammar_rules_out_is_the_models_error(segments: Sequence[Segment]) -> None:
    with pytest.raises(ModelError):
        CHAT.parse(segments)


VOCABULARY = Vocabulary.byte_level((END, CALL))


def accepts(grammar: TokenGrammar, message: AssistantMessage) -> bool:
    state = grammar.start
    for is_special, text in [*CHAT.render([message], 0, [], None)][1:]:
        ids = [VOCABULARY.special[text]] if is_special else list(text.encode())
        for token in ids:
            state = grammar.advance(state, token)
            if state < 0:
                return False
    return grammar.is_done(state)


def call(name: str, **arguments: Any) -> ToolCall:
    return ToolCall(name, arguments)


TEXT = AssistantMessage("Hello.")
ONE = AssistantMessage(calls=(call("find", id=1),))
TWO = AssistantMessage(calls=(call("find", id=1), call("send", to="a", text="é")))
THREE = AssistantMessage(calls=(call("find", id=1),) * 3)
TYPED = AssistantMessage('{"ok":true}')
BAD = AssistantMessage(calls=(call("find", id="1"),))
CASES = (TEXT, ONE, TWO, THREE, TYPED, BAD)


@pytest.mark.parametrize(
    ("rules", "accepted"),
    [
        (TurnRules(), (TEXT, TYPED)),
        (TurnRules(output_schema=ANSWER), (TYPED,)),
        (TurnRules((FIND, SEND), max_calls=2), (TEXT, ONE, TWO, TYPED)),
        (TurnRules((FIND, SEND), max_calls=1), (TEXT, ONE, TYPED)),
        (TurnRules((FIND, SEND), ANSWER), (ONE, TWO, THREE, TYPED)),
        (TurnRules((FIND, SEND), tool_choice="required"), (ONE, TWO, THREE)),
        (TurnRules((FIND, SEND), tool_choice="none"), (TEXT, TYPED)),
        (TurnRules((FIND, SEND), ANSWER, tool_choice="none"), (TYPED,)),
        (TurnRules((FIND, SEND), ANSWER, tool_choice="find"), (ONE,)),
    ],
)
def test_the_grammar_of_a_turn_is_what_its_rules_allow(
    rules: TurnRules, accepted: tuple[AssistantMessage, ...]
) -> None:
    grammar = CHAT.grammar(rules).compile(VOCABULARY)
    assert tuple(case for case in CASES if accepts(grammar, case)) == accepted


@pytest.mark.parametrize("rules", [TurnRules(tool_choice="required"), TurnRules((FIND,), tool_choice="send")])
def test_a_choice_of_a_tool_that_is_not_there_is_refused(rules: TurnRules) -> None:
    with pytest.raises(ConfigError, match="no such tool"):
        CHAT.grammar(rules)


@settings(max_examples=30, deadline=None)
@given(st.randoms(use_true_random=False))
def test_whatever_the_grammar_lets_through_is_parsed_and_matches(random: Any) -> None:
    grammar = CHAT.grammar(TurnRules((FIND, SEND), tool_choice="required", max_calls=2)).compile(VOCABULARY)
    state, budget, tokens = grammar.start, 160, list[int]()
    while not grammar.is_done(state):
        allowed = grammar.allowed(state, budget).nonzero()[0].tolist()
        tokens.append(random.choice(allowed))
        state = grammar.advance(state, tokens[-1])
        budget -= 1
    message = CHAT.parse(segments_of(tokens[:-1]))
    assert 1 <= len(message.calls) <= 2
    for made in message.calls:
        keys = {"find": {"id"}, "send": {"to", "text"}}[made.name]
        assert made.arguments.keys() == keys


def segments_of(tokens: Sequence[int]) -> list[Segment]:
    parts = bytes(255 if token == VOCABULARY.special[CALL] else token for token in tokens).split(b"\xff")
    segments: list[Segment] = []
    for part in parts[1:]:
        segments += [(True, CALL), (False, part.decode())]
    return segments


SHORT_FORMS: list[tuple[dict[str, Any], str]] = [
    ({"type": "string"}, "str"),
    ({"type": "number"}, "num"),
    ({"type": "string", "format": "date"}, "date"),
    ({"enum": ["a", 1]}, '"a"|1'),
    ({"const": None}, "null"),
    ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "int|null"),
    ({"type": "array", "items": {"type": "boolean"}}, "[bool]"),
    ({"type": "array"}, "[any]"),
    ({"$ref": "#/$defs/Leaf"}, "{v:int}"),
    ({"$ref": "#/$defs/Node"}, "Node"),
    ({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}, "{a:str}"),
    ({"oneOf": [{}]}, '{"oneOf":[{}]}'),
]


@pytest.mark.parametrize(("schema", "text"), SHORT_FORMS)
def test_types_have_short_forms(schema: dict[str, Any], text: str) -> None:
    root = {
        "$defs": {
            "Leaf": {"type": "object", "properties": {"v": {"type": "integer"}}, "required": ["v"]},
            "Node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}},
        }
    }
    assert render_type(schema, root) == text


def test_a_signature_marks_optional_parameters() -> None:
    schema = {
        "type": "object",
        "properties": {"id": {"type": "integer"}, "status": {"enum": ["open", "shipped"]}},
        "required": ["id"],
    }
    assert render_signature(schema) == '(id:int,status?:"open"|"shipped")'


@pytest.mark.parametrize("chat", [JsonChat(), Gemma4Chat()])
def test_a_hundred_tools_take_the_states_of_one_call_however_many_there_may_be(chat: ChatFormat) -> None:
    tools = tuple(ToolDefinition(name, "", schema) for name, schema in repository_tools().items())
    vocabulary = Vocabulary.byte_level(("<eos>", *SPECIAL_TOKENS, *GEMMA_TOKENS))
    assert len(tools) == 112
    sizes = [
        chat.grammar(TurnRules(tools, max_calls=most)).compile(vocabulary, "").state_count
        for most in (1, 8, 100)
    ]
    assert sizes[1] == sizes[2] <= 1.01 * sizes[0]
