"""Journals: what is written, and runs that go on from there, after kill -9 too."""

from __future__ import annotations

import asyncio
import random
import socket
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from agentfast import (
    Agent,
    ConfigError,
    Decision,
    Journal,
    JournalError,
    Limits,
    Message,
    ModelError,
    RunPausedError,
    ScriptedModel,
    ToolCall,
    tool,
)
from tests.support.source_tree import ROOT
from tests.unit.agentfast.observe.journal.journaled_run import TURNS, make_agent

PROGRAM = [sys.executable, "-m", "tests.unit.agentfast.observe.journal.journaled_run"]


def journal_of(folder: Path) -> Journal:
    return Journal(folder / "runs.db")


def noted(folder: Path, name: str) -> Counter[int]:
    file = folder / name
    return Counter(map(int, file.read_text().split())) if file.exists() else Counter()


async def test_every_step_of_a_run_is_in_the_file(tmp_path: Path) -> None:
    result = await make_agent(tmp_path).run("pay the bills")
    journal = journal_of(tmp_path)
    (row,) = journal.runs()
    assert (row.run_id, row.agent, row.status, row.prompt) == (
        result.run_id,
        "payer",
        "done",
        "pay the bills",
    )
    assert not row.is_interrupted
    kinds = Counter(record.kind for record in journal.records(row.run_id))
    assert kinds == {
        "started": 1,
        "requested": TURNS + 1,
        "turn": TURNS + 1,
        "proposed": TURNS,
        "tool started": 3 * TURNS,
        "tool finished": 3 * TURNS,
        "step": TURNS + 1,
        "done": 1,
    }


async def test_a_run_that_is_done_or_unknown_does_not_go_on(tmp_path: Path) -> None:
    agent = make_agent(tmp_path)
    result = await agent.run("go")
    journal = journal_of(tmp_path)
    with pytest.raises(JournalError, match="is done"):
        await journal.resume(result.run_id, agent)
    with pytest.raises(JournalError, match="there is no run 'x'"):
        await journal.resume("x", agent)


class Flaky(ScriptedModel):
    """Fails when it is asked for a turn the first time."""

    def __init__(self, script: Any, fails_at: int) -> None:
        super().__init__(script)
        self._left = fails_at

    async def respond(self, request: Any) -> Any:
        self._left -= 1
        if self._left == 0:
            raise ModelError("server gone")
        return await super().respond(request)


async def test_a_failed_run_goes_on_where_it_failed(tmp_path: Path) -> None:
    acted: list[int] = []

    @tool
    def act(n: int) -> int:
        """Act."""
        acted.append(n)
        return n

    journal = journal_of(tmp_path)
    model = Flaky([[ToolCall("act", {"n": 1})], [ToolCall("act", {"n": 2})], "done"], 2)
    agent = Agent(model, tools=[act], sinks=[journal])
    with pytest.raises(ModelError):
        await agent.run("go", seed=4)
    (row,) = journal.runs()
    assert row.status == "failed"
    result = await journal.resume(row.run_id, agent)
    assert (result.output, result.run_id, acted, len(result.steps)) == ("done", row.run_id, [1, 2], 3)
    assert journal.run(row.run_id).status == "done"


async def test_a_run_that_waits_for_approval_goes_on_from_the_journal(tmp_path: Path) -> None:
    @tool(requires_approval=True)
    def pay(n: int) -> int:
        """Pay."""
        return n

    journal = journal_of(tmp_path)
    agent = Agent(ScriptedModel([[ToolCall("pay", {"n": 1}, "c1")], "done"]), tools=[pay], sinks=[journal])
    with pytest.raises(RunPausedError):
        await agent.run("go")
    (row,) = journal.runs()
    assert row.status == "paused"
    with pytest.raises(RunPausedError) as caught:
        await journal.resume(row.run_id, agent)
    assert caught.value.requests[0].reason == "tool"
    result = await journal.resume(row.run_id, agent, {"c1": Decision(True, arguments={"n": 5})})
    assert result.steps[0].results[0].content == "5"


async def test_counters_are_those_of_the_whole_run(tmp_path: Path) -> None:
    def act(n: int) -> int:
        """Act."""
        return n

    journal = journal_of(tmp_path)
    turns: list[Any] = [[ToolCall("act", {"n": number})] for number in range(9)]
    agent = Agent(Flaky(turns, 3), tools=[act], sinks=[journal], limits=Limits(max_tool_calls=4))
    with pytest.raises(ModelError):
        await agent.run("go")
    with pytest.raises(Exception, match="more than 4 tool calls"):
        await journal.resume(journal.runs()[0].run_id, agent)


async def test_two_processes_do_not_go_on_with_one_run(tmp_path: Path) -> None:
    began = asyncio.Event()

    @tool
    async def hang() -> None:
        """Hang."""
        began.set()
        await asyncio.Event().wait()

    agent = Agent(ScriptedModel([[ToolCall("hang", {})]]), tools=[hang], sinks=[journal_of(tmp_path)])
    task = asyncio.create_task(agent.run("go"))
    await began.wait()
    journal = journal_of(tmp_path)
    with pytest.raises(JournalError, match="is running in process"):
        await journal.resume(journal.runs()[0].run_id, agent)
    task.cancel()
    await asyncio.wait([task])
    assert journal.runs()[0].status == "cancelled"


