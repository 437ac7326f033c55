"""Connections: one client for each event loop, closed with it, and clients of the user's own."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from agentfast import Agent, ConfigError, ModelError, ModelUnavailableError
from agentfast.messages import UserMessage
from agentfast.models.base import ModelRequest
from agentfast.models.openai.model import OpenAIModel
from tests.support.servers.openai_server import Server, delta, events, reply, turn

ASK = ModelRequest([UserMessage("Hello.")])
TEXT = reply(turn({"content": "Hi."}))
KEY = "sk-very-secret-key"


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server(usual=TEXT)
    yield server
    server.close()


@pytest.mark.parametrize("streams", [False, True])
def test_connections_are_closed_with_their_loop_though_nobody_closes_the_model(
    server: Server, *, streams: bool
) -> None:
    model = server.model()

    async def ask() -> None:
        if streams:
            server.replies = [events(delta({"content": "Hi."}, "stop"))]
            _ = [event async for event in model.stream(ASK)]
        else:
            await asyncio.gather(*(model.respond(ASK) for _ in range(3)))

    for _ in range(2):
        asyncio.run(ask())
        server.wait_until_nobody_is_connected()
    gc.collect()  # what had been left open would warn, which fails the test


def test_runs_one_after_another_in_loops_of_their_own_share_a_model(server: Server) -> None:
    agent = Agent(server.model())
    assert [agent.run_sync("Hi.").output for _ in range(3)] == ["Hi."] * 3
    server.wait_until_nobody_is_connected()


async def test_requests_of_one_loop_use_their_connections_again(server: Server) -> None:
    async with server.model() as model:
        for _ in range(5):
            await model.respond(ASK)
        assert server.connections == 1
        for _ in range(3):
            server.replies = [events(delta({"content": "Hi."}, "stop"))]
            _ = [event async for event in model.stream(ASK)]
        assert server.connections == 1
    await asyncio.to_thread(server.wait_until_nobody_is_connected)


async def test_a_closed_model_opens_new_connections(server: Server) -> None:
    model = server.model()
    for _ in range(2):
        async with model:
            assert (await model.respond(ASK)).message.text == "Hi."


async def test_a_users_own_client_is_asked_with_its_key_and_headers_and_not_closed(server: Server) -> None:
    async with openai.AsyncOpenAI(
        api_key=KEY, base_url=server.url, default_headers={"x-team": "a"}, max_retries=7
    ) as client:
        async with OpenAIModel("m", client=client, extra_headers={"x-more": "b"}) as model:
            assert (await model.respond(ASK)).message.text == "Hi."
        assert not client.is_closed()
    sent = server.headers[0]
    assert (sent["authorization"], sent["x-team"], sent["x-more"]) == (f"Bearer {KEY}", "a", "b")
    assert server.paths == ["/v1/chat/completions"]


async def test_azures_client_sends_to_its_deployment(server: Server) -> None:
    client = openai.AsyncAzureOpenAI(
        api_key=KEY, azure_endpoint=server.url.removesuffix("/v1"), api_version="2030-01-01"
    )
    async with client:
        assert (await OpenAIModel("mine", client=client).respond(ASK)).message.text == "Hi."
    assert server.paths == ["/openai/deployments/mine/chat/completions?api-version=2030-01-01"]
    assert server.headers[0]["api-key"] == KEY


async def test_a_users_client_is_retried_by_the_models_rules_and_its_key_is_not_shown(server: Server) -> None:
    server.replies = [reply({"error": {"message": f"key {KEY} is busy"}}, 429) for _ in range(2)]
    async with openai.AsyncOpenAI(api_key=KEY, base_url=server.url, max_retries=9) as client:
        model = OpenAIModel("m", client=client, max_retries=1, backoff_s=0)
        with pytest.raises(ModelUnavailableError, match=r"2 tries; the last: status 429: key \*\*\* is busy"):
            await model.respond(ASK)
    assert len(server.asked) == 2


async def test_a_users_client_sends_lone_surrogates_as_replacement_characters(server: Server) -> None:
    async with openai.AsyncOpenAI(api_key=KEY, base_url=server.url) as client:
        await OpenAIModel("m", client=client).respond(ModelRequest([UserMessage("So \ud83d")]))
    assert server.asked[0]["messages"][0]["content"] == "So \ufffd"


async def test_the_own_timeout_of_a_users_client_is_a_typed_error(server: Server) -> None:
    server.replies = [server.hang]
    async with openai.AsyncOpenAI(api_key=KEY, base_url=server.url, timeout=0.05) as client:
        with pytest.raises(ModelUnavailableError, match="no answer within"):
            await OpenAIModel("m", client=client, max_retries=0).respond(ASK)


async def test_a_failing_source_of_keys_is_a_model_error(server: Server) -> None:
    async def no_key() -> str:
        raise openai.OpenAIError("no key today")

    async with openai.AsyncOpenAI(api_key=no_key, base_url=server.url) as client:
        with pytest.raises(ModelError, match="no key today"):
            await OpenAIModel("m", client=client).respond(ASK)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"client": "x"}, "client is 'str'"),
        ({"client": openai.OpenAI(api_key=KEY)}, "make an AsyncOpenAI"),
        ({"client": openai.AsyncOpenAI(api_key=KEY), "api_key": "x"}, "leave out base_url and api_key"),
        ({"client": openai.AsyncOpenAI(api_key=KEY), "base_url": "http://h/v1"}, "leave out base_url"),
    ],
    ids=range(4),
)
def test_what_is_no_client_or_contradicts_one_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        OpenAIModel("m", **options)


def test_making_a_model_does_not_import_the_package() -> None:
    code = (
        "import sys\nfrom agentfast import OpenAIModel\nOpenAIModel('m', api_key='x')\n"
        "assert not {'openai', 'httpx', 'httpx2', 'torch'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
