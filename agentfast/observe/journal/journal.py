"""Journals: each request, call and result of a run is written before it is acted on, so that the run can go on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

from agentfast.agent.bounds.budget import Budget
from agentfast.agent.calls.approval import Decision
from agentfast.agent.calls.handoff import reachable
from agentfast.agent.definitions.definition import Definition
from agentfast.agent.events import AgentEvent, RunFailed, RunFinished, RunPaused, RunStarted
from agentfast.agent.result import RunResult
from agentfast.agent.run.loop import Run
from agentfast.agent.run.saved import SavedRun
from agentfast.agent.sinks import RunInfo, Sink
from agentfast.messages import UserMessage
from agentfast.observe.journal.records import Restoration, first_record, record_of, to_json
from agentfast.observe.journal.store import JournalStore, Record, RunRow
from agentfast.tools.checks import refuse

_PROMPT: Final = 200
"""Characters of a prompt in the list of runs."""


class Resumable(Protocol):
    """An agent, as far as a journal needs one."""

    @property
    def definition(self) -> Definition[Any]:
        """The agent's parts."""
        ...

    def resumed_run(
        self,
        saved: SavedRun,
        decisions: Mapping[str, Decision | bool] | None = ...,
        *,
        deps: Any = ...,
        budget: Budget | None = ...,
        sinks: tuple[Sink, ...] = ...,
    ) -> Run[Any]:
        """A run that goes on."""
        ...


class Journal:
    """A journal of runs in an SQLite file: `Agent(..., sinks=[Journal("runs.db")])`.

    Each request, turn, call and result is in the file before it is acted on. After the end of the process, even by
    `kill -9`, a run goes on from its last record: `await journal.resume(run_id, agent)`, or `agentfast resume`. A call
    that had begun but not ended is made again only if its tool is `pure` or `idempotent`; otherwise somebody decides.

    It holds the conversations: whoever reads the file reads them. Any number of processes may use one file.
    """

    required = True

    def __init__(self, path: str | Path) -> None:
        """Open the file, which is made if it is not there.

        Raises:
            ConfigError: the path is none, or the file is something else than an SQLite database.
        """
        if not isinstance(path, (str, Path)) or str(path) in ("", ":memory:") or "\0" in str(path):  # pyright: ignore[reportUnnecessaryIsInstance]
            refuse("path", path, "the path of a file, which is made if it is not there")
        self._store = JournalStore(Path(path).resolve())

    @property
    def path(self) -> Path:
        """The file, as an absolute path."""
        return self._store.path

    def __repr__(self) -> str:
        return f"Journal({str(self.path)!r})"

    def receive(self, run: RunInfo, event: AgentEvent[Any]) -> None:
        """Write an event's record.

        Raises:
            JournalError: the file cannot be written; the run ends, as it could not go on from here.
        """
        if isinstance(event, RunStarted):
            prompt = next(
                (each.text for each in reversed(event.messages) if isinstance(each, UserMessage)), ""
            )
            body = to_json(first_record(event))
            self._store.begin(run.run_id, run.agent, run.parent_id, prompt[:_PROMPT], body)
            return
        record = record_of(event)
        if record is None:
            return
        kind, body_ = record
        ends = isinstance(event, (RunPaused, RunFailed, RunFinished))
        self._store.add(run.run_id, kind, to_json(body_), status=kind if ends else None)

    def runs(self, limit: int | None = None) -> list[RunRow]:
        """The runs, the latest first.

        Raises:
            JournalError: the file cannot be read.
        """
        return self._store.rows(limit)

    def run(self, run_id: str) -> RunRow:
        """One run.

        Raises:
            JournalError: there is none of that id, or the file cannot be read.
        """
        return self._store.row(run_id)

    def records(self, run_id: str) -> list[Record]:
        """A run's records, in order.

        Raises:
            JournalError: the file cannot be read.
        """
        return self._store.records(run_id)

    def saved(self, run_id: str, may_repeat: Callable[[str], bool]) -> tuple[SavedRun, dict[str, Decision]]:
        """A run as its records leave it, and the decisions that were taken but not acted on.

        Args:
            run_id: the run.
            may_repeat: tells of a tool's name whether a call that had begun may be made again.

        Raises:
            JournalError: there is no such run.
        """
        self._store.row(run_id)
        restored = Restoration(run_id, self._store.records(run_id))
        restored.interrupted(may_repeat)
        return SavedRun.of(restored.state), restored.decisions

    async def resume(
        self,
        run_id: str,
        agent: Resumable,
        decisions: Mapping[str, Decision | bool] | None = None,
        *,
        deps: Any = None,
        budget: Budget | None = None,
    ) -> RunResult[Any]:
        """Go on with a run that was interrupted, paused, cancelled or failed, from its last record.

        Args:
            run_id: the run.
            agent: the one that the run was started with, or its like: a name, tools and output type as then.
            decisions: on calls that wait: those that need approval, and those that had begun and may have taken effect.
            deps: handed to tools by their context, as to `Agent.run`.
            budget: as for `Agent.run`.

        Raises:
            JournalError: there is no such run, it is done, or another process runs it.
            RunPausedError: a call waits for a decision, and the agent has no approver.
            ConfigError: the agent is another one, or a decision is on no call that waits.
            AgentFastError: as `Agent.run`.
        """
        before = self._store.row(run_id).status
        self._store.claim(run_id)
        try:
            saved, taken = self.saved(run_id, _may_repeat(agent.definition))
            waiting = {request.call.id for request in saved.requests}
            given = {**{key: each for key, each in taken.items() if key in waiting}, **(decisions or {})}
            own = () if any(self._is_same(sink) for sink in agent.definition.sinks) else (self,)
            run = agent.resumed_run(saved, given, deps=deps, budget=budget, sinks=own)
        except BaseException:
            self._store.release(run_id, before)
            raise
        return await run.execute()

    def _is_same(self, sink: Sink) -> bool:
        return isinstance(sink, Journal) and sink.path == self.path

    def close(self) -> None:
        """Close the file; later events of runs raise JournalError."""
        self._store.close()


def _may_repeat(definition: Definition[Any]) -> Callable[[str], bool]:
    known = [definition, *reachable(definition.handoffs.values())]

    def may_repeat(name: str) -> bool:
        tools = [tool for each in known if (tool := each.executor.registry.get(name)) is not None]
        return bool(tools) and all(tool.pure or tool.idempotent for tool in tools)

    return may_repeat
