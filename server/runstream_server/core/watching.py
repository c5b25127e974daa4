"""Following a run: what was committed since a cursor, as soon as it is."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from runstream_server.core.blocks.groups import RowGroup
from runstream_server.core.errors import Failure, Reason
from runstream_server.core.reading.view import ViewReader
from runstream_server.core.signals import RunSignals
from runstream_server.storage import log_rows
from runstream_server.storage.database import Database

__all__ = ["HEARTBEAT_S", "Step", "Watcher"]

HEARTBEAT_S: Final = 10.0
MAX_STEP_BYTES: Final = 1024 * 1024
"""The log that is read for one step at most, unless one batch alone is larger."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a run got since the step before: rows, and the log position after them."""

    cursor: int
    groups: list[RowGroup]


class Watcher:
    """Follows runs through the database, so that commits of other servers are seen as well."""

    def __init__(self, database: Database, signals: RunSignals, reader: ViewReader) -> None:
        self._database = database
        self._signals = signals
        self._reader = reader

    async def follow(self, run_id: str, cursor: int | None) -> AsyncIterator[Step]:
        """Yields a step at once, then one per change, and one every few seconds without a change.

        Raises:
            Failure: RUN_NOT_FOUND, or CURSOR_EXPIRED when the log does not go back to the cursor.
        """
        with self._signals.watch(run_id) as watch:
            while True:
                step = await self._next(run_id, cursor)
                more = cursor is not None and step.cursor > cursor
                cursor = step.cursor
                yield step
                if not more:
                    await watch.wait(HEARTBEAT_S)

    async def _next(self, run_id: str, cursor: int | None) -> Step:
        async with self._database.read() as connection:
            head = await log_rows.read_head(connection, run_id)
            if head is None:
                raise Failure(Reason.RUN_NOT_FOUND, f"there is no run {run_id}", run_id=run_id)
            if cursor is None:
                return Step(head.next_position, [])
            if not head.trimmed_position <= cursor <= head.next_position:
                raise Failure(
                    Reason.CURSOR_EXPIRED,
                    f"the log of run {run_id} is kept from cursor {head.trimmed_position} to "
                    f"{head.next_position}, which {cursor} is not within; read again, and watch "
                    "from the cursor that this returns",
                    cursor=cursor,
                    oldest_cursor=head.trimmed_position,
                )
            if cursor == head.next_position:
                return Step(cursor, [])
            batches = await log_rows.read_batches(
                connection, run_id, cursor, head.next_position, MAX_STEP_BYTES
            )
        return Step(batches[-1].position + 1, await self._reader.groups(run_id, batches))
