"""Brings databases that older programs made to this program's schema."""

from functools import partial

from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.storage import setup
from runstream_server.storage.database import Database
from runstream_server.storage.migrations import apply
from runstream_server.storage.postgres_preparation import prepare
from runstream_server.storage.schema import SCHEMA_VERSION

__all__ = ["upgrade"]


async def upgrade(database: Database) -> tuple[str, str]:
    """Upgrades a database in one transaction; makes the tables of an empty one.

    Returns:
        The version before, `empty` when there was none, and the version now.

    Raises:
        DatabaseMismatch: The database is too new for this program, or none of runstream.
    """
    before = await setup.version(database)
    if before is None:
        await setup.create_or_check(database)
    elif before.schema_version < SCHEMA_VERSION:
        await database.write(_upgrade)
    after = setup.check(await setup.version(database))
    return before.schema_version if before else "empty", after.schema_version


async def _upgrade(connection: AsyncConnection) -> None:
    await setup.lock(connection)
    facts = await setup.read_facts(connection)
    if facts is not None and facts.schema_version < SCHEMA_VERSION:
        await connection.run_sync(partial(apply, current=facts.schema_version))
        await prepare(connection)
        await setup.store_facts(connection)
