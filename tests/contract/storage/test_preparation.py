"""What a database has beside its tables, whether it was made by this program or upgraded."""

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.storage import migrations, setup, upgrades
from runstream_server.storage.database import Database
from runstream_server.storage.migrations import REVISIONS
from runstream_server.storage.postgres_preparation import STORED_AS_THEY_ARE
from runstream_server.storage.schema import SCHEMA_VERSION, server_facts
from runstream_server.storage.sqlite_functions import CASEFOLD

STORAGE = sa.text(
    "SELECT c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
    " WHERE c.relkind = 'r' AND a.attnum > 0 AND a.attstorage = 'e'"
    " AND c.relnamespace = 'public'::regnamespace"
)


async def make_first_schema(connection: AsyncConnection) -> None:
    """Makes the tables that the first program made, and lets them say so."""
    await connection.run_sync(lambda sync: migrations.apply(sync, "0000", REVISIONS[:1]))
    facts = {"schema_version": "0001", "oldest_compatible_schema_version": "0001"}
    rows = [{"name": name, "value": value} for name, value in facts.items()]
    await connection.execute(sa.insert(server_facts), rows)


@pytest.mark.parametrize("origin", ["new", "upgraded"])
async def test_case_is_folded_and_appended_data_is_not_compressed(
    database: Database, origin: str
) -> None:
    if origin == "upgraded":
        await database.write(make_first_schema)
        assert await upgrades.upgrade(database) == ("0001", SCHEMA_VERSION)
    else:
        await setup.create_or_check(database)

    async with database.read() as connection:
        folded = await connection.execute(sa.text(f"SELECT {CASEFOLD}('Straße É')"))
        assert folded.scalar_one() == "strasse é"
        if database.dialect == "postgresql":
            stored = {tuple(row) for row in await connection.execute(STORAGE)}
            assert stored == {(column.table.name, column.name) for column in STORED_AS_THEY_ARE}
