"""The agent in agent-framework-core."""

from __future__ import annotations

import json

from agent_framework import (
    Agent,
    BaseChatClient,
    ChatResponse,
    Content,
    FunctionInvocationLayer,
    Message,
    tool,
)

from bench.overhead.workload import ANSWER, PROMPT, Run, Wait, arguments_of, call_id, quote, turn_after


class InstantClient(FunctionInvocationLayer, BaseChatClient):
    """Calls the tool in each turn but the last, which answers."""

    def __init__(self, turns: int, calls: int, wait: Wait) -> None:
        super().__init__()
        self.function_invocation_configuration["max_iterations"] = turns
        self._wait = wait
        self._turns = [
            [(call_id(turn, index), json.dumps(arguments_of(turn, index))) for index in range(calls)]
            for turn in range(turns - 1)
        ]

    async def _inner_get_response(self, *, messages, stream, options, **kwargs):
        await self._wait()
        last = messages[-1].contents[-1]
        turn = turn_after(last.call_id if last.type == "function_result" else None)
        if turn == len(self._turns):
            return ChatResponse(messages=[Message(role="assistant", contents=[Content.from_text(ANSWER)])])
        calls = [
            Content.from_function_call(made, "quote", arguments=arguments)
            for made, arguments in self._turns[turn]
        ]
        return ChatResponse(messages=[Message(role="assistant", contents=calls)])


def agent_of(turns: int, calls: int, wait: Wait) -> Run:
    """An agent whose model calls the tool so many times in each turn but the last."""
    agent = Agent(InstantClient(turns, calls, wait), tools=[tool(approval_mode="never_require")(quote)])

    async def run() -> str:
        return (await agent.run(PROMPT)).text

    return run
