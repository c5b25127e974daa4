"""Queries on log heads as the locks of their runs: whoever changes a run locks its head first."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.storage.schema import log_heads, runs
from runstream_server.storage.upserts import insert_into

__all__ = ["insert_head", "lock_head", "lock_heads", "set_active", "set_active_of_experiment"]

_FIRST = {
    "active": True,
    "next_position": 0,
    "sealed_position": 0,
    "trimmed_position": 0,
    "next_series_id": 0,
    "next_layout_id": 0,
    "next_block_id": 0,
    "next_writer": 0,
}


async def insert_head(connection: AsyncConnection, run_id: str) -> bool:
    """Inserts the head of a new run, and so locks it; returns False when there is one already."""
    insert = insert_into(connection, log_heads).on_conflict_do_nothing()
    result = await connection.execute(insert.values(run_id=run_id, **_FIRST))
    return result.rowcount == 1


async def lock_head(connection: AsyncConnection, run_id: str) -> bool | None:
    """Locks a run until the transaction ends; returns whether it is active, None without a run."""
    query = sa.select(log_heads.c.active).where(log_heads.c.run_id == run_id).with_for_update()
    return (await connection.execute(query)).scalar_one_or_none()


async def lock_heads(connection: AsyncConnection, run_ids: Sequence[str]) -> None:
    """Locks runs until the transaction ends, in the order of their ids."""
    query = sa.select(log_heads.c.run_id).where(log_heads.c.run_id.in_(run_ids))
    await connection.execute(query.order_by(log_heads.c.run_id).with_for_update())


async def set_active_of_experiment(
    connection: AsyncConnection, experiment_id: int, now_us: int, *, active: bool
) -> list[str]:
    """Deletes or restores all runs of an experiment for which that changes something.

    Returns:
        Their ids. Their heads are locked in the order of the ids.
    """
    chosen = sa.select(runs.c.run_id).where(
        runs.c.experiment_id == experiment_id, runs.c.active != active
    )
    query = (
        sa.select(log_heads.c.run_id)
        .where(log_heads.c.run_id.in_(chosen))
        .order_by(log_heads.c.run_id)
        .with_for_update()
    )
    run_ids = list((await connection.execute(query)).scalars())
    await _set_active(connection, chosen, now_us, active=active)
    return run_ids


async def set_active(
    connection: AsyncConnection, run_id: str, now_us: int, *, active: bool
) -> None:
    """Deletes or restores a run whose head the caller has locked."""
    await _set_active(connection, [run_id], now_us, active=active)


async def _set_active(
    connection: AsyncConnection,
    run_ids: sa.Select[tuple[str]] | Sequence[str],
    now_us: int,
    *,
    active: bool,
) -> None:
    await connection.execute(
        sa.update(log_heads).where(log_heads.c.run_id.in_(run_ids)).values(active=active)
    )
    await connection.execute(
        sa.update(runs)
        .where(runs.c.run_id.in_(run_ids))
        .values(active=active, update_time_us=now_us)
    )
