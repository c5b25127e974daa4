"""Databases of PostgreSQL that tests use one after the other.

To empty one takes a tenth of the time that a new one takes, even a copy.
"""

from contextlib import ExitStack
from typing import Any, Final

import asyncpg

from runstream_server.storage import setup
from runstream_server.storage.postgres_database import PostgresDatabase
from runstream_server.storage.schema import metadata
from tests.support.postgres import PostgresServer, run_apart

__all__ = ["PostgresPool"]

MAX_BYTES: Final = 32 << 20
"""A larger database is not emptied, because its next user would be slowed down by what was there.

A new one has 8 MiB.
"""
OTHERS: Final = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
NAMES: Final = [table.name for table in metadata.sorted_tables]


class PostgresPool:
    """Databases with all tables, as a server makes them.

    Args:
        server: Where they are.
        ending: Removes them when it ends.

    Attributes:
        template: The name of one that nobody uses, to be copied.
    """

    def __init__(self, server: PostgresServer, ending: ExitStack) -> None:
        self._server = server
        self._ending = ending
        self._free: list[str] = []
        uri = ending.enter_context(server.database())
        self.template = uri.rpartition("/")[2].partition("?")[0]
        self._rows = run_apart(_make_tables(uri))

    def take(self) -> str:
        """Returns the URI of a database that holds what a new one does, until it is given back."""
        if self._free:
            return self._free.pop()
        return self._ending.enter_context(self._server.database(template=self.template))

    def give_back(self, uri: str) -> None:
        """Takes a database back, whatever it holds now."""
        if run_apart(_restored(uri, self._rows)):
            self._free.append(uri)


async def _make_tables(uri: str) -> dict[str, list[dict[str, Any]]]:
    """Makes the tables of a database; returns their rows."""
    async with PostgresDatabase(uri) as database:
        await setup.create_or_check(database)
    connection = await asyncpg.connect(uri)
    try:
        return {
            name: [dict(row) for row in await connection.fetch(f"SELECT * FROM {name}")]
            for name in NAMES
        }
    finally:
        await connection.close()


async def _restored(uri: str, rows: dict[str, list[dict[str, Any]]]) -> bool:
    """Gives a database these rows alone, unless it has grown too large; returns whether it did."""
    connection = await asyncpg.connect(uri)
    try:
        await connection.execute(OTHERS)
        size = await connection.fetchval("SELECT pg_database_size(current_database())")
        if size > MAX_BYTES:
            return False
        await connection.execute("; ".join(f"DELETE FROM {name}" for name in NAMES))
        await connection.execute("SELECT setval('experiments_experiment_id_seq', 1, false)")
        for name, some in rows.items():
            for row in some:
                places = ", ".join(f"${number + 1}" for number in range(len(row)))
                insert = f"INSERT INTO {name} ({', '.join(row)}) VALUES ({places})"
                await connection.execute(insert, *row.values())
        return True
    finally:
        await connection.close()
