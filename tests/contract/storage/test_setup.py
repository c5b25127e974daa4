"""New databases, old ones, and those of others."""

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.storage import migrations, setup, upgrades
from runstream_server.storage.database import Database
from runstream_server.storage.migrations import REVISIONS, Revision
from runstream_server.storage.schema import (
    SCHEMA_VERSION,
    experiments,
    metadata,
    runs,
    server_facts,
)

# SQLite's indexes on expressions are compared by their SQL, below.
pytestmark = pytest.mark.filterwarnings("ignore:.*expression-based index")


async def say(database: Database, **facts: str) -> None:
    """Lets the database say something else of itself."""

    async def work(connection: AsyncConnection) -> None:
        for name, value in facts.items():
            update = sa.update(server_facts).where(server_facts.c.name == name)
            await connection.execute(update.values(value=value))

    await database.write(work)


async def described(database: Database) -> dict[str, Any]:
    """Returns all tables with their columns, keys and indexes, as the engine tells them."""

    def describe(connection: sa.Connection) -> dict[str, Any]:
        tables: dict[str, Any] = {}
        inspector = sa.inspect(connection)
        for table in inspector.get_table_names():
            columns = [
                (c["name"], str(c["type"]), c["nullable"], c.get("default"))
                for c in inspector.get_columns(table)
            ]
            constraints = inspector.get_unique_constraints(table)
            unique = sorted((str(u["name"]), u["column_names"]) for u in constraints)
            key = inspector.get_pk_constraint(table)["constrained_columns"]
            tables[table] = (columns, key, unique)
        return tables

    async with database.read() as connection:
        tables = await connection.run_sync(describe)
        if connection.dialect.name == "sqlite":
            sql = "SELECT name, sql FROM sqlite_master WHERE type = 'index' ORDER BY name"
            rows = await connection.execute(sa.text(sql))
            tables["indexes"] = [(row.name, row.sql) for row in rows]
    return tables


async def differences(database: Database) -> list[Any]:
    """Returns in what the tables differ from the schema, as Alembic finds it."""

    def compare(connection: sa.Connection) -> list[Any]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    async with database.read() as connection:
        return await connection.run_sync(compare)


async def test_a_new_database_gets_all_tables_and_the_experiment_default(
    database: Database,
) -> None:
    await setup.create_or_check(database)

    assert await setup.version(database) == setup.SchemaFacts(
        SCHEMA_VERSION, setup.OLDEST_COMPATIBLE
    )
    assert set(await described(database)) >= set(metadata.tables)
    async with database.read() as connection:
        found = await connection.execute(sa.select(experiments.c.experiment_id, experiments.c.name))
        assert found.all() == [(0, "Default")]


async def test_an_existing_database_is_left_as_it_is(database: Database) -> None:
    await setup.create_or_check(database)
    insert = sa.insert(experiments).values(
        name="kept", artifact_location="", active=True, create_time_us=1, update_time_us=1
    )

    async def work(connection: AsyncConnection) -> None:
        await connection.execute(insert)

    await database.write(work)
    await setup.create_or_check(database)

    async with database.read() as connection:
        names = await connection.execute(sa.select(experiments.c.name))
        assert set(names.scalars()) == {"Default", "kept"}


async def test_several_servers_may_start_at_once(database: Database) -> None:
    await asyncio.gather(*(setup.create_or_check(database) for _ in range(5)))

    assert (await setup.version(database)) is not None


async def test_an_empty_database_has_no_version(database: Database) -> None:
    assert await setup.version(database) is None


async def test_a_database_of_somebody_else_is_refused(database: Database) -> None:
    async def work(connection: AsyncConnection) -> None:
        await connection.execute(sa.text("CREATE TABLE alembic_version (version_num TEXT)"))

    await database.write(work)

    with pytest.raises(setup.DatabaseMismatch, match="does not belong to runstream"):
        await setup.create_or_check(database)
    with pytest.raises(setup.DatabaseMismatch, match="does not belong to runstream"):
        await upgrades.upgrade(database)


async def test_an_older_database_has_to_be_upgraded(database: Database) -> None:
    await setup.create_or_check(database)
    await say(database, schema_version="0000")

    with pytest.raises(setup.DatabaseMismatch, match=r"version 0000.*`runstream db upgrade`"):
        await setup.create_or_check(database)


