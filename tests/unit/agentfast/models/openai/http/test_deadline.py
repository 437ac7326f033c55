"""Rate limits within a run's deadline: waited for if there is time, and else an error at once that says so."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from agentfast import Agent, Budget, Limits, ModelUnavailableError, RunFinished, RunResult
from agentfast.messages import UserMessage
from agentfast.models.base import ModelRequest
from tests.support.servers.openai_server import Server, reply, turn

TEXT = reply(turn({"content": "Hi."}))
BOUND_S = 60


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


async def _results(agent: Agent) -> AsyncIterator[RunResult[str]]:
    async for event in agent.stream("Hi."):
        if isinstance(event, RunFinished):
            yield event.result


@pytest.mark.parametrize("streams", [False, True])
async def test_a_wait_that_does_not_fit_the_runs_time_is_refused_at_once(
    server: Server, *, streams: bool
) -> None:
    server.replies = [reply({"error": {"message": "slow down"}}, 429, retry_after="50")]
    async with server.model() as model, asyncio.timeout(BOUND_S):
        agent = Agent(model, limits=Limits(deadline_s=40))
        with pytest.raises(ModelUnavailableError, match=r"slow down; .* to wait 50 s, but the run has [34]"):
            await (anext(_results(agent)) if streams else agent.run("Hi."))
    assert len(server.asked) == 1


async def test_a_wait_that_fits_is_kept(server: Server) -> None:
    server.replies = [reply("", 429, retry_after_ms="20"), reply("", 503, retry_after="0.02"), TEXT]
    async with server.model() as model:
        agent = Agent(model, limits=Limits(deadline_s=BOUND_S))
        assert (await agent.run("Hi.")).output == "Hi."
    assert len(server.asked) == 3


async def test_the_deadline_of_a_shared_budget_counts_too(server: Server) -> None:
    server.replies = [reply("", 429, retry_after="50")]
    async with server.model() as model:
        with pytest.raises(ModelUnavailableError, match="the server asks to wait 50 s, but the run has"):
            await Agent(model).run("Hi.", budget=Budget(seconds=40))


async def test_no_request_is_sent_again_after_the_deadline(server: Server) -> None:
    server.replies = [reply("", 503), TEXT]
    request = ModelRequest([UserMessage("Hi.")], ends_at=time.monotonic() + 30)
    async with server.model(backoff_s=31) as model:
        with pytest.raises(
            ModelUnavailableError,
            match="no answer at 1 try, and the run has no time for another; the last: status 503",
        ):
            await model.respond(request)
    assert len(server.asked) == 1


async def test_a_server_that_says_not_to_try_again_is_not_tried_again(server: Server) -> None:
    server.replies = [reply({"error": "down for the day"}, 503, x_should_retry="false"), TEXT]
    async with server.model() as model:
        with pytest.raises(ModelUnavailableError, match=r"down for the day .*another try will not help"):
            await model.respond(ModelRequest([UserMessage("Hi.")]))
    assert len(server.asked) == 1
