"""Sessions keep a conversation from run to run, whatever ends the runs, and refuse two runs at once."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agentfast import (
    Agent,
    AssistantMessage,
    ConfigError,
    LimitExceededError,
    Limits,
    Message,
    RunFinished,
    ScriptedModel,
    Session,
    SessionConflictError,
    SessionError,
    SystemMessage,
    ToolCall,
    UserMessage,
)
from agentfast.agent.history.read import read_history
from tests.support.scripted_runs import RecordingModel, add, call


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return Session(tmp_path / "chat.db")


def texts(messages: Sequence[Message]) -> list[str]:
    return [message.text for message in messages if isinstance(message, (UserMessage, AssistantMessage))]


def echo(messages: Sequence[Message]) -> str:
    """The last message's text, and how many there are."""
    return f"{texts(messages)[-1]} {len(messages)}"


class Gate:
    """A model's script that answers once it is opened."""

    def __init__(self) -> None:
        self.entered, self.opened = asyncio.Event(), asyncio.Event()

    async def __call__(self, messages: Sequence[Message]) -> str:
        self.entered.set()
        await self.opened.wait()
        return "late"


def test_runs_go_on_with_what_the_session_holds_also_when_it_is_opened_anew(session: Session) -> None:
    model = RecordingModel([call(1, 2), "3", "again 3"])
    agent = Agent(model, tools=[add], instructions="Add.")
    first = agent.run_sync("1 + 2?", session=session)
    assert session.messages == list(first.messages[1:])
    second = agent.run_sync("And now?", session=Session(session.path))
    assert model.requests[-1].messages == (*first.messages, UserMessage("And now?"))
    assert session.messages == list(second.messages[1:])


def test_the_instructions_are_the_running_agents_and_are_not_kept(session: Session) -> None:
    Agent(ScriptedModel(echo), instructions="old").run_sync("a", session=session)
    result = Agent(ScriptedModel(echo), instructions="new").run_sync("b", session=session)
    assert result.messages[0] == SystemMessage("new")
    assert not [message for message in session.messages if isinstance(message, SystemMessage)]


def test_sessions_of_one_file_are_apart_and_listed(session: Session) -> None:
    agent = Agent(ScriptedModel(echo))
    for name in ("zoë", "anna"):
        agent.run_sync(f"I am {name}", session=Session(session.path, id=name))
    assert Session.ids(session.path) == ["anna", "zoë"]
    assert texts(Session(session.path, id="anna").messages) == ["I am anna", "I am anna 1"]
    assert session.messages == []


def test_the_last_run_is_popped_as_a_whole_and_a_session_cleared(session: Session) -> None:
    agent = Agent(ScriptedModel([call(1, 2), "3", "b"]), tools=[add])
    first = agent.run_sync("one", session=session)
    agent.run_sync("two", session=session)
    other = Session(session.path, id="other")
    agent.run_sync("three", session=other)
    assert texts(session.pop()) == ["two", "b"]
    assert session.messages == list(first.messages[1:])
    session.clear()
    assert session.messages == []
    assert session.pop() == []
    assert len(other.messages) == 4


async def test_a_streamed_run_is_kept_too(session: Session) -> None:
    events = [event async for event in Agent(ScriptedModel(echo)).stream("a", session=session)]
    assert isinstance(events[-1], RunFinished)
    assert texts(session.messages) == ["a", "a 1"]


async def test_a_run_that_a_limit_ends_is_kept_with_a_result_for_each_call(session: Session) -> None:
    agent = Agent(ScriptedModel([[call(1, 2), call(3, 4)]]), tools=[add], limits=Limits(max_tool_calls=1))
    with pytest.raises(LimitExceededError) as caught:
        await agent.run("a", session=session)
    assert session.messages == list(caught.value.messages[1:])
    assert read_history(session.messages)[0] == session.messages
    assert len(session.messages) == 4


async def test_a_cancelled_run_is_kept(session: Session) -> None:
    gate = Gate()
    task = asyncio.create_task(Agent(ScriptedModel(gate)).run("a", session=session))
    await gate.entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert session.messages == [UserMessage("a")]
    gate.opened.set()
    assert (await Agent(ScriptedModel(gate)).run("b", session=session)).output == "late"


async def test_a_stream_that_is_left_early_is_kept(session: Session) -> None:
    events = Agent(ScriptedModel([call(1, 2), "3"]), tools=[add]).stream("a", session=session)
    async for _ in events:
        break
    await events.aclose()
    assert session.messages[0] == UserMessage("a")
    assert read_history(session.messages)[0] == session.messages


async def test_a_second_run_of_the_process_is_refused_before_it_starts(session: Session) -> None:
    gate, model = Gate(), RecordingModel(["never"])
    task = asyncio.create_task(Agent(ScriptedModel(gate)).run("a", session=session))
    await gate.entered.wait()
    with pytest.raises(SessionConflictError, match="another run goes on with session 'default'"):
        await Agent(model).run("b", session=Session(session.path))
    assert model.requests == []
    other = await Agent(ScriptedModel(echo)).run("c", session=Session(session.path, id="other"))
    assert other.output == "c 1"
    gate.opened.set()
    await task
    assert texts(session.messages) == ["a", "late"]


