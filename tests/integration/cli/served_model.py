"""A model of this process behind a chat completions server that answers as vLLM with agentfast's plugin does."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Generator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

from agentfast.messages import AssistantMessage, Message, SystemMessage, ToolCall, ToolMessage, UserMessage
from agentfast.models.base import ModelRequest, ModelResponse
from agentfast.models.local.model import LocalModel
from agentfast.tools.call import ToolDefinition
from tests.support.servers.openai_server import Server, call, reply


@contextmanager
def served(opened: AbstractAsyncContextManager[LocalModel]) -> Generator[Server]:
    """A server of this model, on an event loop of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    model = asyncio.run_coroutine_threadsafe(opened.__aenter__(), loop).result(60)

    def answer(handler: BaseHTTPRequestHandler) -> None:
        asked: dict[str, Any] = vars(handler)["asked"]
        response = asyncio.run_coroutine_threadsafe(model.respond(_request(asked)), loop).result(60)
        reply(_body(response))(handler)

    server = Server(usual=answer)
    try:
        yield server
    finally:
        server.close()
        asyncio.run_coroutine_threadsafe(opened.__aexit__(None, None, None), loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def _request(asked: dict[str, Any]) -> ModelRequest:
    tools = [tool["function"] for tool in asked.get("tools", ())]
    definitions = [ToolDefinition(tool["name"], tool["description"], tool["parameters"]) for tool in tools]
    return ModelRequest(
        _messages(asked["messages"]),
        tools=tuple(definitions),
        temperature=asked.get("temperature"),
        seed=asked.get("seed"),
        max_tokens=asked.get("max_tokens"),
    )


def _messages(given: Sequence[dict[str, Any]]) -> list[Message]:
    read: list[Message] = []
    names: dict[str, str] = {}
    for message in given:
        match message["role"]:
            case "system":
                read.append(SystemMessage(message["content"]))
            case "user":
                read.append(UserMessage(message["content"]))
            case "tool":
                id_ = message["tool_call_id"]
                read.append(ToolMessage(message["content"], names[id_], id_))
            case _:
                calls = [_call(raw) for raw in message.get("tool_calls", ())]
                names |= {found.id: found.name for found in calls}
                read.append(AssistantMessage(message["content"] or "", tuple(calls)))
    return read


def _call(raw: dict[str, Any]) -> ToolCall:
    return ToolCall(raw["function"]["name"], json.loads(raw["function"]["arguments"]), raw["id"])


def _body(response: ModelResponse) -> dict[str, Any]:
    calls = [
        call(json.dumps(made.arguments), made.name, f"chatcmpl-tool-{at}")
        for at, made in enumerate(response.message.calls)
    ]
    message = {
        "role": "assistant",
        "content": response.message.text or None,
        "reasoning": None,
        **({"tool_calls": calls} if calls else {}),
    }
    reason = "tool_calls" if calls else response.finish_reason
    usage = {
        "prompt_tokens": response.usage.prompt_tokens,
        "completion_tokens": response.usage.generated_tokens,
        "canvases": response.usage.canvases,
        "denoising_steps": response.usage.denoising_steps,
    }
    choice = {"index": 0, "message": message, "finish_reason": reason, "stop_reason": None, "logprobs": None}
    return {"object": "chat.completion", "choices": [choice], "usage": usage}
