"""Your own tools: sync and async functions, typed arguments, failures and time limits.

The signature is the schema. Each argument is checked once more before the call; an exception becomes a result that the
model reads, and so does a tool that takes too long. The run goes on either way.

The embedded model was taught tools that it had never seen, from single words: "Gets the temperature of a city.", asked as
"the temperature of ...", "with nights 3". Of such calls it gets about seven in ten right; these are among them. For tools
like yours put a real model in its place: `OpenAIModel(...)` or `LocalModel.from_checkpoint(...)`, as in real_model.py.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from pydantic import Field

from agentfast import Agent, CallsProposed, RunFinished, ToolError, ToolFinished, nano, tool


@tool(pure=True)  # it changes nothing: a call that the model is not sure of may run
def get_temperature(city: str, unit: Literal["celsius", "kelvin"] = "celsius") -> dict[str, object]:
    """Gets the temperature of a city.

    Args:
        city: the city's name.
        unit: of the answer.
    """
    known = {"Lisbon": 21, "Bergen": 9}
    if city not in known:
        raise ToolError(f"There is no city {city}.")  # the model reads this sentence
    return {"temperature": known[city] + (273 if unit == "kelvin" else 0)}


@tool(timeout=2)
async def reserve_room(
    nights: Annotated[int, Field(ge=1, le=14, description="at most two weeks")],
) -> dict[str, object]:
    """Reserves a room."""
    await asyncio.sleep(0.05)  # other runs, and other tools of this run, go on meanwhile
    return {"price": 80 * nights}


async def main() -> None:
    async with nano.load() as model:
        agent = Agent(model, tools=[get_temperature, reserve_room], instructions="You use tools.")
        for prompt in (
            "What is the temperature of Lisbon?",
            "What is the temperature of Atlantis?",
            "Reserve a room with nights 3",
        ):
            print(f"> {prompt}")
            async for event in agent.stream(prompt):
                match event:
                    case CallsProposed(calls=calls):
                        print("  asks for", ", ".join(f"{call.name} {call.arguments}" for call in calls))
                    case ToolFinished(result=result):
                        print("  came back", result.content, *(["as an error"] if result.is_error else []))
                    case RunFinished(result=done):
                        print(" ", done.output)
                    case _:
                        pass


if __name__ == "__main__":
    asyncio.run(main())
