"""What the upgrade to version 0002 finds out about older databases."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.storage import migrations
from runstream_server.storage.database import Database
from runstream_server.storage.key_rows import KeyKind, keys_in_use
from runstream_server.storage.schema import experiment_keys


async def test_keys_of_an_older_database_are_found_by_its_upgrade(database: Database) -> None:
    async def make_old(connection: AsyncConnection) -> None:
        await connection.run_sync(
            lambda sync: migrations.apply(sync, "0000", migrations.REVISIONS[:1])
        )
        for statement in (
            "INSERT INTO runs VALUES ('r', 3, 'n', 1, true, 1, NULL, 1, 1, '', '')",
            "INSERT INTO params VALUES ('r', 'lr', '1')",
            "INSERT INTO tags VALUES ('r', 'team', 'x')",
            "INSERT INTO series (run_id, series_id, key, rank, attempt) VALUES ('r', 0, 'l', 0, 0)",
            "INSERT INTO series (run_id, series_id, key, rank, attempt) VALUES ('r', 1, 'l', 1, 0)",
            "INSERT INTO log_heads VALUES ('r', true, 2, 0, 0, 0, 0, 0, 0)",
            "INSERT INTO log_batches VALUES ('r', 0, '', 0, 1, 1, 41, '')",
            "INSERT INTO log_batches VALUES ('r', 1, '', 0, 1, 1, 42, '')",
        ):
            await connection.execute(sa.text(statement))
        await connection.run_sync(lambda sync: migrations.apply(sync, "0001"))

    await database.write(make_old)

    async with database.read() as connection:
        for kind, key in ((KeyKind.PARAM, "lr"), (KeyKind.TAG, "team"), (KeyKind.METRIC, "l")):
            found = await keys_in_use(connection, [3], kind, prefix="", after=None, limit=9)
            assert found == [key]
        newest = await connection.execute(sa.text("SELECT last_commit_time_us FROM log_heads"))
        assert newest.scalar_one() == 42
        assert len((await connection.execute(sa.select(experiment_keys))).all()) == 3
