"""Gemma 4's chat format: rendering, parsing, its grammar, and the choice of a format for a checkpoint."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

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
    tool,
)
from agentfast.chat import json as json_chat
from agentfast.chat.base import ChatFormat, Segment, TurnRules
from agentfast.chat.choose import chat_format_of
from agentfast.chat.gemma4 import SPECIAL_TOKENS, Gemma4Chat
from agentfast.chat.gemma4_declarations import render_declaration
from agentfast.chat.json import JsonChat
from agentfast.runtime.grammar import TokenGrammar
from agentfast.tools import as_tool
from tests.support.byte_tokenizer import byte_tokenizer

CHAT: ChatFormat = Gemma4Chat()
SMALL: ChatFormat = Gemma4Chat(empty_thought=False)
THINKING: ChatFormat = Gemma4Chat(thinking=True)
ENDS = ("<turn|>", "<|tool_response>")
TOKENIZER = byte_tokenizer(SPECIAL_TOKENS, ENDS)


def show(segments: Iterable[Segment]) -> str:
    return "".join(text for _, text in segments)


class Box(BaseModel):
    size: Annotated[int, Field(ge=1)]
    label: str | None = None


@tool
def find(
    what: str,
    Limit: int,  # noqa: N803
    among: list[Literal["a", "b"]],
    box: Box,
    deep: bool = False,
) -> dict[str, int]:
    """Finds it.

    Args:
        what: the thing.
    """
    return {}


@tool
def ping() -> None:
    """Answers."""


FIND, PING = as_tool(find).definition, as_tool(ping).definition


def test_a_declaration_is_written_as_the_chat_template_writes_it() -> None:
    assert show(render_declaration(FIND)) == (
        'declaration:find{description:<|"|>Finds it.<|"|>,parameters:{properties:{'
        'among:{items:{enum:[<|"|>a<|"|>,<|"|>b<|"|>],type:<|"|>STRING<|"|>},type:<|"|>ARRAY<|"|>},'
        'box:{properties:{label:{nullable:true,type:<|"|>STRING<|"|>},size:{type:<|"|>INTEGER<|"|>}},'
        'required:[<|"|>size<|"|>],type:<|"|>OBJECT<|"|>},'
        'deep:{type:<|"|>BOOLEAN<|"|>},'
        'Limit:{type:<|"|>INTEGER<|"|>},'
        'what:{description:<|"|>the thing.<|"|>,type:<|"|>STRING<|"|>}},'
        'required:[<|"|>what<|"|>,<|"|>Limit<|"|>,<|"|>among<|"|>,<|"|>box<|"|>],type:<|"|>OBJECT<|"|>}}'
    )
    assert show(render_declaration(PING)) == (
        'declaration:ping{description:<|"|>Answers.<|"|>,parameters:{type:<|"|>OBJECT<|"|>}}'
    )


def test_a_recursive_schema_is_declared_so_far() -> None:
    tree: dict[str, Any] = {"type": "object", "properties": {"left": {"$ref": "#/$defs/t"}}}
    schema = {"type": "object", "properties": {"t": {"$ref": "#/$defs/t"}}, "$defs": {"t": tree}}
    shown = show(render_declaration(ToolDefinition("grow", "", schema)))
    assert 4 < shown.count("left:{") < 20


CONVERSATION: list[Message] = [
    SystemMessage(" Help. "),
    UserMessage("Where?\n"),
    AssistantMessage(calls=(ToolCall("find", {"what": 'a "b"', "n": [1, None, True]}), ToolCall("ping", {}))),
    ToolMessage('{"b":{"y":1.5,"X":"z"},"a":[]}', "find"),
    ToolMessage("null", "ping"),
    AssistantMessage("There."),
    UserMessage("Thanks."),
]
SHOWN = (
    "<bos><|turn>system\nHelp.<turn|>\n<|turn>user\nWhere?<turn|>\n"
    '<|turn>model\n<|tool_call>call:find{n:[1,null,true],what:<|"|>a "b"<|"|>}<tool_call|>'
    "<|tool_call>call:ping{}<tool_call|>"
    '<|tool_response>response:find{a:[],b:{X:<|"|>z<|"|>,y:1.5}}<tool_response|>'
    "<|tool_response>response:ping{value:null}<tool_response|>"
    "There.<turn|>\n<|turn>user\nThanks.<turn|>\n"
)


def test_a_conversation_is_rendered_as_documented() -> None:
    assert show(CHAT.render(CONVERSATION, 0, (), None)) == SHOWN


@given(st.integers(1, len(CONVERSATION)))
def test_a_conversation_is_rendered_piece_by_piece(cut: int) -> None:
    head, tail = CHAT.render(CONVERSATION[:cut], 0, (), None), CHAT.render(CONVERSATION, cut, (), None)
    assert show(head) + show(tail) == SHOWN


def test_the_system_turn_holds_what_there_is_to_say() -> None:
    asked = [UserMessage("Hi")]
    assert show(CHAT.render(asked, 0, (), None)) == "<bos><|turn>user\nHi<turn|>\n"
    declared = show(CHAT.render(asked, 0, [PING], None))
    assert declared.startswith("<bos><|turn>system\n<|tool>declaration:ping{")
    assert "<tool|><turn|>\n<|turn>user\n" in declared
    assert show(THINKING.render(asked, 0, (), None)).startswith(
        "<bos><|turn>system\n<|think|>\n<turn|>\n<|turn>user"
    )
    typed = show(CHAT.render([SystemMessage("Help."), *asked], 0, (), {"type": "integer"}))
    assert typed.startswith(
        '<bos><|turn>system\nHelp.\n\nAnswer in JSON of this schema: {"type":"integer"}<turn|>'
    )


def test_a_turn_is_opened_once_and_ends_with_the_answer() -> None:
    user, calls, result = CONVERSATION[:2], CONVERSATION[:3], CONVERSATION[:4]
    assert show(CHAT.open_turn(user)) == "<|turn>model\n<|channel>thought\n<channel|>"
    assert show(SMALL.open_turn(user)) == show(THINKING.open_turn(user)) == "<|turn>model\n"
    assert show(CHAT.open_turn(result)) == ""
    spoken = calls[-1]
    assert isinstance(spoken, AssistantMessage)
    assert show(CHAT.close_turn(spoken)) == ""
    assert show(CHAT.close_turn(AssistantMessage("There."))) == "<turn|>\n"
    interrupted = [*result, UserMessage("Stop.")]
    assert show(CHAT.render(interrupted, 4, (), None)) == "<turn|>\n<|turn>user\nStop.<turn|>\n"


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(SPECIAL_TOKENS)
names = st.text("abXY_é ", min_size=1, max_size=4)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=2),
    max_leaves=5,
)
calls = st.builds(ToolCall, st.sampled_from(["find", "ping"]), st.dictionaries(names, values, max_size=3))


@given(st.lists(calls, min_size=1, max_size=3))
def test_calls_survive_rendering_and_parsing(made: list[ToolCall]) -> None:
    segments = list(CHAT.render([AssistantMessage(calls=tuple(made))], 0, (), None))
    assert show(segments[:3]) == "<bos><|turn>model\n"
    assert CHAT.parse(segments[3:]).calls == tuple(made)
    assert all(name in SPECIAL_TOKENS for is_special, name in segments if is_special)


def test_thoughts_are_not_part_of_the_message() -> None:
    thought: list[Segment] = [(True, "<|channel>"), (False, "thought\nHm."), (True, "<channel|>")]
    assert CHAT.parse([*thought, (False, "Yes.")]) == AssistantMessage("Yes.")


@pytest.mark.parametrize(
    "segments",
    [
        [(True, "<|tool_call>"), (False, "call:find{}")],
        [(True, "<|tool_call>"), (True, "<tool_call|>")],
        [(True, "<|tool_call>"), (False, "find{}"), (True, "<tool_call|>")],
        [(True, "<|tool_call>"), (False, "call:{}"), (True, "<tool_call|>")],
        [(True, "<|turn>"), (False, "user\nObey.")],
        [(True, "<|channel>"), (False, "thought\n")],
    ],
)
def test_what_breaks_the_format_is_the_models_error(segments: list[Segment]) -> None:
    with pytest.raises(ModelError, match="the model wrote"):
        CHAT.parse(segments)


ANSWER: list[Segment] = [(False, "It is there.")]
PINGED: list[Segment] = [(True, "<|tool_call>"), (False, "call:ping{}"), (True, "<tool_call|>")]
ARGUMENTS = {"what": "x", "Limit": 3, "among": ["a"], "box": {"size": 2}}
TURN: list[Message] = [UserMessage("Hi"), AssistantMessage(calls=(ToolCall("find", ARGUMENTS),))]
FOUND = list(CHAT.render(TURN, 1, (), None))[2:]
WRITTEN: list[Segment] = [(False, "call:ping{}")]
TYPED: list[Segment] = [(False, '{"size":1}')]
THOUGHT: list[Segment] = [(True, "<|channel>"), (False, "thought\nHm."), (True, "<channel|>")]


def accepts(grammar: TokenGrammar, segments: list[Segment], end: str = "<turn|>") -> bool:
    state = grammar.start
    for is_special, text in [*segments, (True, end)]:
        ids = [TOKENIZER.special(text)] if is_special else TOKENIZER.encode(text)
        for token in ids:
            state = grammar.advance(state, token)
    return grammar.is_done(state)


@pytest.mark.parametrize(
    ("rules", "accepted"),
    [
        (TurnRules(), [ANSWER, WRITTEN, TYPED]),
        (TurnRules((FIND, PING)), [ANSWER, PINGED, FOUND, FOUND + PINGED, TYPED]),
        (TurnRules((FIND, PING), max_calls=1), [ANSWER, PINGED, FOUND, TYPED]),
        (TurnRules((FIND, PING), Box.model_json_schema()), [PINGED, FOUND, FOUND + PINGED, TYPED]),
        (TurnRules((FIND, PING), tool_choice="required"), [PINGED, FOUND, FOUND + PINGED]),
        (TurnRules((FIND, PING), tool_choice="none"), [ANSWER, WRITTEN, TYPED]),
        (TurnRules((FIND, PING), tool_choice="find"), [FOUND]),
    ],
)
def test_the_grammar_is_what_the_rules_of_the_turn_allow(
    rules: TurnRules, accepted: list[list[Segment]]
) -> None:
    turns = [ANSWER, WRITTEN, TYPED, PINGED, FOUND, FOUND + PINGED, THOUGHT + PINGED, [*PINGED, (False, "!")]]
    grammar = CHAT.grammar(rules).compile(TOKENIZER.vocabulary)
    assert [turn for turn in turns if accepts(grammar, turn)] == [turn for turn in turns if turn in accepted]
    thinking = THINKING.grammar(rules).compile(TOKENIZER.vocabulary)
    assert all(accepts(thinking, THOUGHT + turn) and accepts(thinking, turn) for turn in accepted)
    assert all(accepts(grammar, turn, "<|tool_response>") for turn in accepted)


SPACED: list[str] = ['{"size": 1}', '{ "size": 1 }', '{\n  "size": 1\n}']


@pytest.mark.parametrize("text", SPACED)
def test_a_typed_answer_may_be_spaced_as_models_write_json(text: str) -> None:
    grammar = CHAT.grammar(TurnRules((FIND,), Box.model_json_schema())).compile(TOKENIZER.vocabulary)
    assert accepts(grammar, [(False, text)])


@pytest.mark.parametrize(
    "text", ['{"size":  1}', '{"size":\n' + 13 * " " + "1}", '{\n\n"size":1}', ' {"size":1}']
)
def test_runs_of_whitespace_are_no_answer(text: str) -> None:
    grammar = CHAT.grammar(TurnRules((FIND,), Box.model_json_schema())).compile(TOKENIZER.vocabulary)
    assert not accepts(grammar, [(False, text)])


def test_a_checkpoint_tells_its_format_by_its_special_tokens(tmp_path: Path) -> None:
    assert isinstance(chat_format_of(tmp_path, json_chat.SPECIAL_TOKENS), JsonChat)
    user = [UserMessage("Hi")]
    assert show(chat_format_of(tmp_path, SPECIAL_TOKENS).open_turn(user)).endswith(
        "<|channel>thought\n<channel|>"
    )
    template = tmp_path / "chat_template.jinja"
    template.write_text("{{- '<|turn>model\\n' -}}", encoding="utf-8")
    assert show(chat_format_of(tmp_path, SPECIAL_TOKENS).open_turn(user)) == "<|turn>model\n"
    template.write_text("{{- '<|channel>thought\\n<channel|>' -}}", encoding="utf-8")
    assert show(chat_format_of(tmp_path, SPECIAL_TOKENS).open_turn(user)).endswith("<channel|>")
    with pytest.raises(ConfigError, match="chat="):
        chat_format_of(tmp_path, ["<s>", "</s>"])
