"""The parts of the local model that need no engine: tokens of segments, growing renderings, grammars, bad arguments."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentfast import (
    AssistantMessage,
    CheckpointError,
    ConfigError,
    LocalModel,
    Message,
    ModelError,
    ModelRequest,
    ToolCall,
    ToolDefinition,
    UnsupportedSchemaError,
    UserMessage,
)
from agentfast.chat.base import Segment, TurnRules
from agentfast.chat.json import CALL, END, SPECIAL_TOKENS, JsonChat
from agentfast.messages import Transcript
from agentfast.models.local.rendering import Rendering, SegmentCodec
from agentfast.models.local.turn_grammars import TurnGrammars
from agentfast.runtime.grammar import Grammar
from tests.support.tiny_engine import chat_tokenizer

TOKENIZER = chat_tokenizer()
CODEC = SegmentCodec(TOKENIZER)
CHAT = JsonChat()
BOUND_S = 30

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=9) | st.sampled_from(
    SPECIAL_TOKENS
)
segments = st.lists(
    st.tuples(st.just(True), st.sampled_from(SPECIAL_TOKENS)) | st.tuples(st.just(False), texts)
)


@given(segments)
def test_segments_survive_the_tokens_whatever_the_text(parts: list[Segment]) -> None:
    joined: list[Segment] = []
    for is_special, text in parts:
        if joined and not is_special and not joined[-1][0]:
            joined[-1] = (False, joined[-1][1] + text)
        else:
            joined.append((is_special, text))
    assert list(CODEC.decode(CODEC.encode(parts))) == joined


def test_bytes_that_are_no_text_are_the_models_error() -> None:
    half = TOKENIZER.encode("é")[:1]
    with pytest.raises(ModelError, match="UTF-8"):
        list(CODEC.decode(half))


def request(messages: Transcript) -> ModelRequest:
    return ModelRequest(messages)


def test_a_growing_conversation_is_rendered_as_if_at_once() -> None:
    conversation: list[Message] = [UserMessage("a"), AssistantMessage("b"), UserMessage("c")]
    transcript, rendering = Transcript(), Rendering((), None)
    for message in conversation:
        transcript.append(message)
        rendering.advance(CHAT, CODEC, request(transcript))
    assert rendering.ids == CODEC.encode(CHAT.render(conversation, 0, (), None))


def test_what_the_model_wrote_stays_as_it_wrote_it() -> None:
    transcript = Transcript([UserMessage("a")])
    rendering = Rendering((), None)
    rendering.advance(CHAT, CODEC, request(transcript))
    before = [*rendering.ids, *rendering.opening]
    written = (TOKENIZER.special(CALL), *TOKENIZER.encode('{"name":"f", "arguments":{"x":1.0e1}}'))
    message = AssistantMessage(calls=(ToolCall("f", {"x": 10.0}),))
    rendering.spoken = message, written
    transcript.append(message)
    rendering.advance(CHAT, CODEC, request(transcript))
    assert rendering.ids == [*before, *written, TOKENIZER.special(END)]


def test_a_turn_whose_calls_got_ids_is_still_what_the_model_wrote() -> None:
    transcript = Transcript([UserMessage("a")])
    rendering = Rendering((), None)
    rendering.advance(CHAT, CODEC, request(transcript))
    before = [*rendering.ids, *rendering.opening]
    written = (TOKENIZER.special(CALL), *TOKENIZER.encode('{"name":"f", "arguments":{"x":1.0e1}}'))
    call = ToolCall("f", {"x": 10.0})
    rendering.spoken = AssistantMessage(calls=(call,)), written
    transcript.append(AssistantMessage(calls=(dataclasses.replace(call, id="call_0_0"),)))
    rendering.advance(CHAT, CODEC, request(transcript))
    assert rendering.ids == [*before, *written, TOKENIZER.special(END)]


def test_a_turn_that_did_not_come_to_stand_in_the_conversation_is_forgotten() -> None:
    transcript = Transcript([UserMessage("a")])
    rendering = Rendering((), None)
    rendering.advance(CHAT, CODEC, request(transcript))
    rendering.spoken = AssistantMessage("lost"), tuple(TOKENIZER.encode("lost"))
    transcript.append(AssistantMessage("kept"))
    rendering.advance(CHAT, CODEC, request(transcript))
    assert rendering.ids == CODEC.encode(CHAT.render(list(transcript), 0, (), None))


class CountingChat(JsonChat):
    """Counts the grammars it makes."""

    made = 0

    def grammar(self, rules: TurnRules) -> Grammar:
        self.made += 1
        return super().grammar(rules)


async def test_runs_of_an_agent_share_one_grammar_even_if_one_is_cancelled() -> None:
    chat = CountingChat()
    cache = TurnGrammars(chat)
    tool = ToolDefinition("f", "", {"type": "object", "properties": {}})
    asked = ModelRequest([], (tool,))
    tasks = [asyncio.create_task(cache.get(asked)) for _ in range(5)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    async with asyncio.timeout(BOUND_S):
        grammars = await asyncio.gather(*tasks[1:])
        assert len({id(grammar) for grammar in [*grammars, await cache.get(asked)]}) == 1
    assert chat.made == 1


async def test_agents_that_declare_the_same_tools_share_one_grammar() -> None:
    chat = CountingChat()
    cache = TurnGrammars(chat)

    def asked(field: str, max_calls: int = 8) -> ModelRequest:
        schema = {"type": "object", "properties": {field: {"type": "string"}}}
        return ModelRequest([], (ToolDefinition("f", "", schema),), max_calls=max_calls)

    first, again = await cache.get(asked("a")), await cache.get(asked("a"))
    other, fewer = await cache.get(asked("b")), await cache.get(asked("a", max_calls=1))
    assert first is again
    assert len({id(first), id(other), id(fewer)}) == 3
    assert chat.made == 3


async def test_a_schema_that_cannot_be_enforced_is_refused_every_time() -> None:
    schema: dict[str, Any] = {"$dynamicRef": "#x"}
    asked = ModelRequest([], output_schema=schema)
    cache = TurnGrammars(CHAT)
    for _ in range(2):
        with pytest.raises(UnsupportedSchemaError):
            await cache.get(asked)


def test_a_checkpoint_that_is_not_there_and_a_type_that_is_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError):
        LocalModel.from_checkpoint(tmp_path / "nothing")
    with pytest.raises(ConfigError, match="float7"):
        LocalModel.from_checkpoint(tmp_path, dtype="float7")
