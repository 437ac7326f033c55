"""Tools by the Model Context Protocol: this file's tools are served by a process of its own, and an agent uses them.

`agentfast mcp examples/mcp_tools.py:tools` is a server for any client of the protocol. `MCPServer` takes any server of it, such as
`MCPServer.stdio("npx", ["-y", "@modelcontextprotocol/server-filesystem", "."])`.
"""

from __future__ import annotations

import asyncio
import os
import sys

from agentfast import Agent, MCPServer, ToolError, nano, tool


@tool(pure=True)
def get_temperature(city: str) -> dict[str, object]:
    """Gets the temperature of a city."""
    known = {"Lisbon": 21, "Bergen": 9}
    if city not in known:
        raise ToolError(f"There is no city {city}.")
    return {"temperature": known[city]}


@tool
def reserve_room(nights: int) -> dict[str, object]:
    """Reserves a room."""
    return {"price": 80 * nights}


tools = [get_temperature, reserve_room]


async def main() -> None:
    server = MCPServer.stdio(
        sys.executable, ["-m", "agentfast", "mcp", f"{__file__}:tools"], env=os.environ, name="hotel"
    )
    async with nano.load() as model, server:
        print("tools:", ", ".join(each.name for each in server.tools()))
        agent = Agent(model, tools=[server], instructions="You use tools.")
        for prompt in (
            "What is the temperature of Lisbon?",
            "What is the temperature of Atlantis?",
            "Reserve a room with nights 3",
        ):
            result = await agent.run(prompt)
            print(f"> {prompt}")
            print(" ", result.steps[0].results[0].content)
            print(" ", result.output)


if __name__ == "__main__":
    asyncio.run(main())
