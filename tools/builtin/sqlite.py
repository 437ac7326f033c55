"""Read-only SQL on an SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from time import monotonic
from typing import Any, Final

from agentfast.errors import ToolDefinitionError, ToolError
from agentfast.tools.checks import check_integer, check_number
from agentfast.tools.definition import FunctionTool, tool

_ALLOWED: Final = {
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_RECURSIVE,
    sqlite3.SQLITE_SELECT,
}
_FORBIDDEN_FUNCTIONS: Final = {"load_extension", "fts3_tokenizer", "edit", "readfile", "writefile"}
_CHECK_EVERY: Final = 1000  # instructions of SQLite's virtual machine between two looks at the clock


def sqlite(
    path: str | Path, *, max_rows: int = 200, max_bytes: int = 1 << 18, time_limit_s: float = 5.0
) -> list[FunctionTool[..., Any]]:
    """Make tools that read a database: `describe_database` and `query_database`.

    A query is one SELECT. It can neither write, attach other files, change settings nor load extensions, and it is
    stopped at its time limit. The file is opened for each call, read-only.

    Args:
        max_rows: rows that a query gives; it says so if there are more.
        max_bytes: of one value, and of a query's rows together.

    Raises:
        ToolDefinitionError: the file is not there, or not an SQLite database.
        ConfigError: a limit is not a positive number.
    """
    check_integer("max_rows", max_rows, least=1)
    check_integer("max_bytes", max_bytes, least=1)
    check_number("time_limit_s", time_limit_s, above=0)
    database = _Database(Path(path), max_rows, max_bytes, time_limit_s)
    try:
        database.describe()
    except ToolError as error:
        raise ToolDefinitionError(f"{path} cannot be read as an SQLite database: {error.message}") from error

    def describe_database() -> str:
        """Show the tables and views of the database, as the statements that made them."""
        return database.describe()

    def query_database(sql: str) -> dict[str, Any]:
        """Read from the database.

        Args:
            sql: One SELECT statement in SQLite's dialect.
        """
        return database.query(sql)

    return [tool(describe_database), tool(query_database)]


class _Database:
    def __init__(self, path: Path, max_rows: int, max_bytes: int, time_limit_s: float) -> None:
        self._uri = path.resolve().as_uri() + "?mode=ro"
        self._max_rows = max_rows
        self._max_bytes = max_bytes
        self._time_limit_s = time_limit_s

    def describe(self) -> str:
        rows = self.query("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type, name")["rows"]
        return "\n".join(f"{row[0]};" for row in rows)

    def query(self, sql: str) -> dict[str, Any]:
        with self._opened() as connection, closing(connection.cursor()) as cursor:
            cursor.execute(sql)
            if cursor.description is None:
                raise ToolError("the statement gives no rows", hint="write one SELECT statement")
            rows: list[list[Any]] = []
            left = self._max_bytes
            for row in cursor:
                left -= sum(len(str(value)) for value in row)
                if len(rows) == self._max_rows or left < 0:
                    return self._found(cursor, rows) | {"more": f"only the first {len(rows)} rows are shown"}
                rows.append([_jsonable(value) for value in row])
            return self._found(cursor, rows)

    def _found(self, cursor: sqlite3.Cursor, rows: list[list[Any]]) -> dict[str, Any]:
        return {"columns": [column[0] for column in cursor.description], "rows": rows}

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        end = monotonic() + self._time_limit_s
        try:
            with closing(sqlite3.connect(self._uri, uri=True, timeout=self._time_limit_s)) as connection:
                connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
                connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, self._max_bytes)
                connection.execute("PRAGMA query_only = ON")
                connection.execute("PRAGMA trusted_schema = OFF")
                connection.set_authorizer(_authorize)
                connection.set_progress_handler(lambda: monotonic() > end, _CHECK_EVERY)
                yield connection
        except sqlite3.Warning as error:  # several statements, in Python 3.11
            raise ToolError(str(error), hint="write one SELECT statement") from error
        except sqlite3.Error as error:
            raise self._explained(error) from error

    def _explained(self, error: sqlite3.Error) -> ToolError:
        text = str(error)
        if text == "interrupted":
            return ToolError(f"the query takes longer than {self._time_limit_s:g} s")
        if "not authorized" in text or "prohibited" in text:
            return ToolError("the database can only be read", hint="write one SELECT statement")
        if "too big" in text:
            return ToolError(f"a value has more than {self._max_bytes} bytes")
        return ToolError(f"SQLite: {text}")


def _authorize(action: int, one: str | None, two: str | None, *_: str | None) -> int:
    if action not in _ALLOWED or (action == sqlite3.SQLITE_FUNCTION and two in _FORBIDDEN_FUNCTIONS):
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


def _jsonable(value: Any) -> Any:
    return f"<{len(value)} bytes>" if isinstance(value, bytes) else value
