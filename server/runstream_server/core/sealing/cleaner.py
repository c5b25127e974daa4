"""Removes what is no longer needed.

That is sealed log, merged-away blocks, and the remains of crashed seals.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.storage import block_rows, trim_rows
from runstream_server.storage.block_rows import BlockState
from runstream_server.storage.database import Database
from runstream_server.storage.trim_rows import OldLog

__all__ = ["Cleaner", "Retention"]

RETIRED_BLOCK_S: Final = 600
"""Merged-away blocks stay so long for readers that began before the merge."""
ABANDONED_BLOCK_S: Final = 3600
"""Blocks that take so long to be stored are those of a server that is no more."""
BATCHES_PER_SLICE: Final = 16
BLOCKS_PER_PASS: Final = 64
MICROSECONDS: Final = 1_000_000

_log = logging.getLogger(__name__)


def _slices(logs: Sequence[OldLog]) -> Iterator[list[OldLog]]:
    """Yields logs that are trimmed together: short ones several at once, long ones alone."""
    some: list[OldLog] = []
    batches = 0
    for log in logs:
        if some and batches + log.batches > BATCHES_PER_SLICE:
            yield some
            some, batches = [], 0
        some.append(log)
        batches += log.batches
    if some:
        yield some


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
        oldest_us = int((time.time() - self._retention.age_s) * MICROSECONDS)
        async with self._database.read() as connection:
            old = await trim_rows.old_logs(connection, oldest_us)
            size = await trim_rows.log_bytes(connection)
        for some in _slices(old):
            await self._trim({log.run_id: log.end for log in some})
        excess = size - sum(log.size_bytes for log in old) - self._retention.size_bytes
        if excess > 0:
            await self._make_room(excess)

    async def _make_room(self, excess: int) -> None:
        """Removes sealed log run by run, though it is young."""
        async with self._database.read() as connection:
            heads = await trim_rows.trimmable_heads(connection)
        for head in heads:
            async with self._database.read() as connection:
                end = await trim_rows.position_to_trim_to(connection, head, excess)
            if end > head.trimmed_position:
                excess -= await self._trim({head.run_id: end})
            if excess <= 0:
                return

    async def _trim(self, ends: Mapping[str, int]) -> int:
        """Removes the batches of runs below a position of each; returns how many bytes."""
        freed, waiting = 0, dict(ends)
        while waiting:

            async def work(
                connection: AsyncConnection, ends: Mapping[str, int] = waiting
            ) -> tuple[dict[str, int], int]:
                left: dict[str, int] = {}
                size = 0
                for run_id, end in ends.items():
                    count, own = await trim_rows.trim_log(
                        connection, run_id, end, BATCHES_PER_SLICE
                    )
                    size += own
                    if count == BATCHES_PER_SLICE:
                        left[run_id] = end
                return left, size

            waiting, size = await self._database.write(work)
            freed += size
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
