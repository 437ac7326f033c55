"""Agents: runs, streams and maps on scripted models."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import dataclasses
import pickle
from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import BaseModel

from agentfast import (
    Agent,
    AssistantMessage,
    CallsProposed,
    Confidence,
    ConfigError,
    Escalate,
    Message,
    ModelError,
    OutputError,
    OutputRejected,
    RunFinished,
    RunStarted,
    ScriptedModel,
    StepFinished,
    StepStarted,
    SystemMessage,
    TextDelta,
    ToolCall,
    ToolDefinitionError,
    ToolFinished,
    ToolMessage,
    ToolStarted,
    TurnGenerated,
    UserMessage,
)
from agentfast.agent.bounds.limits import Limits, Settings
from agentfast.agent.run.seeds import derive_seed
from agentfast.models.scripted import Answer
from tests.support.scripted_runs import BOUND_S, RecordingModel, add, call


class City(BaseModel):
    name: str
    people: int


async def test_a_run_calls_tools_until_the_model_answers() -> None:
    agent = Agent(ScriptedModel([call(1, 2), "three"]), tools=[add], instructions="Add.")
    result = await agent.run("What is 1 + 2?")
    assert result.output == "three"
    assert result.messages == (
        SystemMessage("Add."),
        UserMessage("What is 1 + 2?"),
        AssistantMessage(calls=(ToolCall("add", {"a": 1, "b": 2}, "call_0_0"),)),
        ToolMessage("3", "add", "call_0_0"),
        AssistantMessage("three"),
    )
    assert (result.usage.steps, result.usage.tool_calls) == (2, 1)
    assert [len(step.results) for step in result.steps] == [1, 0]


async def test_results_of_parallel_calls_are_in_the_order_of_the_calls() -> None:
    order: list[int] = []
    second_ran = asyncio.Event()

    async def wait(n: int) -> int:
        if n == 0:
            await second_ran.wait()
        second_ran.set()
        order.append(n)
        return n

    script: list[Answer] = [[ToolCall("wait", {"n": 0}), ToolCall("wait", {"n": 1})], "done"]
    async with asyncio.timeout(BOUND_S):
        result = await Agent(ScriptedModel(script), tools=[wait]).run("go")
    assert order == [1, 0]
    assert [message.content for message in result.messages if isinstance(message, ToolMessage)] == ["0", "1"]


async def test_ids_that_the_model_gives_are_kept() -> None:
    script: list[Answer] = [
        [ToolCall("add", {"a": 1, "b": 1}, "mine"), ToolCall("add", {"a": 1, "b": 2})],
        "ok",
    ]
    result = await Agent(ScriptedModel(script), tools=[add]).run("go")
    assert [step.call_id for step in result.steps[0].results] == ["mine", "call_0_1"]


async def test_a_failing_tool_is_a_result_that_the_model_reads() -> None:
    def fail() -> None:
        raise ValueError("out of stock")

    def answer(messages: Sequence[Message]) -> str | ToolCall:
        last = messages[-1]
        return last.content if isinstance(last, ToolMessage) else ToolCall("fail", {})

    result = await Agent(ScriptedModel(answer), tools=[fail]).run("go")
    assert result.output == '{"error":"ValueError: out of stock"}'
    assert result.steps[0].results[0].is_error


async def test_the_output_has_its_type() -> None:
    agent = Agent(ScriptedModel(['{"name":"Oslo","people":700000}']), output_type=City)
    assert (await agent.run("Oslo?")).output.people == 700_000


async def test_an_answer_that_does_not_fit_is_told_to_the_model_and_corrected() -> None:
    script = ['{"name":"Oslo"}', '{"name":"Oslo","people":7}']
    result = await Agent(ScriptedModel(script), output_type=City).run("Oslo?")
    assert result.output == City(name="Oslo", people=7)
    assert result.messages[-2] == UserMessage("The answer is not valid: people: Field required")


async def test_an_answer_that_never_fits_is_an_output_error_with_the_messages() -> None:
    agent = Agent(ScriptedModel(lambda _: "{}"), output_type=City, limits=Limits(output_retries=1))
    with pytest.raises(OutputError, match="name: Field required") as caught:
        await agent.run("Oslo?")
    assert sum(isinstance(message, AssistantMessage) for message in caught.value.messages) == 2


async def test_a_models_error_is_the_runs() -> None:
    with pytest.raises(ModelError, match="ends after 1 turns"):
        await Agent(ScriptedModel([call(1, 1)]), tools=[add]).run("go")


async def test_the_request_says_what_the_agent_is() -> None:
    model = RecordingModel(lambda _: "done")
    agent = Agent(model, tools=[add], instructions="Add.", name="adder")
    await agent.run("a", seed=1)
    await agent.run("a", seed=1)
    await agent.run("a", seed=2)
    first, again, other = model.requests
    assert first.messages == (SystemMessage("Add."), UserMessage("a"))
    assert first.tools == (add.definition,)
    assert first.tools is other.tools
    assert first.seed == again.seed != other.seed
    assert first.program != again.program
    assert first.program is not None
    assert first.program.startswith("adder-")


async def test_a_bare_agent_sends_no_system_message() -> None:
    model = RecordingModel(lambda _: "done")
    await Agent(model).run("a")
    assert model.requests[0].messages == (UserMessage("a"),)


async def test_a_conversation_goes_on_from_a_results_messages() -> None:
    model = RecordingModel(lambda _: "done")
    agent = Agent(model, instructions="New.")
    first = await Agent(model, instructions="Old.").run("a")
    await agent.run("b", history=first.messages)
    assert model.requests[1].messages == (
        SystemMessage("New."),
        UserMessage("a"),
        AssistantMessage("done"),
        UserMessage("b"),
    )


def test_run_sync_works_without_a_loop_and_says_so_inside_one() -> None:
    agent = Agent(ScriptedModel(["hello"]))
    assert agent.run_sync("hi").output == "hello"

    async def inside() -> None:
        agent.run_sync("hi")

    with pytest.raises(ConfigError, match=r"await agent\.run"):
        asyncio.run(inside())


def test_an_agent_cannot_be_changed_but_a_changed_copy_can_be_made() -> None:
    agent = Agent(ScriptedModel(["a"]), tools=[add], name="one")
    with pytest.raises(dataclasses.FrozenInstanceError):
        agent.name = "two"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
    copy = dataclasses.replace(agent, name="two")
    assert (copy.name, copy.tools, copy.run_sync("x").output) == ("two", (add,), "a")


MODEL = ScriptedModel([])
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"model": "openai:gpt-4o"}, "model is 'openai:gpt-4o'.*make it first: OpenAIModel"),
    ({"model": ScriptedModel}, "model is the class ScriptedModel.*make an instance"),
    ({"model": None}, "model is None"),
    (
        {"instructions": pow},
        "instructions takes .*it takes no argument, or the run's context",
    ),
    ({"instructions": ["a", 5]}, r"instructions\[1\] is 5"),
    ({"doubt": 0.5}, "doubt is 0.5"),
    ({"approve": True}, "approve is True"),
    ({"sinks": [5]}, r"sinks\[0\] is 5"),
    ({"sinks": print}, "put it into a list"),
    ({"output_validators": [5]}, r"output_validators\[0\] is 5"),
    ({"handoffs": ["b"]}, r"handoffs\[0\] is 'b'"),
    ({"instructions": None}, "instructions is None"),
    ({"instructions": "\ud83d"}, "instructions holds the lone surrogate"),
    ({"tools": [5]}, r"a tool is made of a function; 5 \(int\)"),
    ({"tools": [None]}, "a tool is made of a function; None"),
    ({"tools": [Agent(MODEL)]}, "wrap an agent in a function"),
    ({"tools": add}, "tools is .*put it into a list"),
    ({"tools": [add, add]}, "two tools are named 'add'"),
    ({"tools": [add], "tool_choice": "reqired"}, "tool_choice is 'reqired'.*did you mean required"),
    ({"tools": [add], "tool_choice": "ad"}, "did you mean add"),
    ({"tool_choice": None}, "tool_choice is None"),
    ({"tool_choice": "required"}, "the agent has no tools"),
    ({"output_type": object()}, "output_type is <object"),
    ({"limits": None}, r"limits is None; it takes Limits"),
    ({"settings": {"temperature": 0}}, "settings is {'temperature': 0}"),
    ({"escalate": True}, "escalate is True"),
    ({"name": 5}, "name is 5"),
]


@pytest.mark.parametrize(("arguments", "complaint"), REFUSED)
def test_bad_definitions_are_refused_at_once_by_the_arguments_name(
    arguments: dict[str, Any], complaint: str
) -> None:
    make: Any = Agent
    with pytest.raises((ConfigError, ToolDefinitionError), match=complaint):
        make(**{"model": MODEL, **arguments})


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"prompt": 5}, r"prompt is 5 \(int\); it takes a str"),
        ({"prompt": None}, "prompt is None"),
        ({"prompt": "a\ud83d"}, "prompt holds the lone surrogate .* at position 1"),
        ({"prompt": ""}, "prompt is empty"),
        ({"prompt": " \n"}, "prompt is empty"),
        ({"seed": -1}, "seed is -1 .* at least 0"),
        ({"history": ["hi"]}, r"history\[0\] is 'hi'"),
        ({"seed": "x"}, "seed is 'x'"),
    ],
)
async def test_bad_arguments_of_a_run_are_refused_before_the_model_is_asked(
    arguments: dict[str, Any], complaint: str
) -> None:
    model = RecordingModel(lambda _: "done")
    agent = Agent(model)
    values: dict[str, Any] = {"prompt": "go", **arguments}
    with pytest.raises(ConfigError, match=complaint):
        await agent.run(**values)
    with pytest.raises(ConfigError, match=complaint):
        agent.stream(**values)
    with pytest.raises(ConfigError, match=complaint):
        await asyncio.to_thread(agent.run_sync, **values)
    assert not model.requests


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_an_agent_is_not_pickled_and_says_what_to_do(protocol: int) -> None:
    with pytest.raises(ConfigError, match=r"type Agent cannot be pickled.*make it in each process"):
        pickle.dumps(Agent(MODEL), protocol)


def test_a_copy_of_an_agent_is_the_agent() -> None:
    agent = Agent(MODEL)
    assert copy.copy(agent) is agent
    assert copy.deepcopy({"own": [agent]})["own"][0] is agent


async def test_openai_style_dicts_are_a_history() -> None:
    model = RecordingModel(lambda _: "done")
    await Agent(model).run("b", history=[{"role": "user", "content": "a"}])
    assert model.requests[0].messages == (UserMessage("a"), UserMessage("b"))


async def test_a_result_survives_copies_and_pickles() -> None:
    def fail() -> None:
        raise ValueError("x")

    doubtful = AssistantMessage(calls=(call(1, 2, Confidence(0.1, {"name": 0.1})),))
    agent = Agent(
        ScriptedModel([doubtful, ToolCall("fail", {}), "done"]),
        tools=[add, fail],
        escalate=Escalate(ScriptedModel([ModelError("down")] * 3)),
    )
    result = await agent.run("go")
    assert result.steps[0].escalation is not None
    for again in (copy.deepcopy(result), pickle.loads(pickle.dumps(result))):
        assert (again.output, again.messages) == (result.output, result.messages)
        assert [step.results for step in again.steps] == [step.results for step in result.steps]
        assert again.steps[0].escalation is not None
        assert str(again.steps[0].escalation.failure) == "down"


async def test_a_stream_tells_of_every_step_and_ends_with_the_result() -> None:
    agent = Agent(
        ScriptedModel([call(1, 2), "{}", '{"name":"Oslo","people":3}']), tools=[add], output_type=City
    )
    events = [event async for event in agent.stream("go")]
    assert [type(event) for event in events] == [
        RunStarted,
        StepStarted,
        TurnGenerated,
        CallsProposed,
        ToolStarted,
        ToolFinished,
        StepFinished,
        StepStarted,
        TextDelta,
        TurnGenerated,
        StepFinished,
        OutputRejected,
        StepStarted,
        TextDelta,
        TurnGenerated,
        StepFinished,
        RunFinished,
    ]
    last = events[-1]
    assert isinstance(last, RunFinished)
    assert last.result.output.people == 3


async def test_a_stream_raises_what_the_run_raises_after_its_events() -> None:
    stream = Agent(ScriptedModel([])).stream("go")
    assert isinstance(await anext(stream), RunStarted)
    assert await anext(stream) == StepStarted(0)
    with pytest.raises(ModelError):
        await anext(stream)


async def test_leaving_a_stream_stops_its_tools() -> None:
    stopped = asyncio.Event()

    async def hang() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    agent = Agent(ScriptedModel([ToolCall("hang", {})]), tools=[hang])
    async with asyncio.timeout(BOUND_S), contextlib.aclosing(agent.stream("go")) as events:
        async for event in events:
            if isinstance(event, ToolStarted):
                break
        await asyncio.sleep(0)
    assert stopped.is_set()


async def test_a_seed_that_nobody_asked_for_is_told_apart() -> None:
    model = RecordingModel(lambda _: "done")
    agent = Agent(model)
    await agent.map(["a"] * 5)
    await agent.run("a")
    assert {request.seed for request in model.requests} == {None}
    assert len({request.draws_from for request in model.requests}) == 6
    await agent.run("a", seed=0)
    assert model.requests[-1].draws_from == model.requests[-2].draws_from


async def test_a_server_is_sent_the_seed_itself_first_and_then_derived_ones() -> None:
    model = RecordingModel(lambda messages: "done" if len(messages) > 5 else call(1, 2))
    await Agent(model, tools=[add]).run("a", seed=5)
    assert [request.seed for request in model.requests] == [5, derive_seed(5, 1), derive_seed(5, 2)]


async def test_settings_that_nobody_chose_are_left_to_the_model() -> None:
    model = RecordingModel(lambda _: "done")
    await Agent(model).run("a")
    await Agent(model, settings=Settings(temperature=0, max_tokens=9)).run("a")
    await Agent(model, limits=Limits(max_tokens=7)).run("a")
    asked = [(request.temperature, request.max_tokens) for request in model.requests]
    assert asked == [(None, None), (0, 9), (None, 7)]
