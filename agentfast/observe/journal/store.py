"""The SQLite file of a journal: a row for each run, and one for each record of a run."""

from __future__ import annotations

import os
import socket
import sqlite3
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from agentfast.errors import ConfigError, JournalError

_BUSY_S: Final = 30.0

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS journal_runs (
    run_id TEXT PRIMARY KEY,
    agent TEXT NOT NULL,
    parent_id TEXT,
    prompt TEXT NOT NULL,
    status TEXT NOT NULL,
    owner TEXT NOT NULL,
    started REAL NOT NULL,
    changed REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS journal_records (
    run_id TEXT NOT NULL,
    number INTEGER NOT NULL,
    kind TEXT NOT NULL,
    at REAL NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (run_id, number)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS journal_runs_by_start ON journal_runs (started);
"""


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run in a journal.

    Attributes:
        status: "running", "paused", "done", "failed" or "cancelled"; a running one whose process is gone was interrupted.
        owner: the process that runs it, as host:pid:start.
        started: seconds since 1970, as `changed`, the time of its last record.
    """

    run_id: str
    agent: str
    parent_id: str | None
    prompt: str
    status: str
    owner: str
    started: float
    changed: float

    @property
    def is_interrupted(self) -> bool:
        """True if the run did not end, and the process that ran it is gone."""
        return self.status == "running" and not is_alive(self.owner)


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a run: its kind, when it was written, and JSON text."""

    kind: str
    at: float
    body: str


class JournalStore:
    """The file. Every write is a transaction that is on its way to the disk when the method returns."""

    def __init__(self, path: Path) -> None:
        """Open the file, which is made if it is not there.

        Raises:
            ConfigError: its folder is not there, or it is something else than an SQLite database.
        """
        self.path = path
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._connection = self._open()
        try:
            with self._lock:
                self._connection.execute("PRAGMA journal_mode = WAL")
                self._connection.execute("BEGIN IMMEDIATE")
                for statement in filter(str.strip, _TABLES.split(";")):
                    self._connection.execute(statement)
                self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise ConfigError(
                f"cannot keep a journal in {path}: {error}",
                hint="give the path of a file that is not there yet, or of one that a Journal made",
            ) from error

    def begin(self, run_id: str, agent: str, parent_id: str | None, prompt: str, body: str) -> bool:
        """Add a run and its first record; False if the run is there already: it goes on."""
        now = time.time()
        with self._lock, self._transaction() as connection:
            added = connection.execute(
                "INSERT OR IGNORE INTO journal_runs VALUES (?, ?, ?, ?, 'running', ?, ?, ?)",
                (run_id, agent, parent_id, prompt, this_process(), now, now),
            ).rowcount
            self._add(connection, run_id, "started" if added else "resumed", now, body)
            if not added:
                connection.execute(
                    "UPDATE journal_runs SET status = 'running', owner = ? WHERE run_id = ?",
                    (this_process(), run_id),
                )
        return bool(added)

    def add(self, run_id: str, kind: str, body: str, *, status: str | None = None) -> None:
        """Add a record, and set the run's status if one is given."""
        now = time.time()
        with self._lock, self._transaction() as connection:
            self._add(connection, run_id, kind, now, body)
            if status is not None:
                connection.execute(
                    "UPDATE journal_runs SET status = ?, changed = ? WHERE run_id = ?", (status, now, run_id)
                )

    def claim(self, run_id: str) -> None:
        """Take the run for this process, so that no other one goes on with it as well.

        Raises:
            JournalError: there is no such run, it is running elsewhere, or it has ended.
        """
        with self._lock, self._transaction() as connection:
            row = self._row(connection, run_id)
            if row.status == "running" and is_alive(row.owner):
                raise JournalError(
                    f"run {run_id!r} is running in process {row.owner}",
                    hint="wait for it, or stop that process",
                )
            if row.status == "done":
                raise JournalError(f"run {run_id!r} is done", hint="its answer is in the journal")
            connection.execute(
                "UPDATE journal_runs SET status = 'running', owner = ? WHERE run_id = ?",
                (this_process(), run_id),
            )

    def release(self, run_id: str, status: str) -> None:
        """Set a claimed run's status back."""
        with self._lock, self._transaction() as connection:
            connection.execute("UPDATE journal_runs SET status = ? WHERE run_id = ?", (status, run_id))

    def row(self, run_id: str) -> RunRow:
        """The run.

        Raises:
            JournalError: there is none.
        """
        with self._lock, self._transaction() as connection:
            return self._row(connection, run_id)

    def rows(self, limit: int | None = None) -> list[RunRow]:
        """The runs, the latest first."""
        with self._lock, self._transaction() as connection:
            found = connection.execute(
                "SELECT * FROM journal_runs ORDER BY started DESC, rowid DESC LIMIT ?",
                (-1 if limit is None else limit,),
            )
            return [RunRow(*row) for row in found]

    def records(self, run_id: str) -> list[Record]:
        """The run's records, in order."""
        with self._lock, self._transaction() as connection:
            found = connection.execute(
                "SELECT kind, at, body FROM journal_records WHERE run_id = ? ORDER BY number", (run_id,)
            )
            return [Record(*row) for row in found]

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def _row(self, connection: sqlite3.Connection, run_id: str) -> RunRow:
        row = connection.execute("SELECT * FROM journal_runs WHERE run_id = ?", (run_id,)).fetchone()
        if row is None:
            raise JournalError(f"there is no run {run_id!r} in {self.path}", hint="agentfast runs lists them")
        return RunRow(*row)

    def _add(self, connection: sqlite3.Connection, run_id: str, kind: str, at: float, body: str) -> None:
        connection.execute(
            "INSERT INTO journal_records SELECT ?, coalesce(max(number), 0) + 1, ?, ?, ?"
            " FROM journal_records WHERE run_id = ?",
            (run_id, kind, at, body, run_id),
        )

    def _open(self) -> sqlite3.Connection:
        try:
            # autocommit: each transaction is begun by hand. NORMAL: the end of the process loses nothing.
            connection = sqlite3.connect(
                self.path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
            )
            connection.execute("PRAGMA synchronous = NORMAL")
        except sqlite3.Error as error:
            raise ConfigError(
                f"cannot keep a journal in {self.path}: {error}", hint="is its folder there?"
            ) from error
        return connection

    def _transaction(self) -> _Transaction:
        if self._pid != os.getpid():  # a connection does not outlive a fork
            self._pid, self._connection = os.getpid(), self._open()
        return _Transaction(self.path, self._connection)


class _Transaction:
    """A transaction, taken back if its block raises. A class, as a generator costs more than the write."""

    __slots__ = ("_connection", "_path")

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection

    def __enter__(self) -> sqlite3.Connection:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise JournalError(f"cannot write the journal {self._path}: {error}") from error
        return self._connection

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            self._connection.execute("COMMIT" if error is None else "ROLLBACK")
        except sqlite3.Error as failure:
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise JournalError(f"cannot write the journal {self._path}: {failure}") from failure
        if isinstance(error, sqlite3.Error):
            raise JournalError(f"cannot write the journal {self._path}: {error}") from error


def this_process() -> str:
    """The process, by its host, its number, and when it began, as a number is used again."""
    return f"{socket.gethostname()}:{os.getpid()}:{_began(os.getpid())}"


def is_alive(owner: str) -> bool:
    """True if the process runs, or if that cannot be told, as it is on another host."""
    host, _, rest = owner.rpartition(":")[0].rpartition(":")
    began = owner.rpartition(":")[2]
    if host != socket.gethostname():
        return True
    return began != "" and _began(int(rest)) == began


def _began(pid: int) -> str:
    """The moment a process began, as the system counts; "" if there is no such process, "?" where it does not say."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return "" if Path("/proc/self/stat").exists() else _began_elsewhere(pid)
    return fields[19]


def _began_elsewhere(pid: int) -> str:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        pass
    return "?"
