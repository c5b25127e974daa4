"""One seal: a stretch of a run's log becomes a block."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.core.blocks.encoder import Encoder
from runstream_server.core.blocks.jobs import MergeJob, SealJob
from runstream_server.core.clock import now_us
from runstream_server.core.extremes import EXTREMES
from runstream_server.core.failpoints import failpoint
from runstream_server.core.logformat import INLINE, LogRows
from runstream_server.core.sealing.extremes_rows import store_extremes
from runstream_server.storage import block_rows, log_rows, name_rows
from runstream_server.storage.block_rows import BlockRow, BlockState
from runstream_server.storage.database import Database
from runstream_server.storage.head_rows import lock_head
from runstream_server.storage.log_rows import LogBatch, LogHead

__all__ = ["BlockMaker", "Sealed"]

SEAL_BYTES: Final = 16 * 1024 * 1024
"""The log that one seal takes in at most."""
EXTREMES_PER_SLICE: Final = 2000
SLICE_BYTES: Final = 1024 * 1024
"""What is stored of a block in one transaction: a few milliseconds, during which no commit can
happen.
"""


@dataclass(frozen=True, slots=True)
class Sealed:
    """What a seal or a merge has done."""

    points: int
    bytes_in: int
    bytes_out: int
    end_position: int


class BlockMaker:
    """Stores blocks: slices that do not count, then one small transaction that makes them."""

    def __init__(self, database: Database, encoder: Encoder) -> None:
        self._database = database
        self._encoder = encoder

    async def seal(self, run_id: str) -> Sealed | None:
        """Seals the oldest part of a run's unsealed log.

        Returns None when there is none, or somebody else was faster.
        """
        async with self._database.read() as connection:
            head = await log_rows.read_head(connection, run_id)
            if head is None or head.sealed_position >= head.next_position:
                return None
            batches = await log_rows.read_batches(
                connection, run_id, head.sealed_position, head.next_position, SEAL_BYTES
            )
            layouts = await name_rows.layout_series(connection, run_id, _layouts_used(batches))
        if not batches:
            return None
        result, items = await self._encoder.run(SealJob(layouts), [b.data for b in batches])
        directory, extremes, *parts = items
        end = batches[-1].position + 1
        block = _block_row(
            run_id, 0, (head.sealed_position, end), result.points, [directory, *parts]
        )
        block_id = await self._store(block, directory, parts)
        await self._store_extremes(run_id, np.frombuffer(extremes, EXTREMES))
        failpoint("seal.before_move")
        moved = await self._move(head, end, block_id)
        if not moved:
            await self._discard(run_id, block_id)
            return None
        failpoint("seal.after_move")
        size = sum(len(batch.data) for batch in batches)
        return Sealed(result.points, size, block.bytes, end)

    async def _store_extremes(self, run_id: str, extremes: NDArray[Any]) -> None:
        # They may be stored before the block counts: they are of committed points, and folding them
        # twice changes nothing.
        for first in range(0, len(extremes), EXTREMES_PER_SLICE):
            piece = extremes[first : first + EXTREMES_PER_SLICE]

            async def work(connection: AsyncConnection, piece: NDArray[Any] = piece) -> None:
                await lock_head(connection, run_id)
                await store_extremes(connection, run_id, piece)

            await self._database.write(work)

    async def _move(self, head: LogHead, end: int, block_id: int) -> bool:
        async def work(connection: AsyncConnection) -> bool:
            if not await block_rows.move_sealed_position(
                connection, head.run_id, head.sealed_position, end
            ):
                return False
            if not await block_rows.set_live(connection, head.run_id, block_id, now_us()):
                raise _Lost
            return True

        try:
            return await self._database.write(work)
        except _Lost:
            return False

    async def merge(self, run_id: str, sources: Sequence[BlockRow], tier: int) -> Sealed | None:
        """Merges neighbouring blocks of a run into one; returns None if somebody was faster."""
        contents: list[bytes] = []
        counts: list[int] = []
        async with self._database.read() as connection:
            for source in sources:
                directory = await block_rows.read_directory(connection, run_id, source.block_id)
                parts = await block_rows.read_all_parts(connection, run_id, source.block_id)
                contents.extend([directory, *parts])
                counts.append(len(parts))
        result, items = await self._encoder.run(MergeJob(counts), contents)
        directory, _, *parts = items
        span = sources[0].first_position, sources[-1].end_position
        block = _block_row(run_id, tier, span, result.points, [directory, *parts])
        block_id = await self._store(block, directory, parts)

        async def swap(connection: AsyncConnection) -> bool:
            now = now_us()
            ids = [source.block_id for source in sources]
            if not await block_rows.retire_blocks(connection, run_id, ids, now):
                raise _Lost
            if not await block_rows.set_live(connection, run_id, block_id, now):
                raise _Lost
            return True

        try:
            await self._database.write(swap)
        except _Lost:
            await self._discard(run_id, block_id)
            return None
        return Sealed(result.points, sum(s.bytes for s in sources), block.bytes, span[1])

    async def _store(self, block: BlockRow, directory: bytes, parts: Sequence[bytes]) -> int:
        async def begin(connection: AsyncConnection) -> int:
            block_id = await block_rows.draw_block_id(connection, block.run_id)
            await block_rows.insert_block(connection, block.with_id(block_id), directory)
            return block_id

        block_id = await self._database.write(begin)
        first = 0
        for piece in _slices(parts):

            async def store(
                connection: AsyncConnection, first: int = first, piece: Sequence[bytes] = piece
            ) -> None:
                await block_rows.insert_parts(connection, block.run_id, block_id, first, piece)

            await self._database.write(store)
            failpoint("seal.between_slices")
            first += len(piece)
        return block_id

    async def _discard(self, run_id: str, block_id: int) -> None:
        async def work(connection: AsyncConnection) -> None:
            await block_rows.delete_blocks(connection, run_id, block_id)

        await self._database.write(work)


class _Lost(Exception):
    """Somebody else has merged these blocks, or taken the new one for abandoned."""


def _block_row(
    run_id: str, tier: int, span: tuple[int, int], points: int, items: Sequence[bytes]
) -> BlockRow:
    return BlockRow(
        run_id=run_id,
        block_id=-1,
        state=int(BlockState.WRITING),
        state_time_us=now_us(),
        tier=tier,
        first_position=span[0],
        end_position=span[1],
        points=points,
        bytes=sum(map(len, items)),
    )


def _layouts_used(batches: Sequence[LogBatch]) -> list[int]:
    used: set[int] = set()
    for batch in batches:
        used.update(np.unique(LogRows.decode(batch.data).layout).tolist())
    return sorted(used - {INLINE})


def _slices(parts: Sequence[bytes]) -> list[list[bytes]]:
    slices: list[list[bytes]] = []
    size = SLICE_BYTES
    for part in parts:
        if size + len(part) > SLICE_BYTES:
            slices.append([])
            size = 0
        slices[-1].append(part)
        size += len(part)
    return slices
