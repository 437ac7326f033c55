"""Errors that end a run: the answer does not fit its type, or a budget is used up."""

from __future__ import annotations

from agentfast.agent.result import Step
from agentfast.errors import AgentFastError
from agentfast.messages import Message


class OutputError(AgentFastError):
    """The final answer does not fit the output type.

    Attributes:
        messages: the conversation up to there.
    """

    def __init__(self, message: str, *, hint: str | None = None, messages: tuple[Message, ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.messages = messages


class LimitExceededError(AgentFastError):
    """A run used up its budget of steps, calls, tokens or time.

    Attributes:
        messages: the conversation up to there; nothing that was done is lost.
        steps: the completed steps, as in a result.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        messages: tuple[Message, ...] = (),
        steps: tuple[Step, ...] = (),
    ) -> None:
        super().__init__(message, hint=hint)
        self.messages = messages
        self.steps = steps
