"""The agent in pydantic-ai."""

from __future__ import annotations

import json

from pydantic_ai import Agent, UsageLimits
from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models import Model

from bench.overhead.workload import ANSWER, PROMPT, Run, Wait, arguments_of, call_id, quote, turn_after


class InstantModel(Model):
    """Calls the tool in each turn but the last, which answers."""

    def __init__(self, turns: int, calls: int, wait: Wait) -> None:
        super().__init__()
        self._wait = wait
        self._turns = [
            [("quote", json.dumps(arguments_of(turn, index)), call_id(turn, index)) for index in range(calls)]
            for turn in range(turns - 1)
        ]

    @property
    def model_name(self) -> str:
        return "model"

    @property
    def system(self) -> str:
        return "bench"

    async def request(self, messages, model_settings, model_request_parameters):
        await self._wait()
        last = messages[-1].parts[-1]
        turn = turn_after(last.tool_call_id if isinstance(last, ToolReturnPart) else None)
        if turn == len(self._turns):
            return ModelResponse(parts=[TextPart(ANSWER)])
        return ModelResponse(parts=[ToolCallPart(*call) for call in self._turns[turn]])


def agent_of(turns: int, calls: int, wait: Wait) -> Run:
    """An agent whose model calls the tool so many times in each turn but the last."""
    agent = Agent(InstantModel(turns, calls, wait), tools=[quote])
    limits = UsageLimits(request_limit=turns)

    async def run() -> str:
        return (await agent.run(PROMPT, usage_limits=limits)).output

    return run
