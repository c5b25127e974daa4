"""Queries on the params and tags of runs. Whoever changes them has locked the run's head."""

from collections.abc import Collection, Iterable, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.storage.log_rows import chunks
from runstream_server.storage.schema import params, tags
from runstream_server.storage.upserts import insert_into

__all__ = [
    "delete_tags",
    "insert_params",
    "params_of_runs",
    "set_tags",
    "stored_params",
    "stored_tags",
    "tags_of_runs",
]


async def params_of_runs(
    connection: AsyncConnection, run_ids: Sequence[str]
) -> dict[str, dict[str, str]]:
    """Returns the params of runs, by key; runs without any are left out."""
    return await _of_runs(connection, params, run_ids)


async def tags_of_runs(
    connection: AsyncConnection, run_ids: Sequence[str]
) -> dict[str, dict[str, str]]:
    """Returns the tags of runs, by key; runs without any are left out."""
    return await _of_runs(connection, tags, run_ids)


async def _of_runs(
    connection: AsyncConnection, table: sa.Table, run_ids: Sequence[str]
) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    query = sa.select(table.c.run_id, table.c.key, table.c.value)
    query = query.order_by(table.c.run_id, table.c.key)
    for some in chunks(run_ids):
        for run_id, key, value in await connection.execute(query.where(table.c.run_id.in_(some))):
            found.setdefault(run_id, {})[key] = value
    return found


async def stored_params(
    connection: AsyncConnection, run_id: str, keys: Iterable[str]
) -> dict[str, str]:
    """Returns those params of a run that have one of these keys."""
    return await _stored(connection, params, run_id, keys)


async def stored_tags(
    connection: AsyncConnection, run_id: str, keys: Iterable[str]
) -> dict[str, str]:
    """Returns those tags of a run that have one of these keys."""
    return await _stored(connection, tags, run_id, keys)


async def _stored(
    connection: AsyncConnection, table: sa.Table, run_id: str, keys: Iterable[str]
) -> dict[str, str]:
    found: dict[str, str] = {}
    query = sa.select(table.c.key, table.c.value).where(table.c.run_id == run_id)
    for some in chunks(list(keys)):
        rows = await connection.execute(query.where(table.c.key.in_(some)))
        found.update((row.key, row.value) for row in rows)
    return found


async def insert_params(
    connection: AsyncConnection, run_id: str, values: Mapping[str, str]
) -> None:
    """Inserts params that the run does not have."""
    if values:
        await connection.execute(sa.insert(params), _rows(run_id, values))


async def set_tags(connection: AsyncConnection, run_id: str, values: Mapping[str, str]) -> None:
    """Stores tags over those of the same key."""
    if not values:
        return
    query = insert_into(connection, tags)
    query = query.on_conflict_do_update(
        index_elements=["run_id", "key"], set_={"value": query.excluded.value}
    )
    await connection.execute(query, _rows(run_id, values))


async def delete_tags(connection: AsyncConnection, run_id: str, keys: Collection[str]) -> None:
    """Deletes the tags with these keys."""
    for some in chunks(list(keys)):
        await connection.execute(
            sa.delete(tags).where(tags.c.run_id == run_id, tags.c.key.in_(some))
        )


def _rows(run_id: str, values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"run_id": run_id, "key": key, "value": value} for key, value in values.items()]
