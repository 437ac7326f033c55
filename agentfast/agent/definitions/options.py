"""Options of an agent, as keyword arguments of its constructor."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Generic, Literal, TypedDict

from agentfast.agent.bounds.limits import Limits, Settings
from agentfast.agent.calls.approval import Approver
from agentfast.agent.calls.doubt import Doubt
from agentfast.agent.calls.escalation import Escalate
from agentfast.agent.definitions.instructions import InstructionsLike
from agentfast.agent.sinks import SinkLike
from agentfast.tools.context import DepsT
from agentfast.tools.definition import Tool
from agentfast.tools.toolsets.toolset import Toolset


class AgentOptions(TypedDict, Generic[DepsT], total=False):
    """Options that every agent takes; `Agent` says what they mean."""

    tools: Iterable[Tool[DepsT] | Callable[..., Any] | Toolset]
    instructions: InstructionsLike[DepsT]
    tool_choice: str
    limits: Limits
    settings: Settings
    escalate: Escalate | None
    doubt: Doubt | Literal["model"] | None
    approve: Approver | None
    sinks: Iterable[SinkLike]
    name: str
    description: str
