"""Turns: each call gets its result or one that says why it has none, and failures of tools are logged."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from agentfast import (
    Agent,
    AssistantMessage,
    ModelUsage,
    RunContext,
    ScriptedModel,
    ToolCall,
    ToolError,
    ToolResult,
    tool,
)
from agentfast.agent.bounds.repetition import Repetition
from agentfast.agent.history.call_ids import CallIds
from agentfast.agent.run.state import PendingTurn, RunState
from agentfast.agent.run.turn import Turn
from agentfast.agent.sinks import report_nothing
from agentfast.messages import Transcript
from tests.support.scripted_runs import BOUND_S, add, call


class Acted:
    """A turn of these calls, of a run that has these tools."""

    def __init__(self, *calls: ToolCall, tools: Sequence[Callable[..., Any]]) -> None:
        definition = Agent(ScriptedModel([]), tools=tools).definition
        state = RunState("agent-1", "agent", Transcript(), CallIds(), None, 0, Repetition())
        self._pending = PendingTurn(AssistantMessage(calls=calls), [None] * len(calls), ModelUsage(), 0.0)
        self._turn = Turn(state, self._pending, definition, report_nothing, lambda call: RunContext(None))
        self.run_calls = self._turn.run_calls
        self.close = self._turn.close

    @property
    def results(self) -> list[ToolResult]:
        return [result for result in self._pending.results if result is not None]


def contents(turn: Acted) -> list[str]:
    return [result.content for result in turn.results]


async def test_results_are_in_the_order_of_the_calls() -> None:
    turn = Acted(call(1, 2), call(3, 4), tools=[add])
    await turn.run_calls()
    assert contents(turn) == ["3", "7"]


def test_calls_that_were_not_begun_say_so() -> None:
    turn = Acted(call(1, 2), call(3, 4), tools=[add])
    turn.close("more than 1 tool calls")
    assert contents(turn) == ['{"error":"not run: more than 1 tool calls"}'] * 2
    assert all(result.is_error for result in turn.results)


async def test_an_interrupted_turn_keeps_what_finished_and_says_what_did_not() -> None:
    began, finished = asyncio.Event(), asyncio.Event()

    async def hang() -> None:
        began.set()
        await asyncio.Event().wait()

    async def quick() -> int:
        finished.set()
        return 1

    turn = Acted(ToolCall("quick", {}), ToolCall("hang", {}), tools=[hang, quick])
    task = asyncio.create_task(turn.run_calls())
    async with asyncio.timeout(BOUND_S):
        await began.wait()
        await finished.wait()
        task.cancel()
        await asyncio.wait([task])
    turn.close("the run was cancelled")
    assert contents(turn) == [
        "1",
        '{"error":"interrupted: the run was cancelled; it may have taken effect"}',
    ]


async def test_a_tool_that_cancels_its_own_task_among_others_cancels_no_run() -> None:
    async def suicidal() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    turn = Acted(call(1, 2), ToolCall("suicidal", {}), tools=[add, suicidal])
    await turn.run_calls()
    assert contents(turn)[0] == "3"
    assert "cancelled its own task" in contents(turn)[1]


def broken() -> None:
    raise ValueError("out of stock")


def leaving() -> None:
    sys.exit(3)


async def leaving_soon() -> None:
    sys.exit()


@pytest.mark.parametrize(
    ("function", "said", "kind"),
    [
        (broken, "ValueError: out of stock", ValueError),
        (leaving, "the tool called sys.exit(3)", SystemExit),
        (leaving_soon, "the tool called sys.exit()", SystemExit),
    ],
)
async def test_what_a_tool_raises_is_logged_once_with_its_traceback_and_kept(
    function: Callable[[], object],
    said: str,
    kind: type[BaseException],
    caplog: pytest.LogCaptureFixture,
) -> None:
    turn = Acted(ToolCall("act", {}, "c1"), tools=[tool(function, name="act")])
    await turn.run_calls()
    (result,) = turn.results
    assert json.loads(result.content) == {"error": said}
    assert isinstance(result.exception, kind)
    (record,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert record.getMessage() == "tool failed run=agent-1 step=0 tool=act call=c1"
    assert record.exc_info is not None
    assert function.__name__ in caplog.text


async def test_what_a_tool_means_to_say_and_bad_arguments_are_no_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def act(number: int) -> None:
        raise ToolError(f"there is no order {number}")

    turn = Acted(ToolCall("act", {"number": 7}), ToolCall("act", {}), ToolCall("atc", {}), tools=[act])
    with caplog.at_level(logging.INFO, logger="agentfast"):
        await turn.run_calls()
    assert contents(turn)[0] == '{"error":"there is no order 7"}'
    assert [record.levelno for record in caplog.records] == [logging.INFO] * 3


async def test_a_timeout_is_logged_with_the_tool_and_its_limit_and_no_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def wait() -> None:
        await asyncio.Event().wait()

    turn = Acted(ToolCall("wait", {}, "c1"), tools=[tool(wait, timeout=0.01)])
    await turn.run_calls()
    (record,) = caplog.records
    assert record.getMessage() == "tool timed out after 0.01 s run=agent-1 step=0 tool=wait call=c1"
    assert (record.levelno, record.exc_info) == (logging.WARNING, None)
