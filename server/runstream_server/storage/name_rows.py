"""Queries on series and layouts: the names that a run's log and blocks abbreviate by ids."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.storage.key_rows import KeyKind, note_keys
from runstream_server.storage.log_rows import chunks
from runstream_server.storage.schema import layouts, series

__all__ = [
    "SeriesName",
    "find_layouts",
    "find_series",
    "insert_layouts",
    "insert_series",
    "layout_series",
]


@dataclass(frozen=True, slots=True, order=True)
class SeriesName:
    """Names a series of a run; rank -1 means none."""

    key: str
    rank: int
    attempt: int


async def find_series(
    connection: AsyncConnection, run_id: str, keys: Sequence[str]
) -> dict[SeriesName, int]:
    """Returns the ids of all series of a run that have one of these keys."""
    found: dict[SeriesName, int] = {}
    for some in chunks(keys):
        rows = await connection.execute(
            sa.select(series.c.key, series.c.rank, series.c.attempt, series.c.series_id).where(
                series.c.run_id == run_id, series.c.key.in_(some)
            )
        )
        found.update((SeriesName(key, rank, attempt), id_) for key, rank, attempt, id_ in rows)
    return found


async def insert_series(
    connection: AsyncConnection, run_id: str, names: Mapping[SeriesName, int]
) -> None:
    """Stores new series."""
    if names:
        await connection.execute(
            sa.insert(series),
            [
                {
                    "run_id": run_id,
                    "series_id": id_,
                    "key": n.key,
                    "rank": n.rank,
                    "attempt": n.attempt,
                }
                for n, id_ in names.items()
            ],
        )
        await note_keys(connection, run_id, KeyKind.METRIC, {name.key for name in names})


async def find_layouts(
    connection: AsyncConnection, run_id: str, digests: Sequence[bytes]
) -> dict[bytes, int]:
    """Returns the ids of the layouts of a run that have one of these digests."""
    found: dict[bytes, int] = {}
    for some in chunks(digests):
        rows = await connection.execute(
            sa.select(layouts.c.digest, layouts.c.layout_id).where(
                layouts.c.run_id == run_id, layouts.c.digest.in_(some)
            )
        )
        found.update((bytes(digest), id_) for digest, id_ in rows)
    return found


async def insert_layouts(
    connection: AsyncConnection, run_id: str, new: Sequence[tuple[int, bytes, bytes]]
) -> None:
    """Stores new layouts, given as (id, digest, series ids)."""
    if new:
        await connection.execute(
            sa.insert(layouts),
            [
                {"run_id": run_id, "layout_id": id_, "digest": digest, "series_ids": series_ids}
                for id_, digest, series_ids in new
            ],
        )


async def layout_series(
    connection: AsyncConnection, run_id: str, layout_ids: Sequence[int]
) -> dict[int, bytes]:
    """Returns the little-endian 32-bit series ids of layouts."""
    found: dict[int, bytes] = {}
    for some in chunks(layout_ids):
        rows = await connection.execute(
            sa.select(layouts.c.layout_id, layouts.c.series_ids).where(
                layouts.c.run_id == run_id, layouts.c.layout_id.in_(some)
            )
        )
        found.update((id_, bytes(ids)) for id_, ids in rows)
    return found
