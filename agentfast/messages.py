"""Messages of a conversation: frozen, shared by agents, chat formats and models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

from agentfast.tools.call import ToolCall, ToolResult
from agentfast.tools.confidence import Confidence

__all__ = [
    "AssistantMessage",
    "Message",
    "SystemMessage",
    "ToolCall",
    "ToolMessage",
    "ToolResult",
    "Transcript",
    "UserMessage",
    "assistant_turns",
]


@dataclass(frozen=True, slots=True)
class SystemMessage:
    """The agent's instructions; always first, at most one."""

    text: str


@dataclass(frozen=True, slots=True)
class UserMessage:
    """The user's prompt."""

    text: str


@dataclass(frozen=True, slots=True)
class AssistantMessage:
    """One turn of the model: either text, or one or more tool calls that may run in parallel.

    `confidence` is that of a typed answer; each call has its own. None where the model gives none. It says nothing of
    what the turn is, so equality leaves it out.
    """

    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    confidence: Confidence | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ToolMessage:
    """The result of one call. `content` is compact JSON text that the model reads.

    Results follow the assistant message in the order of its calls.
    """

    content: str
    name: str
    call_id: str = ""
    is_error: bool = False

    @classmethod
    def of(cls, result: ToolResult) -> ToolMessage:
        """The message that tells the model of a result."""
        return cls(result.content, result.name, result.call_id, result.is_error)


Message = SystemMessage | UserMessage | AssistantMessage | ToolMessage


class Transcript(Sequence[Message]):
    """A conversation that only grows.

    A model sees it at every step, so what a model derived from the messages up to now (their tokens) stays true
    and can be kept in `memo`, under a key of the model's own, instead of being made anew at each step.
    """

    __slots__ = ("_messages", "assistant_turns", "memo")

    def __init__(self, messages: Iterable[Message] = ()) -> None:
        self._messages: list[Message] = list(messages)
        self.assistant_turns = sum(isinstance(message, AssistantMessage) for message in self._messages)
        self.memo: dict[object, Any] = {}

    def append(self, message: Message) -> None:
        """Add a message at the end."""
        self._messages.append(message)
        if isinstance(message, AssistantMessage):
            self.assistant_turns += 1

    @overload
    def __getitem__(self, index: int) -> Message: ...
    @overload
    def __getitem__(self, index: slice) -> list[Message]: ...
    def __getitem__(self, index: int | slice) -> Message | list[Message]:
        return self._messages[index]

    def __len__(self) -> int:
        return len(self._messages)

    def __iter__(self) -> Iterator[Message]:
        return iter(self._messages)


def assistant_turns(messages: Sequence[Message]) -> int:
    """Number of the model's turns; O(1) for a Transcript."""
    if isinstance(messages, Transcript):
        return messages.assistant_turns
    return sum(isinstance(message, AssistantMessage) for message in messages)
