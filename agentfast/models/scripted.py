"""A scripted model: fixed answers for tests of agents, without an engine."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence

from agentfast.errors import ModelError
from agentfast.messages import AssistantMessage, Message, ToolCall, assistant_turns
from agentfast.models.base import ModelRequest, ModelResponse, PlainModel

Answer = str | ToolCall | Sequence[ToolCall] | AssistantMessage | ModelResponse | Exception
"""A text, one call, parallel calls, a whole message or response, or an exception to raise."""

Script = Sequence[Answer] | Callable[[Sequence[Message]], Answer | Awaitable[Answer]]


class ScriptedModel(PlainModel):
    """Answers from a script.

    A sequence holds the turns of one conversation: its k-th entry answers a conversation in which the model has
    spoken k times. So any number of runs can share the model, and each goes through the whole script. A function
    (sync or async) gets the messages and returns the answer.
    """

    def __init__(self, script: Script, *, name: str = "scripted") -> None:
        self._script = script
        self._name = name

    @property
    def name(self) -> str:
        return self._name

    async def respond(self, request: ModelRequest) -> ModelResponse:
        """The script's answer.

        Raises:
            ModelError: the script has no such turn.
        """
        if callable(self._script):
            answer = self._script(request.messages)
            return _to_response(await answer if inspect.isawaitable(answer) else answer)
        turn = assistant_turns(request.messages)
        if turn >= len(self._script):
            raise ModelError(f"the script of {self._name!r} ends after {len(self._script)} turns")
        return _to_response(self._script[turn])


def _to_response(answer: Answer) -> ModelResponse:
    match answer:
        case ModelResponse():
            return answer
        case AssistantMessage():
            return ModelResponse(answer)
        case str(text):
            return ModelResponse(AssistantMessage(text))
        case ToolCall() as call:
            return ModelResponse(AssistantMessage(calls=(call,)))
        case Exception():
            raise answer
        case calls:
            return ModelResponse(AssistantMessage(calls=tuple(calls)))
