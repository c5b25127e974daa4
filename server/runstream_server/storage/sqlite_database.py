"""The SQLite engine: a pool of readers, and one owner of the one connection that writes.

Writes that wait together share a commit; one that raises is undone alone.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Self, TypeVar

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from runstream_server.storage import sqlite_driver
from runstream_server.storage.database import MAX_QUEUED_WRITES, Database, Write, checked_out
from runstream_server.storage.sqlite_functions import add_functions

__all__ = ["SqliteDatabase"]

T = TypeVar("T")

MAX_GROUPED_WRITES: Final = 64
READERS: Final = 8
PAGE_BYTES: Final = 8192
CACHE_KIB: Final = 65536
CHECKPOINT_PAGES: Final = 4096

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Job:
    work: Write[Any]
    done: "asyncio.Future[Any]"


class SqliteDatabase(Database):
    """A database in one file, which is created when there is none.

    Args:
        path: The file.
    """

    dialect = "sqlite"
    shared = False

    def __init__(self, path: str) -> None:
        url = sa.URL.create("sqlite+aiosqlite", database=path)
        opened = partial(sqlite_driver.connect, path)
        self._readers = create_async_engine(
            url, async_creator=opened, pool_size=READERS, max_overflow=0, pool_timeout=60
        )
        self._writer = create_async_engine(url, async_creator=opened, pool_size=1, max_overflow=0)
        for engine, begin in ((self._readers, "BEGIN"), (self._writer, "BEGIN IMMEDIATE")):
            _configure(engine, begin)
        self._jobs: asyncio.Queue[_Job] = asyncio.Queue(MAX_QUEUED_WRITES)
        self._owner: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._owner = asyncio.create_task(self._own_writes(), name="database-writer")
        return self

    async def close(self) -> None:
        if self._owner is not None:
            await self._jobs.join()
            self._owner.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._owner
            self._owner = None
        await self._readers.dispose()
        await self._writer.dispose()

    @property
    def connections_in_use(self) -> int:
        return checked_out(self._readers) + checked_out(self._writer)

    @contextlib.asynccontextmanager
    async def read(self) -> AsyncGenerator[AsyncConnection]:
        async with self._readers.connect() as connection:
            yield connection

    async def write(self, work: Write[T]) -> T:
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


def _configure(engine: AsyncEngine, begin: str) -> None:
    pragmas = (
        f"PRAGMA page_size={PAGE_BYTES}",
        "PRAGMA journal_mode=WAL",
        "PRAGMA synchronous=FULL",
        "PRAGMA busy_timeout=30000",
        "PRAGMA foreign_keys=ON",
        "PRAGMA case_sensitive_like=ON",
        f"PRAGMA cache_size=-{CACHE_KIB}",
        f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}",
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
