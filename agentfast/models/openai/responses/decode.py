"""Answers in the format of the responses API, read as the chat completions that say the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from agentfast.errors import ModelError
from agentfast.models.base import ModelRequest, ModelResponse
from agentfast.models.openai.chat.decode import decode_completion
from agentfast.models.openai.json_text import as_list, as_object


def decode_response(body: Any, request: ModelRequest) -> ModelResponse:
    """Read the turn out of a server's answer to `request`. What the model reasoned, or servers did by themselves, is not kept.

    Raises:
        ModelError: there is none, the model refused, or the turn is none that the request allows. The message says
            what came instead.
    """
    answer = as_object(body)
    output: object = answer.get("output")
    if not isinstance(output, list):
        raise ModelError(f"the server's answer has no output: {body!r:.300}")
    parts, calls = _read_items(as_list(answer["output"]))
    message = {"content": parts or None, "tool_calls": calls}
    choice = {"message": message, "finish_reason": _reason(answer)}
    return decode_completion({"choices": [choice], "usage": _usage(as_object(answer.get("usage")))}, request)


def _read_items(output: Sequence[Any]) -> tuple[list[Any], list[dict[str, Any]]]:
    """The parts of the answer's messages, and its calls as chat completions write them."""
    parts: list[Any] = []
    calls: list[dict[str, Any]] = []
    for raw in output:
        item = as_object(raw)
        match item.get("type", "message"):
            case "message":
                content = item.get("content")
                parts += as_list(content) or ([content] if content else [])
            case "function_call":
                function = {"name": item.get("name"), "arguments": item.get("arguments")}
                calls.append({"id": item.get("call_id") or item.get("id"), "function": function})
            case _:
                pass
    return parts, calls


def _reason(answer: Mapping[str, Any]) -> str:
    """The reason to finish, in the words of chat completions.

    Raises:
        ModelError: the answer is not finished.
    """
    match answer.get("status", "completed"):
        case "completed" | None:
            return "stop"
        case "incomplete":
            return str(as_object(answer.get("incomplete_details")).get("reason", "length"))
        case status:
            raise ModelError(f"the server did not finish the turn: its status is {status!r:.80}")


def _usage(usage: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **usage,
        "prompt_tokens": usage.get("input_tokens"),
        "completion_tokens": usage.get("output_tokens"),
        "prompt_tokens_details": usage.get("input_tokens_details"),
    }