async def test_a_run_whose_session_changed_meanwhile_carries_its_messages_and_is_not_kept(
    session: Session,
) -> None:
    await Agent(ScriptedModel(echo)).run("a", session=session)
    gate = Gate()
    task = asyncio.create_task(Agent(ScriptedModel(gate)).run("b", session=session))
    await gate.entered.wait()
    session.clear()
    gate.opened.set()
    with pytest.raises(SessionConflictError, match="has changed since") as caught:
        await task
    assert texts(caught.value.messages) == ["a", "a 1", "b", "late"]
    assert len(caught.value.steps) == 1
    assert session.messages == []


async def test_a_failed_run_that_cannot_be_kept_fails_with_its_own_error_and_a_note(session: Session) -> None:
    async def change(messages: Sequence[Message]) -> Any:
        session.path.write_bytes(b"damaged " * 1000)
        raise LimitExceededError("the script is over")

    with pytest.raises(LimitExceededError) as caught:
        await Agent(ScriptedModel(change)).run("a", session=session)
    assert caught.value.__notes__[0].startswith("The run was not saved: cannot write the sessions in")


def test_a_run_that_json_cannot_hold_is_a_session_error_with_its_messages(session: Session) -> None:
    agent = Agent(ScriptedModel([ToolCall("add", {"a": float("nan"), "b": 1}), "3"]), tools=[add])
    with pytest.raises(SessionError, match=r"cannot keep the run: messages\[1\] is no JSON") as caught:
        agent.run_sync("a", session=session)
    assert texts(caught.value.messages)[-1] == "3"
    assert session.messages == []


def test_a_run_in_a_form_that_is_not_known_is_named_and_not_popped(session: Session) -> None:
    Agent(ScriptedModel(echo)).run_sync("a", session=session)
    with closing(sqlite3.connect(session.path)) as connection, connection:
        connection.execute("UPDATE session_runs SET messages = '{\"version\":9}'")
    for _ in range(2):
        with pytest.raises(SessionError, match=r"session 'default' in .* at run 1: .* version 9"):
            session.pop()
    with pytest.raises(SessionError, match="version 9"):
        _ = session.messages


async def test_a_history_is_trimmed_for_the_run_and_whole_in_the_file(session: Session) -> None:
    model = RecordingModel(echo)
    short = Session(session.path, max_tokens=4, count=len)
    for prompt in "abcd":
        await Agent(model).run(prompt, session=short)
    assert [len(request.messages) for request in model.requests] == [1, 3, 5, 5]
    assert texts(model.requests[-1].messages) == ["b", "b 3", "c", "c 5", "d"]
    assert texts(session.messages)[::2] == ["a", "b", "c", "d"]


async def test_the_ids_of_trimmed_calls_are_not_given_again(session: Session) -> None:
    def script(messages: Sequence[Message]) -> Any:
        return call(1, 2) if isinstance(messages[-1], UserMessage) else "3"

    short = Session(session.path, max_tokens=1, count=len)
    for _ in range(3):
        await Agent(ScriptedModel(script), tools=[add]).run("1 + 2?", session=short)
    turns = [message for message in session.messages if isinstance(message, AssistantMessage)]
    ids = [each.id for turn in turns for each in turn.calls]
    assert len(ids) == len(set(ids)) == 3


class CountingScript(RecordingModel):
    """A scripted model that counts a token a message."""

    def count_tokens(self, messages: Sequence[Message]) -> int:
        return len(messages)


async def test_a_model_that_counts_its_tokens_is_asked_and_others_are_estimated(session: Session) -> None:
    exact, estimated = CountingScript(echo), RecordingModel(echo)
    for model in (exact, exact, estimated):
        await Agent(model).run("a", session=Session(session.path, max_tokens=4))
    assert [len(request.messages) for request in exact.requests] == [1, 3]
    assert [len(request.messages) for request in estimated.requests] == [1]  # two messages take over 8 tokens


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ({"path": 3}, "path is 3"),
        ({"path": ":memory:"}, "path is ':memory:'"),
        ({"path": "a\0b"}, r"path is 'a\\x00b'"),
        ({"id": ""}, "id is ''"),
        ({"id": "\ud800"}, "id holds the lone surrogate"),
        ({"max_tokens": 0}, "max_tokens is 0"),
        ({"max_tokens": 1, "count": 3}, "count is 3"),
        ({"count": len}, "count is given without max_tokens"),
    ],
)
def test_arguments_that_do_not_fit_are_refused_and_no_file_is_made(
    arguments: dict[str, Any], complaint: str, tmp_path: Path
) -> None:
    given: dict[str, Any] = {"path": tmp_path / "chat.db", **arguments}
    with pytest.raises(ConfigError, match=complaint):
        Session(**given)
    assert not list(tmp_path.iterdir())


def test_the_sessions_of_a_file_that_is_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no file"):
        Session.ids(tmp_path / "chat.db")
    assert not list(tmp_path.iterdir())


async def test_a_session_of_another_type_or_beside_a_history_is_refused_at_once(session: Session) -> None:
    agent = Agent(ScriptedModel(echo))
    with pytest.raises(ConfigError, match=r"session is 'chat.db'.*write Session\('chat.db'\)"):
        agent.stream("a", session="chat.db")  # type: ignore[arg-type]  # pyright: ignore
    with pytest.raises(ConfigError, match="history and session are both given"):
        await agent.run("a", session=session, history=[UserMessage("b")])
    with pytest.raises(ConfigError, match="prompt is 5"):
        await agent.run(5, session=session)  # type: ignore[arg-type]  # pyright: ignore
    assert session.messages == []