async def test_a_newer_database_is_used_as_long_as_it_says_so(database: Database) -> None:
    await setup.create_or_check(database)

    await say(database, schema_version="0077")
    await setup.create_or_check(database)
    assert await upgrades.upgrade(database) == ("0077", "0077")
    await say(database, oldest_compatible_schema_version="0076")

    for open_ in (setup.create_or_check, upgrades.upgrade):
        with pytest.raises(setup.DatabaseMismatch, match=r"0076 or later.*install a newer"):
            await open_(database)


async def test_upgrading_an_empty_database_makes_it(database: Database) -> None:
    assert await upgrades.upgrade(database) == ("empty", SCHEMA_VERSION)
    assert await upgrades.upgrade(database) == (SCHEMA_VERSION, SCHEMA_VERSION)


async def test_migrations_from_nothing_make_what_the_schema_says(database: Database) -> None:
    async def migrate(connection: AsyncConnection) -> None:
        await connection.run_sync(lambda sync: migrations.apply(sync, "0000"))

    await database.write(migrate)
    migrated = await described(database)
    assert await differences(database) == []

    await database.write(_start_anew)
    await setup.create_or_check(database)
    assert migrated == await described(database)


async def _start_anew(connection: AsyncConnection) -> None:
    await connection.run_sync(metadata.drop_all)


async def test_the_newest_migration_leads_to_this_programs_version() -> None:
    versions = [revision.version for revision in REVISIONS]

    assert versions == sorted(set(versions))
    assert versions[-1] == SCHEMA_VERSION


async def test_an_old_database_is_upgraded_with_what_it_holds(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await setup.create_or_check(database)
    _be_a_newer_program(monkeypatch, _add_a_column)

    with pytest.raises(setup.DatabaseMismatch, match="`runstream db upgrade`"):
        await setup.create_or_check(database)
    assert await upgrades.upgrade(database) == (SCHEMA_VERSION, "0999")
    await setup.create_or_check(database)

    async with database.read() as connection:
        found = await connection.execute(sa.text("SELECT name, note FROM experiments"))
        assert found.all() == [("Default", "new")]


async def test_an_upgrade_that_fails_changes_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await setup.create_or_check(database)
    before = await described(database)

    def fail(op: Operations) -> None:
        _add_a_column(op)
        raise RuntimeError("halfway")

    _be_a_newer_program(monkeypatch, fail)
    with pytest.raises(RuntimeError, match="halfway"):
        await upgrades.upgrade(database)

    assert await described(database) == before
    assert await setup.version(database) == setup.SchemaFacts(
        SCHEMA_VERSION, setup.OLDEST_COMPATIBLE
    )


def _add_a_column(op: Operations) -> None:
    with op.batch_alter_table("experiments") as table:
        table.add_column(sa.Column("note", sa.Text, nullable=False, server_default="new"))


def _be_a_newer_program(monkeypatch: pytest.MonkeyPatch, upgrade: Any) -> None:  # noqa: ANN401
    revisions = (*REVISIONS, Revision("0999", upgrade))
    monkeypatch.setattr(migrations.apply, "__defaults__", (revisions,))
    monkeypatch.setattr(setup, "SCHEMA_VERSION", "0999")
    monkeypatch.setattr(upgrades, "SCHEMA_VERSION", "0999")


async def test_texts_compare_by_code_point(database: Database) -> None:
    await setup.create_or_check(database)
    texts = ["b", "B", "é", "z", "\uffff", "🦒", "a", "ab", ""]

    async def work(connection: AsyncConnection) -> None:
        for text in texts:
            values = {column.name: 0 for column in runs.c} | {"run_id": text, "end_time_us": None}
            names = {"name": text, "user_id": "", "artifact_uri": "", "active": True}
            await connection.execute(sa.insert(runs).values({**values, **names}))

    await database.write(work)

    async with database.read() as connection:
        found = await connection.execute(sa.select(runs.c.name).order_by(runs.c.name))
        assert list(found.scalars()) == sorted(texts)
        above = await connection.execute(sa.select(runs.c.name).where(runs.c.name > "z"))
        assert set(above.scalars()) == {text for text in texts if text > "z"}
