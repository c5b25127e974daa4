"""The PostgreSQL engine: a pool of readers, and a pool of writers with a transaction per write."""

import asyncio
import contextlib
import itertools
import logging
import random
from collections.abc import AsyncGenerator, Generator
from typing import Any, Final, TypeVar

import asyncpg
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.util import await_only

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
CONNECT: Final[dict[str, Any]] = {"timeout": 10.0, "statement_cache_size": 0}
"""asyncpg prepares what it asks for itself under no name, and so keeps nothing in the session."""
BEHIND_A_POOL: Final[dict[str, Any]] = {
    "prepared_statement_cache_size": 0,
    "prepared_statement_name_func": lambda: "",
}
"""Statements are prepared anew each time, and under no name: the next transaction may be in another
session, where they are unknown, or another client's.
"""
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
        engine = create_async_engine(
            "postgresql+asyncpg://",
            pool_size=size,
            max_overflow=0,
            pool_timeout=POOL_TIMEOUT_S,
            pool_pre_ping=isolation_level == "REPEATABLE READ",
            isolation_level=isolation_level,
        )
        event.listen(engine.sync_engine, "do_connect", self._connect)
        return engine

    def _connect(self, dialect: Any, *_: object) -> Any:  # noqa: ANN401 - asyncpg gives no types
        connection, pooled = await_only(self._connected())

        async def opened() -> Any:  # noqa: ANN401 - as above
            return connection

        options = BEHIND_A_POOL if pooled else _kept_statements()
        return dialect.dbapi.connect(async_creator_fn=opened, **options)

    async def _connected(self) -> tuple[Any, bool]:
        # Whoever waits may be cancelled, but asyncpg leaves an error in the log when it is.
        attempt = asyncio.create_task(_opened(self._uri), name="database-connect")
        try:
            return await asyncio.shield(attempt)
        except asyncio.CancelledError:
            attempt.add_done_callback(_end_unwanted)
            raise


def _end_unwanted(attempt: "asyncio.Task[tuple[Any, bool]]") -> None:
    """Ends the connection of somebody who does not wait for it any more."""
    if not attempt.cancelled() and attempt.exception() is None:
        connection, _ = attempt.result()
        connection.terminate()


async def _opened(uri: str) -> tuple[Any, bool]:
    """Returns a connection, and whether it is shared."""
    connection = await asyncpg.connect(uri, **CONNECT)
    try:
        return connection, await _is_pooled(connection)
    except BaseException:
        connection.terminate()
        raise


async def _is_pooled(connection: Any) -> bool:  # noqa: ANN401 - as above
    """Tells whether something between us and PostgreSQL hands its sessions around.

    Such a program makes up a process id for each client, to know whose query is to be cancelled.
    """
    query = f"SELECT WHERE pg_backend_pid() = {connection.get_server_pid()}"
    return bool(await connection.execute(query) == "SELECT 0")


def _kept_statements() -> dict[str, Any]:
    """Returns how to keep prepared statements in a session: each under a name of its own."""
    numbers = itertools.count()
    return {"prepared_statement_name_func": lambda: f"runstream_{next(numbers)}"}


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
