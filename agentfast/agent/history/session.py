"""Sessions: conversations that are kept in a file from run to run."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, cast

import anyio

from agentfast.agent.errors import E, with_run
from agentfast.agent.history.call_ids import CallIds
from agentfast.agent.history.json_form import messages_from_json, messages_to_json
from agentfast.agent.history.read import read_history
from agentfast.agent.history.store import SessionStore, StoredRun
from agentfast.agent.history.trim import Count, check_count, estimate_tokens, trim
from agentfast.agent.run.loop import Run
from agentfast.errors import ConfigError, SessionConflictError, SessionError
from agentfast.messages import Message
from agentfast.models.base import CountingModel, Model
from agentfast.tools.checks import check_integer, check_text, refuse

__all__ = ["Session", "SessionRun"]

_claims: set[tuple[int, Path, str]] = set()
"""Sessions that runs of this process go on with; the process's id is there for its forks, which begin with none."""
_claims_lock = threading.Lock()


class SessionRun:
    """A run's part of a session: the history that it goes on with, then the messages that it adds.

    Attributes:
        history: the session's messages, trimmed to the session's `max_tokens`.
        call_ids: ids of all calls in the session, the trimmed ones too.
    """

    def __init__(self, history: list[Message], call_ids: CallIds) -> None:
        self.history = history
        self.call_ids = call_ids
        self._run: Run[Any] | None = None
        self._start = 0

    def follow(self, run: Run[Any]) -> None:
        """Take the run, before it starts: its last message is its prompt."""
        self._run = run
        self._start = len(run.transcript) - 1

    @property
    def added(self) -> list[Message]:
        """The run's prompt and what came of it; nothing before there is a run."""
        return [] if self._run is None else self._run.transcript[self._start :]

    def carried_by(self, error: E) -> E:
        """The error with the run's messages and steps."""
        return error if self._run is None else with_run(error, tuple(self._run.transcript), self._run.steps)


