"""The agent in langgraph: its prebuilt loop of a model and tools."""

from __future__ import annotations

import warnings
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool
from langgraph.prebuilt import create_react_agent

from bench.overhead.workload import ANSWER, PROMPT, Run, Wait, arguments_of, call_id, quote, turn_after


class InstantModel(BaseChatModel):
    """Calls the tool in each turn but the last, which answers."""

    wait: Any
    turns: list[list[dict[str, Any]]]

    @property
    def _llm_type(self) -> str:
        return "model"

    def bind_tools(self, tools, **kwargs):
        return self

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        raise NotImplementedError

    async def _agenerate(self, messages, stop=None, run_manager=None, **kwargs):
        await self.wait()
        last = messages[-1]
        turn = turn_after(last.tool_call_id if isinstance(last, ToolMessage) else None)
        said = AIMessage(ANSWER) if turn == len(self.turns) else AIMessage("", tool_calls=self.turns[turn])
        return ChatResult(generations=[ChatGeneration(message=said)])


def agent_of(turns: int, calls: int, wait: Wait) -> Run:
    """An agent whose model calls the tool so many times in each turn but the last."""
    said = [
        [
            {
                "name": "quote",
                "args": arguments_of(turn, index),
                "id": call_id(turn, index),
                "type": "tool_call",
            }
            for index in range(calls)
        ]
        for turn in range(turns - 1)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # the same loop is called langchain.agents.create_agent in another package
        agent = create_react_agent(InstantModel(wait=wait, turns=said), [tool(quote)])
    config = {"recursion_limit": 2 * turns + 1}

    async def run() -> str:
        state = await agent.ainvoke({"messages": [("user", PROMPT)]}, config)
        return state["messages"][-1].content

    return run
