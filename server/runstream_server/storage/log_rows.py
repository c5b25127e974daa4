"""Queries on log heads, log batches, writers' offsets and skips: all that a commit touches."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.storage.among import TEXTS, among
from runstream_server.storage.schema import log_batches, log_heads, skips, writers

__all__ = [
    "HEAD",
    "LogBatch",
    "LogHead",
    "LogSpan",
    "NewBatch",
    "Skip",
    "advance_head",
    "advance_writers",
    "chunks",
    "insert_batches",
    "insert_skips",
    "read_batches",
    "read_head",
    "read_small_tails",
    "read_spans",
    "set_next_ids",
    "unsealed_logs",
    "writer_offsets",
]

T = TypeVar("T")

MAX_BOUND_VALUES: Final = 500
"""How many values go into one IN list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogHead:
    """Where a run's log stands, see the table `log_heads`."""

    run_id: str
    active: bool
    next_position: int
    sealed_position: int
    trimmed_position: int
    next_series_id: int
    next_layout_id: int
    next_block_id: int


class LogSpan(NamedTuple):
    """What is not sealed of a run's log: the positions from `begin` on, below `end`."""

    begin: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBatch:
    """A batch to append to a run's log."""

    run_id: str
    position: int
    writer_id: str
    first_row: int
    rows: int
    points: int
    commit_time_us: int
    data: bytes


@dataclass(frozen=True, slots=True)
class LogBatch:
    """A committed batch."""

    position: int
    data: bytes
    commit_time_us: int


@dataclass(frozen=True, slots=True)
class Skip:
    """Rows that a writer gave up."""

    run_id: str
    writer_id: str
    first_row: int
    count: int
    reason: str
    create_time_us: int


HEAD = sa.select(
    log_heads.c.run_id,
    log_heads.c.active,
    log_heads.c.next_position,
    log_heads.c.sealed_position,
    log_heads.c.trimmed_position,
    log_heads.c.next_series_id,
    log_heads.c.next_layout_id,
    log_heads.c.next_block_id,
)


def chunks(items: Sequence[T], size: int = MAX_BOUND_VALUES) -> Iterator[Sequence[T]]:
    """Cuts `items` into pieces of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


async def read_head(connection: AsyncConnection, run_id: str) -> LogHead | None:
    """Returns the head of a run's log, or None when there is no such run."""
    result = await connection.execute(HEAD.where(log_heads.c.run_id == run_id))
    row = result.mappings().one_or_none()
    return None if row is None else LogHead(**row)


_SPANS = sa.select(
    log_heads.c.run_id, log_heads.c.sealed_position, log_heads.c.next_position
).where(among(log_heads.c.run_id))


async def read_spans(connection: AsyncConnection, run_ids: Sequence[str]) -> dict[str, LogSpan]:
    """Returns what is not sealed of the logs of those of these runs that exist."""
    found: dict[str, LogSpan] = {}
    for some in chunks(run_ids):
        rows = await connection.execute(_SPANS, {TEXTS: some})
        found.update((run_id, LogSpan(begin, end)) for run_id, begin, end in rows.all())
    return found


async def read_small_tails(
    connection: AsyncConnection, run_ids: Sequence[str], max_bytes: int
) -> dict[str, list[bytes]]:
    """Returns the unsealed batches of those of these runs that have at most `max_bytes` of them."""
    found: dict[str, list[bytes]] = {}
    for some in chunks(run_ids):
        sizes = await connection.execute(_SMALL_TAILS, {TEXTS: some, "bytes": max_bytes})
        rows = await connection.execute(_TAILS, {TEXTS: sizes.scalars().all()})
        for run_id, data in rows.all():
            found.setdefault(run_id, []).append(data)
    return found


_TAILS = (
    sa.select(log_heads.c.run_id, log_batches.c.data)
    .join(
        log_batches,
        sa.and_(
            log_batches.c.run_id == log_heads.c.run_id,
            log_batches.c.position >= log_heads.c.sealed_position,
        ),
    )
    .where(among(log_heads.c.run_id))
)
_SMALL_TAILS = (
    _TAILS.with_only_columns(log_heads.c.run_id, maintain_column_froms=True)
    .group_by(log_heads.c.run_id)
    .having(sa.func.sum(sa.func.length(log_batches.c.data)) <= sa.bindparam("bytes"))
)


_ADVANCE_HEAD = (
    sa.update(log_heads)
    .where(log_heads.c.run_id == sa.bindparam("run"), log_heads.c.active)
    .values(
        next_position=log_heads.c.next_position + sa.bindparam("batches"),
        last_commit_time_us=sa.func.coalesce(
            sa.bindparam("now", type_=sa.BigInteger), log_heads.c.last_commit_time_us
        ),
    )
    .returning(*HEAD.selected_columns)
)


