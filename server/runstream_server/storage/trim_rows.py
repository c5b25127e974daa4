"""Queries that find and delete log which is sealed and no longer kept for watchers."""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.storage.log_rows import HEAD, LogHead
from runstream_server.storage.schema import log_batches, log_heads

__all__ = [
    "OldLog",
    "log_bytes",
    "old_logs",
    "position_to_trim_to",
    "trim_log",
    "trimmable_heads",
]


@dataclass(frozen=True, slots=True)
class OldLog:
    """What of a run's log can go: `batches` of `size_bytes`, all those below `end`."""

    run_id: str
    end: int
    batches: int
    size_bytes: int


async def old_logs(connection: AsyncConnection, oldest_us: int) -> list[OldLog]:
    """Returns, for all runs at once, what is sealed and was committed before `oldest_us`."""
    position = log_batches.c.position
    rows = await connection.execute(
        sa.select(
            log_batches.c.run_id,
            sa.func.max(position) + 1,
            sa.func.count(),
            sa.func.sum(sa.func.length(log_batches.c.data)),
        )
        .join(log_heads, log_heads.c.run_id == log_batches.c.run_id)
        .where(position < log_heads.c.sealed_position, log_batches.c.commit_time_us < oldest_us)
        .group_by(log_batches.c.run_id)
    )
    return [OldLog(run_id, end, count, int(size)) for run_id, end, count, size in rows]


async def trimmable_heads(connection: AsyncConnection) -> list[LogHead]:
    """Returns the heads of runs whose log holds sealed batches."""
    rows = await connection.execute(
        HEAD.where(log_heads.c.trimmed_position < log_heads.c.sealed_position).order_by(
            log_heads.c.run_id
        )
    )
    return [LogHead(**row) for row in rows.mappings()]


async def log_bytes(connection: AsyncConnection) -> int:
    """Returns the size of all logs in bytes."""
    query = sa.select(sa.func.coalesce(sa.func.sum(sa.func.length(log_batches.c.data)), 0))
    return int((await connection.execute(query)).scalar_one())


async def position_to_trim_to(connection: AsyncConnection, head: LogHead, excess_bytes: int) -> int:
    """Returns the position below which what is sealed of a run makes up for `excess_bytes`.

    Oldest first, and everything that is sealed where that is not enough.
    """
    rows = await connection.execute(
        sa.select(log_batches.c.position, sa.func.length(log_batches.c.data))
        .where(
            log_batches.c.run_id == head.run_id,
            log_batches.c.position >= head.trimmed_position,
            log_batches.c.position < head.sealed_position,
        )
        .order_by(log_batches.c.position)
    )
    end = head.trimmed_position
    for position, size in rows:
        if excess_bytes <= 0:
            break
        excess_bytes -= size
        end = position + 1
    return end


async def trim_log(
    connection: AsyncConnection, run_id: str, before_position: int, limit: int
) -> tuple[int, int]:
    """Deletes up to `limit` of a run's batches below a position, oldest first.

    Returns how many, and their size in bytes.
    """
    rows = (
        await connection.execute(
            sa.select(log_batches.c.position, sa.func.length(log_batches.c.data))
            .where(log_batches.c.run_id == run_id, log_batches.c.position < before_position)
            .order_by(log_batches.c.position)
            .limit(limit)
        )
    ).all()
    if rows:
        end = rows[-1][0] + 1
        await connection.execute(
            sa.update(log_heads).where(log_heads.c.run_id == run_id).values(trimmed_position=end)
        )
        await connection.execute(
            sa.delete(log_batches).where(
                log_batches.c.run_id == run_id, log_batches.c.position < end
            )
        )
    return len(rows), sum(size for _, size in rows)
