"""Queries on tables of labels: keys and values that belong to a run or a logged model.

The first column of such a table is the owner's id. Whoever changes labels has locked their owner.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.storage.among import TEXTS, among
from runstream_server.storage.log_rows import chunks
from runstream_server.storage.upserts import insert_into

__all__ = ["delete_labels", "insert_labels", "labels_of", "set_labels", "stored_labels"]


async def labels_of(
    connection: AsyncConnection,
    table: sa.Table,
    owner_ids: Sequence[str],
    keys: Collection[str] | None = None,
) -> dict[str, dict[str, str]]:
    """Returns the labels of owners, all or those with some keys; owners without are left out."""
    found: dict[str, dict[str, str]] = {}
    owner = _owner(table)
    query = sa.select(owner, table.c.key, table.c.value).where(among(owner))
    query = query.order_by(owner, table.c.key)
    if keys is not None:
        query = query.where(table.c.key.in_(keys))
    for some in chunks(owner_ids):
        for owner_id, key, value in (await connection.execute(query, {TEXTS: some})).all():
            labels = found.get(owner_id)
            if labels is None:
                found[owner_id] = labels = {}
            labels[key] = value
    return found


async def stored_labels(
    connection: AsyncConnection, table: sa.Table, owner_id: str, keys: Iterable[str]
) -> dict[str, str]:
    """Returns those labels of an owner that have one of these keys."""
    found: dict[str, str] = {}
    query = sa.select(table.c.key, table.c.value).where(_owner(table) == owner_id)
    for some in chunks(list(keys)):
        rows = await connection.execute(query.where(table.c.key.in_(some)))
        found.update((row.key, row.value) for row in rows)
    return found


async def insert_labels(
    connection: AsyncConnection, table: sa.Table, owner_id: str, values: Mapping[str, str]
) -> None:
    """Inserts labels that the owner does not have."""
    if values:
        await connection.execute(sa.insert(table), _rows(table, owner_id, values))


async def set_labels(
    connection: AsyncConnection, table: sa.Table, owner_id: str, values: Mapping[str, str]
) -> None:
    """Stores labels over those of the same key."""
    if not values:
        return
    query = insert_into(connection, table)
    query = query.on_conflict_do_update(
        index_elements=[_owner(table).name, "key"], set_={"value": query.excluded.value}
    )
    await connection.execute(query, _rows(table, owner_id, values))


async def delete_labels(
    connection: AsyncConnection, table: sa.Table, owner_id: str, keys: Collection[str]
) -> None:
    """Deletes the labels with these keys."""
    for some in chunks(list(keys)):
        await connection.execute(
            sa.delete(table).where(_owner(table) == owner_id, table.c.key.in_(some))
        )


def _owner(table: sa.Table) -> sa.Column[str]:
    return table.columns[0]


def _rows(table: sa.Table, owner_id: str, values: Mapping[str, str]) -> list[dict[str, str]]:
    name = _owner(table).name
    return [{name: owner_id, "key": key, "value": value} for key, value in values.items()]
