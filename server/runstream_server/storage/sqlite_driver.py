"""The SQLite driver with one visit to its thread a statement.

aiosqlite makes a cursor, executes, fetches and closes in a visit each, and every visit costs two
changes of thread. Rows are always fetched whole here, so one visit can do all of it.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Final, Self

import aiosqlite

__all__ = ["connect"]

Parameters = Sequence[Any]

ITER_CHUNK: Final = 64
"""What aiosqlite wants to know for a way of reading that is not used here."""


class _Cursor:
    """What SQLAlchemy takes for a driver's cursor. Rows are there once `execute` has returned."""

    def __init__(self, visit: Callable[..., Any]) -> None:
        self._visit = visit
        self._rows: list[Any] = []
        self.description: tuple[tuple[Any, ...], ...] | None = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self.arraysize = 1

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, statement: str, parameters: Parameters = ()) -> Self:
        return self._keep(await self._visit(_execute, statement, parameters))

    async def executemany(self, statement: str, parameters: Iterable[Parameters]) -> Self:
        return self._keep(await self._visit(_execute_many, statement, parameters))

    async def fetchall(self) -> list[Any]:
        rows, self._rows = self._rows, []
        return rows

    async def close(self) -> None:
        """Does nothing: the real cursor is closed already."""

    def _keep(self, done: tuple[sqlite3.Cursor, list[Any]]) -> Self:
        cursor, self._rows = done
        self.description = cursor.description
        self.rowcount = cursor.rowcount
        self.lastrowid = cursor.lastrowid
        return self


class _Connection(aiosqlite.Connection):
    """A connection whose cursors are those above, and whose thread no exit waits for."""

    def __init__(self, connector: Callable[[], sqlite3.Connection], iter_chunk_size: int) -> None:
        super().__init__(connector, iter_chunk_size)
        self._thread.daemon = True

    def cursor(self) -> _Cursor:  # type: ignore[override]
        return _Cursor(self._visit)

    async def _visit(self, work: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401 - whatever the work returns
        return await self._execute(work, self._conn, *arguments)  # type: ignore[no-untyped-call]


async def connect(path: str) -> aiosqlite.Connection:
    """Opens the file at `path`; for the argument `async_creator` of an engine."""
    open_file = partial(sqlite3.connect, path, check_same_thread=False)
    return await _Connection(open_file, ITER_CHUNK)


def _execute(
    connection: sqlite3.Connection, statement: str, parameters: Parameters
) -> tuple[sqlite3.Cursor, list[Any]]:
    cursor = connection.execute(statement, parameters)
    return _read_out(cursor)


def _execute_many(
    connection: sqlite3.Connection, statement: str, parameters: Iterable[Parameters]
) -> tuple[sqlite3.Cursor, list[Any]]:
    cursor = connection.executemany(statement, parameters)
    return _read_out(cursor)


def _read_out(cursor: sqlite3.Cursor) -> tuple[sqlite3.Cursor, list[Any]]:
    rows = cursor.fetchall() if cursor.description else []
    return cursor, rows
