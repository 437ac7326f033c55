"""Other models: what servers of the chat completions protocol send, read or told apart."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler
from time import monotonic
from typing import Any

from agentfast import Agent, Message, RunResult, Settings, TextDelta, ToolMessage, tool
from bench.first_hour.items import expect, expect_words, item, refusal
from bench.first_hour.models import server, wait_for
from tests.support.servers.openai_server import Reply, Server, call, delta, reply, turn


@tool
def add(a: int, text: str = "") -> str:
    """Adds."""
    return f"{a} {text!r}"


def ask(
    running: Server,
    prompt: str = "go",
    *,
    history: Sequence[Message] = (),
    seed: int | None = None,
    **options: Any,
) -> RunResult:
    """The run of an agent, with these options of its own, on a model of the server's."""
    model_options = {name: options.pop(name) for name in ("timeout_s", "max_retries") if name in options}

    async def work() -> RunResult:
        async with running.model(**model_options) as model:
            agent: Agent = Agent(model, **options)
            return await agent.run(prompt, history=history, seed=seed)

    return wait_for(work())


def called(arguments: Any, id_: str = "x1") -> Reply:
    """A turn that calls `add`."""
    return reply(turn({"tool_calls": [call(arguments, id_=id_)]}, "tool_calls"))


def said(text: str) -> Reply:
    """A turn of text."""
    return reply(turn({"content": text}))


def results(*replies: Reply) -> Sequence[ToolMessage]:
    """The results of the calls in a run with `add` that gets these replies and has to end well."""
    with server(*replies, said("done")) as running:
        result = ask(running, tools=[add])
    expect(result.output == "done", result.output)
    return [message for message in result.messages if isinstance(message, ToolMessage)]


def failure(*replies: Reply, words: Sequence[str], **options: Any) -> None:
    """The run ends with a typed error of these words."""
    with server(*replies) as running:
        refusal(lambda: ask(running, **options), *words)


@item
def content_in_parts() -> None:
    """A content that is a list of parts is read: the text of its parts."""
    parts = [{"type": "text", "text": "hello"}, {"type": "text", "text": " you"}]
    with server(reply(turn({"content": parts}))) as running:
        output = ask(running).output
    expect(output == "hello you", output)


@item
def unknown_parts() -> None:
    """A content that holds no text is an error that says what came, never an empty answer."""
    failure(reply(turn({"content": [{"type": "image_url", "image_url": {}}]})), words=["image_url"])


@item
def function_call() -> None:
    """The older `function_call` is a call."""
    old = {"content": None, "function_call": {"name": "add", "arguments": '{"a":1}'}}
    (result,) = results(reply(turn(old, "function_call")))
    expect(json.loads(result.content) == "1 ''", result)


@item
def no_turn() -> None:
    """An answer without a turn is an error that says what came."""
    failure(reply({"choices": []}), words=["choices"])
    failure(reply(turn({})), words=["m: http://"])


@item
def error_with_status_200() -> None:
    """An error with status 200 keeps its reason."""
    failure(reply({"error": {"message": "quota is used up"}}), words=["quota is used up"])


@item
def retry_after() -> None:
    """`Retry-After: 3600` beyond timeout_s is an error at once, which says how long the server asks to wait."""
    busy = reply({"error": {"message": "busy"}}, 429, Retry_After="3600")
    failure(busy, words=["3600"], timeout_s=5.0)


@item
def raw_newline_in_arguments() -> None:
    """A raw newline in a string of the arguments is read."""
    (result,) = results(called('{"a":1,"text":"two\nlines"}'))
    expect(json.loads(result.content) == r"1 'two\nlines'", result)


@item
def null_as_arguments() -> None:
    """Arguments of "null" or "" are those of a call without any, which the tool's schema then judges."""
    for arguments in ("null", ""):
        (result,) = results(called(arguments))
        expect(result.is_error, result)
        expect_words(result.content, "a", "required")


@item
def malformed_arguments() -> None:
    """Arguments that are not JSON are told to the model, and the run goes on."""
    (result,) = results(called('{"a":'))
    expect(result.is_error, result)
    expect_words(result.content, "JSON")


@item
def surrogates() -> None:
    """Half a surrogate pair in arguments or text is replaced, and the conversation goes on."""
    replies = [called('{"a":1,"text":"\\ud83d"}'), reply(b'{"choices":[{"message":{"content":"x\\ud83d"}}]}')]
    with server(*replies, said("fine")) as running:
        result = ask(running, tools=[add])
        expect(result.output == "x\ufffd", result.output)
        output = ask(running, "more", history=result.messages, tools=[add]).output
    expect(output == "fine", output)


@item
def only_what_was_set() -> None:
    """No empty system message, temperature, seed or token limit is sent unless the user set it."""
    with server(said("a"), said("b")) as running:
        ask(running)
        set_ones = Settings(temperature=0.5, max_tokens=7)
        ask(running, seed=3, instructions="Be brief.", settings=set_ones)
        bare, full = running.asked
    expect(bare == {"model": "m", "messages": [{"role": "user", "content": "go"}]}, bare)
    expect((full["temperature"], full["max_tokens"]) == (0.5, 7) and "seed" in full, full)
    expect([message["role"] for message in full["messages"]] == ["system", "user"], full)


@item
def infinite_default() -> None:
    """A tool with a default of infinity is declared without it, and called."""

    def limit(most: float = float("inf")) -> float:
        """Limits."""
        return min(most, 2.0)

    with server(reply(turn({"tool_calls": [call("{}", "limit")]})), said("done")) as running:
        result = ask(running, tools=[limit])
        asked = json.dumps(running.asked)
    expect(result.output == "done" and "Infinity" not in asked, asked)


@item
def cut_off() -> None:
    """An answer that was cut off names the setting that allows no more."""
    failure(reply(turn({"content": "and so"}, "length")), words=["Settings(max_tokens"])


class Halfway:
    """A stream whose second part comes after the first was seen, or after a while."""

    def __init__(self) -> None:
        self.seen = threading.Event()
        self.in_time = False

    def __call__(self, handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("content-type", "text/event-stream")
        handler.end_headers()
        self._send(handler, delta({"content": "hel"}))
        self.in_time = self.seen.wait(20)
        self._send(handler, delta({"content": "lo"}, "stop"))
        handler.wfile.write(b"data: [DONE]\n\n")
        handler.close_connection = True

    def _send(self, handler: BaseHTTPRequestHandler, chunk: object) -> None:
        handler.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
        handler.wfile.flush()


@item
def streamed_text() -> None:
    """Text is streamed: its first words come before the server has sent the last ones."""
    halfway = Halfway()

    async def texts(running: Server) -> list[str]:
        found: list[str] = []
        async with running.model() as model:
            async for event in Agent(model).stream("go"):
                if isinstance(event, TextDelta):
                    found.append(event.text)
                    halfway.seen.set()
        return found

    with server(halfway) as running:
        found = wait_for(texts(running))
    expect(found == ["hel", "lo"] and halfway.in_time, found)


@item
def absent_server() -> None:
    """A server that is not there is an error that names the URL and what to do, not a wait."""
    with server() as running:
        url = running.url
    began = monotonic()
    refusal(lambda: ask(running, max_retries=1), url)
    expect(monotonic() - began < 60, f"{monotonic() - began:.0f} s")
