"""The cost of the agent loop per step: many runs at once on a model that answers at once.

Measures milliseconds of one CPU core per step (a turn of the model and one tool call) beside the bare minimum, which
is asyncio and a pydantic validation and serialisation; then the same with long histories. Run it on an idle machine:
`python -m bench.overhead`. The last line is JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from pydantic import BaseModel

from agentfast.agent.agent import Agent
from agentfast.agent.bounds.limits import Limits
from agentfast.messages import AssistantMessage, Message, ToolCall, ToolMessage, UserMessage, assistant_turns
from agentfast.models.base import ModelRequest, ModelResponse, PlainModel
from agentfast.tools.definition import tool


class Sum(BaseModel):
    """The tool's result."""

    total: int


class Arguments(BaseModel):
    """The tool's arguments."""

    a: int
    b: int


@tool
async def add(a: int, b: int) -> Sum:
    """Add two numbers."""
    return Sum(total=a + b)


class InstantModel(PlainModel):
    """Calls the tool in each of its turns until the last one, which answers."""

    def __init__(self, turns: int) -> None:
        self._turns = turns
        self._call = ModelResponse(AssistantMessage(calls=(ToolCall("add", {"a": 1, "b": 2}),)))
        self._answer = ModelResponse(AssistantMessage("3"))

    @property
    def name(self) -> str:
        return "instant"

    async def respond(self, request: ModelRequest) -> ModelResponse:
        await asyncio.sleep(0)  # as any real model, it lets others run
        return self._call if assistant_turns(request.messages) < self._turns - 1 else self._answer


async def bare_run(steps: int) -> None:
    """The same work with nothing around it."""
    messages: list[str] = ["Add."]
    for _ in range(steps):
        await asyncio.sleep(0)
        arguments = Arguments.model_validate_json('{"a":1,"b":2}')
        result = Sum(total=arguments.a + arguments.b)
        messages.append(result.model_dump_json())


def history_of(turns: int) -> Sequence[Message]:
    """An earlier conversation of that many turns."""
    messages: list[Message] = [UserMessage("Add.")]
    for turn in range(turns):
        messages.append(AssistantMessage(calls=(ToolCall("add", {"a": turn, "b": 1}, f"call_{turn}"),)))
        messages.append(ToolMessage('{"total":1}', "add", f"call_{turn}"))
    return messages


def best_ms(work: Callable[[], Awaitable[Any]], runs: int, steps: int, repeats: int) -> float:
    """Milliseconds per step of `runs` concurrent runs, the best of `repeats`."""

    async def together() -> None:
        await asyncio.gather(*(work() for _ in range(runs)))

    times: list[float] = []
    for _ in range(repeats):
        gc.collect()
        start = time.process_time()
        asyncio.run(together())
        times.append(time.process_time() - start)
    return min(times) / (runs * steps) * 1000


def main() -> None:
    """Measure and print the costs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=50, help="concurrent runs")
    parser.add_argument("--steps", type=int, default=40, help="turns per run")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    runs, steps, repeats = options.runs, options.steps, options.repeats

    def agent_ms(turns_before: int) -> float:
        model = InstantModel(turns_before + steps)
        agent = Agent(
            model, tools=[add], limits=Limits(max_steps=None, max_tool_calls=None, max_identical_calls=None)
        )
        history = history_of(turns_before)
        return best_ms(lambda: agent.run("Add.", history=history), runs, steps, repeats)

    result = {
        "runs": runs,
        "steps": steps,
        "bare_ms": best_ms(lambda: bare_run(steps), runs, steps, repeats),
        "agent_ms": agent_ms(0),
        "agent_ms_after_100_turns": agent_ms(100),
        "agent_ms_after_1000_turns": agent_ms(1000),
    }
    print(f"{runs} concurrent runs of {steps} steps, CPU milliseconds per step, best of {repeats}:")
    for name, value in result.items():
        if name.endswith("ms") or "_ms_" in name:
            print(f"  {name:28} {value:.4f}")
    print(json.dumps({key: round(value, 5) for key, value in result.items()}))


if __name__ == "__main__":
    main()
