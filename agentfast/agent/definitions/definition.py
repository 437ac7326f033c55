"""The parts of an agent, checked and compiled: what its runs share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic

from agentfast.agent.bounds.limits import Limits, Settings
from agentfast.agent.calls.approval import Approver
from agentfast.agent.calls.doubt import Doubt
from agentfast.agent.calls.early import may_begin_early
from agentfast.agent.calls.escalation import Escalate
from agentfast.agent.definitions.instructions import Instructions
from agentfast.agent.output.output_type import OutputType
from agentfast.agent.output.validators import Validators
from agentfast.agent.result import T
from agentfast.agent.sinks import Sink
from agentfast.models.base import Model
from agentfast.tools.executor import Executor


@dataclass(frozen=True, slots=True, eq=False)
class Definition(Generic[T]):
    """An agent's parts.

    Attributes:
        executor: runs the tools, those of hand-offs among them.
        handoffs: the agents that the conversation can be handed to, by the names of the tools that do it.
        holds_calls: a call may be held up: a tool requires approval, or calls may be doubtful.
        begins_calls_early: a call may begin while the model's turn is still being denoised.
    """

    name: str
    model: Model
    executor: Executor
    output: OutputType[T]
    validators: Validators
    instructions: Instructions
    tool_choice: str
    limits: Limits
    settings: Settings
    escalate: Escalate | None
    doubt: Doubt | None
    approve: Approver | None
    sinks: tuple[Sink, ...]
    handoffs: Mapping[str, Definition[Any]] = field(default_factory=dict[str, "Definition[Any]"])
    holds_calls: bool = field(init=False)
    begins_calls_early: bool = field(init=False)

    def __post_init__(self) -> None:
        held = self.doubt is not None or any(tool.requires_approval for tool in self.executor.registry)
        object.__setattr__(self, "holds_calls", held)
        early = self.settings.early_calls and getattr(self.model, "settles_calls", False)
        object.__setattr__(
            self, "begins_calls_early", early and any(map(may_begin_early, self.executor.registry))
        )

    @property
    def has_system(self) -> bool:
        """True if a conversation begins with a system message, be it an empty one."""
        return (
            self.instructions.text != "" or len(self.executor.registry) > 0 or self.output.schema is not None
        )
