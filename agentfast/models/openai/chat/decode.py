"""Answers in the format of OpenAI's chat completions, in every shape that servers send."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from agentfast.errors import ModelError
from agentfast.messages import AssistantMessage, ToolCall
from agentfast.models.base import FinishReason, ModelRequest, ModelResponse, ModelUsage
from agentfast.models.openai.content import read_content
from agentfast.models.openai.json_text import as_list, as_object, parse_json, well_formed
from agentfast.models.openai.token_confidence import with_confidence

_CUT_OFF = frozenset({"length", "max_tokens", "model_length", "max_output_tokens"})
_CALLED = frozenset({"tool_calls", "function_call"})
_PADDING = 0  # the token with which vLLM with agentfast's plugin ends a turn that it cannot go on with
_FILTERED = frozenset({"content_filter", "safety", "SAFETY"})


def decode_completion(body: Any, request: ModelRequest) -> ModelResponse:
    """Read the turn out of a server's answer to `request`.

    Raises:
        ModelError: there is none, the model refused, or the turn is none that the request allows. The message says
            what came instead.
    """
    completion = _object(body, "the answer")
    choices = as_list(completion.get("choices"))
    if not choices:
        raise ModelError(f"the server's answer has no choices: {_shown(completion)}")
    choice = _object(choices[0], "the choice")
    reason = str(choice.get("finish_reason"))
    if reason in _FILTERED:
        raise ModelError("the server's content filter cut the turn off", hint="change the prompt")
    if reason == "error" or choice.get("error"):
        raise ModelError(
            f"the server failed in the middle of the turn: {_shown(choice.get('error') or choice)}"
        )
    if _is_given_up(choice.get("stop_reason")):
        raise ModelError(
            "the server gave the turn up in the middle: its constraint could not be kept",
            hint="see the server's log",
        )
    finish: FinishReason = "length" if reason in _CUT_OFF else "stop"
    message = _object(choice.get("message"), "the message")
    turn = _turn(message, finish, request)
    if reason in _CALLED and not turn.calls and not turn.text:
        raise ModelError(f"the server says that the model made calls, but there are none: {_shown(message)}")
    if request.confidence and finish == "stop":
        turn = with_confidence(turn, choice.get("logprobs"), request)
    return ModelResponse(turn, _usage(as_object(completion.get("usage"))), finish)


def _turn(message: Mapping[str, Any], finish: FinishReason, request: ModelRequest) -> AssistantMessage:
    if message.get("refusal"):
        raise ModelError(f"the model refused: {message['refusal']}")
    text = read_content(message.get("content"))
    # A turn that was cut off may end inside a call: nothing of it can be used.
    calls = () if finish == "length" else tuple(_calls(message))
    _check(calls, request)
    if text is None and not calls and finish != "length":
        raise ModelError(f"the server's message has neither text nor calls: {_shown(message)}")
    return AssistantMessage(text or "", calls)


def _calls(message: Mapping[str, Any]) -> Iterator[ToolCall]:
    given = message.get("tool_calls")
    if given and not as_list(given):
        raise ModelError(f"the message's tool_calls are no list: {_shown(given)}")
    for raw in as_list(given):
        call = _object(raw, "a call")
        # A few servers write the function's name and arguments where its object should be.
        function = _object(
            call if "function" not in call and "name" in call else call.get("function"), "a call"
        )
        yield _call(function, call.get("id"))
    if not given and message.get("function_call"):
        yield _call(_object(message["function_call"], "the message's function_call"), None)


def _call(function: Mapping[str, Any], id_: Any) -> ToolCall:
    name = function.get("name")
    if not isinstance(name, str) or not name:
        raise ModelError(f"a call has no name: {_shown(function)}")
    arguments, malformed = _read_arguments(function.get("arguments"))
    named = isinstance(id_, (str, int)) and not isinstance(id_, bool)
    return ToolCall(name, arguments, str(id_) if named else "", malformed=malformed)


def _read_arguments(written: Any) -> tuple[dict[str, Any], str | None]:
    """The arguments, and None; or nothing, and the text that stands in place of a JSON object.

    An object is taken as it is or as its JSON text. No arguments, an empty text and null are an empty object: the tool
    then says if it needs any.
    """
    value: Any = written
    try:
        if isinstance(written, str):
            value = parse_json(written) if written.strip() else None
        # Refused is also what Python's reader takes and JSON does not have: NaN, infinity, numbers beyond a float.
        text = json.dumps(value, allow_nan=False)
    except (ValueError, RecursionError):
        text = repr(value)
    else:
        if value is None:
            return {}, None
        if isinstance(value, dict):
            return cast("dict[str, Any]", value), None
    return {}, well_formed(written) if isinstance(written, str) else text


def _check(calls: Sequence[ToolCall], request: ModelRequest) -> None:
    if calls and (not request.tools or request.tool_choice == "none"):
        raise ModelError(f"the model called {calls[0].name!r}, but no call was allowed")
    if len(calls) > request.max_calls:
        raise ModelError(
            f"the model made {len(calls)} calls in a turn of {request.max_calls} at most",
            hint="raise Settings.max_calls",
        )


def _usage(usage: Mapping[str, Any]) -> ModelUsage:
    details = as_object(usage.get("prompt_tokens_details"))
    return ModelUsage(
        prompt_tokens=_count(usage.get("prompt_tokens")),
        cached_tokens=_count(details.get("cached_tokens")),
        generated_tokens=_count(usage.get("completion_tokens")),
        canvases=_count(usage.get("canvases")),
        denoising_steps=_count(usage.get("denoising_steps")),
    )


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0


def _object(value: object, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ModelError(f"{what} of the server is not an object: {_shown(value)}")
    return cast("Mapping[str, Any]", value)


def _shown(value: object) -> str:
    return f"{value!r:.300}"


def _is_given_up(stop_reason: object) -> bool:
    return isinstance(stop_reason, int) and not isinstance(stop_reason, bool) and stop_reason == _PADDING
