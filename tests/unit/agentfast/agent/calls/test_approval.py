"""Approval and doubt: calls that are held up, decided on in place or later, in another process."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest

from agentfast import (
    Agent,
    ApprovalError,
    ApprovalRequest,
    CallRefused,
    Confidence,
    ConfigError,
    Decision,
    Doubt,
    LimitExceededError,
    Limits,
    Message,
    ModelRequest,
    ModelResponse,
    RunPausedError,
    SavedRun,
    ScriptedModel,
    Tool,
    ToolCall,
    ToolMessage,
    TurnRetried,
    tool,
)

sent: list[str] = []


@tool(requires_approval=True)
def send(to: str) -> str:
    """Send a message."""
    sent.append(to)
    return f"sent to {to}"


@tool
def look(name: str) -> str:
    """Look something up."""
    return f"{name} is there"


@pytest.fixture(autouse=True)
def nothing_sent() -> None:
    sent.clear()


def both(to: str = "anna") -> list[ToolCall]:
    return [ToolCall("look", {"name": "bo"}, "c0"), ToolCall("send", {"to": to}, "c1")]


def contents(messages: Any) -> list[str]:
    return [message.content for message in messages if isinstance(message, ToolMessage)]


@pytest.mark.parametrize("answer", [True, Decision(approved=True)])
async def test_an_approver_lets_a_call_run(answer: Any) -> None:
    asked: list[ApprovalRequest] = []

    async def approve(request: ApprovalRequest) -> Any:
        asked.append(request)
        return answer

    result = await Agent(ScriptedModel([both(), "ok"]), tools=[send, look], approve=approve).run("go")
    assert contents(result.messages) == ['"bo is there"', '"sent to anna"']
    assert [(each.call.name, each.reason, each.step, each.run_id) for each in asked] == [
        ("send", "tool", 0, result.run_id)
    ]


async def test_a_denied_call_does_not_run_and_the_model_is_told_why() -> None:
    agent = Agent(
        ScriptedModel([both(), "ok"]), tools=[send, look], approve=lambda _: Decision(False, "not today")
    )
    result = await agent.run("go")
    assert contents(result.messages)[1] == '{"error":"not run: denied: not today"}'
    assert sent == []


async def test_a_decision_can_change_the_arguments_and_the_conversation_shows_them() -> None:
    agent = Agent(
        ScriptedModel([both(), "ok"]),
        tools=[send, look],
        approve=lambda _: Decision(True, arguments={"to": "cleo"}),
    )
    result = await agent.run("go")
    assert sent == ["cleo"]
    assert result.steps[0].message.calls[1].arguments == {"to": "cleo"}


@pytest.mark.parametrize("answer", ["yes", None, 1])
async def test_an_approver_that_does_not_decide_ends_the_run_and_nothing_ran(answer: Any) -> None:
    agent = Agent(ScriptedModel([both(), "ok"]), tools=[send, look], approve=lambda _: answer)
    with pytest.raises(ApprovalError, match="a decision is True, False or Decision"):
        await agent.run("go")
    assert sent == []


async def test_an_approver_that_raises_ends_the_run_and_nothing_ran() -> None:
    def approve(request: ApprovalRequest) -> bool:
        raise OSError("no terminal")

    agent = Agent(ScriptedModel([both(), "ok"]), tools=[send, look], approve=approve)
    with pytest.raises(ApprovalError, match="the approver raised OSError: no terminal") as caught:
        await agent.run("go")
    assert "not run" in contents(caught.value.messages)[1]
    assert sent == []


async def test_without_an_approver_the_run_pauses_and_goes_on_from_its_json() -> None:
    agent = Agent(ScriptedModel([both(), "ok"]), tools=[send, look])
    with pytest.raises(RunPausedError, match=r"waits for a decision on send \(c1\)") as caught:
        await agent.run("go", seed=3)
    paused = caught.value
    assert [request.call.id for request in paused.requests] == ["c1"]
    assert "until it is decided on" in contents(paused.messages)[1]
    assert sent == []
    saved = SavedRun.from_json(paused.state.to_json())
    assert saved.requests == paused.requests
    result = await agent.resume(saved, {"c1": True})
    assert result.output == "ok"
    assert contents(result.messages) == ['"bo is there"', '"sent to anna"']
    assert len(result.steps) == 2
    assert (sent, result.run_id) == (["anna"], saved.run_id)


async def test_a_saved_run_goes_on_in_another_process() -> None:
    program = """
