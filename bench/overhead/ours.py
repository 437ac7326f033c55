"""The agent in agentfast."""

from __future__ import annotations

from agentfast import (
    Agent,
    AssistantMessage,
    Limits,
    Message,
    ModelRequest,
    ModelResponse,
    PlainModel,
    ToolCall,
    ToolMessage,
    UserMessage,
    tool,
)
from bench.overhead.workload import ANSWER, PROMPT, Run, Wait, arguments_of, call_id, quote, turn_after


class Model(PlainModel):
    """Calls the tool in each turn but the last, which answers."""

    def __init__(self, turns: int, calls: int, wait: Wait) -> None:
        self._wait = wait
        self._turns = [
            ModelResponse(
                AssistantMessage(
                    calls=tuple(
                        ToolCall("quote", arguments_of(turn, index), call_id(turn, index))
                        for index in range(calls)
                    )
                )
            )
            for turn in range(turns - 1)
        ]
        self._turns.append(ModelResponse(AssistantMessage(ANSWER)))

    @property
    def name(self) -> str:
        return "model"

    async def respond(self, request: ModelRequest) -> ModelResponse:
        await self._wait()
        last = request.messages[-1]
        return self._turns[turn_after(last.call_id if isinstance(last, ToolMessage) else None)]


def history_of(turns: int) -> list[Message]:
    """An earlier conversation of that many turns."""
    messages: list[Message] = [UserMessage(PROMPT)]
    for turn in range(turns):
        made = f"before_{turn}"
        messages.append(AssistantMessage(calls=(ToolCall("quote", arguments_of(turn, 0), made),)))
        messages.append(ToolMessage('{"product":"pen","price":3,"express":true}', "quote", made))
    return messages


def agent_of(turns: int, calls: int, wait: Wait, turns_before: int = 0) -> Run:
    """An agent whose model calls the tool so many times in each turn but the last; after that many turns of history."""
    agent = Agent(
        Model(turns, calls, wait),
        tools=[tool(quote)],
        limits=Limits(max_steps=turns, max_tool_calls=turns * calls),
    )

    history = history_of(turns_before) if turns_before else ()

    async def run() -> str:
        return (await agent.run(PROMPT, history=history)).output

    return run
