"""An HTTP server that streams an agent's events to browsers, as server-sent events. Needs starlette, and uvicorn to serve.

Run it by `uvicorn examples.streaming_server:app`; without a server, `python examples/streaming_server.py` asks it once.
"""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from agentfast import Agent, event_to_json, nano, tool


@tool(pure=True)
async def get_order(id: int) -> dict[str, object]:
    """Reads an order."""
    return {"id": id, "status": "shipped"}


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncGenerator[None]:
    async with nano.load() as model:
        app.state.agent = Agent(model, tools=[get_order], instructions="You run the order desk.")
        yield


async def ask(request: Request) -> StreamingResponse:
    async def events() -> AsyncIterator[str]:
        # A browser that leaves ends this generator, and with it the run and its row in the batch.
        async with aclosing(request.app.state.agent.stream(request.query_params["prompt"])) as stream:
            async for event in stream:
                yield f"data: {json.dumps(event_to_json(event))}\n\n"

    return StreamingResponse(events(), media_type="text/event-stream")


app = Starlette(routes=[Route("/ask", ask)], lifespan=lifespan)


def main() -> None:
    asked = {"prompt": "What is the status of order 1042?"}
    with TestClient(app) as client, client.stream("GET", "/ask", params=asked) as response:
        for line in filter(None, response.iter_lines()):
            event = json.loads(line.removeprefix("data: "))
            if event["type"] in ("tool_finished", "text_delta"):
                print(event["type"], event.get("text") or event["result"]["content"])


if __name__ == "__main__":
    main()
