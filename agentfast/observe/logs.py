"""Logs of runs by structlog: one line an event, with the ids of run and call."""

from __future__ import annotations

from typing import Any

import structlog

from agentfast.agent.event_json import event_name, event_to_json
from agentfast.agent.events import (
    AgentEvent,
    ApprovalAsked,
    ApprovalGiven,
    CallRefused,
    RunFailed,
    RunFinished,
    RunPaused,
    RunStarted,
    StepFinished,
    ToolFinished,
    ToolStarted,
    TurnGenerated,
)
from agentfast.agent.sinks import RunInfo
from agentfast.tools.checks import check_flag


class LogSink:
    """Logs the events of runs: `Agent(..., sinks=[LogSink()])`.

    A line has run_id, agent and step, and of a call its id and tool. What prompts, answers, arguments and results say is
    not in it unless `content` is true. Where the lines go is structlog's configuration; by default to standard output.
    """

    def __init__(self, logger: Any = None, *, content: bool = False) -> None:
        """Take a structlog logger, None for one of the name "agentfast", and whether to log what is said.

        Raises:
            ConfigError: `content` is no flag.
        """
        check_flag("LogSink(content=...)", content)
        self._log = structlog.get_logger("agentfast") if logger is None else logger
        self._content = content

    def receive(self, run: RunInfo, event: AgentEvent[Any]) -> None:
        """Log an event."""
        if isinstance(event, StepFinished):
            return  # its parts were logged
        about: dict[str, Any] = {"run_id": run.run_id, "agent": run.agent}
        if run.parent_id is not None:
            about |= {"parent_id": run.parent_id, "parent_call_id": run.parent_call_id}
        level = "error" if isinstance(event, RunFailed) and event.error is not None else "info"
        if isinstance(event, ToolFinished) and event.result.is_error:
            level = "warning"
        said = self._said(event) if self._content else {}
        getattr(self._log, level)(event_name(event), **about, **facts_of(event), **said)

    def _said(self, event: AgentEvent[Any]) -> dict[str, Any]:
        whole = event_to_json(event)
        return {"content": {key: value for key, value in whole.items() if key not in ("type", "step")}}


def facts_of(event: AgentEvent[Any]) -> dict[str, Any]:
    """Numbers and names of an event, nothing of what is said in it."""
    facts: dict[str, Any] = {}
    if (step := getattr(event, "step", None)) is not None:
        facts["step"] = step
    match event:
        case RunStarted(model=model):
            facts["model"] = model
        case TurnGenerated():
            facts |= {
                "model": event.model,
                "calls": len(event.message.calls),
                "prompt_tokens": event.usage.prompt_tokens,
                "generated_tokens": event.usage.generated_tokens,
                "duration_s": round(event.duration_s, 6),
            }
            if event.usage.cost is not None:
                facts["cost"] = event.usage.cost
        case ToolStarted(call=call) | ApprovalGiven(call=call):
            facts |= {"tool": call.name, "call_id": call.id}
        case CallRefused(call=call, confidence=confidence):
            facts |= {"tool": call.name, "call_id": call.id, "confidence": confidence}
        case ToolFinished(result=result):
            facts |= {
                "tool": result.name,
                "call_id": result.call_id,
                "is_error": result.is_error,
                "duration_s": round(result.duration_s, 6),
            }
        case ApprovalAsked(request=request):
            facts |= {"tool": request.call.name, "call_id": request.call.id, "reason": request.reason}
        case RunPaused(requests=requests):
            facts["waiting"] = [request.call.id for request in requests]
        case RunFailed(error=error):
            facts["error"] = None if error is None else type(error).__name__
        case RunFinished(result=result):
            usage = result.usage
            facts |= {
                "steps": usage.steps,
                "tool_calls": usage.tool_calls,
                "generated_tokens": usage.generated_tokens,
                "cost": usage.cost,
                "duration_s": round(result.duration_s, 6),
            }
        case _:
            pass
    return facts
