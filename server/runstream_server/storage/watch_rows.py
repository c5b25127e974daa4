"""Queries on what those who follow runs look at again and again."""

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.storage.log_rows import chunks
from runstream_server.storage.schema import log_heads, runs

__all__ = ["WatchedHead", "read_heads"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedHead:
    """How far a run's log reaches, and when the run and its log were last changed."""

    run_id: str
    next_position: int
    trimmed_position: int
    last_commit_time_us: int | None
    update_time_us: int


_HEAD = sa.select(
    log_heads.c.run_id,
    log_heads.c.next_position,
    log_heads.c.trimmed_position,
    log_heads.c.last_commit_time_us,
    runs.c.update_time_us,
).join(runs, runs.c.run_id == log_heads.c.run_id)


async def read_heads(connection: AsyncConnection, run_ids: Sequence[str]) -> dict[str, WatchedHead]:
    """Returns those of these runs that exist."""
    found: dict[str, WatchedHead] = {}
    for some in chunks(run_ids):
        rows = await connection.execute(_HEAD.where(log_heads.c.run_id.in_(some)))
        found.update((row["run_id"], WatchedHead(**row)) for row in rows.mappings())
    return found
