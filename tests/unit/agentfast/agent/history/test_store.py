"""The file of sessions: runs in their order, and no run added to a session that has changed."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from agentfast import ConfigError, SessionConflictError, SessionError
from agentfast.agent.history.store import SessionStore, StoredRun
from tests.support.scripted_runs import BOUND_S


@pytest.fixture
def store(tmp_path: Path) -> SessionStore:
    return SessionStore(tmp_path / "chat.db")


def texts(store: SessionStore, session: str = "a") -> list[str]:
    return [run.messages for run in store.runs(session)]


def last(store: SessionStore, session: str = "a") -> int:
    return max((run.number for run in store.runs(session)), default=0)


def test_runs_come_back_in_their_order_and_by_session(store: SessionStore) -> None:
    for text in ("one", "two", "three"):
        store.append("a", text, after=last(store))
        store.append("b", text.upper(), after=last(store, "b"))
    assert texts(store) == ["one", "two", "three"]
    assert texts(store, "b") == ["ONE", "TWO", "THREE"]
    assert texts(store, "c") == []
    assert store.ids() == ["a", "b"]


def remove_last(store: SessionStore) -> StoredRun | None:
    with store.last_removed("a") as run:
        return run


def remove_and_append(store: SessionStore) -> None:
    remove_last(store)
    store.append("a", "two again", after=last(store))


CHANGES: list[Callable[[SessionStore], object]] = [
    lambda store: store.append("a", "three", after=last(store)),
    remove_last,
    remove_and_append,
    lambda store: store.clear("a"),
]


@pytest.mark.parametrize("change", CHANGES, ids=["append", "remove", "remove and append", "clear"])
def test_a_session_that_has_changed_takes_no_run_that_began_before(
    store: SessionStore, change: Callable[[SessionStore], object]
) -> None:
    store.append("a", "one", after=0)
    store.append("a", "two", after=last(store))
    began = last(store)
    change(store)
    before = texts(store)
    with pytest.raises(SessionConflictError, match=r"session 'a' in .*chat\.db has changed since"):
        store.append("a", "late", after=began)
    assert texts(store) == before


def test_a_removal_whose_block_raises_is_taken_back(store: SessionStore) -> None:
    store.append("a", "one", after=0)
    with pytest.raises(KeyError), store.last_removed("a"):
        raise KeyError
    assert texts(store) == ["one"]
    assert remove_last(store) is not None
    assert remove_last(store) is None


def test_the_file_is_in_wal_mode_and_the_only_one_when_nobody_uses_it(store: SessionStore) -> None:
    store.append("a", "one", after=0)
    with closing(sqlite3.connect(store.path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert [path.name for path in store.path.parent.iterdir()] == ["chat.db"]


def test_a_file_that_many_make_at_once_serves_them_all(tmp_path: Path) -> None:
    writers, files = 8, 20
    barrier = threading.Barrier(writers)

    def write(writer: int) -> None:
        for number in range(files):
            barrier.wait(BOUND_S)
            SessionStore(tmp_path / f"{number}.db").append(f"{writer}", "one", after=0)

    with ThreadPoolExecutor(writers) as pool:
        list(pool.map(write, range(writers)))
    for number in range(files):
        assert SessionStore(tmp_path / f"{number}.db").ids() == [f"{writer}" for writer in range(writers)]


def test_a_file_that_another_program_holds_locked_is_a_session_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentfast.agent.history.store._BUSY_S", 0.0)
    with closing(sqlite3.connect(tmp_path / "chat.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(SessionError, match=r"another program holds .* locked"):
            SessionStore(tmp_path / "chat.db")


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("no database " * 100, encoding="utf-8")
    with closing(sqlite3.connect(tmp_path / "other.db")) as connection:
        connection.execute("CREATE TABLE session_runs (number INTEGER, session TEXT)")
    for path in (other, tmp_path / "other.db", tmp_path, tmp_path / "no" / "chat.db"):
        with pytest.raises(ConfigError, match="cannot keep sessions in"):
            SessionStore(path)
    assert other.read_text(encoding="utf-8") == "no database " * 100


def test_a_file_that_is_damaged_later_is_a_session_error(store: SessionStore) -> None:
    store.path.write_bytes(b"damaged " * 1000)
    with pytest.raises(SessionError, match="cannot read the sessions in"):
        store.runs("a")
    with pytest.raises(SessionError, match="cannot write the sessions in"):
        store.append("a", "one", after=0)
