"""Queries on the params and tags of runs. Whoever changes them has locked the run's head."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.storage.key_rows import KeyKind, note_keys
from runstream_server.storage.labels import (
    delete_labels,
    insert_labels,
    labels_of,
    set_labels,
    stored_labels,
)
from runstream_server.storage.schema import params, tags

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
    connection: AsyncConnection, run_ids: Sequence[str], keys: Collection[str] | None = None
) -> dict[str, dict[str, str]]:
    """Returns the params of runs, those with one of `keys`; runs without any are left out."""
    return await labels_of(connection, params, run_ids, keys)


async def tags_of_runs(
    connection: AsyncConnection, run_ids: Sequence[str], keys: Collection[str] | None = None
) -> dict[str, dict[str, str]]:
    """Returns the tags of runs, those with one of `keys`; runs without any are left out."""
    return await labels_of(connection, tags, run_ids, keys)


async def stored_params(
    connection: AsyncConnection, run_id: str, keys: Iterable[str]
) -> dict[str, str]:
    """Returns those params of a run that have one of these keys."""
    return await stored_labels(connection, params, run_id, keys)


async def stored_tags(
    connection: AsyncConnection, run_id: str, keys: Iterable[str]
) -> dict[str, str]:
    """Returns those tags of a run that have one of these keys."""
    return await stored_labels(connection, tags, run_id, keys)


async def insert_params(
    connection: AsyncConnection, run_id: str, values: Mapping[str, str]
) -> None:
    """Inserts params that the run does not have."""
    await insert_labels(connection, params, run_id, values)
    await note_keys(connection, run_id, KeyKind.PARAM, values)


async def set_tags(connection: AsyncConnection, run_id: str, values: Mapping[str, str]) -> None:
    """Stores tags over those of the same key."""
    await set_labels(connection, tags, run_id, values)
    await note_keys(connection, run_id, KeyKind.TAG, values)


async def delete_tags(connection: AsyncConnection, run_id: str, keys: Collection[str]) -> None:
    """Deletes the tags with these keys."""
    await delete_labels(connection, tags, run_id, keys)
