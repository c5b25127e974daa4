"""PostgreSQL behind a program that gives each transaction another session, as pgbouncer does."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from urllib.parse import urlsplit, urlunsplit

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.storage import setup
from runstream_server.storage.postgres_database import PostgresDatabase
from tests.support.postgres import PostgresServer

# BackendKeyData: its type and length, before the process id and the key to cancel by.
KEY_DATA = b"K\x00\x00\x00\x0c"
MADE_UP_PID = b"\x00\x00\x00\x07"


@contextlib.asynccontextmanager
async def made_up_pids(uri: str) -> AsyncIterator[str]:
    """Yields a URI at which sessions have process ids that PostgreSQL knows nothing of."""
    parts = urlsplit(uri)
    forwarding: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_in, there_out = await asyncio.open_connection(parts.hostname, parts.port)
        for source, sink in ((reader, there_out), (there_in, writer)):
            forwarding.add(asyncio.create_task(forward(source, sink)))

    async def forward(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65_536):
                before, found, after = data.partition(KEY_DATA)
                told = before + found + MADE_UP_PID + after[4:] if found else data
                sink.write(told)
                await sink.drain()
        sink.close()

    proxy = await asyncio.start_server(accept, "127.0.0.1", 0)
    host, port = proxy.sockets[0].getsockname()
    user, _, _ = parts.netloc.rpartition("@")
    yield urlunsplit(parts._replace(netloc=f"{user}@{host}:{port}"))
    proxy.close()
    for task in forwarding:
        task.cancel()
    await asyncio.gather(*forwarding, return_exceptions=True)


async def prepared(connection: AsyncConnection) -> int:
    """Returns how many statements the session keeps."""
    for number in range(3):
        await connection.execute(sa.text(f"SELECT {number}, CAST(:a AS int)"), {"a": number})
    query = "SELECT count(*) FROM pg_prepared_statements WHERE name <> ''"
    count: int = (await connection.exec_driver_sql(query)).scalar_one()
    return count


@pytest.mark.parametrize("pooled", [False, True])
async def test_statements_are_kept_in_sessions_of_our_own_only(
    postgres: PostgresServer, *, pooled: bool
) -> None:
    with postgres.database() as direct:
        async with contextlib.AsyncExitStack() as stack:
            between = made_up_pids(direct) if pooled else contextlib.nullcontext(direct)
            uri = await stack.enter_async_context(between)
            database = await stack.enter_async_context(PostgresDatabase(uri))
            await setup.create_or_check(database)

            async with database.read() as connection:
                read = await prepared(connection)
            written = await database.write(prepared)

    assert (read > 0, written > 0) == (not pooled, not pooled)
