"""What a transaction sees to itself, whatever the database is set to."""

import asyncio
import gc

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.storage.database import Database

SHOWN = ("synchronous_commit", "jit", "statement_timeout")


async def shown(connection: AsyncConnection) -> list[str]:
    """Returns the settings in question as they are for a transaction of PostgreSQL."""
    return [str((await connection.execute(sa.text(f"SHOW {name}"))).scalar_one()) for name in SHOWN]


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
@pytest.mark.usefixtures("backend")
async def test_a_database_with_other_settings_commits_as_durably_and_searches_as_quickly(
    database: Database,
) -> None:
    async def set_otherwise(connection: AsyncConnection) -> None:
        name = (await connection.execute(sa.text("SELECT current_database()"))).scalar_one()
        for setting, value in (("synchronous_commit", "off"), ("jit", "on")):
            await connection.exec_driver_sql(f'ALTER DATABASE "{name}" SET {setting} = {value}')

    await database.write(set_otherwise)
    await database.close()  # connections begin with the new settings

    assert await database.write(shown) == ["on", "off", "1min"]
    async with database.read() as connection:
        assert await shown(connection) == ["off", "off", "1min"]


async def test_readers_that_are_cancelled_leave_nothing_behind(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    async def read() -> None:
        async with database.read() as connection:
            await connection.execute(sa.text("SELECT 1"))

    for number in range(60):
        reading = asyncio.create_task(read())
        for _ in range(number):  # as far as it comes in so many turns
            await asyncio.sleep(0)
        reading.cancel()
        await asyncio.wait([reading])

    await read()
    gc.collect()
    assert database.connections_in_use == 0
    assert [record for record in caplog.records if record.name == "asyncio"] == []
