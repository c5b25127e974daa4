"""Queries on runs."""

from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.storage.among import TEXTS, among
from runstream_server.storage.log_rows import chunks
from runstream_server.storage.schema import log_heads, runs

__all__ = ["RunRow", "find_run", "find_runs", "insert_run", "log_position", "update_run"]


class RunRow(NamedTuple):
    """A run as stored. An empty artifact URI is the one below the server's default location."""

    run_id: str
    experiment_id: int
    name: str
    status: int
    active: bool
    start_time_us: int
    end_time_us: int | None
    create_time_us: int
    update_time_us: int
    user_id: str
    artifact_uri: str
    last_commit_time_us: int | None = None


_COLUMNS = tuple(column.name for column in runs.c)
_RUN = sa.select(*runs.c, log_heads.c.last_commit_time_us).outerjoin(
    log_heads, log_heads.c.run_id == runs.c.run_id
)
_RUNS = _RUN.where(among(runs.c.run_id))


async def insert_run(connection: AsyncConnection, row: RunRow) -> None:
    """Inserts a run whose head the caller has inserted."""
    values = {name: getattr(row, name) for name in _COLUMNS}
    await connection.execute(sa.insert(runs).values(values))


async def find_run(connection: AsyncConnection, run_id: str) -> RunRow | None:
    """Returns a run, or None when there is none."""
    row = (await connection.execute(_RUN.where(runs.c.run_id == run_id))).one_or_none()
    return None if row is None else RunRow._make(row)


async def find_runs(connection: AsyncConnection, run_ids: Sequence[str]) -> dict[str, RunRow]:
    """Returns runs by their ids."""
    found: dict[str, RunRow] = {}
    for some in chunks(run_ids):
        rows = await connection.execute(_RUNS, {TEXTS: some})
        found.update((row[0], RunRow._make(row)) for row in rows.all())
    return found


async def update_run(
    connection: AsyncConnection, run_id: str, **changes: str | int | bool | None
) -> None:
    """Stores new values of a run's columns. The caller has locked its head."""
    await connection.execute(sa.update(runs).where(runs.c.run_id == run_id).values(**changes))


async def log_position(connection: AsyncConnection, run_id: str) -> int:
    """Returns the position that the next batch of a run's log gets; 0 when there is no such run."""
    query = sa.select(log_heads.c.next_position).where(log_heads.c.run_id == run_id)
    return (await connection.execute(query)).scalar_one_or_none() or 0
