"""A scripted model: fixed answers for tests of agents, without an engine."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import cast

from agentfast.errors import ModelError
from agentfast.messages import AssistantMessage, Message, ToolCall, assistant_turns
from agentfast.models.base import ModelRequest, ModelResponse, PlainModel
from agentfast.models.price import Price, check_price, priced
from agentfast.tools.checks import check_text, refuse, shown

Answer = str | ToolCall | Sequence[ToolCall] | AssistantMessage | ModelResponse | Exception
"""A text, one call, parallel calls, a whole message or response, or an exception to raise."""

Script = Sequence[Answer] | Callable[[Sequence[Message]], Answer | Awaitable[Answer]]


class ScriptedModel(PlainModel):
    """Answers from a script.

    A sequence holds the turns of one conversation: its k-th entry answers a conversation in which the model has
    spoken k times. So any number of runs can share the model, and each goes through the whole script. A function
    (sync or async) gets the messages and returns the answer.
    """

    price: Price | None

    def __init__(self, script: Script, *, name: str = "scripted", price: Price | None = None) -> None:
        """Take the script. With a price, the usage of an answer that is a ModelResponse has a cost.

        Raises:
            ConfigError: it is neither a sequence nor a function, an entry is no answer, or `price` is no Price.
        """
        check_text("name", name)
        check_price(price)
        self.price = price
        if not callable(script):
            _check_entries(script)
        self._script = script
        self._name = name

    @property
    def name(self) -> str:
        return self._name

    async def respond(self, request: ModelRequest) -> ModelResponse:
        """The script's answer.

        Raises:
            ModelError: the script has no such turn, or its function returned something else than an answer.
        """
        if callable(self._script):
            answer = self._script(request.messages)
            answer = await answer if inspect.isawaitable(answer) else answer
            if not _is_answer(answer):
                raise ModelError(
                    f"the script of {self._name!r} returned {shown(answer)}, which is no answer", hint=_HINT
                )
            return priced(_to_response(answer), self.price)
        turn = assistant_turns(request.messages)
        if turn >= len(self._script):
            raise ModelError(f"the script of {self._name!r} ends after {len(self._script)} turns")
        return priced(_to_response(self._script[turn]), self.price)


_TAKES = "a text, a ToolCall or a list of them, an AssistantMessage, a ModelResponse or an exception"
_HINT = "a typed answer is its JSON text, such as value.model_dump_json()"


def _check_entries(script: object) -> None:
    if isinstance(script, (str, bytes)) or not isinstance(script, Sequence):
        refuse(
            "script",
            script,
            "a list of answers, one a turn, or a function",
            hint="put a single answer into a list",
        )
    for index, answer in enumerate(cast("Sequence[object]", script)):
        if not _is_answer(answer):
            refuse(f"script[{index}]", answer, _TAKES, hint=_HINT)


def _is_answer(value: object) -> bool:
    if isinstance(value, (list, tuple)):
        calls = cast("Sequence[object]", value)
        return all(isinstance(call, ToolCall) for call in calls)
    return isinstance(value, (str, ToolCall, AssistantMessage, ModelResponse, Exception))


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