async def test_another_agent_does_not_go_on_with_it_and_the_status_stays(tmp_path: Path) -> None:
    journal = journal_of(tmp_path)
    agent = Agent(Flaky(["done"], 1), sinks=[journal])
    with pytest.raises(ModelError):
        await agent.run("go")
    with pytest.raises(ConfigError, match="not of 'other'"):
        await journal.resume(journal.runs()[0].run_id, Agent(ScriptedModel(["x"]), name="other"))
    assert journal.runs()[0].status == "failed"


@pytest.mark.parametrize("path", ["", ":memory:", 5])
def test_a_journal_is_a_file(path: Any) -> None:
    with pytest.raises(ConfigError, match="path"):
        Journal(path)


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("no database" * 100)
    with pytest.raises(ConfigError, match="cannot keep a journal"):
        Journal(tmp_path / "x")
    with pytest.raises(ConfigError, match="is its folder there"):
        Journal(tmp_path / "none" / "runs.db")


async def test_a_run_whose_journal_cannot_be_written_ends_before_it_acts(tmp_path: Path) -> None:
    acted: list[int] = []

    @tool
    def act() -> None:
        """Act."""
        acted.append(1)

    journal = journal_of(tmp_path)
    journal.close()
    with pytest.raises(JournalError, match="cannot write the journal"):
        await Agent(ScriptedModel([[ToolCall("act", {})]]), tools=[act], sinks=[journal]).run("go")
    assert acted == []


def kill_at_record(folder: Path, number: int) -> bool:
    """Run the program until its journal has that many records, and kill it; False if it ended before."""
    program = subprocess.Popen([*PROGRAM, str(folder)], cwd=ROOT, stdout=subprocess.DEVNULL)
    with program:
        while program.poll() is None:
            if count_records(folder) >= number:
                program.kill()
                program.wait()
                return True
    return False


def count_records(folder: Path) -> int:
    try:
        with sqlite3.connect(f"file:{folder / 'runs.db'}?mode=ro", uri=True) as connection:
            return int(connection.execute("SELECT count(*) FROM journal_records").fetchone()[0])
    except sqlite3.Error:
        return 0


async def go_on(folder: Path, undecided: list[str]) -> Any:
    """Resume the run until it is done; whoever is asked looks into the file that the tool writes."""
    agent, journal = make_agent(folder), journal_of(folder)
    (row,) = journal.runs()
    if row.status == "done":
        return None
    assert row.is_interrupted
    decisions: dict[str, bool] = {}
    while True:
        try:
            return await journal.resume(row.run_id, agent, decisions)
        except RunPausedError as paused:
            for request in paused.requests:
                assert (request.reason, request.call.name) == ("interrupted", "pay")
                undecided.append(request.call.id)
                decisions[request.call.id] = request.call.arguments["n"] not in noted(folder, "pay")


def check_killed_run(folder: Path, number: int) -> None:
    """Kill a run, go on with it, and see that nothing is lost, and nothing done twice that must not be."""
    killed = kill_at_record(folder, number)
    undecided: list[str] = []
    result = asyncio.run(go_on(folder, undecided))
    assert noted(folder, "pay") == Counter(range(TURNS))
    assert set(noted(folder, "put")) == set(range(TURNS))
    if killed and result is not None:
        assert (result.output, len(result.steps)) == ("done", TURNS + 1)
        messages: list[Message] = list(result.messages)
        assert len(messages) == 2 + 4 * TURNS + 1
    assert journal_of(folder).runs()[0].status == "done"


@pytest.mark.parametrize("number", [1, 7, 20])
def test_after_kill_9_nothing_is_lost_and_nothing_done_twice(tmp_path: Path, number: int) -> None:
    check_killed_run(tmp_path, number)


@pytest.mark.slow
def test_kill_9_at_fifty_random_points(tmp_path: Path) -> None:
    draw = random.Random(7)
    for index in range(50):
        folder = tmp_path / str(index)
        folder.mkdir()
        check_killed_run(folder, draw.randrange(1, 9 * TURNS))


@pytest.mark.parametrize("begun", ["look", "put", "pay"])
async def test_a_call_that_had_begun_is_made_again_only_if_its_tool_allows_it(
    tmp_path: Path, begun: str
) -> None:
    """The record of the last call's result is taken out of a finished run's journal, and all after it."""
    agent = make_agent(tmp_path)
    await agent.run("go")
    journal = journal_of(tmp_path)
    run_id = journal.runs()[0].run_id
    with sqlite3.connect(tmp_path / "runs.db") as connection:
        (cut,) = connection.execute(
            "SELECT max(number) FROM journal_records WHERE kind = 'tool finished' AND body LIKE ?",
            (f'%"call":"{begun}{TURNS - 1}"%',),
        ).fetchone()
        connection.execute(
            "DELETE FROM journal_records WHERE number >= ? AND kind NOT IN ('tool finished', 'tool started')",
            (cut,),
        )
        connection.execute("DELETE FROM journal_records WHERE number = ?", (cut,))
        connection.execute(
            "UPDATE journal_runs SET status = 'running', owner = ?", (f"{socket.gethostname()}:1:x",)
        )
    connection.close()
    if begun == "pay":
        with pytest.raises(RunPausedError) as caught:
            await journal.resume(run_id, agent)
        assert [request.call.id for request in caught.value.requests] == [f"pay{TURNS - 1}"]
        result = await journal.resume(run_id, agent, {f"pay{TURNS - 1}": False})
        assert "denied" in result.messages[-2].content  # type: ignore[union-attr]  # pyright: ignore
    else:
        result = await journal.resume(run_id, agent)
    assert result.output == "done"
