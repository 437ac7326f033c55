"""Your own agent on a real model: behind an OpenAI-compatible server, or a checkpoint.

    python examples/real_model.py http://localhost:8000/v1 my-model
    python examples/real_model.py path/to/a/checkpoint

A server is vLLM, SGLang, llama.cpp, Ollama or a hosted one; its key is the environment's OPENAI_API_KEY. A checkpoint is
a directory of DiffusionGemma or Gemma 4, which this process loads itself. Nothing else of an agent changes with its model.
"""

from __future__ import annotations

import asyncio
import sys

from pydantic import BaseModel

from agentfast import Agent, LocalModel, OpenAIModel, tool


@tool
def get_weather(city: str) -> dict[str, object]:
    """Gets today's weather in a city."""
    return {"city": city, "celsius": 21, "rain": False}


class Advice(BaseModel):
    """What to wear."""

    coat: bool
    reason: str


def open_model(where: str, name: str | None) -> OpenAIModel | LocalModel:
    """The model that the command line names."""
    return LocalModel.from_checkpoint(where) if name is None else OpenAIModel(name, base_url=where)


async def main(where: str, name: str | None = None) -> None:
    async with open_model(where, name) as model:
        agent = Agent(
            model,
            tools=[get_weather],
            instructions="Look up the weather, then say what to wear.",
            output_type=Advice,
        )
        result = await agent.run("Do I need a coat in Lisbon?")
    for step in result.steps:
        for call in step.message.calls:
            print(f"{call.name}({call.arguments})")
    print(repr(result.output))


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 3:
        sys.exit("usage: real_model.py URL MODEL, or real_model.py CHECKPOINT")
    asyncio.run(main(*sys.argv[1:]))
