"""The SQLite file of sessions: one row for each run, with the messages that the run added."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agentfast.errors import ConfigError, SessionConflictError, SessionError

_BUSY_S: Final = 30.0
"""Wait for another process's transaction; each takes milliseconds."""

_RETRY_S: Final = 0.005

# A number is never given out again, so that a session that was shortened and went on is known to have changed.
_TABLES = """
CREATE TABLE IF NOT EXISTS session_runs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    session TEXT NOT NULL,
    messages TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS session_runs_by_session ON session_runs (session, number);
"""


@dataclass(frozen=True, slots=True)
class StoredRun:
    """One run's messages, as JSON text, and the number of its row."""

    number: int
    messages: str


class SessionStore:
    """The file. Each method is one transaction on a connection of its own, so that threads and forks may share a store."""

    def __init__(self, path: Path) -> None:
        """Open the file, which is made if it is not there.

        Raises:
            ConfigError: its folder is not there, or it is something else than an SQLite database of sessions.
            SessionError: another program holds it locked.
        """
        self.path = path
        try:
            with closing(self._open()) as connection:
                _switch_to_wal(connection)
                connection.execute("BEGIN IMMEDIATE")
                for statement in filter(str.strip, _TABLES.split(";")):
                    connection.execute(statement)
                connection.execute("SELECT number, session, messages FROM session_runs LIMIT 0")
                connection.execute("COMMIT")
        except sqlite3.Error as error:
            if _is_busy(error):
                raise SessionError(f"another program holds {path} locked: {error}") from error
            raise ConfigError(
                f"cannot keep sessions in {path}: {error}",
                hint="give the path of a file that is not there yet, or of one that a Session made",
            ) from error

    def ids(self) -> list[str]:
        """The sessions that hold messages, in alphabetical order."""
        with self._transaction("read") as connection:
            rows = connection.execute("SELECT DISTINCT session FROM session_runs ORDER BY session")
            return [session for (session,) in rows]

    def runs(self, session: str) -> list[StoredRun]:
        """The session's runs in their order."""
        with self._transaction("read") as connection:
            rows = connection.execute(
                "SELECT number, messages FROM session_runs WHERE session = ? ORDER BY number", (session,)
            )
            return [StoredRun(number, messages) for number, messages in rows]

    def append(self, session: str, messages: str, *, after: int) -> None:
        """Add a run.

        Args:
            session: its id.
            messages: the run's messages, as JSON text.
            after: number of the session's last run when it was read; 0: there was none.

        Raises:
            SessionConflictError: another run is its last one now.
        """
        with self._transaction("write") as connection:
            (last,) = connection.execute(
                "SELECT coalesce(max(number), 0) FROM session_runs WHERE session = ?", (session,)
            ).fetchone()
            if last != after:
                raise SessionConflictError(
                    f"session {session!r} in {self.path} has changed since this run began; the run was not saved",
                    hint="run again on what the session holds now; the run's messages are in error.messages",
                )
            connection.execute(
                "INSERT INTO session_runs (session, messages) VALUES (?, ?)", (session, messages)
            )

    @contextmanager
    def last_removed(self, session: str) -> Generator[StoredRun | None]:
        """The session's last run, which is removed unless the block raises; None if there is none."""
        with self._transaction("write") as connection:
            row = connection.execute(
                "DELETE FROM session_runs WHERE number ="
                " (SELECT max(number) FROM session_runs WHERE session = ?) RETURNING number, messages",
                (session,),
            ).fetchone()
            yield None if row is None else StoredRun(*row)

    def clear(self, session: str) -> None:
        """Remove all runs of the session."""
        with self._transaction("write") as connection:
            connection.execute("DELETE FROM session_runs WHERE session = ?", (session,))

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=_BUSY_S, isolation_level=None)

    @contextmanager
    def _transaction(self, action: str) -> Generator[sqlite3.Connection]:
        """A transaction, taken back if its block raises.

        Raises:
            SessionError: the file cannot be used.
        """
        try:
            with closing(self._open()) as connection:  # to close it takes back what was not committed
                connection.execute("BEGIN" if action == "read" else "BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise SessionError(f"cannot {action} the sessions in {self.path}: {error}") from error


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    """Set the file's journal mode, which stays with it: readers and a writer do not hold each other up.

    SQLite does not wait for another process that is making the switch just now, so this does.
    """
    until = time.monotonic() + _BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if not _is_busy(error) or time.monotonic() > until:
                raise
            time.sleep(_RETRY_S)
        else:
            return


def _is_busy(error: sqlite3.Error) -> bool:
    """True if another connection holds a lock; the code's low byte is its kind."""
    code: int = getattr(error, "sqlite_errorcode", 0)  # what Python's module raises by itself has none
    return code & 0xFF == sqlite3.SQLITE_BUSY
