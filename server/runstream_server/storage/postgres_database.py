"""The PostgreSQL engine: a pool of readers, and a pool of writers with a transaction per write."""

import asyncio
import contextlib
import logging
import random
from collections.abc import AsyncGenerator, Generator
from typing import Any, Final, TypeVar

import asyncpg
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from runstream_server.storage.database import (
    MAX_QUEUED_WRITES,
    Database,
    DatabaseFull,
    Write,
    checked_out,
)
from runstream_server.storage.postgres_errors import is_full, is_retryable, unavailable

__all__ = ["PostgresDatabase"]

T = TypeVar("T")

READERS: Final = 8
WRITERS: Final = 8
POOL_TIMEOUT_S: Final = 60
CONNECT_TIMEOUT_S: Final = 10.0
MAX_ATTEMPTS: Final = 8
"""How often a write is tried that was undone because of another one, or of a lost connection."""
RETRY_DELAY_S: Final = 0.01

# Compiling a search of many fields to machine code (jit) takes several times as long as running it.
_SETTINGS: Final = """
    set_config('lock_timeout', '20s', true),
    set_config('statement_timeout', '60s', true),
    set_config('idle_in_transaction_session_timeout', '60s', true),
    set_config('jit', 'off', true)
"""
BEGIN_READ: Final = f"SELECT {_SETTINGS}"
# `on` waits for the disk, as `remote_write` and `remote_apply` do for that of a replica as well.
BEGIN_WRITE: Final = f"""
    SELECT {_SETTINGS}, set_config('synchronous_commit', CASE current_setting('synchronous_commit')
        WHEN 'remote_apply' THEN 'remote_apply' ELSE 'on' END, true)
"""

_log = logging.getLogger(__name__)


class PostgresDatabase(Database):
    """A PostgreSQL database, shared with other servers.

    Settings go into each transaction, because a pool between us and PostgreSQL (pgbouncer) may
    give every transaction another session.

    Args:
        uri: As libpq takes it: `postgresql://user@host:port/name?sslmode=require`; several hosts
            are tried in turn.
    """

    dialect = "postgresql"
    shared = True

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._readers = self._engine(READERS, "REPEATABLE READ").execution_options(
            postgresql_readonly=True
        )
        self._writers = self._engine(WRITERS, "READ COMMITTED")
        self._turns = asyncio.Semaphore(WRITERS)
        self._room = asyncio.Semaphore(MAX_QUEUED_WRITES)
        self._running: set[asyncio.Task[Any]] = set()

    async def close(self) -> None:
        while self._running:
            await asyncio.wait(self._running)
        await self._readers.dispose()
        await self._writers.dispose()

    @property
    def connections_in_use(self) -> int:
        return checked_out(self._readers) + checked_out(self._writers)

    @contextlib.asynccontextmanager
    async def read(self) -> AsyncGenerator[AsyncConnection]:
        with _translated():
            async with self._readers.connect() as connection:
                await connection.exec_driver_sql(BEGIN_READ)
                yield connection

    async def write(self, work: Write[T]) -> T:
        async with self._room:
            task = asyncio.create_task(self._write(work), name="database-write")
            self._running.add(task)
            task.add_done_callback(self._forget)
            return await asyncio.shield(task)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        task.exception()  # the caller may be gone; the loop need not report that nobody looked

    async def _write(self, work: Write[T]) -> T:
        async with self._turns:
            for attempt in range(1, MAX_ATTEMPTS + 1):
                try:
                    return await self._write_once(work)
                except _Undone as undone:
                    if attempt == MAX_ATTEMPTS:
                        raise undone.error from undone.error.__cause__
                    fields = {"attempt": attempt, "error": str(undone.error.orig)}
                    _log.info("write_tried_again", extra=fields)
                await asyncio.sleep(RETRY_DELAY_S * 2**attempt * random.random())  # noqa: S311 - spreads retries
        raise AssertionError("unreachable")

    async def _write_once(self, work: Write[T]) -> T:
        with _translated():
            async with self._writers.connect() as connection:
                try:
                    await connection.exec_driver_sql(BEGIN_WRITE)
                    result = await work(connection)
                except DBAPIError as error:
                    if is_retryable(error):
                        raise _Undone(error) from error
                    raise
                # From here on nobody can tell whether the work is done when the connection is lost.
                await connection.commit()
                return result

    def _engine(self, size: int, isolation_level: str) -> AsyncEngine:
        async def connect() -> Any:  # noqa: ANN401 - asyncpg gives no types
            # Statements are prepared under no name: below pgbouncer the next one may go elsewhere.
            # Whoever waits may be cancelled, but asyncpg leaves an error in the log when it is.
            attempt = asyncio.create_task(
                asyncpg.connect(self._uri, timeout=CONNECT_TIMEOUT_S), name="database-connect"
            )
            try:
                return await asyncio.shield(attempt)
            except asyncio.CancelledError:
                attempt.add_done_callback(_end_unwanted)
                raise

        return create_async_engine(
            sa.URL.create("postgresql+asyncpg"),
            async_creator=connect,
            pool_size=size,
            max_overflow=0,
            pool_timeout=POOL_TIMEOUT_S,
            pool_pre_ping=isolation_level == "REPEATABLE READ",
            isolation_level=isolation_level,
        )


def _end_unwanted(attempt: "asyncio.Task[Any]") -> None:
    """Ends the connection of somebody who does not wait for it any more."""
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().terminate()


class _Undone(Exception):
    """A write was undone through no fault of its own, and can be tried again."""

    def __init__(self, error: DBAPIError) -> None:
        super().__init__(str(error))
        self.error = error


@contextlib.contextmanager
def _translated() -> Generator[None]:
    """Makes one exception of all that says that the database does not answer."""
    try:
        yield
    except (OperationalError, DatabaseFull):
        raise
    except (
        DBAPIError,
        asyncpg.PostgresError,
        asyncpg.InterfaceError,
        OSError,
        TimeoutError,
    ) as error:
        if is_full(error):
            raise DatabaseFull(str(error)) from error
        if unavailable(error):
            raise OperationalError("the database does not answer", None, error) from error
        raise
