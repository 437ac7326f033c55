"""Requests of all kinds to vLLM's OpenAI server, by the official client; ends by printing one JSON line.

    python -m bench.vllm.server http://127.0.0.1:8000/v1 --count 200

Sixteen at a time, streamed or not; a tenth of them are given up while they run, a tenth cannot be met.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from jsonschema import Draft202012Validator

from bench.data.repository_tools import repository_tools

AT_ONCE = 16
BUDGET = 380
KINDS = ("auto", "required", "named", "none", "json_schema", "json_object", "regex", "choice")
PATTERN = "[A-Z]{2}-[0-9]{4,9}"
CHOICES = ["approve", "reject", "ask again"]
ORDER: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "integer", "minimum": 1, "maximum": 9999},
        "status": {"enum": ["shipped", "lost", "paid"]},
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 6}, "maxItems": 3},
    },
    "required": ["id", "status", "tags"],
    "additionalProperties": False,
}


@dataclass
class Asked:
    """A request.

    Attributes:
        fate: "finish", "abort" or "impossible".
    """

    kind: str
    stream: bool
    fate: str
    tools: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def body(self, number: int) -> dict[str, Any]:
        """The members of the HTTP request, but the model and `stream`."""
        body: dict[str, Any] = {
            "messages": [{"role": "user", "content": f"Request {number}"}],
            "max_tokens": 3 if self.fate == "impossible" else BUDGET,
        }
        extra: dict[str, Any] = {"chat_template_kwargs": {"enable_thinking": number % 3 == 0}}
        if self.tools:
            body["tools"] = self.tools
            name = self.tools[0]["function"]["name"]
            named = {"type": "function", "function": {"name": name}}
            body["tool_choice"] = named if self.kind == "named" else self.kind
        elif self.kind == "json_schema":
            schema = {"name": "order", "schema": ORDER}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        elif self.kind == "json_object":
            body["response_format"] = {"type": "json_object"}
        else:
            extra["structured_outputs"] = {"regex": PATTERN} if self.kind == "regex" else {"choice": CHOICES}
        if number % 5 == 0:
            body |= {"seed": number, "temperature": 0.5}
        return body | {"extra_body": extra}


@dataclass
class Answered:
    """What came of a request."""

    status: int
    finish: str | None = None
    content: str = ""
    calls: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])


def requests(count: int) -> Iterator[Asked]:
    """Requests of all kinds."""
    random = Random(1)
    known = [
        {"type": "function", "function": {"name": name, "parameters": schema}}
        for name, schema in repository_tools().items()
    ]
    for number in range(count):
        kind = KINDS[number % len(KINDS)]
        fate = "abort" if number % 10 == 3 else "impossible" if number % 10 == 7 else "finish"
        if fate == "impossible" and kind in ("auto", "none", "choice", "json_object"):
            kind = "required"  # words, a choice and {} can be short enough
        tools = random.sample(known, random.randint(1, 4)) if kind in KINDS[:4] else []
        yield Asked(kind, random.random() < 0.5, fate, tools)


async def ask(client: Any, model: str, asked: Asked, number: int) -> Answered:
    """Send a request and read all of its answer, or the beginning of it if it is to be given up."""
    openai = importlib.import_module("openai")
    try:
        if asked.fate == "abort" or asked.stream:
            return await _stream(client, model, asked, number)
        got = await client.chat.completions.create(model=model, **asked.body(number))
    except openai.APIStatusError as error:
        return Answered(error.status_code, content=str(error))
    except openai.APIError as error:  # vLLM refuses a streamed request by an event in the stream
        return Answered(int(error.code or 500), content=str(error))
    choice = got.choices[0]
    calls = [(call.function.name, call.function.arguments) for call in choice.message.tool_calls or ()]
    return Answered(200, choice.finish_reason, choice.message.content or "", calls)


async def _stream(client: Any, model: str, asked: Asked, number: int) -> Answered:
    answer = Answered(200)
    calls: dict[int, list[str]] = {}
    async with await client.chat.completions.create(model=model, stream=True, **asked.body(number)) as stream:
        async for chunk in stream:
            for choice in chunk.choices:
                answer.content += choice.delta.content or ""
                answer.finish = choice.finish_reason or answer.finish
                for call in choice.delta.tool_calls or ():
                    parts = calls.setdefault(call.index, ["", ""])
                    parts[0] += call.function.name or ""
                    parts[1] += call.function.arguments or ""
            if asked.fate == "abort":
                break
    answer.calls = [(name, arguments) for name, arguments in calls.values()]
    return answer


def is_valid(asked: Asked, answer: Answered) -> bool:
    """Test a finished answer."""
    if asked.kind == "json_schema":
        return Draft202012Validator(ORDER).is_valid(json.loads(answer.content))
    if asked.kind == "json_object":
        return isinstance(json.loads(answer.content), dict)
    if asked.kind == "regex":
        return re.fullmatch(PATTERN, answer.content) is not None
    if asked.kind == "choice":
        return answer.content in CHOICES
    if asked.kind == "none":
        return not answer.calls
    if not answer.calls:
        return asked.kind == "auto"
    schemas = {tool["function"]["name"]: tool["function"]["parameters"] for tool in asked.tools}
    allowed = [asked.tools[0]["function"]["name"]] if asked.kind == "named" else list(schemas)
    return all(
        name in allowed and Draft202012Validator(schemas[name]).is_valid(json.loads(arguments))
        for name, arguments in answer.calls
    )


async def run(base: str, count: int) -> dict[str, Any]:
    """Send all requests and count what came of them."""
    openai = importlib.import_module("openai")
    client = openai.AsyncOpenAI(base_url=base, api_key="none", max_retries=0, timeout=600)
    model = (await client.models.list()).data[0].id
    room = asyncio.Semaphore(AT_ONCE)

    async def one(number: int, asked: Asked) -> tuple[Asked, Answered]:
        async with room:
            return asked, await ask(client, model, asked, number)

    pairs = await asyncio.gather(*(one(number, asked) for number, asked in enumerate(requests(count))))
    return report(pairs)


def report(pairs: Sequence[tuple[Asked, Answered]]) -> dict[str, Any]:
    """What was seen; each wrong answer is shown."""
    seen: Counter[str] = Counter()
    for asked, answer in pairs:
        if asked.fate == "abort":
            seen["aborted"] += answer.status == 200
            continue
        if asked.fate == "impossible":
            good = answer.status == 400
            seen["refused"] += good
        else:
            try:
                good = answer.status == 200 and is_valid(asked, answer)
            except ValueError:
                good = False
            seen["valid"] += good
            seen["finished"] += answer.status == 200
            seen["calls"] += len(answer.calls)
        seen["server_errors"] += answer.status >= 500
        if not good:
            print("WRONG", asked.kind, asked.fate, asked.stream, answer)
    wanted = Counter(asked.fate for asked, _ in pairs)
    ok = seen["valid"] == wanted["finish"] and seen["refused"] == wanted["impossible"]
    return {"requests": len(pairs), **seen, "http_ok": ok and not seen["server_errors"]}


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("base", help="URL of the server, with /v1")
    parser.add_argument("--count", type=int, default=200)
    given = parser.parse_args()
    print(json.dumps(asyncio.run(run(given.base, given.count))))


if __name__ == "__main__":
    main()
