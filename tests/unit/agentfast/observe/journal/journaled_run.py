"""A program that runs an agent with a journal, to be killed and resumed: `python -m tests.unit.agentfast.observe.journal.journaled_run FILE`.

Each tool notes in a file of its own that it acted. The model goes through a fixed script, told by the conversation.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agentfast import Agent, AssistantMessage, Journal, Message, ScriptedModel, ToolCall, tool

TURNS = 6


def script(messages: Sequence[Message]) -> Any:
    """Three calls a turn: one without effects, one that may be repeated, one that may not."""
    turn = sum(isinstance(message, AssistantMessage) for message in messages)
    if turn == TURNS:
        return "done"
    return [ToolCall(name, {"n": turn}, f"{name}{turn}") for name in ("look", "put", "pay")]


def make_agent(folder: Path) -> Agent[None, str]:
    """The agent, whose tools note what they did in a folder."""

    def note(name: str, n: int) -> None:
        with (folder / name).open("a", encoding="utf-8") as file:
            file.write(f"{n}\n")
            file.flush()
            os.fsync(file.fileno())

    @tool(pure=True)
    async def look(n: int) -> int:
        """Look."""
        await asyncio.sleep(0)
        return n

    @tool(idempotent=True)
    def put(n: int) -> int:
        """Put."""
        note("put", n)
        return n

    @tool
    def pay(n: int) -> int:
        """Pay."""
        note("pay", n)
        return n

    return Agent(
        ScriptedModel(script), tools=[look, put, pay], name="payer", sinks=[Journal(folder / "runs.db")]
    )


if __name__ == "__main__":
    make_agent(Path(sys.argv[1])).run_sync("go")
