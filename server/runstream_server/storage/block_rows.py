"""Queries on blocks and their parts, and on what seals move along with them."""

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.storage.log_rows import chunks
from runstream_server.storage.schema import block_parts, blocks, log_heads, series

__all__ = [
    "BlockRow",
    "BlockState",
    "ExtremesRow",
    "delete_blocks",
    "discarded_blocks",
    "draw_block_id",
    "extremes_of",
    "insert_block",
    "insert_parts",
    "live_blocks",
    "move_sealed_position",
    "read_all_parts",
    "read_directory",
    "read_parts",
    "retire_blocks",
    "set_extremes",
    "set_extremes_of_runs",
    "set_live",
]


class BlockState(enum.IntEnum):
    """What a block counts for."""

    WRITING = 0
    """Being stored; does not count."""
    LIVE = 1
    """Counts."""
    RETIRED = 2
    """Was merged into another block; kept for readers that began before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockRow:
    """A block without its contents, see the table `blocks`."""

    run_id: str
    block_id: int
    state: int
    state_time_us: int
    tier: int
    first_position: int
    end_position: int
    points: int
    bytes: int

    def with_id(self, block_id: int) -> "BlockRow":
        """Returns the same with an id."""
        return replace(self, block_id=block_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtremesRow:
    """The columns of a series that a search compares, and their exact form."""

    series_id: int
    extremes: bytes
    last_value: float | None
    last_is_nan: bool
    min_value: float | None
    max_value: float | None


_ROW: Final = [blocks.c[name] for name in BlockRow.__slots__]


def _this(run_id: str, block_id: int) -> sa.ColumnElement[bool]:
    return sa.and_(blocks.c.run_id == run_id, blocks.c.block_id == block_id)


async def draw_block_id(connection: AsyncConnection, run_id: str) -> int:
    """Returns a new block id of a run."""
    result = await connection.execute(
        sa.update(log_heads)
        .where(log_heads.c.run_id == run_id)
        .values(next_block_id=log_heads.c.next_block_id + 1)
        .returning(log_heads.c.next_block_id)
    )
    return int(result.scalar_one()) - 1


async def insert_block(connection: AsyncConnection, block: BlockRow, directory: bytes) -> None:
    """Stores a block without its parts."""
    values: dict[str, Any] = {name: getattr(block, name) for name in BlockRow.__slots__}
    await connection.execute(sa.insert(blocks).values(**values, directory=directory))


async def insert_parts(
    connection: AsyncConnection, run_id: str, block_id: int, first: int, parts: Sequence[bytes]
) -> None:
    """Stores parts of a block, numbered from `first` on."""
    await connection.execute(
        sa.insert(block_parts),
        [
            {"run_id": run_id, "block_id": block_id, "part": first + i, "data": part}
            for i, part in enumerate(parts)
        ],
    )


async def move_sealed_position(
    connection: AsyncConnection, run_id: str, sealed: int, new: int
) -> bool:
    """Moves a run's sealed position from `sealed` to `new`.

    Returns False, changing nothing, when it is elsewhere.
    """
    result = await connection.execute(
        sa.update(log_heads)
        .where(log_heads.c.run_id == run_id, log_heads.c.sealed_position == sealed)
        .values(sealed_position=new)
    )
    return result.rowcount == 1


async def set_live(connection: AsyncConnection, run_id: str, block_id: int, now_us: int) -> bool:
    """Makes a block count; returns False when somebody has deleted it."""
    result = await connection.execute(
        sa.update(blocks)
        .where(_this(run_id, block_id))
        .values(state=int(BlockState.LIVE), state_time_us=now_us)
    )
    return result.rowcount == 1


async def retire_blocks(
    connection: AsyncConnection, run_id: str, block_ids: Sequence[int], now_us: int
) -> bool:
    """Makes live blocks count no longer; returns False when not all of them were live."""
    result = await connection.execute(
        sa.update(blocks)
        .where(
            blocks.c.run_id == run_id,
            blocks.c.block_id.in_(block_ids),
            blocks.c.state == int(BlockState.LIVE),
        )
        .values(state=int(BlockState.RETIRED), state_time_us=now_us)
    )
    return result.rowcount == len(block_ids)


async def live_blocks(connection: AsyncConnection, run_id: str) -> list[BlockRow]:
    """Returns the blocks of a run that count, in the order of their positions."""
    # A sum, because SQLite would else look for the run among the live blocks of all.
    state = blocks.c.state + 0
    rows = await connection.execute(
        sa.select(*_ROW)
        .where(blocks.c.run_id == run_id, state == int(BlockState.LIVE))
        .order_by(blocks.c.first_position, blocks.c.block_id)
    )
    return [BlockRow(**row) for row in rows.mappings()]


async def discarded_blocks(
    connection: AsyncConnection, state: BlockState, before_us: int, limit: int
) -> list[BlockRow]:
    """Returns blocks that are in a state since before a time."""
    rows = await connection.execute(
        sa.select(*_ROW)
        .where(blocks.c.state == int(state), blocks.c.state_time_us < before_us)
        .order_by(blocks.c.run_id, blocks.c.block_id)
        .limit(limit)
    )
    return [BlockRow(**row) for row in rows.mappings()]


async def delete_blocks(connection: AsyncConnection, run_id: str, block_id: int) -> None:
    """Deletes a block with its parts."""
    await connection.execute(
        sa.delete(block_parts).where(
            block_parts.c.run_id == run_id, block_parts.c.block_id == block_id
        )
    )
    await connection.execute(sa.delete(blocks).where(_this(run_id, block_id)))


async def read_directory(connection: AsyncConnection, run_id: str, block_id: int) -> bytes:
    """Returns the directory of a block."""
    result = await connection.execute(sa.select(blocks.c.directory).where(_this(run_id, block_id)))
    return bytes(result.scalar_one())


async def read_parts(
    connection: AsyncConnection, run_id: str, block_id: int, numbers: Iterable[int]
) -> dict[int, bytes]:
    """Returns parts of a block by their numbers."""
    found: dict[int, bytes] = {}
    for some in chunks(sorted(numbers)):
        rows = await connection.execute(
            sa.select(block_parts.c.part, block_parts.c.data).where(
                block_parts.c.run_id == run_id,
                block_parts.c.block_id == block_id,
                block_parts.c.part.in_(some),
            )
        )
        found.update((number, bytes(data)) for number, data in rows)
    return found


async def read_all_parts(connection: AsyncConnection, run_id: str, block_id: int) -> list[bytes]:
    """Returns the parts of a block in order."""
    rows = await connection.execute(
        sa.select(block_parts.c.data)
        .where(block_parts.c.run_id == run_id, block_parts.c.block_id == block_id)
        .order_by(block_parts.c.part)
    )
    return [bytes(data) for (data,) in rows]


async def extremes_of(
    connection: AsyncConnection, run_id: str, series_ids: Sequence[int]
) -> dict[int, bytes]:
    """Returns the stored extremes of series; those that have none yet are left out."""
    found: dict[int, bytes] = {}
    for some in chunks(series_ids):
        rows = await connection.execute(
            sa.select(series.c.series_id, series.c.extremes).where(
                series.c.run_id == run_id,
                series.c.series_id.in_(some),
                series.c.extremes.is_not(None),
            )
        )
        found.update((id_, bytes(data)) for id_, data in rows)
    return found


_SET_EXTREMES = (
    sa.update(series)
    .where(series.c.run_id == sa.bindparam("run"), series.c.series_id == sa.bindparam("id"))
    .values(
        extremes=sa.bindparam("new_extremes"),
        last_value=sa.bindparam("new_last_value"),
        last_is_nan=sa.bindparam("new_last_is_nan"),
        min_value=sa.bindparam("new_min_value"),
        max_value=sa.bindparam("new_max_value"),
    )
)


async def set_extremes(
    connection: AsyncConnection, run_id: str, rows: Sequence[ExtremesRow]
) -> None:
    """Stores the extremes of series.

    The caller has locked the run's head, read them, and folded.
    """
    await set_extremes_of_runs(connection, [(run_id, row) for row in rows])


async def set_extremes_of_runs(
    connection: AsyncConnection, rows: Sequence[tuple[str, ExtremesRow]]
) -> None:
    """Stores the extremes of series of several runs, as `set_extremes` does."""
    if rows:
        await connection.execute(
            _SET_EXTREMES,
            [
                {
                    "run": run_id,
                    "id": row.series_id,
                    "new_extremes": row.extremes,
                    "new_last_value": row.last_value,
                    "new_last_is_nan": row.last_is_nan,
                    "new_min_value": row.min_value,
                    "new_max_value": row.max_value,
                }
                for run_id, row in rows
            ],
        )