class Session:
    """A conversation in an SQLite file, given to runs as `agent.run(prompt, session=session)`.

    A run goes on with the session's messages and adds its own, in one transaction when it ends: its prompt and whatever
    came of it. An interrupted run is saved too; each call in it has its result. One file holds any number of sessions,
    and any number of threads and processes may use it.

    Two runs at once cannot go on with one session. In one process the second is refused before it starts; of runs in
    several processes the first to end is saved. The other's error is a SessionConflictError in both cases.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        id: str = "default",
        max_tokens: int | None = None,
        count: Count | None = None,
    ) -> None:
        """Open the file, which is made if it is not there.

        Args:
            path: the file.
            id: the session's name in the file.
            max_tokens: tokens of the history that a run goes on with at most, without instructions, tools and prompt;
                see `trim`. The file keeps all messages. None: no limit.
            count: counts the tokens of messages. None: a local model's tokenizer, for other models `estimate_tokens`.

        Raises:
            ConfigError: an argument does not fit, or the file is something else than an SQLite database of sessions.
            SessionError: another program holds the file locked.
        """
        check_text("id", id)
        check_integer("max_tokens", max_tokens, least=1, optional=True)
        check_count(count)
        if not id:
            refuse("id", id, "the name of a session")
        if count is not None and max_tokens is None:
            raise ConfigError("count is given without max_tokens", hint="give both, or neither")
        self._store = _store(path)
        self.id = id
        self._max_tokens = max_tokens
        self._count = count

    @classmethod
    def ids(cls, path: str | Path) -> list[str]:
        """The sessions in a file that hold messages, in alphabetical order.

        Raises:
            ConfigError: there is no such file, or it is none of sessions.
            SessionError: the file cannot be read.
        """
        if isinstance(cast("object", path), (str, Path)) and not Path(path).exists():
            raise ConfigError(f"there is no file {path}")
        return _store(path).ids()

    @property
    def path(self) -> Path:
        """The file, as an absolute path."""
        return self._store.path

    @property
    def messages(self) -> list[Message]:
        """All messages of the session, read from the file; without a system message, which each run has of its agent.

        Raises:
            SessionError: the file cannot be read.
        """
        return [message for run in self._store.runs(self.id) for message in self._decode(run)]

    def pop(self) -> list[Message]:
        """Remove the last run's messages, from its prompt on, and return them; nothing if the session is empty.

        Raises:
            SessionError: the file cannot be read or written.
        """
        with self._store.last_removed(self.id) as run:
            return [] if run is None else self._decode(run)

    def clear(self) -> None:
        """Remove all messages of the session; other sessions of the file stay.

        Raises:
            SessionError: the file cannot be written.
        """
        self._store.clear(self.id)

    def __repr__(self) -> str:
        return f"Session({str(self.path)!r}, id={self.id!r})"

    @asynccontextmanager
    async def record(self, model: Model) -> AsyncGenerator[SessionRun]:
        """Load the history for a run of `model`; save what the followed run has added, however the block ends.

        Raises:
            SessionConflictError: another run goes on with the session, or went on with it before this one ended.
            SessionError: the file cannot be read or written. It carries the run's messages and steps.
        """
        with self._claim():
            last, run = await asyncio.to_thread(self._load, model)
            try:
                yield run
            except BaseException as error:
                try:
                    await self._save(run, last)
                except SessionError as unsaved:  # the run's own error is what its caller waits for
                    error.add_note(f"The run was not saved: {unsaved}")
                raise
            await self._save(run, last)

    def _load(self, model: Model) -> tuple[int, SessionRun]:
        stored = self._store.runs(self.id)
        messages = [message for run in stored for message in self._decode(run)]
        history, call_ids = read_history(messages)
        if self._max_tokens is not None:
            known = model.count_tokens if isinstance(model, CountingModel) else estimate_tokens
            history = trim(history, self._max_tokens, count=self._count or known)
        return stored[-1].number if stored else 0, SessionRun(history, call_ids)

    async def _save(self, run: SessionRun, last: int) -> None:
        """Append what the run added. A cancellation waits for it, as the next run is to find it."""
        if not (added := run.added):
            return
        saving = asyncio.ensure_future(asyncio.to_thread(self._append, added, last))
        try:
            await asyncio.shield(saving)
        except SessionError as error:
            raise run.carried_by(error) from error.__cause__
        except asyncio.CancelledError as cancelled:
            with anyio.CancelScope(shield=True):
                await asyncio.wait([saving])
            if (unsaved := saving.exception()) is not None:
                cancelled.add_note(f"The run was not saved: {unsaved}")
            raise run.carried_by(cancelled) from None

    def _append(self, added: list[Message], last: int) -> None:
        try:
            written = messages_to_json(added)
        except ConfigError as error:
            raise SessionError(f"session {self.id!r} cannot keep the run: {error.message}") from error
        self._store.append(self.id, written, after=last)

    def _decode(self, run: StoredRun) -> list[Message]:
        try:
            return messages_from_json(run.messages)
        except ConfigError as error:
            raise SessionError(
                f"session {self.id!r} in {self.path} cannot be read, at run {run.number}: {error.message}",
                hint=error.hint,
            ) from error

    @contextmanager
    def _claim(self) -> Generator[None]:
        """Keep other runs of this process from the session."""
        key = (os.getpid(), self.path, self.id)
        with _claims_lock:
            if key in _claims:
                raise SessionConflictError(
                    f"another run goes on with session {self.id!r} in {self.path}; nothing was started",
                    hint="wait for that run, or give this one a session with another id",
                )
            _claims.add(key)
        try:
            yield
        finally:
            with _claims_lock:
                _claims.discard(key)


def _store(path: object) -> SessionStore:
    if not isinstance(path, (str, Path)) or str(path) in ("", ":memory:") or "\0" in str(path):
        refuse("path", path, "the path of a file, which is made if it is not there")
    return SessionStore(Path(path).resolve())
