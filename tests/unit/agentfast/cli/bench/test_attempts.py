"""One agent on one task: what counts as right, wrong and invalid, and what is raised."""

from __future__ import annotations

import pytest

from agentfast.agent.result import Step
from agentfast.cli.bench.attempts import Conversation, TaskRecord, agent_for, attempt, judge
from agentfast.cli.desk import LIMITS
from agentfast.errors import ConfigError, EngineError, ModelError
from agentfast.messages import AssistantMessage, ToolCall
from agentfast.models.base import ModelUsage
from agentfast.models.scripted import Answer, Script, ScriptedModel
from agentfast.nano.tasks import Task, generate_tasks


@pytest.fixture
def task() -> Task:
    return generate_tasks(5, 1, mix={"chain": 1.0})[0]


async def work(task: Task, script: Script) -> TaskRecord:
    return judge(task, await attempt(agent_for(ScriptedModel(script), task, 0.0), task, 0))


def gold(task: Task) -> list[Answer]:
    return [*(turn.calls for turn in task.solution.turns), task.solution.answer.text]


async def test_the_gold_calls_and_answer_are_right(task: Task) -> None:
    found = await work(task, gold(task))
    assert found.right
    assert (found.turns, found.invalid_calls, found.error) == (len(task.solution.turns) + 1, 0, "")
    assert found.tool_calls == len(task.solution.calls)
    assert found.seconds > 0


def test_what_calls_and_text_take_is_counted_apart(task: Task) -> None:
    calling = AssistantMessage(calls=(ToolCall("no_such_tool", {}),))
    steps = (
        Step(calling, (), ModelUsage(generated_tokens=18, denoising_steps=2), 0.0, 0.0),
        Step(AssistantMessage("Done."), (), ModelUsage(generated_tokens=3, denoising_steps=1), 0.0, 0.0),
    )
    found = judge(task, Conversation((), steps, "Done.", 1.0))
    assert (found.call_tokens, found.call_steps) == (18, 2)
    assert (found.text_tokens, found.text_steps) == (3, 1)


async def test_an_answer_without_the_work_is_wrong(task: Task) -> None:
    found = await work(task, ["It is done."])
    assert not found.right
    assert found.error == ""


async def test_calls_of_no_tool_and_calls_that_break_a_schema_are_invalid(task: Task) -> None:
    name = task.tools[0].name
    calls = (ToolCall("no_such_tool", {}), ToolCall(name, {"no_such_argument": 1}))
    found = await work(task, [calls, *gold(task)])
    assert found.invalid_calls == 2
    assert found.tool_calls == 2 + len(task.solution.calls)


@pytest.mark.parametrize("error", [ModelError("x"), EngineError("x")])
async def test_a_model_that_fails_is_wrong(task: Task, error: Exception) -> None:
    found = await work(task, [error])
    assert not found.right
    assert found.error == type(error).__name__


async def test_a_run_that_reaches_a_limit_is_wrong_and_keeps_what_it_did(task: Task) -> None:
    call = task.solution.calls[0]
    found = await work(task, lambda _: call)
    assert not found.right
    assert (found.error, found.turns, found.tool_calls) == (
        "LimitExceededError",
        LIMITS.max_steps,
        LIMITS.max_steps,
    )


async def test_what_was_set_up_wrongly_is_raised(task: Task) -> None:
    with pytest.raises(ConfigError):
        await work(task, [ConfigError("x")])
