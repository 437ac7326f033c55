"""Confidence on real engines: of every call and typed answer, from both kinds of model, kept by recordings."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Literal, cast

import pytest
from pydantic import BaseModel

from agentfast import (
    Agent,
    ConfigError,
    EngineError,
    Escalate,
    RecordingModel,
    ReplayModel,
    ScriptedModel,
    Settings,
    ToolCall,
    tool,
)
from agentfast.chat.base import ChatFormat
from agentfast.chat.gemma4 import SPECIAL_TOKENS, Gemma4Chat
from agentfast.chat.json import JsonChat
from agentfast.messages import UserMessage
from agentfast.models.base import ModelRequest
from agentfast.models.local.model import LocalModel
from agentfast.nano import load
from agentfast.runtime.core.fields import CallNotation, TurnFields
from agentfast.runtime.core.tokenizer import Tokenizer
from agentfast.runtime.grammar import compile_schema
from agentfast.runtime.model.config import Kind
from agentfast.runtime.scheduling.request import Request
from agentfast.tools.confidence import Confidence
from tests.support.byte_tokenizer import byte_tokenizer
from tests.support.engine_kit import make_engine
from tests.support.tiny_engine import tiny_engine

BOUND_S = 60
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "unit": {"enum": ["celsius", "fahrenheit", "kelvin"]},
        "now": {"type": "boolean"},
        "n": {"type": "integer", "minimum": 0, "maximum": 99},
    },
    "required": ["unit", "now", "n"],
    "additionalProperties": False,
}


NOTATION = CallNotation("<call>", "call:", "")
ANSWER = TurnFields(NOTATION, answer=SCHEMA)


@pytest.mark.parametrize("kind", ["diffusion", "autoregressive"])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
async def test_either_kind_of_model_tells_how_sure_it_is(kind: Kind, temperature: float) -> None:
    request = Request((1, 2, 3), 80, compile_schema(SCHEMA), temperature=temperature, fields=ANSWER)
    async with asyncio.timeout(BOUND_S), make_engine(kind) as engine:
        completion = await engine.submit(request)
        plain = await engine.submit(Request((1, 2, 3), 80, compile_schema(SCHEMA), temperature=temperature))
    assert completion.tokens == plain.tokens  # to ask changes nothing
    assert plain.fields == ()
    found = {cast("tuple[None, str | None]", field.key)[1]: field for field in completion.fields}
    assert list(found) == [None, "unit", "now", "n"]
    assert all(0 < field.probability <= 1 for field in found.values())
    for key, count in (("unit", 3), ("now", 2)):
        values = dict(found[key].values)
        assert len(values) == count
        assert sum(values.values()) == pytest.approx(1)
        assert found[key].probability in values.values()


async def test_a_reader_that_fails_fails_its_own_request_only() -> None:
    broken = TurnFields(NOTATION, answer={"$ref": 7})
    grammar = compile_schema(SCHEMA)
    async with asyncio.timeout(BOUND_S), make_engine() as engine:
        results = await asyncio.gather(
            engine.submit(Request((1,), 80, grammar, fields=broken)),
            engine.submit(Request((1,), 80, grammar, fields=ANSWER)),
            return_exceptions=True,
        )
        engine.check_integrity()
    assert isinstance(results[0], EngineError)
    assert not isinstance(results[1], BaseException)


def test_fields_need_a_grammar() -> None:
    with pytest.raises(ConfigError, match="grammar"):
        Request((1,), 8, fields=ANSWER)


class Reading(BaseModel):
    city: Literal["Oslo", "Rome"]
    degrees: Literal[1, 12, 123]


@tool
def set_alarm(hour: Literal[7, "noon", 9], loud: bool = False) -> str:
    """Set an alarm."""
    return "set"


@tool
def set_timer(hour: Literal[7, "noon", 9]) -> str:
    """Set a timer."""
    return "set"


GEMMA = byte_tokenizer(SPECIAL_TOKENS, ("<turn|>", "<|tool_response>"))


@pytest.mark.parametrize(
    ("chat", "tokenizer"), [(JsonChat(), None), (Gemma4Chat(), GEMMA)], ids=["json", "gemma4"]
)
async def test_calls_and_typed_answers_carry_their_confidence(
    chat: ChatFormat, tokenizer: Tokenizer | None
) -> None:
    engine = tiny_engine(tokenizer=tokenizer)
    model = LocalModel(engine, chat)
    asked = ModelRequest(
        [UserMessage("wake me")],
        (set_alarm.definition, set_timer.definition),
        tool_choice="required",
        max_calls=2,
        max_tokens=200,
    )
    async with asyncio.timeout(BOUND_S), engine:
        response = await model.respond(asked)
        result = await Agent(model, output_type=Reading).run("how warm is it?")
    for call in response.message.calls:
        assert call.confidence is not None
        names = dict(call.confidence.alternatives("name"))
        assert set(names) == {"set_alarm", "set_timer"}
        assert call.confidence["name"] == names[call.name]
        assert {"name", *(f"arguments.{key}" for key in call.arguments)} == set(call.confidence)
        assert 0 < call.confidence.whole <= call.confidence.lowest + 1e-9
        hours = dict(call.confidence.alternatives("arguments.hour"))
        assert set(hours) == {7, "noon", 9}
        assert call.confidence["arguments.hour"] == hours[call.arguments["hour"]]
        assert sum(hours.values()) == pytest.approx(1)
    sure = result.confidence
    assert sure is not None
    assert set(sure) == {"city", "degrees"}
    assert {value for value, _ in sure.alternatives("city")} == {"Oslo", "Rome"}
    ranked = sure.alternatives("degrees")
    assert [p for _, p in ranked] == sorted((p for _, p in ranked), reverse=True)
    assert sure["degrees"] == dict(ranked)[result.output.degrees]


@tool
def get_order(id: int) -> dict[str, object]:
    """Reads an order."""
    return {"id": id, "status": "shipped"}


async def test_the_embedded_model_is_sure_of_an_easy_call_and_a_recording_keeps_that(tmp_path: Path) -> None:
    path = tmp_path / "recording.jsonl"
    async with asyncio.timeout(BOUND_S), load() as model:
        agent = Agent(RecordingModel(model, path), tools=[get_order], instructions="You run the order desk.")
        result = await agent.run("What is the status of order 1042?")
    replayed = await Agent(ReplayModel(path), tools=[get_order], instructions="You run the order desk.").run(
        "What is the status of order 1042?"
    )
    assert isinstance(result.confidence, Confidence)
    assert result.confidence["arguments.id"] > 0.5
    assert replayed.confidence == result.confidence


async def test_confidence_can_be_left_out_unless_it_is_needed_to_escalate() -> None:
    strong = ScriptedModel([ToolCall("get_order", {"id": 1}), "done"])
    prompt, tools = "What is the status of order 1042?", [get_order]
    settings = Settings(confidence=False)
    async with asyncio.timeout(BOUND_S), load() as model:
        plain = await Agent(model, tools=tools, settings=settings).run(prompt)
        escalated = await Agent(
            model, tools=tools, settings=settings, escalate=Escalate(strong, below=1)
        ).run(prompt)
    assert plain.confidence is None
    assert escalated.usage.escalations > 0
    assert escalated.steps[0].message.calls[0].arguments == {"id": 1}


async def test_a_model_without_probabilities_has_no_confidence() -> None:
    result = await Agent(ScriptedModel([ToolCall("get_order", {"id": 1}), "done"]), tools=[get_order]).run(
        "go"
    )
    assert result.confidence is None
    assert result.steps[0].message.calls[0].confidence is None
