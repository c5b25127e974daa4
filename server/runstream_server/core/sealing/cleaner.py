"""Removes what is no longer needed.

That is sealed log, merged-away blocks, and the remains of crashed seals.
"""

import asyncio
import contextlib
import logging
import time
from dataclasses import dataclass
from typing import Final, Self

from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.storage import block_rows, trim_rows
from runstream_server.storage.block_rows import BlockState
from runstream_server.storage.database import Database

__all__ = ["Cleaner", "Retention"]

RETIRED_BLOCK_S: Final = 600
"""Merged-away blocks stay so long for readers that began before the merge."""
ABANDONED_BLOCK_S: Final = 3600
"""Blocks that take so long to be stored are those of a server that is no more."""
BATCHES_PER_SLICE: Final = 16
BLOCKS_PER_PASS: Final = 64
MICROSECONDS: Final = 1_000_000

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How much sealed log is kept for watchers that come back: up to an age and a size."""

    age_s: float = 600.0
    size_bytes: int = 1024**3
    interval_s: float = 10.0


class Cleaner:
    """Cleans up in the background, a few milliseconds of the write connection at a time.

    Use as an async context manager.
    """

    def __init__(self, database: Database, retention: Retention | None = None) -> None:
        self._database = database
        self._retention = retention or Retention()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        if not self._database.shared:  # else another server may be writing them
            await self._delete_blocks(BlockState.WRITING, older_than_s=0)
        self._task = asyncio.create_task(self._clean_forever(), name="cleaner")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _clean_forever(self) -> None:
        while True:
            await asyncio.sleep(self._retention.interval_s)
            try:
                await self.clean()
            except Exception:  # noqa: BLE001 - cleaning goes on with the next pass
                _log.exception("cleaning_failed")

    async def clean(self) -> None:
        """Does one pass."""
        await self._delete_blocks(BlockState.RETIRED, older_than_s=RETIRED_BLOCK_S)
        await self._delete_blocks(BlockState.WRITING, older_than_s=ABANDONED_BLOCK_S)
        async with self._database.read() as connection:
            heads = await trim_rows.trimmable_heads(connection)
            excess = await trim_rows.log_bytes(connection) - self._retention.size_bytes
        oldest_us = int((time.time() - self._retention.age_s) * MICROSECONDS)
        for head in heads:
            async with self._database.read() as connection:
                before = await trim_rows.position_to_trim_to(connection, head, oldest_us, excess)
            if before > head.trimmed_position:
                excess -= await self._trim(head.run_id, before)

    async def _trim(self, run_id: str, before_position: int) -> int:
        freed = 0
        while True:

            async def work(connection: AsyncConnection) -> tuple[int, int]:
                return await trim_rows.trim_log(
                    connection, run_id, before_position, BATCHES_PER_SLICE
                )

            count, size = await self._database.write(work)
            freed += size
            if count < BATCHES_PER_SLICE:
                return freed

    async def _delete_blocks(self, state: BlockState, older_than_s: float) -> None:
        before_us = int((time.time() - older_than_s) * MICROSECONDS)
        async with self._database.read() as connection:
            doomed = await block_rows.discarded_blocks(
                connection, state, before_us, BLOCKS_PER_PASS
            )
        for block in doomed:

            async def work(
                connection: AsyncConnection, run_id: str = block.run_id, id_: int = block.block_id
            ) -> None:
                await block_rows.delete_blocks(connection, run_id, id_)

            await self._database.write(work)
