"""A store that an older program left, as it is found on every kind of database."""

import contextlib
import json
import sqlite3
import tarfile
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.storage import migrations
from runstream_server.storage.database import Database
from runstream_server.storage.migrations import REVISIONS
from tests.contract.backends import Backend
from tests.support.postgres import run_apart

__all__ = ["FIRST_SCHEMA", "kept_contents", "lay_out"]

KEPT = Path(__file__).parent / "kept"
FIRST_SCHEMA = "schema-0001"


def kept_contents(name: str) -> Any:  # noqa: ANN401 - a document
    """Returns what the program that made a store told of it."""
    return json.loads((KEPT / f"{name}.json").read_text())


def lay_out(backend: Backend, data_dir: Path, name: str = FIRST_SCHEMA) -> str:
    """Lays a kept store out, its rows in a database of the kind in question.

    Returns:
        The URI of the database; empty when the data folder holds it.
    """
    with tarfile.open(KEPT / f"{name}.tar.xz") as archive:
        archive.extractall(data_dir, filter="data")
    if backend.name == "sqlite":
        return ""
    uri = backend.store_uri(data_dir, bare=True)
    file = data_dir / "runstream.db"

    async def copy() -> None:
        async with backend.open(data_dir, bare=True) as database:
            await copy_rows(file, database)

    run_apart(copy())
    file.unlink()
    return uri


async def copy_rows(file: Path, database: Database) -> None:
    """Makes the tables of the first schema and fills them with the rows of an SQLite file.

    No program with the first schema ran over another engine, so its own migration makes them.
    """

    def work(connection: sa.Connection) -> None:
        migrations.apply(connection, "0000", REVISIONS[:1])
        metadata = sa.MetaData()
        metadata.reflect(connection)
        with contextlib.closing(sqlite3.connect(file)) as source:
            source.row_factory = sqlite3.Row
            for table in metadata.sorted_tables:
                rows = source.execute(f'SELECT * FROM "{table.name}"').fetchall()
                if rows:
                    connection.execute(sa.insert(table), [_typed(table, row) for row in rows])
        connection.exec_driver_sql(
            "SELECT setval('experiments_experiment_id_seq', max(experiment_id)) FROM experiments"
        )

    async def copy(connection: AsyncConnection) -> None:
        await connection.run_sync(work)

    await database.write(copy)


def _typed(table: sa.Table, row: sqlite3.Row) -> dict[str, Any]:
    """Returns a row of SQLite, which has no truth values, as one of a table."""
    return {
        column.name: bool(row[column.name])
        if isinstance(column.type, sa.Boolean) and row[column.name] is not None
        else row[column.name]
        for column in table.columns
    }
