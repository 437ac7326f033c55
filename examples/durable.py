"""A run that is killed in the middle of its work, and goes on in another process without doing anything twice."""

import asyncio
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from agentfast import Agent, AssistantMessage, Journal, Message, ScriptedModel, ToolCall, tool

FOLDER = Path(os.environ.get("EXAMPLE_FOLDER") or tempfile.mkdtemp())


@tool(idempotent=True)
def write_page(number: int) -> str:
    """Writes a page of the report."""
    with (FOLDER / "report.txt").open("a", encoding="utf-8") as file:
        file.write(f"page {number}\n")
    if number == 2 and "EXAMPLE_FOLDER" in os.environ:
        os.kill(os.getpid(), 9)  # the power fails while page 2 is being written
    return f"page {number} is written"


def script(messages: Sequence[Message]) -> ToolCall | str:
    turns = sum(isinstance(message, AssistantMessage) for message in messages)
    return ToolCall("write_page", {"number": turns + 1}) if turns < 3 else "The report has three pages."


journal = Journal(FOLDER / "runs.db")
agent = Agent(ScriptedModel(script), tools=[write_page], name="writer", sinks=[journal])


async def main() -> None:
    environment = {**os.environ, "EXAMPLE_FOLDER": str(FOLDER)}
    process = await asyncio.create_subprocess_exec(sys.executable, __file__, env=environment)
    killed = await process.wait()
    (run,) = journal.runs()
    print(f"the first process ended by signal {-killed}, the run was interrupted: {run.is_interrupted}")
    result = await journal.resume(run.run_id, agent)
    print(result.output)
    print([record.kind for record in journal.records(run.run_id)].count("turn"), "turns of the model in all")


if __name__ == "__main__":
    if "EXAMPLE_FOLDER" in os.environ:
        agent.run_sync("Write a report of three pages.")
    else:
        asyncio.run(main())
