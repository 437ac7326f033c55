"""The toolset of an MCP server, against servers of the package mcp in processes of their own."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from agentfast import (
    Agent,
    AssistantMessage,
    ConfigError,
    MCPConnectionError,
    MCPServer,
    ScriptedModel,
    ToolCall,
    ToolError,
)
from agentfast.tools import Executor, ToolRegistry
from tests.support.servers.mcp_kit import call, free_port, kit, over_http, until

NUMBERS: Any = {"A": 1}
WRONG: Any = "all"


@pytest_asyncio.fixture
async def server() -> AsyncGenerator[MCPServer]:
    async with kit() as opened:
        yield opened


def named(server: MCPServer, name: str) -> Any:
    return next(each for each in server.tools() if each.name == name)


async def test_tools_have_the_servers_schemas_names_and_hints(server: MCPServer) -> None:
    weather = named(server, "weather")
    assert weather.description == "The weather of a city."
    assert weather.parameters["required"] == ["city"]
    assert weather.parameters["additionalProperties"] is False
    assert weather.parameters["properties"]["city"]["description"] == "the city's name"
    assert (weather.pure, weather.idempotent) == (True, True)
    keep, delete = named(server, "keep"), named(server, "files_delete-it")
    assert (keep.pure, keep.idempotent) == (False, True)
    assert (delete.pure, delete.idempotent, delete.original_name) == (False, False, "files.delete-it")


async def test_results_are_values_that_a_model_reads(server: MCPServer) -> None:
    assert await call(server, "weather", city="Rome") == {"city": "Rome", "degrees": 21}
    assert await call(server, "files.delete-it", path="a") == {"deleted": True}
    assert await call(server, "picture") == {"type": "image", "mime_type": "image/png", "bytes": 5}
    with pytest.raises(ToolError, match="Error executing tool fail"):
        await call(server, "fail", reason="why")


async def test_a_call_is_checked_before_it_is_sent(server: MCPServer) -> None:
    result = await Executor(ToolRegistry([server])).run(ToolCall("weather", {"city": 5}))
    assert result.is_error
    assert "5 is not of type 'string'" in result.content


async def test_an_agent_uses_a_server_that_nobody_opened() -> None:
    server = kit()
    model = ScriptedModel([AssistantMessage(calls=(ToolCall("keep", {"key": "a"}),)), "Done."])
    try:
        agent = Agent(model, tools=[server])
        result = await agent.run("Keep a.")
        assert result.steps[0].results[0].content == '{"result":"kept a"}'
        assert result.output == "Done."
    finally:
        await server.aclose()


async def test_calls_run_at_once(server: MCPServer, tmp_path: Path) -> None:
    answers = await asyncio.gather(*(call(server, "keep", key=str(number)) for number in range(50)))
    assert answers == [{"result": f"kept {number}"} for number in range(50)]


def test_event_loops_of_several_threads_share_a_server() -> None:
    found: list[Any] = []
    with asyncio.Runner() as runner:
        server = runner.run(kit().__aenter__())

        def work() -> None:
            found.append(asyncio.run(call(server, "keep", key="a")))

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        runner.run(server.__aexit__(None, None, None))
    assert found == [{"result": "kept a"}] * 4


async def test_a_server_is_opened_and_closed_by_different_tasks() -> None:
    server = kit()
    await asyncio.create_task(server.__aenter__())
    assert await asyncio.create_task(call(server, "keep", key="a")) == {"result": "kept a"}
    await asyncio.create_task(server.__aexit__(None, None, None))
    with pytest.raises(MCPConnectionError, match="'kit' was closed"):
        server.tools()


async def test_the_last_block_that_ends_closes_the_server_and_a_new_one_opens_it_again() -> None:
    server = kit()
    async with server:
        async with server:
            pass
        assert await call(server, "keep", key="a") == {"result": "kept a"}
    async with server:
        assert await call(server, "keep", key="b") == {"result": "kept b"}


async def test_a_cancelled_call_is_cancelled_at_the_server(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    async with kit(env={"MCP_JOURNAL": str(journal)}) as server:
        waiting = asyncio.create_task(call(server, "wait", key="a"))
        await until(lambda: journal.exists())
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await until(lambda: "ended a" in journal.read_text())


async def test_a_call_that_takes_too_long_is_cancelled_at_the_server(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    async with kit(env={"MCP_JOURNAL": str(journal)}, timeout=0.2) as server:
        result = await Executor(ToolRegistry([server])).run(ToolCall("wait", {"key": "a"}))
        assert result.content == '{"error":"timed out after 0.2 s"}'
        await until(lambda: "ended a" in journal.read_text())


async def test_a_call_under_way_when_the_process_dies_is_not_repeated_and_the_next_one_has_a_new_process(
    tmp_path: Path,
) -> None:
    journal = tmp_path / "journal"
    async with kit(env={"MCP_JOURNAL": str(journal)}) as server:
        with pytest.raises(
            MCPConnectionError, match="die: the connection to MCP server 'kit' was lost meanwhile"
        ):
            await call(server, "die", key="a")
        assert await call(server, "keep", key="b") == {"result": "kept b"}
    assert journal.read_text() == "died a\n"


async def test_a_read_only_call_under_way_when_the_process_dies_is_repeated(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    async with kit(env={"MCP_JOURNAL": str(journal)}) as server:
        assert await call(server, "die_once", marker=str(tmp_path / "marker")) == {"result": "alive"}
    assert journal.read_text() == "die_once\ndie_once\n"


async def test_tries_are_bounded(tmp_path: Path) -> None:
    journal = tmp_path / "journal"
    async with kit(retries=1, env={"MCP_JOURNAL": str(journal)}) as server:
        with pytest.raises(
            MCPConnectionError, match="die_always: MCP server 'kit' is out of reach after 2 tries"
        ):
            await call(server, "die_always")
    assert journal.read_text() == "die_always\n" * 2


async def test_what_a_server_says_on_standard_error_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "agentfast.tools.mcp"):
        async with kit():
            await until(lambda: "kit: kit is up" in caplog.messages)


async def test_new_tools_are_noticed() -> None:
    changed = threading.Event()
    async with kit(on_tools_changed=changed.set) as server:
        before = len(server.tools())
        await call(server, "grow")
        await until(changed.is_set)
        assert len(server.tools()) == before + 1
        assert await call(server, "grown") == {"result": "grown"}


async def test_resources_and_prompts_are_read(server: MCPServer) -> None:
    today, day = await server.list_resources()
    assert (today.uri, today.mime_type, today.is_template) == ("notes://today", "text/plain", False)
    assert (day.uri, day.is_template) == ("notes://{day}/all", True)
    (read,) = await server.read_resource("notes://today")
    assert (read.text, read.data) == ("nothing", None)
    (greet,) = await server.list_prompts()
    assert (greet.name, [(each.name, each.required) for each in greet.arguments]) == (
        "greet",
        [("name", True)],
    )
    (message,) = await server.get_prompt("greet", {"name": "Bo"})
    assert (message.role, message.content) == ("user", "Say hello to Bo.")
    with pytest.raises(ToolError, match="nowhere"):
        await server.read_resource("notes://nowhere")


async def test_approval_is_asked_for_what_is_not_said_to_be_harmless() -> None:
    async with kit(requires_approval="destructive") as server:
        asked = {each.name: each.requires_approval for each in server.tools()}
    assert (asked["weather"], asked["keep"], asked["files_delete-it"]) == (False, False, True)


async def test_a_server_that_is_not_trusted_is_not_believed() -> None:
    async with kit(trust_annotations=False, requires_approval="destructive") as server:
        assert not any(each.pure or each.idempotent for each in server.tools())
        assert all(each.requires_approval for each in server.tools())


async def test_the_environment_is_not_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "s")
    async with kit(env={"GIVEN": "g"}) as server:
        assert await call(server, "environment", name="SECRET") == {"result": ""}
        assert await call(server, "environment", name="GIVEN") == {"result": "g"}


async def test_a_command_that_is_not_there_is_a_typed_error() -> None:
    with pytest.raises(
        MCPConnectionError, match=r"cannot connect to MCP server 'nothing' \(/no/such/nothing\)"
    ):
        await MCPServer.stdio("/no/such/nothing").__aenter__()


async def test_a_process_that_ends_at_once_is_reported_with_its_last_words() -> None:
    code = "import sys; sys.exit('no key was given')"
    with pytest.raises(MCPConnectionError, match="it said: no key was given"):
        await MCPServer.stdio(sys.executable, ["-c", code]).__aenter__()


async def test_a_process_that_never_answers_is_given_up() -> None:
    code = "import time; time.sleep(1000)"
    server = MCPServer.stdio(sys.executable, ["-c", code], connect_timeout=0.3)
    with pytest.raises(MCPConnectionError, match=r"no answer within 0\.3 s"):
        await server.__aenter__()


async def test_http_is_served_as_processes_are(tmp_path: Path) -> None:
    port, journal = free_port(), tmp_path / "journal"
    async with over_http(port, journal), MCPServer.http(f"http://127.0.0.1:{port}/mcp") as server:
        assert server.name == f"127.0.0.1:{port}"
        assert await call(server, "weather", city="Rome") == {"city": "Rome", "degrees": 21}
        waiting = asyncio.create_task(call(server, "wait", key="a"))
        await until(lambda: journal.exists())
        waiting.cancel()
        await until(lambda: "ended a" in journal.read_text())
        assert await call(server, "keep", key="b") == {"result": "kept b"}


async def test_a_server_that_starts_anew_at_its_address_is_found_again() -> None:
    port = free_port()
    server = MCPServer.http(f"http://127.0.0.1:{port}/mcp", retries=2)
    try:
        async with over_http(port):
            assert await call(server, "keep", key="a") == {"result": "kept a"}
        with pytest.raises(MCPConnectionError, match="out of reach after 3 tries"):
            await call(server, "files.delete-it", path="a")  # never sent, so that it was tried again
        async with over_http(port):
            assert await call(server, "files.delete-it", path="a") == {"deleted": True}
    finally:
        await server.aclose()


async def test_an_address_where_nobody_listens_is_a_typed_error() -> None:
    with pytest.raises(MCPConnectionError, match="cannot connect"):
        await MCPServer.http(f"http://127.0.0.1:{free_port()}/mcp").__aenter__()


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_process_that_was_forked_has_to_make_its_own() -> None:
    server = kit()
    server.tools()
    child = os.fork()
    if not child:
        try:
            asyncio.run(call(server, "keep", key="a"))
        except MCPConnectionError as error:
            os._exit(7 if "before a fork" in str(error) else 8)
        os._exit(9)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    server.close()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MCPServer.stdio(""), "command is '' "),
        (lambda: MCPServer.stdio("a", "b c"), "args is 'b c'"),
        (lambda: MCPServer.stdio("a", env=NUMBERS), r"env\['A'\] is 1"),
        (lambda: MCPServer.http("localhost:80"), "url is 'localhost:80'"),
        (lambda: MCPServer.http("http://a", headers=NUMBERS), r"headers\['A'\] is 1"),
        (lambda: MCPServer.stdio("a", timeout=0), "timeout is 0"),
        (lambda: MCPServer.stdio("a", retries=-1), "retries is -1"),
        (lambda: MCPServer.stdio("a", requires_approval=WRONG), "requires_approval is 'all'"),
    ],
)
def test_an_argument_that_does_not_fit_is_named(make: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        make()
