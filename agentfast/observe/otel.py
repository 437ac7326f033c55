"""Traces of runs by OpenTelemetry, in the names of its GenAI semantic conventions. Needs its API only."""

from __future__ import annotations

import asyncio
import json
from contextvars import Token
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from agentfast.agent.events import (
    AgentEvent,
    HandedOff,
    OutputRejected,
    RunFailed,
    RunFinished,
    RunPaused,
    RunStarted,
    StepStarted,
    ToolFinished,
    ToolStarted,
    TurnGenerated,
)
from agentfast.agent.history.json_form import encode_message
from agentfast.agent.result import RunResult
from agentfast.agent.sinks import RunInfo
from agentfast.errors import ConfigError
from agentfast.tools.checks import check_flag

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span, TracerProvider


@dataclass(slots=True)
class _Open:
    """Spans of a run that have not ended."""

    run: Span
    model: str
    turn: Span | None = None
    tools: dict[str, Span] = field(default_factory=dict[str, "Span"])
    attached: dict[str, tuple[Token[Context], asyncio.Task[Any] | None]] = field(
        default_factory=dict[str, "tuple[Token[Context], asyncio.Task[Any] | None]"]
    )


class OpenTelemetrySink:
    """Spans of runs: `Agent(..., sinks=[OpenTelemetrySink()])`, with the extra `otel`.

    A run is a span `invoke_agent NAME`; inside it a turn is `chat MODEL`, a call `execute_tool TOOL`, and a run that a
    tool started lies inside the tool's. What is said is in none of them unless `content` is true. Spans go where the
    process's tracer provider sends them: nowhere, as long as it has none.

    Source: https://opentelemetry.io/docs/specs/semconv/gen-ai/
    """

    def __init__(self, tracer_provider: TracerProvider | None = None, *, content: bool = False) -> None:
        """Take a tracer provider, None for the process's, and whether spans hold what is said.

        Raises:
            ConfigError: the package opentelemetry-api is missing, or `content` is no flag.
        """
        check_flag("OpenTelemetrySink(content=...)", content)
        try:
            from opentelemetry import context, trace
        except ImportError as error:
            raise ConfigError(
                "traces need the package opentelemetry-api", hint="pip install 'agentfast[otel]'"
            ) from error
        self._trace = trace
        self._context = context
        self._tracer = trace.get_tracer("agentfast", tracer_provider=tracer_provider)
        self._content = content
        self._runs: dict[str, _Open] = {}

    def receive(self, run: RunInfo, event: AgentEvent[Any]) -> None:
        """Begin or end a span."""
        if isinstance(event, RunStarted):
            self._runs[run.run_id] = self._begin(run, event)
            return
        opened = self._runs.get(run.run_id)
        if opened is None:
            return
        match event:
            case StepStarted():
                opened.turn = self._child(opened.run, f"chat {opened.model}", self._trace.SpanKind.CLIENT)
            case TurnGenerated():
                self._end_turn(opened, event)
            case ToolStarted(call=call):
                self._begin_tool(opened, call.id, call.name, call.arguments)
            case ToolFinished(result=result):
                self._end_tool(opened, result.call_id, result.content, is_error=result.is_error)
            case OutputRejected(reason=reason):
                opened.run.add_event("output_rejected", {"reason": reason} if self._content else {})
            case HandedOff(agent=agent):
                opened.run.add_event("handed_off", {"gen_ai.agent.name": agent})
            case RunFinished(result=result):
                self._end(run.run_id, opened, result=result)
            case RunFailed(error=error):
                said = "cancelled" if error is None else type(error).__name__
                self._end(run.run_id, opened, failure=said, message="" if error is None else error.message)
            case RunPaused():
                opened.run.add_event("paused")
                self._end(run.run_id, opened)
            case _:
                pass

    def _begin(self, run: RunInfo, event: RunStarted) -> _Open:
        outer = self._runs.get(run.parent_id or "")
        parent = None if outer is None else outer.tools.get(run.parent_call_id or "", outer.run)
        span = self._child(parent, f"invoke_agent {run.agent}", self._trace.SpanKind.INTERNAL)
        span.set_attributes(
            {
                "gen_ai.operation.name": "invoke_agent",
                "gen_ai.agent.name": run.agent,
                "gen_ai.conversation.id": run.run_id,
                "gen_ai.request.model": event.model,
            }
        )
        if self._content:
            span.set_attribute("gen_ai.input.messages", _written(event.messages))
        return _Open(span, event.model)

    def _child(self, parent: Span | None, name: str, kind: Any) -> Span:
        context = None if parent is None else self._trace.set_span_in_context(parent)
        return self._tracer.start_span(name, context=context, kind=kind)

    def _end_turn(self, opened: _Open, event: TurnGenerated) -> None:
        span, opened.turn = opened.turn, None
        if span is None:
            return
        span.set_attributes(
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.request.model": opened.model,
                "gen_ai.response.model": event.model,
                "gen_ai.usage.input_tokens": event.usage.prompt_tokens,
                "gen_ai.usage.output_tokens": event.usage.generated_tokens,
                "gen_ai.response.finish_reasons": [
                    "tool_calls" if event.message.calls else event.finish_reason
                ],
            }
        )
        if self._content:
            span.set_attribute("gen_ai.output.messages", _written((event.message,)))
        span.end()

    def _begin_tool(self, opened: _Open, call_id: str, name: str, arguments: object) -> None:
        span = self._child(opened.run, f"execute_tool {name}", self._trace.SpanKind.INTERNAL)
        span.set_attributes(
            {
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": name,
                "gen_ai.tool.call.id": call_id,
            }
        )
        if self._content:
            span.set_attribute("gen_ai.tool.call.arguments", json.dumps(arguments, ensure_ascii=False))
        opened.tools[call_id] = span
        # Spans of the tool's own, such as of its HTTP client, lie inside.
        token = self._context.attach(self._trace.set_span_in_context(span))
        opened.attached[call_id] = (token, asyncio.current_task())

    def _end_tool(self, opened: _Open, call_id: str, content: str, *, is_error: bool) -> None:
        self._detach(opened, call_id)
        span = opened.tools.pop(call_id, None)
        if span is None:
            return
        if self._content:
            span.set_attribute("gen_ai.tool.call.result", content)
        if is_error:
            span.set_status(self._trace.StatusCode.ERROR, content if self._content else "")
        span.end()

    def _detach(self, opened: _Open, call_id: str) -> None:
        token, task = opened.attached.pop(call_id, (None, None))
        if token is not None and task is asyncio.current_task():  # a token is of one task
            self._context.detach(token)

    def _end(
        self,
        run_id: str,
        opened: _Open,
        *,
        result: RunResult[Any] | None = None,
        failure: str = "",
        message: str = "",
    ) -> None:
        for call_id in [*opened.attached]:
            self._detach(opened, call_id)
        for span in (*opened.tools.values(), opened.turn):
            if span is not None:
                span.set_status(self._trace.StatusCode.ERROR, failure)
                span.end()
        if result is not None:
            opened.run.set_attributes(
                {
                    "gen_ai.usage.input_tokens": result.usage.prompt_tokens,
                    "gen_ai.usage.output_tokens": result.usage.generated_tokens,
                    "agentfast.usage.steps": result.usage.steps,
                    "agentfast.usage.tool_calls": result.usage.tool_calls,
                    "agentfast.usage.cost": result.usage.cost,
                }
            )
            if self._content:
                opened.run.set_attribute("gen_ai.output.messages", _written(result.messages[-1:]))
        if failure:
            opened.run.set_attribute("error.type", failure)
            opened.run.set_status(self._trace.StatusCode.ERROR, message if self._content else failure)
        opened.run.end()
        del self._runs[run_id]


def _written(messages: Any) -> str:
    return json.dumps([encode_message(message) for message in messages], ensure_ascii=False)
