"""Queries on writers. Whoever changes a writer has locked its run's head."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.storage.log_rows import Skip, chunks
from runstream_server.storage.run_status import RunStatus
from runstream_server.storage.schema import log_heads, skips, writers

__all__ = [
    "WriterRow",
    "ensure_writer",
    "find_writer",
    "has_failed_writer",
    "insert_writer",
    "set_next_record",
    "set_writer_end",
    "settle_writers",
    "skips_of_writers",
    "writers_of_run",
]

NO_RANK: Final = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterRow:
    """A writer as stored, see the table `writers`; rank -1 means none."""

    run_id: str
    writer_id: str
    number: int
    rank: int
    attempt: int
    next_row: int
    next_record: int
    status: int
    status_message: str
    settled: bool
    create_time_us: int


_COLUMNS = tuple(writers.c[name] for name in WriterRow.__slots__)
_WRITER = sa.select(*_COLUMNS)


def _named(run_id: str, writer_id: str) -> sa.ColumnElement[bool]:
    return sa.and_(writers.c.run_id == run_id, writers.c.writer_id == writer_id)


async def find_writer(connection: AsyncConnection, run_id: str, writer_id: str) -> WriterRow | None:
    """Returns a writer, or None when the run has no such one."""
    row = (
        (await connection.execute(_WRITER.where(_named(run_id, writer_id))))
        .mappings()
        .one_or_none()
    )
    return None if row is None else WriterRow(**row)


async def ensure_writer(
    connection: AsyncConnection, run_id: str, writer_id: str, rank: int | None, attempt: int | None
) -> WriterRow:
    """Returns the writer with an id, which is created when the run has none.

    A writer that was first heard of by somebody who did not say its rank or attempt gets them from
    the first who does. What is stored stays otherwise.

    Args:
        connection: One with a write transaction that has locked the run's head.
        run_id: The run.
        writer_id: The writer.
        rank: The process's rank; None or -1 when it has none, or when the caller does not know.
        attempt: The count of restarts before it; None when the caller does not know.
    """
    rank = NO_RANK if rank is None else rank
    attempt = attempt or 0
    found = await find_writer(connection, run_id, writer_id)
    if found is None:
        return await insert_writer(connection, run_id, writer_id, rank=rank, attempt=attempt)
    return await _complete(connection, found, rank, attempt)


async def insert_writer(
    connection: AsyncConnection,
    run_id: str,
    writer_id: str,
    *,
    rank: int = NO_RANK,
    attempt: int = 0,
    next_record: int = 0,
) -> WriterRow:
    """Creates a writer that the run, whose head the caller has locked, does not have."""
    draw = (
        sa.update(log_heads)
        .where(log_heads.c.run_id == run_id)
        .values(next_writer=log_heads.c.next_writer + 1)
        .returning(log_heads.c.next_writer)
    )
    row = WriterRow(
        run_id=run_id,
        writer_id=writer_id,
        number=(await connection.execute(draw)).scalar_one() - 1,
        rank=rank,
        attempt=attempt,
        next_row=0,
        next_record=next_record,
        status=RunStatus.RUNNING,
        status_message="",
        settled=False,
        create_time_us=time.time_ns() // 1000,
    )
    values = {name: getattr(row, name) for name in WriterRow.__slots__}
    await connection.execute(sa.insert(writers).values(values))
    return row


async def _complete(
    connection: AsyncConnection, found: WriterRow, rank: int, attempt: int
) -> WriterRow:
    if found.rank != NO_RANK:
        rank = found.rank
    attempt = found.attempt or attempt
    if (rank, attempt) == (found.rank, found.attempt):
        return found
    update = (
        sa.update(writers)
        .where(_named(found.run_id, found.writer_id))
        .values(rank=rank, attempt=attempt)
        .returning(*_COLUMNS)
    )
    return WriterRow(**(await connection.execute(update)).mappings().one())


async def set_next_record(
    connection: AsyncConnection, run_id: str, writer_id: str, next_record: int
) -> None:
    """Stores the number of the next record that is expected of a writer."""
    await connection.execute(
        sa.update(writers).where(_named(run_id, writer_id)).values(next_record=next_record)
    )


async def set_writer_end(
    connection: AsyncConnection, run_id: str, writer_id: str, status: RunStatus, message: str
) -> None:
    """Stores how a writer ended; its failure counts from now on."""
    await connection.execute(
        sa.update(writers)
        .where(_named(run_id, writer_id))
        .values(status=status, status_message=message, settled=False)
    )


async def settle_writers(connection: AsyncConnection, run_id: str) -> None:
    """Marks all writers that have ended: their failures count no longer."""
    await connection.execute(
        sa.update(writers)
        .where(writers.c.run_id == run_id, writers.c.status != RunStatus.RUNNING)
        .values(settled=True)
    )


async def has_failed_writer(connection: AsyncConnection, run_id: str) -> bool:
    """Returns whether a writer of the run has failed and that still counts."""
    failed = sa.exists().where(
        writers.c.run_id == run_id, writers.c.status == RunStatus.FAILED, ~writers.c.settled
    )
    return bool((await connection.execute(sa.select(failed))).scalar_one())


async def writers_of_run(
    connection: AsyncConnection, run_id: str, first_number: int, limit: int
) -> list[WriterRow]:
    """Returns up to `limit` writers of a run from a number on, by number."""
    query = (
        _WRITER.where(writers.c.run_id == run_id, writers.c.number >= first_number)
        .order_by(writers.c.number)
        .limit(limit)
    )
    return [WriterRow(**row) for row in (await connection.execute(query)).mappings()]


async def skips_of_writers(
    connection: AsyncConnection, run_id: str, writer_ids: Sequence[str]
) -> list[Skip]:
    """Returns the rows that these writers gave up, by writer and first row."""
    found: list[Skip] = []
    columns = (skips.c[name] for name in Skip.__slots__)
    query = sa.select(*columns).order_by(skips.c.writer_id, skips.c.first_row)
    for some in chunks(writer_ids):
        chosen = query.where(skips.c.run_id == run_id, skips.c.writer_id.in_(some))
        found.extend(Skip(*row) for row in await connection.execute(chosen))
    return found
