"""Tools for users' tests: overrides, the guard against real calls, recordings, and the pytest plugin."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agentfast import (
    Agent,
    AssistantMessage,
    CanvasState,
    CanvasUpdate,
    ConfigError,
    ModelError,
    ModelRequest,
    ModelResponse,
    OpenAIModel,
    PlainModel,
    TextChunk,
    ToolCall,
)
from agentfast.models.base import ModelEvent
from agentfast.testing import RecordingModel, ReplayModel, ScriptedModel, forbid_real_models

real = Agent(ScriptedModel(lambda messages: "real"), name="real", description="Answers.")


async def test_an_override_gives_an_agent_another_model_in_its_block() -> None:
    with real.override(model=ScriptedModel(["double"])):
        assert (await real.run("go")).output == "double"
    assert (await real.run("go")).output == "real"


async def test_an_override_reaches_an_agent_that_is_a_tool_or_is_handed_to() -> None:
    by_tool = Agent(ScriptedModel([[ToolCall("real", {"prompt": "x"})], "ok"]), tools=[real.as_tool()])
    by_hand = Agent(ScriptedModel([[ToolCall("transfer_to_real", {})]]), handoffs=[real])
    with real.override(model=ScriptedModel(lambda messages: "double")):
        result = await by_tool.run("go")
        assert result.steps[0].results[0].content == '"double"'
        assert (await by_hand.run("go")).output == "double"


async def test_overrides_of_tasks_at_once_do_not_see_each_other() -> None:
    async def one(answer: str) -> str:
        with real.override(model=ScriptedModel([answer])):
            await asyncio.sleep(0)
            return (await real.run("go")).output

    answers = [str(number) for number in range(10)]
    assert await asyncio.gather(*map(one, answers)) == answers
    assert (await real.run("go")).output == "real"


async def test_an_override_of_an_override_is_the_inner_one() -> None:
    with real.override(model=ScriptedModel(["a"])):
        with real.override(model=ScriptedModel(["b"])):
            assert (await real.run("go")).output == "b"
        assert (await real.run("go")).output == "a"


def test_an_override_takes_a_model() -> None:
    override: Any = real.override
    with pytest.raises(ConfigError, match="model is 'x'"), override(model="x"):
        pass


async def test_sinks_can_be_overridden() -> None:
    seen: list[Any] = []
    with real.override(sinks=[lambda run, event: seen.append(event)]):
        await real.run("go")
    assert seen


async def test_real_models_cannot_be_called_where_it_is_forbidden() -> None:
    agent = Agent(OpenAIModel("gpt", base_url="http://127.0.0.1:9/v1", api_key="x"))
    with forbid_real_models():
        with pytest.raises(ModelError, match="called the real model 'gpt', which is forbidden"):
            await agent.run("go")
        assert (await real.run("go")).output == "real"
        with agent.override(model=ScriptedModel(["double"])):
            assert (await agent.run("go")).output == "double"


class Canvases(PlainModel):
    """Shows a canvas and a piece of text before its answer."""

    @property
    def name(self) -> str:
        return "canvases"

    async def respond(self, request: ModelRequest) -> ModelResponse:
        return ModelResponse(AssistantMessage("hello"))

    async def stream(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        yield CanvasState(0, 1, ("he", "??"), (True, False), committed=False)
        yield TextChunk("hel")
        yield await self.respond(request)


async def test_a_recording_has_the_canvases_and_replays_them(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    first = [event async for event in Agent(RecordingModel(Canvases(), path)).stream("go")]
    again = [event async for event in Agent(ReplayModel(path)).stream("go")]
    canvases = [event for event in again if isinstance(event, CanvasUpdate)]
    assert canvases == [event for event in first if isinstance(event, CanvasUpdate)] != []
    assert (await Agent(ReplayModel(path)).run("go")).output == "hello"


TEST_FILE = """
import pytest
from agentfast import Agent, OpenAIModel, ScriptedModel, ModelError

def test_forbidden(forbid_real_models):
    agent = Agent(OpenAIModel("gpt", base_url="http://127.0.0.1:9/v1", api_key="x"))
    with pytest.raises(ModelError, match="forbidden"):
        agent.run_sync("go")

def test_recorded(recorded):
    agent = Agent(recorded(lambda: ScriptedModel(["fresh"])))
    assert agent.run_sync("go").output == "fresh"
"""


def run_pytest(folder: Path, *options: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", *options],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


def test_the_plugin_guards_and_records(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(TEST_FILE)
    assert "run the test once with --agentfast-record" in run_pytest(tmp_path)
    assert "2 passed" in run_pytest(tmp_path, "--agentfast-record")
    assert (tmp_path / "recordings" / "test_mine.test_recorded.jsonl").is_file()
    assert "2 passed" in run_pytest(tmp_path)


def test_the_configuration_forbids_real_models_everywhere(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\nagentfast_forbid_real_models = true\n")
    (tmp_path / "test_mine.py").write_text(
        TEST_FILE.replace("(forbid_real_models)", "()").split("def test_recorded")[0]
    )
    assert "1 passed" in run_pytest(tmp_path)