async def advance_head(
    connection: AsyncConnection, run_id: str, batches: int, now_us: int | None = None
) -> LogHead | None:
    """Locks an active run's head, draws positions for batches committed now, and returns the head.

    Returns None, and locks nothing, when there is no such run or it is deleted.
    """
    values = {"run": run_id, "batches": batches, "now": now_us}
    result = await connection.execute(_ADVANCE_HEAD, values)
    row = result.mappings().one_or_none()
    return None if row is None else LogHead(**row)


async def set_next_ids(connection: AsyncConnection, head: LogHead) -> None:
    """Stores the counters for series, layouts and blocks of a head that the caller has locked."""
    await connection.execute(
        sa.update(log_heads)
        .where(log_heads.c.run_id == head.run_id)
        .values(
            next_series_id=head.next_series_id,
            next_layout_id=head.next_layout_id,
            next_block_id=head.next_block_id,
        )
    )


async def writer_offsets(
    connection: AsyncConnection, run_id: str, writer_ids: Sequence[str]
) -> dict[str, int]:
    """Returns the next row of each of these writers of a run that exists."""
    found: dict[str, int] = {}
    for some in chunks(writer_ids):
        query = sa.select(writers.c.writer_id, writers.c.next_row).where(
            writers.c.run_id == run_id, writers.c.writer_id.in_(some)
        )
        found.update((row.writer_id, row.next_row) for row in await connection.execute(query))
    return found


_ADVANCE_WRITER = (
    sa.update(writers)
    .where(writers.c.run_id == sa.bindparam("run"), writers.c.writer_id == sa.bindparam("writer"))
    .values(next_row=sa.bindparam("row"))
)


async def advance_writers(
    connection: AsyncConnection, run_id: str, offsets: Mapping[str, int]
) -> None:
    """Sets the next row of writers whose run's head the caller has locked."""
    rows = [{"run": run_id, "writer": writer, "row": row} for writer, row in offsets.items()]
    if rows:
        await connection.execute(_ADVANCE_WRITER, rows)


async def insert_batches(connection: AsyncConnection, batches: Sequence[NewBatch]) -> None:
    """Appends batches to logs."""
    names = [column.name for column in log_batches.c]
    if batches:
        await connection.execute(
            sa.insert(log_batches), [{name: getattr(b, name) for name in names} for b in batches]
        )


async def insert_skips(connection: AsyncConnection, rows: Sequence[Skip]) -> None:
    """Stores the rows that writers gave up."""
    names = [column.name for column in skips.c]
    if rows:
        await connection.execute(
            sa.insert(skips), [{name: getattr(row, name) for name in names} for row in rows]
        )


async def read_batches(
    connection: AsyncConnection,
    run_id: str,
    first_position: int,
    end_position: int,
    max_bytes: int | None = None,
) -> list[LogBatch]:
    """Returns the batches from `first_position` up to, not including, `end_position`, in order.

    They have at most `max_bytes` together, but at least one is returned where there is one.
    """
    query = (
        sa.select(log_batches.c.position, log_batches.c.data, log_batches.c.commit_time_us)
        .where(
            log_batches.c.run_id == run_id,
            log_batches.c.position >= first_position,
            log_batches.c.position < end_position,
        )
        .order_by(log_batches.c.position)
    )
    if max_bytes is None:
        return [LogBatch(*row) for row in await connection.execute(query)]
    limit = await _positions_within(connection, run_id, first_position, end_position, max_bytes)
    return [LogBatch(*row) for row in await connection.execute(query.limit(limit))]


async def _positions_within(
    connection: AsyncConnection, run_id: str, first_position: int, end_position: int, max_bytes: int
) -> int:
    sizes = await connection.execute(
        sa.select(sa.func.length(log_batches.c.data))
        .where(
            log_batches.c.run_id == run_id,
            log_batches.c.position >= first_position,
            log_batches.c.position < end_position,
        )
        .order_by(log_batches.c.position)
    )
    count = total = 0
    for (size,) in sizes:
        total += size
        if count and total > max_bytes:
            break
        count += 1
    return count


async def unsealed_logs(
    connection: AsyncConnection, before_us: int | None
) -> list[tuple[str, int]]:
    """Returns (run id, unsealed bytes) of runs whose log is not sealed to its end.

    With `before_us`, of those with a batch that was committed before and is not sealed yet.
    """
    query = (
        sa.select(log_batches.c.run_id, sa.func.sum(sa.func.length(log_batches.c.data)))
        .join(log_heads, log_heads.c.run_id == log_batches.c.run_id)
        .where(
            log_heads.c.sealed_position < log_heads.c.next_position,
            log_batches.c.position >= log_heads.c.sealed_position,
        )
        .group_by(log_batches.c.run_id)
    )
    if before_us is not None:
        query = query.having(sa.func.min(log_batches.c.commit_time_us) < before_us)
    return [(run_id, int(size)) for run_id, size in await connection.execute(query)]
