"""Reads one writer's spool and hands what is in it to the lanes."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from runstream._ship.artifacts import ArtifactsLane
from runstream._ship.records import RecordsLane
from runstream._ship.requests import creates_run
from runstream._ship.rows import Rewind, RowsLane
from runstream._ship.status import NOWHERE, Position
from runstream._ship.watch import SegmentWatch
from runstream._spool import (
    Artifact,
    Close,
    CorruptRows,
    Operation,
    Record,
    RowChunk,
    SpoolReader,
    WriterSpool,
)

__all__ = ["Feed"]

CHUNK_BYTES: Final = 512 * 1024
"""Rows are sent in messages of about this size, when so many are there."""

logger: Final = logging.getLogger(__name__)


class Feed:
    """Reads on whenever the spool has grown; begins again where the server lacks rows.

    Nothing here waits for a lane that may wait for this one: rows are sent from here, and what is
    read beside them only queues up. So rows never wait for artifacts.

    Attributes:
        rows: How many rows were handed over: the reader may have read on already.
        operations: How many operations, likewise.
        artifacts: How many artifacts, likewise.
        delivered_to: Everything up to this place of the spool is delivered.
    """

    def __init__(
        self,
        spool: WriterSpool,
        watch: SegmentWatch,
        *,
        rows: RowsLane,
        records: RecordsLane,
        artifacts: ArtifactsLane,
        on_delivered: Callable[[], None],
    ) -> None:
        self._on_delivered = on_delivered
        self._spool = spool
        self._watch = watch
        self._rows = rows
        self._records = records
        self._artifacts = artifacts
        self._news = asyncio.Event()
        self._grew = True
        self._resting = False
        self._drained_to: Position = NOWHERE
        self.delivered_to: Position = NOWHERE
        self._needed_records = 0
        self.rows = rows.done.level
        self.operations = records.done.level
        self.artifacts = artifacts.done.level
        self._reader = self._new_reader()

    @property
    def is_all_read(self) -> bool:
        """Whether the writer writes no more, and all that it wrote was read."""
        return self._reader.finished

    def grew(self) -> None:
        """Says that the spool may hold more."""
        self._grew = True
        self._news.set()

    def wake(self) -> None:
        """Says that something was delivered, or refused, or that a stream is over."""
        self._news.set()

    def rest(self) -> None:
        """Says that the writer is idle: what is only kept open for it may be closed."""
        self._resting = True
        self._news.set()

    async def run(self) -> None:
        """Hands everything over, and ends once all of it is delivered and nothing more can come.

        Raises:
            Stopped: if the run takes nothing.
            SpoolError: if the spool cannot be read.
        """
        try:
            while not await self._step():
                await self._news.wait()
                self._news.clear()
        finally:
            self._reader.close()
            await self._rows.close()
        self._records.end()
        self._artifacts.end()

    async def _step(self) -> bool:
        """Does what there is to do; returns whether that was all."""
        try:
            if self._grew:
                self._grew = False
                await self._read_on()
            await self._rows.tend()
            if self._resting:
                self._resting = False
                await self._rows.rest()
        except Rewind as rewind:
            self._reader.close()
            self.rows = rewind.row
            self._reader = self._new_reader()
            self._drained_to = self.delivered_to
            self.grew()
            return False
        if (
            self._rows.done.level < self.rows
            or self._records.done.level < self.operations
            or self._artifacts.done.level < self.artifacts
        ):
            return False
        if self.delivered_to != self._drained_to:
            self.delivered_to = self._drained_to
            # Whoever waits for this place looks at nothing else: the acks were told before.
            self._on_delivered()
        return self._reader.finished

    async def _read_on(self) -> None:
        self._watch.look()
        seen = self._watch.position
        for record in self._reader.read():
            await self._take(record)
            if self._records.is_full or self._artifacts.is_full:
                # Goes on when something was delivered.
                self._grew = True
                return
        self._drained_to = seen

    async def _take(self, record: Record) -> None:
        match record:
            case RowChunk():
                await self._records.done.reach(self._needed_records)
                await self._rows.send(record)
                self.rows = record.first_row + record.row_count
            case CorruptRows():
                await self._pass_over(record)
            case Operation():
                if creates_run(record):
                    self._needed_records = record.number + 1
                self._records.add(record, self.artifacts)
                self.operations = record.number + 1
            case Artifact():
                self._artifacts.add(record)
                self.artifacts = record.number + 1
            case Close():
                if record.rejected:
                    logger.warning(
                        "not_logged writer=%s counts=%s", self._spool.writer_id, record.rejected
                    )

    async def _pass_over(self, lost: CorruptRows) -> None:
        logger.error(
            "corrupt writer=%s row=%d rows=%d reason=%s",
            self._spool.writer_id,
            lost.first_row,
            lost.row_count,
            lost.reason,
        )
        if lost.row_count:
            await self._records.done.reach(self._needed_records)
            await self._rows.skip(lost)
            self.rows = lost.first_row + lost.row_count

    def _new_reader(self) -> SpoolReader:
        """Returns a reader of what was not handed over yet."""
        return self._spool.reader(
            first_row=self.rows,
            first_operation=self.operations,
            first_artifact=self.artifacts,
            chunk_bytes=CHUNK_BYTES,
        )
