"""Makes new databases, and checks whether an existing one fits this program."""

import time
from dataclasses import dataclass
from functools import partial
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.storage.database import Database
from runstream_server.storage.postgres_preparation import prepare
from runstream_server.storage.schema import SCHEMA_VERSION, experiments, metadata, server_facts
from runstream_server.storage.upserts import insert_into

__all__ = [
    "DatabaseMismatch",
    "SchemaFacts",
    "check",
    "create_or_check",
    "lock",
    "read_facts",
    "store_facts",
    "version",
]

OLDEST_COMPATIBLE: Final = "0002"
"""A program whose schema version is less must not touch a database that this program made."""

DEFAULT_EXPERIMENT_ID: Final = 0
DEFAULT_EXPERIMENT_NAME: Final = "Default"

_SETUP_LOCK: Final = 0x72756E73
"""Names the PostgreSQL lock of those that make or change tables."""

_SCHEMA_VERSION_FACT: Final = "schema_version"
_OLDEST_COMPATIBLE_FACT: Final = "oldest_compatible_schema_version"


class DatabaseMismatch(Exception):
    """A database that this program must not use as it is. The message says what to do about it."""


@dataclass(frozen=True, slots=True)
class SchemaFacts:
    """What a database says of itself: four-digit numbers, compared as texts."""

    schema_version: str
    oldest_compatible: str


async def create_or_check(database: Database, default_root: str = "") -> None:
    """Makes all tables and the experiment "Default" in an empty database; checks any other.

    Several servers may do this at once. "Default" keeps its artifacts below `default_root`, if
    that is given.

    Raises:
        DatabaseMismatch: The database has to be upgraded, is too new, or is no database of
            runstream.
    """
    facts = await version(database)
    if facts is None:
        await database.write(partial(_create_unless_made, default_root=default_root))
        facts = await version(database)
    check(facts)


async def version(database: Database) -> SchemaFacts | None:
    """Returns what the database says of itself, or None when it is empty.

    Raises:
        DatabaseMismatch: It is not empty, and no database of runstream.
    """
    async with database.read() as connection:
        return await read_facts(connection)


async def read_facts(connection: AsyncConnection) -> SchemaFacts | None:
    """Does what `version` does, on a connection."""
    tables = await connection.run_sync(lambda sync: sa.inspect(sync).get_table_names())
    if not tables:
        return None
    if server_facts.name not in tables:
        message = (
            f"the database holds {len(tables)} tables but none called {server_facts.name}, so it"
            " does not belong to runstream; name another database, or an empty one, by"
            " --backend-store-uri"
        )
        raise DatabaseMismatch(message)
    rows = await connection.execute(sa.select(server_facts.c.name, server_facts.c.value))
    facts = {row.name: row.value for row in rows}
    schema_version = facts.get(_SCHEMA_VERSION_FACT, "0000")
    return SchemaFacts(schema_version, facts.get(_OLDEST_COMPATIBLE_FACT, schema_version))


def check(facts: SchemaFacts | None) -> SchemaFacts:
    """Returns what a database says of itself.

    Raises:
        DatabaseMismatch: This program cannot use a database that says this.
    """
    if facts is None or facts.schema_version < SCHEMA_VERSION:
        found = "no version" if facts is None else f"version {facts.schema_version}"
        message = (
            f"the database's schema has {found}, this program needs version {SCHEMA_VERSION}; stop"
            " all servers, back the database up, and run `runstream db upgrade`"
        )
        raise DatabaseMismatch(message)
    if facts.oldest_compatible > SCHEMA_VERSION:
        message = (
            f"the database's schema has version {facts.schema_version} and takes programs of"
            f" version {facts.oldest_compatible} or later, but this program's is {SCHEMA_VERSION};"
            " install a newer runstream"
        )
        raise DatabaseMismatch(message)
    return facts


async def lock(connection: AsyncConnection) -> None:
    """Lets nobody else make or change tables until the transaction ends."""
    if connection.dialect.name == "postgresql":  # a writer of SQLite is alone anyway
        await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_SETUP_LOCK)))


async def _create_unless_made(connection: AsyncConnection, default_root: str) -> None:
    await lock(connection)
    if await read_facts(connection) is None:
        await connection.run_sync(metadata.create_all)
        await prepare(connection)
        await _insert_default_experiment(connection, default_root)
        await store_facts(connection)


async def _insert_default_experiment(connection: AsyncConnection, default_root: str) -> None:
    now_us = time.time_ns() // 1000
    location = f"{default_root}/{DEFAULT_EXPERIMENT_ID}" if default_root else ""
    await connection.execute(
        sa.insert(experiments).values(
            experiment_id=DEFAULT_EXPERIMENT_ID,
            name=DEFAULT_EXPERIMENT_NAME,
            artifact_location=location,
            active=True,
            create_time_us=now_us,
            update_time_us=now_us,
        )
    )


async def store_facts(connection: AsyncConnection) -> None:
    """Lets the database say of itself what this program writes."""
    query = insert_into(connection, server_facts)
    query = query.on_conflict_do_update(
        index_elements=["name"], set_={"value": query.excluded.value}
    )
    facts = {_SCHEMA_VERSION_FACT: SCHEMA_VERSION, _OLDEST_COMPATIBLE_FACT: OLDEST_COMPATIBLE}
    await connection.execute(
        query, [{"name": name, "value": value} for name, value in facts.items()]
    )
