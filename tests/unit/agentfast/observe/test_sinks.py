"""Logs and traces: what they hold, and that nothing of what is said is in them unless asked for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
import structlog
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from agentfast import (
    Agent,
    AssistantMessage,
    ConfigError,
    Limits,
    LogSink,
    Message,
    ModelError,
    ModelResponse,
    ModelUsage,
    OpenTelemetrySink,
    RunPausedError,
    ScriptedModel,
    ToolCall,
    event_to_json,
    tool,
)

SECRET = "swordfish"
CALL = ToolCall("look", {"word": SECRET}, "c1")


@tool
async def look(word: str) -> str:
    """Look."""
    return f"{word}!"


def agent_of(sinks: Sequence[Any], script: Any = None, **options: Any) -> Agent[None, str]:
    turns: list[Any] = [ModelResponse(AssistantMessage(calls=(CALL,)), ModelUsage(5, 0, 7)), SECRET]
    return Agent(ScriptedModel(turns if script is None else script), tools=[look], sinks=sinks, **options)


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def provider(spans: InMemorySpanExporter) -> TracerProvider:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    return provider


def named(spans: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in spans.get_finished_spans()}


def id_of(span: ReadableSpan) -> int:
    assert span.context is not None
    found: int = span.context.span_id
    return found


async def test_a_log_has_the_ids_and_numbers_of_each_step_and_nothing_that_is_said() -> None:
    with structlog.testing.capture_logs() as lines:
        result = await agent_of([LogSink()]).run(SECRET)
    assert [line["event"] for line in lines] == [
        "run_started",
        "step_started",
        "turn_generated",
        "calls_proposed",
        "tool_started",
        "tool_finished",
        "step_started",
        "turn_generated",
        "run_finished",
    ]
    assert {line["run_id"] for line in lines} == {result.run_id}
    assert dict(lines[2]) | {"duration_s": 0} == {
        "run_id": result.run_id,
        "agent": "agent",
        "event": "turn_generated",
        "log_level": "info",
        "step": 0,
        "model": "scripted",
        "calls": 1,
        "prompt_tokens": 5,
        "generated_tokens": 7,
        "duration_s": 0,
    }
    assert lines[4]["call_id"] == "c1"
    assert SECRET not in json.dumps(lines)


async def test_a_log_with_content_has_it() -> None:
    with structlog.testing.capture_logs() as lines:
        await agent_of([LogSink(content=True)]).run("go")
    assert lines[4]["content"]["call"]["arguments"] == {"word": SECRET}


async def test_failures_are_logged_as_such() -> None:
    with structlog.testing.capture_logs() as lines, pytest.raises(ModelError):
        await agent_of([LogSink()], script=[ModelError("x")]).run("go")
    assert (lines[-1]["event"], lines[-1]["log_level"], lines[-1]["error"]) == (
        "run_failed",
        "error",
        "ModelError",
    )


async def test_spans_nest_by_run_turn_and_tool(spans: InMemorySpanExporter, provider: TracerProvider) -> None:
    inner = agent_of([], name="inner").as_tool(description="Asks.")
    sink = OpenTelemetrySink(provider)
    outer = Agent(
        ScriptedModel([[ToolCall("inner", {"prompt": SECRET}, "c9")], "done"]),
        tools=[inner],
        sinks=[sink],
        name="outer",
    )
    result = await outer.run("go")
    found = named(spans)
    assert set(found) == {
        "invoke_agent outer",
        "chat scripted",
        "execute_tool inner",
        "invoke_agent inner",
        "execute_tool look",
    }

    def parent(name: str) -> str:
        above = found[name].parent
        assert above is not None
        return next(span.name for span in spans.get_finished_spans() if id_of(span) == above.span_id)

    assert parent("execute_tool look") == "invoke_agent inner"
    assert parent("invoke_agent inner") == "execute_tool inner"
    assert parent("execute_tool inner") == "invoke_agent outer"
    assert found["invoke_agent outer"].parent is None
    attributes = found["invoke_agent outer"].attributes or {}
    assert attributes["gen_ai.conversation.id"] == result.run_id
    assert attributes["gen_ai.usage.output_tokens"] == 7
    chats = [span for span in spans.get_finished_spans() if span.name == "chat scripted"]
    assert len(chats) == 4
    assert sorted(str((span.attributes or {})["gen_ai.usage.output_tokens"]) for span in chats) == [
        "0",
        "0",
        "0",
        "7",
    ]
    assert SECRET not in "".join(span.to_json() for span in spans.get_finished_spans())


async def test_a_tools_own_spans_lie_inside_its_call(
    spans: InMemorySpanExporter, provider: TracerProvider
) -> None:
    tracer = provider.get_tracer("mine")

    @tool
    def sync() -> None:
        """Act."""
        tracer.start_span("in thread").end()

    @tool
    async def deep() -> None:
        """Act."""
        tracer.start_span("in task").end()

    calls = [ToolCall("sync", {}), ToolCall("deep", {})]
    before = trace.get_current_span()
    for turn in (calls, calls[:1]):
        await Agent(ScriptedModel([turn, "ok"]), tools=[sync, deep], sinks=[OpenTelemetrySink(provider)]).run(
            "go"
        )
        assert trace.get_current_span() is before
    found = named(spans)
    for name, above in (("in thread", "execute_tool sync"), ("in task", "execute_tool deep")):
        parents = [id_of(span) for span in spans.get_finished_spans() if span.name == above]
        parent = found[name].parent
        assert parent is not None
        assert parent.span_id in parents


async def test_spans_of_a_run_that_fails_end_with_its_error(
    spans: InMemorySpanExporter, provider: TracerProvider
) -> None:
    with pytest.raises(ModelError):
        await agent_of([OpenTelemetrySink(provider)], script=[ModelError(SECRET)]).run("go")
    found = named(spans)
    assert found["invoke_agent agent"].status.status_code is StatusCode.ERROR
    assert (found["invoke_agent agent"].attributes or {})["error.type"] == "ModelError"
    assert found["chat scripted"].end_time is not None
    assert SECRET not in "".join(span.to_json() for span in spans.get_finished_spans())


async def test_spans_of_a_run_that_is_cancelled_in_a_tool_end_and_its_context_is_gone(
    spans: InMemorySpanExporter, provider: TracerProvider
) -> None:
    @tool
    async def hang() -> None:
        """Hang."""
        await asyncio.Event().wait()

    agent = Agent(
        ScriptedModel([[ToolCall("hang", {})]]),
        tools=[hang],
        sinks=[OpenTelemetrySink(provider)],
        limits=Limits(deadline_s=0.05),
    )
    before = trace.get_current_span()
    with pytest.raises(Exception, match="deadline"):
        await agent.run("go")
    assert trace.get_current_span() is before
    assert set(named(spans)) == {"invoke_agent agent", "chat scripted", "execute_tool hang"}


async def test_a_pause_ends_the_span(spans: InMemorySpanExporter, provider: TracerProvider) -> None:
    @tool(requires_approval=True)
    def pay() -> None:
        """Pay."""

    agent = Agent(ScriptedModel([[ToolCall("pay", {})]]), tools=[pay], sinks=[OpenTelemetrySink(provider)])
    with pytest.raises(RunPausedError):
        await agent.run("go")
    assert [event.name for event in named(spans)["invoke_agent agent"].events] == ["paused"]


async def test_content_is_in_the_spans_if_asked_for(
    spans: InMemorySpanExporter, provider: TracerProvider
) -> None:
    await agent_of([OpenTelemetrySink(provider, content=True)]).run("go")
    found = named(spans)
    assert (found["execute_tool look"].attributes or {})["gen_ai.tool.call.result"] == f'"{SECRET}!"'
    assert SECRET in str((found["invoke_agent agent"].attributes or {})["gen_ai.output.messages"])


@pytest.mark.parametrize("sink", [LogSink, OpenTelemetrySink])
def test_content_is_a_flag(sink: Any) -> None:
    with pytest.raises(ConfigError, match="content"):
        sink(content="yes")


async def test_every_event_is_json() -> None:
    @tool(requires_approval=True)
    def pay(n: int) -> int:
        """Pay."""
        return n

    def answer(messages: Sequence[Message]) -> Any:
        return [ToolCall("pay", {"n": 1}), CALL] if len(messages) == 2 else "ok" if len(messages) < 7 else "7"

    agent = Agent(
        ScriptedModel(answer),
        tools=[pay, look],
        approve=lambda _: True,
        output_type=int,
    )
    events = [event_to_json(event) async for event in agent.stream("go")]
    again = json.loads(json.dumps(events))
    assert again == events
    names = [event["type"] for event in events]
    assert names[0] == "run_started"
    assert names[-1] == "run_finished"
    assert {"approval_asked", "approval_given", "output_rejected", "tool_finished", "text_delta"} <= set(
        names
    )
    assert events[-1]["result"]["output"] == 7
    assert next(event for event in events if event["type"] == "tool_started")["call"]["name"] in (
        "pay",
        "look",
    )
