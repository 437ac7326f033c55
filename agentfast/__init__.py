"""agentfast runs agents on a block-diffusion language model: many agents, one batch, every tool call valid.

Names load on first use, so that `import agentfast` takes no time and does not import torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from agentfast.lazy import uncollected

if TYPE_CHECKING:
    from agentfast import nano
    from agentfast.agent.agent import Agent
    from agentfast.agent.bounds.budget import Budget
    from agentfast.agent.bounds.limits import Limits, Settings
    from agentfast.agent.calls.approval import ApprovalRequest, Decision
    from agentfast.agent.calls.doubt import Doubt
    from agentfast.agent.calls.escalation import Escalate
    from agentfast.agent.checks.schemas import held_by
    from agentfast.agent.errors import (
        ApprovalError,
        LimitExceededError,
        MapError,
        OutputError,
        RetriesExhaustedError,
    )
    from agentfast.agent.event_json import event_to_json
    from agentfast.agent.events import (
        AgentEvent,
        ApprovalAsked,
        ApprovalGiven,
        CallRefused,
        CallsProposed,
        CanvasUpdate,
        Escalated,
        EscalationFailed,
        HandedOff,
        OutputRejected,
        RunFailed,
        RunFinished,
        RunPaused,
        RunStarted,
        StepFinished,
        StepStarted,
        TextDelta,
        ToolFinished,
        ToolStarted,
        TurnGenerated,
        TurnRetried,
    )
    from agentfast.agent.history.json_form import messages_from_json, messages_schema, messages_to_json
    from agentfast.agent.history.session import Session
    from agentfast.agent.history.trim import estimate_tokens, trim
    from agentfast.agent.many.gather import Job, Outcome, as_completed, gather
    from agentfast.agent.many.progress import Progress
    from agentfast.agent.result import Escalation, RunResult, RunUsage, Step
    from agentfast.agent.run.saved import RunPausedError, SavedRun
    from agentfast.agent.sinks import RunInfo, Sink
    from agentfast.errors import (
        AbortedError,
        AgentFastError,
        AllModelsFailedError,
        BudgetTooSmallError,
        CapacityError,
        CheckpointError,
        ConfigError,
        EngineClosedError,
        EngineError,
        GrammarError,
        GrammarTooLargeError,
        JournalError,
        MCPConnectionError,
        ModelError,
        ModelFaultError,
        ModelRetry,
        ModelUnavailableError,
        QueueFullError,
        SessionConflictError,
        SessionError,
        ToolArgumentsError,
        ToolDefinitionError,
        ToolError,
        ToolTimeoutError,
        UnknownFieldError,
        UnknownToolError,
        UnsupportedSchemaError,
    )
    from agentfast.messages import AssistantMessage, Message, SystemMessage, ToolMessage, UserMessage
    from agentfast.models.base import (
        CanvasState,
        Model,
        ModelRequest,
        ModelResponse,
        ModelUsage,
        PlainModel,
        TextChunk,
    )
    from agentfast.models.composed.cheap_then_strong import CheapThenStrong
    from agentfast.models.composed.first_that_works import FirstThatWorks
    from agentfast.models.composed.router import Router
    from agentfast.models.local.model import LocalModel
    from agentfast.models.openai.model import OpenAIModel
    from agentfast.models.price import Price, cost_of
    from agentfast.models.replay import RecordingModel, ReplayModel
    from agentfast.models.scripted import ScriptedModel
    from agentfast.observe.journal.journal import Journal
    from agentfast.observe.logs import LogSink
    from agentfast.observe.otel import OpenTelemetrySink
    from agentfast.runtime.grammar import Grammar, compile_schema
    from agentfast.tools.call import ToolCall, ToolDefinition, ToolResult
    from agentfast.tools.confidence import Confidence
    from agentfast.tools.context import RunContext
    from agentfast.tools.definition import FunctionTool, Tool, tool
    from agentfast.tools.mcp.server import MCPServer

__all__ = [
    "AbortedError",
    "Agent",
    "AgentEvent",
    "AgentFastError",
    "AllModelsFailedError",
    "ApprovalAsked",
    "ApprovalError",
    "ApprovalGiven",
    "ApprovalRequest",
    "AssistantMessage",
    "Budget",
    "BudgetTooSmallError",
    "CallRefused",
    "CallsProposed",
    "CanvasState",
    "CanvasUpdate",
    "CapacityError",
    "CheapThenStrong",
    "CheckpointError",
    "Confidence",
    "ConfigError",
    "Decision",
    "Doubt",
    "EngineClosedError",
    "EngineError",
    "Escalate",
    "Escalated",
    "Escalation",
    "EscalationFailed",
    "FirstThatWorks",
    "FunctionTool",
    "Grammar",
    "GrammarError",
    "GrammarTooLargeError",
    "HandedOff",
    "Job",
    "Journal",
    "JournalError",
    "LimitExceededError",
    "Limits",
    "LocalModel",
    "LogSink",
    "MCPConnectionError",
    "MCPServer",
    "MapError",
    "Message",
    "Model",
    "ModelError",
    "ModelFaultError",
    "ModelRequest",
    "ModelResponse",
    "ModelRetry",
    "ModelUnavailableError",
    "ModelUsage",
    "OpenAIModel",
    "OpenTelemetrySink",
    "Outcome",
    "OutputError",
    "OutputRejected",
    "PlainModel",
    "Price",
    "Progress",
    "QueueFullError",
    "RecordingModel",
    "ReplayModel",
    "RetriesExhaustedError",
    "Router",
    "RunContext",
    "RunFailed",
    "RunFinished",
    "RunInfo",
    "RunPaused",
    "RunPausedError",
    "RunResult",
    "RunStarted",
    "RunUsage",
    "SavedRun",
    "ScriptedModel",
    "Session",
    "SessionConflictError",
    "SessionError",
    "Settings",
    "Sink",
    "Step",
    "StepFinished",
    "StepStarted",
    "SystemMessage",
    "TextChunk",
    "TextDelta",
    "Tool",
    "ToolArgumentsError",
    "ToolCall",
    "ToolDefinition",
    "ToolDefinitionError",
    "ToolError",
    "ToolFinished",
    "ToolMessage",
    "ToolResult",
    "ToolStarted",
    "ToolTimeoutError",
    "TurnGenerated",
    "TurnRetried",
    "UnknownFieldError",
    "UnknownToolError",
    "UnsupportedSchemaError",
    "UserMessage",
    "as_completed",
    "compile_schema",
    "cost_of",
    "estimate_tokens",
    "event_to_json",
    "gather",
    "held_by",
    "messages_from_json",
    "messages_schema",
    "messages_to_json",
    "nano",
    "tool",
    "trim",
]

_HOMES = {
    "event_to_json": "agent.event_json",
    "OpenTelemetrySink": "observe.otel",
    "LogSink": "observe.logs",
    "JournalError": "errors",
    "MCPConnectionError": "errors",
    "Journal": "observe.journal.journal",
    "Progress": "agent.many.progress",
    "as_completed": "agent.many.gather",
    "gather": "agent.many.gather",
    "Outcome": "agent.many.gather",
    "Job": "agent.many.gather",
    "FunctionTool": "tools.definition",
    "RunContext": "tools.context",
    "ModelRetry": "errors",
    "Sink": "agent.sinks",
    "RunInfo": "agent.sinks",
    "RetriesExhaustedError": "agent.errors",
    "ApprovalError": "agent.errors",
    "RunPausedError": "agent.run.saved",
    "SavedRun": "agent.run.saved",
    "Doubt": "agent.calls.doubt",
    "Decision": "agent.calls.approval",
    "ApprovalRequest": "agent.calls.approval",
    "Budget": "agent.bounds.budget",
    "RunFailed": "agent.events",
    "RunPaused": "agent.events",
    "HandedOff": "agent.events",
    "StepFinished": "agent.events",
    "CallRefused": "agent.events",
    "ApprovalGiven": "agent.events",
    "ApprovalAsked": "agent.events",
    "TurnRetried": "agent.events",
    "TurnGenerated": "agent.events",
    "RunStarted": "agent.events",
    "Agent": "agent.agent",
    "AbortedError": "errors",
    "AgentFastError": "errors",
    "BudgetTooSmallError": "errors",
    "CapacityError": "errors",
    "CheckpointError": "errors",
    "ConfigError": "errors",
    "EngineClosedError": "errors",
    "EngineError": "errors",
    "GrammarError": "errors",
    "GrammarTooLargeError": "errors",
    "LimitExceededError": "agent.errors",
    "MapError": "agent.errors",
    "ModelError": "errors",
    "ModelFaultError": "errors",
    "ModelUnavailableError": "errors",
    "OutputError": "agent.errors",
    "QueueFullError": "errors",
    "SessionConflictError": "errors",
    "SessionError": "errors",
    "ToolArgumentsError": "errors",
    "ToolDefinitionError": "errors",
    "ToolError": "errors",
    "ToolTimeoutError": "errors",
    "UnknownFieldError": "errors",
    "UnknownToolError": "errors",
    "UnsupportedSchemaError": "errors",
    "AgentEvent": "agent.events",
    "CallsProposed": "agent.events",
    "CanvasUpdate": "agent.events",
    "Escalate": "agent.calls.escalation",
    "Escalated": "agent.events",
    "EscalationFailed": "agent.events",
    "OutputRejected": "agent.events",
    "RunFinished": "agent.events",
    "StepStarted": "agent.events",
    "TextDelta": "agent.events",
    "ToolFinished": "agent.events",
    "ToolStarted": "agent.events",
    "messages_from_json": "agent.history.json_form",
    "messages_schema": "agent.history.json_form",
    "messages_to_json": "agent.history.json_form",
    "Session": "agent.history.session",
    "estimate_tokens": "agent.history.trim",
    "trim": "agent.history.trim",
    "held_by": "agent.checks.schemas",
    "Limits": "agent.bounds.limits",
    "Settings": "agent.bounds.limits",
    "AssistantMessage": "messages",
    "Message": "messages",
    "SystemMessage": "messages",
    "ToolMessage": "messages",
    "UserMessage": "messages",
    "CanvasState": "models.base",
    "Model": "models.base",
    "ModelRequest": "models.base",
    "ModelResponse": "models.base",
    "ModelUsage": "models.base",
    "PlainModel": "models.base",
    "TextChunk": "models.base",
    "CheapThenStrong": "models.composed.cheap_then_strong",
    "FirstThatWorks": "models.composed.first_that_works",
    "Router": "models.composed.router",
    "Price": "models.price",
    "cost_of": "models.price",
    "AllModelsFailedError": "errors",
    "LocalModel": "models.local.model",
    "OpenAIModel": "models.openai.model",
    "RecordingModel": "models.replay",
    "ReplayModel": "models.replay",
    "ScriptedModel": "models.scripted",
    "Escalation": "agent.result",
    "RunResult": "agent.result",
    "RunUsage": "agent.result",
    "Step": "agent.result",
    "Grammar": "runtime.grammar",
    "compile_schema": "runtime.grammar",
    "Confidence": "tools.confidence",
    "ToolCall": "tools.call",
    "ToolDefinition": "tools.call",
    "ToolResult": "tools.call",
    "Tool": "tools.definition",
    "MCPServer": "tools.mcp.server",
    "tool": "tools.definition",
}


def __getattr__(name: str) -> Any:
    if name == "nano":
        return import_module("agentfast.nano")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    with uncollected():
        value = getattr(import_module(f"agentfast.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
