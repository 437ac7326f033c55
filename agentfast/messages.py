"""What a conversation is made of: frozen messages, shared by agents, chat formats and models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call that the model asks for. `arguments` is the decoded JSON object."""

    name: str
    arguments: dict[str, Any]
    id: str = ""


@dataclass(frozen=True, slots=True)
class SystemMessage:
    """The agent's instructions; always first, at most one."""

    text: str


@dataclass(frozen=True, slots=True)
class UserMessage:
    """What the user asks."""

    text: str


@dataclass(frozen=True, slots=True)
class AssistantMessage:
    """One turn of the model: either text, or one or more tool calls that may run in parallel."""

    text: str = ""
    calls: tuple[ToolCall, ...] = ()


@dataclass(frozen=True, slots=True)
class ToolMessage:
    """The result of one call. `content` is compact JSON text that the model reads.

    Results follow the assistant message in the order of its calls.
    """

    content: str
    name: str
    call_id: str = ""
    is_error: bool = False


Message = SystemMessage | UserMessage | AssistantMessage | ToolMessage
