"""SQL on SQLite: reading works, and nothing else does."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from agentfast.errors import ConfigError, ToolDefinitionError, ToolError
from agentfast.tools.builtin import sqlite
from agentfast.tools.definition import FunctionTool


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "shop #1.db"
    with closing(sqlite3.connect(found)) as connection, connection:
        connection.execute("CREATE TABLE orders (id INTEGER, city TEXT, data BLOB)")
        connection.executemany(
            "INSERT INTO orders VALUES (?, ?, x'00ff')", [(n, f"city {n}") for n in range(300)]
        )
    return found


@pytest.fixture
def tools(path: Path) -> dict[str, FunctionTool[..., Any]]:
    return {tool.name: tool for tool in sqlite(path, time_limit_s=0.5, max_bytes=10_000)}


def test_a_query_gives_columns_and_rows(tools: dict[str, FunctionTool[..., Any]]) -> None:
    found = tools["query_database"]("SELECT id, city, data FROM orders WHERE id < 2 ORDER BY id")
    assert found == {
        "columns": ["id", "city", "data"],
        "rows": [[0, "city 0", "<2 bytes>"], [1, "city 1", "<2 bytes>"]],
    }
    assert tools["describe_database"]() == "CREATE TABLE orders (id INTEGER, city TEXT, data BLOB);"


def test_long_results_are_cut_and_say_so(tools: dict[str, FunctionTool[..., Any]]) -> None:
    found = tools["query_database"]("SELECT id FROM orders")
    assert len(found["rows"]) == 200
    assert found["more"] == "only the first 200 rows are shown"
    wide = tools["query_database"]("SELECT printf('%.*c', 3000, 'x') FROM orders")
    assert len(wide["rows"]) == 3
    assert "more" in wide


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM orders",
        "INSERT INTO orders VALUES (1, 'x', NULL)",
        "UPDATE orders SET city = 'x'",
        "DROP TABLE orders",
        "CREATE TABLE other (a)",
        "CREATE TEMP TABLE other (a)",
        "ATTACH 'other.db' AS other",
        "PRAGMA writable_schema = ON",
        "PRAGMA query_only = OFF",
        "SELECT * FROM pragma_database_list",
        "VACUUM INTO 'copy.db'",
        "BEGIN IMMEDIATE",
        "SELECT load_extension('x')",
        "SELECT 1; DELETE FROM orders",
        "WITH gone AS (SELECT 1) DELETE FROM orders",
        "EXPLAIN DELETE FROM orders",
        "SELEC 1",
        "",
        "-- nothing",
    ],
)
def test_nothing_but_reading_works(sql: str, tools: dict[str, FunctionTool[..., Any]], path: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(ToolError):
        tools["query_database"](sql)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_endless_queries_and_huge_values_are_stopped(tools: dict[str, FunctionTool[..., Any]]) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i) FROM n"
    with pytest.raises(ToolError, match=r"longer than 0\.5 s"):
        tools["query_database"](endless)
    with pytest.raises(ToolError, match="more than 10000 bytes"):
        tools["query_database"]("SELECT zeroblob(1000000000)")


def test_what_is_no_database_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database" * 100)
    for name in ("text", "absent"):
        with pytest.raises(ToolDefinitionError, match="cannot be read as an SQLite database"):
            sqlite(tmp_path / name)
    assert not (tmp_path / "absent").exists()
    with pytest.raises(ConfigError, match="max_rows"):
        sqlite(tmp_path / "text", max_rows=0)
