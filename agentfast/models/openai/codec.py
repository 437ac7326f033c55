"""Requests and responses in the format of OpenAI's chat completions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from agentfast.errors import ModelError
from agentfast.messages import AssistantMessage, Message, SystemMessage, ToolCall, ToolMessage, UserMessage
from agentfast.models.base import FinishReason, ModelRequest, ModelResponse, ModelUsage
from agentfast.tools.json_schema import with_standard_formats

SEEDS = 1 << 31  # servers differ in how many bits of a seed they take; all take these


def encode_chat(request: ModelRequest, *, strict: bool = False) -> dict[str, Any]:
    """The body of a request, without the model's name and the limit of tokens."""
    body: dict[str, Any] = {
        "messages": [encode_message(message) for message in request.messages],
        "temperature": request.temperature,
        "seed": request.seed % SEEDS,
    }
    if request.tools:
        body["tools"] = [
            {
                "type": "function",
                "function": {
                    "name": tool.name,
                    "description": tool.description,
                    **(
                        {"parameters": with_standard_formats(tool.parameters), "strict": True}
                        if strict
                        else {"parameters": tool.parameters}
                    ),
                },
            }
            for tool in request.tools
        ]
        body["tool_choice"] = _tool_choice(request.tool_choice)
        if request.max_calls == 1:
            body["parallel_tool_calls"] = False
    if request.output_schema is not None:
        written = with_standard_formats(request.output_schema) if strict else request.output_schema
        schema = {"name": "answer", "schema": written, "strict": strict}
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    return body


def encode_message(message: Message) -> dict[str, Any]:
    """A message as a JSON object of the chat completions API."""
    match message:
        case SystemMessage(text):
            return {"role": "system", "content": text}
        case UserMessage(text):
            return {"role": "user", "content": text}
        case ToolMessage(content=content, call_id=call_id):
            return {"role": "tool", "tool_call_id": call_id, "content": content}
        case AssistantMessage(text, ()):
            return {"role": "assistant", "content": text}
        case AssistantMessage(text, calls):
            return {
                "role": "assistant",
                "content": text or None,
                "tool_calls": [
                    {
                        "id": call.id,
                        "type": "function",
                        "function": {
                            "name": call.name,
                            "arguments": json.dumps(call.arguments, ensure_ascii=False),
                        },
                    }
                    for call in calls
                ],
            }


def decode_completion(body: Any, request: ModelRequest) -> ModelResponse:
    """Read the turn out of a server's answer to `request`.

    Raises:
        ModelError: there is none, the model refused, or the turn is none that the request allows.
    """
    choices = _list(_object(body, "the answer").get("choices"))
    if not choices:
        raise ModelError("the server's answer has no choices")
    choice = _object(choices[0], "the choice")
    message = _object(choice.get("message"), "the message")
    if message.get("refusal"):
        raise ModelError(f"the model refused: {message['refusal']}")
    reason = choice.get("finish_reason")
    if reason == "content_filter":
        raise ModelError("the server's content filter cut the turn off")
    finish: FinishReason = "length" if reason == "length" else "stop"
    # A turn that was cut off may end inside a call: nothing of it can be used.
    calls = () if finish == "length" else tuple(_calls(message))
    _check(calls, request)
    text = message.get("content")
    turn = AssistantMessage(text if isinstance(text, str) else "", calls)
    return ModelResponse(turn, _usage(_mapping(_object(body, "the answer").get("usage"))), finish)


def _tool_choice(choice: str) -> Any:
    return (
        choice
        if choice in ("auto", "required", "none")
        else {"type": "function", "function": {"name": choice}}
    )


def _calls(message: Mapping[str, Any]) -> Iterator[ToolCall]:
    for raw in _list(message.get("tool_calls")):
        call = _object(raw, "a call")
        function = _object(call.get("function"), "a call's function")
        name, written, id_ = function.get("name"), function.get("arguments"), call.get("id")
        if not isinstance(name, str):
            raise ModelError(f"a call has no name: {raw!r}")
        try:
            # A function without parameters may come without arguments.
            arguments: Any = json.loads(written) if isinstance(written, str) and written else written or {}
        except ValueError as error:
            raise ModelError(f"the model wrote arguments that are not JSON: {written!r}") from error
        if not isinstance(arguments, dict):
            raise ModelError(f"the model wrote arguments that are not an object: {written!r}")
        yield ToolCall(name, cast("dict[str, Any]", arguments), id_ if isinstance(id_, str) else "")


def _check(calls: tuple[ToolCall, ...], request: ModelRequest) -> None:
    if calls and (not request.tools or request.tool_choice == "none"):
        raise ModelError(f"the model called {calls[0].name!r}, but no call was allowed")
    if len(calls) > request.max_calls:
        raise ModelError(f"the model made {len(calls)} calls in a turn of {request.max_calls} at most")


def _usage(usage: Mapping[str, Any]) -> ModelUsage:
    details = _mapping(usage.get("prompt_tokens_details"))
    return ModelUsage(
        prompt_tokens=_count(usage.get("prompt_tokens")),
        cached_tokens=_count(details.get("cached_tokens")),
        generated_tokens=_count(usage.get("completion_tokens")),
    )


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0


def _object(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ModelError(f"{what} of the server is not an object: {value!r}")
    return cast("Mapping[str, Any]", value)


def _mapping(value: object) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


def _list(value: object) -> Sequence[object]:
    return cast("Sequence[object]", value) if isinstance(value, list) else ()