import asyncio, sys
from agentfast import Agent, SavedRun, ScriptedModel, tool

@tool(requires_approval=True)
def send(to: str) -> str:
    "Send a message."
    return f"sent to {to}"

saved = SavedRun.from_json(sys.stdin.read())
agent = Agent(ScriptedModel(lambda messages: "done"), tools=[send])
print(asyncio.run(agent.resume(saved, {"c1": True})).messages[-2].content)
"""
    model = ScriptedModel([[ToolCall("send", {"to": "anna"}, "c1")]])
    with pytest.raises(RunPausedError) as caught:
        await Agent(model, tools=[send]).run("go")
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", program],
        input=caught.value.state.to_json(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == '"sent to anna"\n'


async def test_a_run_pauses_again_for_calls_that_nobody_decided_on() -> None:
    calls = [ToolCall("send", {"to": str(number)}, f"c{number}") for number in range(3)]
    agent = Agent(ScriptedModel([calls, "ok"]), tools=[send])
    with pytest.raises(RunPausedError) as caught:
        await agent.run("go")
    with pytest.raises(RunPausedError) as again:
        await agent.resume(caught.value.state, {"c1": True})
    assert [request.call.id for request in again.value.requests] == ["c0", "c2"]
    result = await agent.resume(again.value.state, {"c0": False, "c2": True})
    assert sent == ["1", "2"]
    assert "denied" in contents(result.messages)[0]


async def test_counters_go_on_after_a_pause() -> None:
    agent = Agent(
        ScriptedModel(lambda messages: both(str(len(messages)))),
        tools=[send, look],
        limits=Limits(max_tool_calls=3),
    )
    with pytest.raises(RunPausedError) as caught:
        await agent.run("go")
    with pytest.raises(LimitExceededError, match="more than 3 tool calls"):
        await agent.resume(caught.value.state, {"c1": True})


async def test_a_paused_run_is_resumed_by_its_agent_and_for_its_calls_only() -> None:
    agent = Agent(ScriptedModel([both(), "ok"]), tools=[send, look])
    with pytest.raises(RunPausedError) as caught:
        await agent.run("go")
    with pytest.raises(ConfigError, match=r"no call 'c0' waits.*waiting: c1"):
        await agent.resume(caught.value.state, {"c0": True})
    with pytest.raises(ConfigError, match="one of agent 'agent', not of 'other'"):
        await Agent(ScriptedModel([]), tools=[send, look], name="other").resume(caught.value.state)
    resume: Any = agent.resume
    with pytest.raises(ConfigError, match=r"SavedRun.from_json\(text\) reads it"):
        await resume(caught.value.state.to_json())


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 2}', '{"version": 1, "run_id": 5}'])
def test_what_is_no_saved_run_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="saved run"):
        SavedRun.from_json(text)


async def test_a_damaged_saved_run_is_refused() -> None:
    with pytest.raises(RunPausedError) as caught:
        await Agent(ScriptedModel([both()]), tools=[send, look]).run("go")
    form = json.loads(caught.value.state.to_json())
    form["pending"]["waiting"] = {"7": "tool"}
    with pytest.raises(ConfigError, match="has no call 7"):
        SavedRun.from_json(json.dumps(form))


async def test_a_predicate_tells_which_calls_need_approval() -> None:
    seen: list[dict[str, Any]] = []

    def far(**arguments: Any) -> bool:
        seen.append(arguments)
        return bool(arguments["to"] == "far")

    made: Tool[Any] = tool(send.function, requires_approval=far)
    for name, expected in (("near", ["near"]), ("far", [])):
        sent.clear()
        call = [ToolCall("send", {"to": name})]
        await Agent(ScriptedModel([call, "ok"]), tools=[made], approve=lambda _: False).run("go")
        assert sent == expected
    assert seen == [{"to": "near"}, {"to": "far"}]


async def test_a_predicate_that_raises_holds_the_call_up(caplog: pytest.LogCaptureFixture) -> None:
    def broken(**arguments: Any) -> bool:
        raise KeyError("x")

    made: Tool[Any] = tool(send.function, requires_approval=broken)
    with pytest.raises(RunPausedError):
        await Agent(ScriptedModel([[ToolCall("send", {"to": "a"})]]), tools=[made]).run("go")
    assert "requires_approval of a tool raised" in caplog.text
    assert sent == []


def doubtful(confidence: float, to: str = "anna") -> list[ToolCall]:
    return [ToolCall("act", {"to": to}, confidence=Confidence(confidence, {"to": confidence}))]


@tool
def act(to: str) -> str:
    """Act."""
    sent.append(to)
    return "done"


@pytest.mark.parametrize(
    ("then", "told"), [("refuse", "check it against"), ("ask", "ask the user what exactly is meant")]
)
async def test_a_doubtful_call_is_refused_and_the_model_told(then: Any, told: str) -> None:
    agent = Agent(
        ScriptedModel([doubtful(0.5), doubtful(0.9, "bo"), "ok"]), tools=[act], doubt=Doubt(0.8, then)
    )
    events = [event async for event in agent.stream("go")]
    assert [event.confidence for event in events if isinstance(event, CallRefused)] == [0.5]
    assert sent == ["bo"]
    refused = contents(events[-1].result.messages)[0]  # type: ignore[union-attr]
    assert "not run: the call is doubtful (confidence 0.50, at least 0.8 is needed)" in refused
    assert told in refused


async def test_a_doubtful_turn_is_generated_again_with_other_seeds() -> None:
    requests: list[ModelRequest] = []

    class Recorded(ScriptedModel):
        async def respond(self, request: ModelRequest) -> ModelResponse:
            requests.append(request)
            return await super().respond(request)

    def answer(messages: Sequence[Message]) -> Any:
        return "ok" if sent else doubtful(0.5 if len(requests) < 3 else 0.9, str(len(requests)))

    agent = Agent(Recorded(answer), tools=[act], doubt=Doubt(0.8, "retry"))
    events = [event async for event in agent.stream("go", seed=1)]
    assert sent == ["3"]
    assert len({request.seed for request in requests[:3]}) == 3
    assert sum(isinstance(event, TurnRetried) for event in events) == 2


async def test_a_turn_that_stays_doubtful_is_refused() -> None:
    draws = iter([0.1, 0.2, 0.3])
    agent = Agent(
        ScriptedModel(lambda messages: doubtful(next(draws)) if len(messages) == 2 else "ok"),
        tools=[act],
        doubt=Doubt(0.8, "retry", retries=2),
    )
    result = await agent.run("go")
    assert "confidence 0.30" in contents(result.messages)[0]
    assert sent == []


async def test_a_doubtful_call_waits_for_approval() -> None:
    agent = Agent(ScriptedModel([doubtful(0.5), "ok"]), tools=[act], doubt=Doubt(0.8, "approve"))
    with pytest.raises(RunPausedError) as caught:
        await agent.run("go")
    assert caught.value.requests[0].reason == "doubt"
    await agent.resume(
        SavedRun.from_json(caught.value.state.to_json()), {caught.value.requests[0].call.id: True}
    )
    assert sent == ["anna"]


async def test_pure_tools_and_calls_without_a_confidence_run() -> None:
    pure: Tool[Any] = tool(act.function, name="pure", pure=True)
    calls = [ToolCall("pure", {"to": "p"}, confidence=Confidence(0.1, {})), ToolCall("act", {"to": "n"})]
    await Agent(ScriptedModel([calls, "ok"]), tools=[act, pure], doubt=Doubt()).run("go")
    assert sorted(sent) == ["n", "p"]
    sent.clear()
    await Agent(ScriptedModel([calls[:1], "ok"]), tools=[pure], doubt=Doubt(pure=True)).run("go")
    assert sent == []


async def test_a_models_own_doubt_is_the_default() -> None:
    model = ScriptedModel([doubtful(0.5), "ok", doubtful(0.5), "ok"])
    model.doubt = Doubt(0.9)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    agent = Agent(model, tools=[act])
    assert agent.doubt == Doubt(0.9)
    await agent.run("go")
    assert sent == []
    await Agent(model, tools=[act], doubt=None).run("go")
    assert sent == ["anna"]
