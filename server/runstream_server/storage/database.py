"""Connections and transactions.

Readers take a snapshot; writers hand their work to the owner of the write connection. A cancelled
caller never leaves a transaction open: the owner finishes what it began (a cancelled statement of
the SQLite driver goes on in its thread).
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Self, TypeVar

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from runstream_server.storage import sqlite_driver
from runstream_server.storage.sqlite_functions import add_functions

__all__ = ["Database", "Write"]

T = TypeVar("T")
Write = Callable[[AsyncConnection], Awaitable[T]]
"""Work to be done inside one write transaction; it must not commit, and may be undone alone when it
raises.
"""

MAX_QUEUED_WRITES: Final = 1024
"""Callers of `write` beyond this many wait until earlier ones are done."""
MAX_GROUPED_WRITES: Final = 64
SQLITE_READERS: Final = 8
SQLITE_PAGE_BYTES: Final = 8192
SQLITE_CACHE_KIB: Final = 65536
SQLITE_CHECKPOINT_PAGES: Final = 4096

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Job:
    work: Write[Any]
    done: "asyncio.Future[Any]"


class Database:
    """One database: a pool of readers and one owner of writes.

    Use as an async context manager. `read` and `write` may be called from any task of the loop.
    """

    def __init__(self, readers: AsyncEngine, writer: AsyncEngine) -> None:
        self._readers = readers
        self._writer = writer
        self._jobs: asyncio.Queue[_Job] = asyncio.Queue(MAX_QUEUED_WRITES)
        self._owner: asyncio.Task[None] | None = None

    @classmethod
    def sqlite(cls, path: str) -> "Database":
        """Opens the SQLite file at `path`, which is created when there is none."""
        url = sa.URL.create("sqlite+aiosqlite", database=path)
        opened = partial(sqlite_driver.connect, path)
        readers = create_async_engine(
            url, async_creator=opened, pool_size=SQLITE_READERS, max_overflow=0, pool_timeout=60
        )
        writer = create_async_engine(url, async_creator=opened, pool_size=1, max_overflow=0)
        for engine, begin in ((readers, "BEGIN"), (writer, "BEGIN IMMEDIATE")):
            _configure_sqlite(engine, begin)
        return cls(readers, writer)

    @property
    def dialect(self) -> str:
        """Names the engine: `sqlite` or `postgresql`."""
        return self._writer.dialect.name

    async def __aenter__(self) -> Self:
        self._owner = asyncio.create_task(self._own_writes(), name="database-writer")
        return self

    async def __aexit__(self, *_: object) -> None:
        """Finishes the writes that were accepted, then closes all connections."""
        if self._owner is not None:
            await self._jobs.join()
            self._owner.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._owner
            self._owner = None
        await self._readers.dispose()
        await self._writer.dispose()

    @contextlib.asynccontextmanager
    async def read(self) -> AsyncGenerator[AsyncConnection]:
        """Yields a connection whose statements all see the database as of one moment.

        Keep it open for milliseconds.
        """
        async with self._readers.connect() as connection:
            yield connection

    async def write(self, work: Write[T]) -> T:
        """Runs `work` in a write transaction and returns its result once that is durable.

        What was accepted is carried out also when the caller is cancelled meanwhile. Writes that
        wait together share a commit; one that raises is undone alone, and the exception is raised
        here.
        """
        job = _Job(work, asyncio.get_running_loop().create_future())
        await self._jobs.put(job)
        return await asyncio.shield(job.done)

    async def _own_writes(self) -> None:
        while True:
            group = [await self._jobs.get()]
            while len(group) < MAX_GROUPED_WRITES and not self._jobs.empty():
                group.append(self._jobs.get_nowait())
            try:
                await self._run_group(group)
            finally:
                for _ in group:
                    self._jobs.task_done()

    async def _run_group(self, group: list[_Job]) -> None:
        try:
            async with self._writer.begin() as connection:
                outcomes = [await _attempt(connection, job, alone=len(group) == 1) for job in group]
        except Exception as error:  # noqa: BLE001 - goes to whoever waits for the write
            if len(group) == 1:
                _resolve(group[0], None, error)
                return
            # Everything was undone. One by one, whoever is at fault fails alone.
            _log.warning("grouped_writes_failed", extra={"writes": len(group), "error": str(error)})
            for job in group:
                await self._run_group([job])
            return
        for job, result, failure in outcomes:
            _resolve(job, result, failure)


async def _attempt(
    connection: AsyncConnection, job: _Job, *, alone: bool
) -> tuple[_Job, Any, Exception | None]:
    if alone:
        return job, await job.work(connection), None
    try:
        async with connection.begin_nested():
            return job, await job.work(connection), None
    except DBAPIError:
        # The database may have undone the whole transaction by itself, as SQLite does when the disk
        # is full; what came next would not be in one.
        raise
    except Exception as error:  # noqa: BLE001 - goes to whoever waits for the write
        return job, None, error


def _resolve(job: _Job, result: object, error: Exception | None) -> None:
    if job.done.done():
        return
    if error is None:
        job.done.set_result(result)
    else:
        job.done.set_exception(error)
        job.done.exception()  # the caller may be gone; the loop need not report that nobody looked


def _configure_sqlite(engine: AsyncEngine, begin: str) -> None:
    pragmas = (
        f"PRAGMA page_size={SQLITE_PAGE_BYTES}",
        "PRAGMA journal_mode=WAL",
        "PRAGMA synchronous=FULL",
        "PRAGMA busy_timeout=30000",
        "PRAGMA foreign_keys=ON",
        "PRAGMA case_sensitive_like=ON",
        f"PRAGMA cache_size=-{SQLITE_CACHE_KIB}",
        f"PRAGMA wal_autocheckpoint={SQLITE_CHECKPOINT_PAGES}",
    )

    @event.listens_for(engine.sync_engine, "connect")
    def on_connect(dbapi_connection: DBAPIConnection, _record: object) -> None:
        dbapi_connection.isolation_level = None  # the driver would begin late, and reads not at all
        cursor = dbapi_connection.cursor()
        for pragma in pragmas:
            cursor.execute(pragma)
        cursor.close()
        add_functions(dbapi_connection)

    @event.listens_for(engine.sync_engine, "begin")
    def on_begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql(begin)
