"""Queries that find and delete log which is sealed and no longer kept for watchers."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.storage.log_rows import HEAD, LogHead
from runstream_server.storage.schema import log_batches, log_heads

__all__ = ["log_bytes", "position_to_trim_to", "trim_log", "trimmable_heads"]


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


async def position_to_trim_to(
    connection: AsyncConnection, head: LogHead, oldest_us: int, excess_bytes: int
) -> int:
    """Returns the position below which a run's batches can go.

    That is what is sealed and was committed before `oldest_us`, and, oldest first, what makes up
    for `excess_bytes`.
    """
    rows = await connection.execute(
        sa.select(
            log_batches.c.position,
            log_batches.c.commit_time_us,
            sa.func.length(log_batches.c.data),
        )
        .where(
            log_batches.c.run_id == head.run_id,
            log_batches.c.position >= head.trimmed_position,
            log_batches.c.position < head.sealed_position,
        )
        .order_by(log_batches.c.position)
    )
    end = head.trimmed_position
    for position, commit_time_us, size in rows:
        if commit_time_us >= oldest_us and excess_bytes <= 0:
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
