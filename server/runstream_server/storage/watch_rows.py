"""Queries on what those who follow runs look at again and again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.storage.log_rows import LogBatch, chunks
from runstream_server.storage.schema import log_batches, log_heads, runs

__all__ = ["News", "WatchedHead", "read_heads", "read_news"]

MAX_BATCHES: Final = 1_000
"""So many batches are read at once at most, however small they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedHead:
    """How far a run's log reaches, and when the run and its log were last changed."""

    run_id: str
    next_position: int
    trimmed_position: int
    last_commit_time_us: int | None
    update_time_us: int


@dataclass(frozen=True, slots=True)
class News:
    """Batches of a run from a position up to, not including, another; at least one."""

    run_id: str
    first_position: int
    end_position: int


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


async def read_news(
    connection: AsyncConnection, news: Sequence[News], max_bytes: int
) -> dict[str, list[LogBatch]]:
    """Returns batches of runs, each run's in order and without a hole.

    As many as `max_bytes` holds, but at least one; runs of which none fits are left out, the last
    ones first.
    """
    if not news:
        return {}
    log = log_batches.c
    query = sa.select(log.run_id, log.position, sa.func.length(log.data))
    query = query.where(sa.or_(*map(_holds, news))).order_by(log.run_id, log.position)
    sizes: dict[str, list[tuple[int, int]]] = {}
    for run_id, position, size in await connection.execute(query.limit(MAX_BATCHES)):
        sizes.setdefault(run_id, []).append((position, size))
    fitting: list[News] = []
    for one in news:
        end = one.first_position
        for position, size in sizes.get(one.run_id, ()):
            if max_bytes <= 0 or (size > max_bytes and (fitting or end > one.first_position)):
                break
            max_bytes -= size
            end = position + 1
        if end > one.first_position:
            fitting.append(News(one.run_id, one.first_position, end))
    content = sa.select(log.run_id, log.position, log.data, log.commit_time_us)
    content = content.where(sa.or_(*map(_holds, fitting))).order_by(log.run_id, log.position)
    found: dict[str, list[LogBatch]] = {}
    for run_id, *batch in await connection.execute(content):
        found.setdefault(run_id, []).append(LogBatch(*batch))
    return found


def _holds(news: News) -> sa.ColumnElement[bool]:
    return sa.and_(
        log_batches.c.run_id == news.run_id,
        log_batches.c.position >= news.first_position,
        log_batches.c.position < news.end_position,
    )
