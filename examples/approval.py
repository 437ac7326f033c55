"""A reservation that somebody has to approve: the run waits, as JSON, and goes on once it is decided on."""

import asyncio

from agentfast import Agent, Decision, RunPausedError, SavedRun, nano, tool


def is_long(nights: int) -> bool:
    return nights > 2


@tool(requires_approval=is_long)
async def reserve_room(nights: int) -> dict[str, object]:
    """Reserves a room."""
    return {"price": 80 * nights}


async def main() -> None:
    async with nano.load() as model:
        agent = Agent(model, tools=[reserve_room], instructions="You use tools.")
        for prompt in ("Reserve a room with nights 2", "Reserve a room with nights 9"):
            print(f"> {prompt}")
            try:
                result = await agent.run(prompt)
            except RunPausedError as paused:
                saved = paused.state.to_json()  # it can wait in a file or a database, for another process
                state = SavedRun.from_json(saved)
                (request,) = state.requests
                print("  waits for approval:", request.call.name, request.call.arguments)
                decision = Decision(approved=True, arguments={"nights": 3})  # three will do
                result = await agent.resume(state, {request.call.id: decision})
            print("  came back", result.steps[0].results[0].content)
            print(" ", result.output)


if __name__ == "__main__":
    asyncio.run(main())
