"""Everything that one writer has for its server, on its way there."""

import asyncio
import logging
from collections.abc import Callable
from typing import Final, cast

from runstream._ship.artifacts import ArtifactsLane
from runstream._ship.backoff import Backoff
from runstream._ship.failures import CallFailed, Stopped
from runstream._ship.feed import Feed
from runstream._ship.link import Link
from runstream._ship.records import RecordsLane
from runstream._ship.rows import RowsLane
from runstream._ship.status import NOWHERE, Position, WriterState, WriterStatus
from runstream._ship.watch import SegmentWatch
from runstream._ship.waterline import Waterline
from runstream._spool import Acked, Artifact, Operation, RowChunk, WriterIdentity, WriterSpool
from runstream.errors import SpoolError
from runstream.v1 import metric_service_pb2 as pb

__all__ = ["Shipment"]

RETRY_STOPPED_S: Final = 60.0
"""While a writer lives, its run may be restored, or its disk mended."""

logger: Final = logging.getLogger(__name__)


class Shipment:
    """Delivers one writer's spool over a link, for as long as there is something to deliver.

    Attributes:
        spool: The writer's spool.
        watch: Where the writer is.
        state: How it stands.
        error: What keeps it from being delivered, for people.
        ended: Whether nothing more is done about it.
    """

    def __init__(
        self,
        spool: WriterSpool,
        identity: WriterIdentity,
        link: Link,
        *,
        uploads: asyncio.Semaphore,
        on_change: Callable[[], None],
        is_elsewhere: bool = False,
    ) -> None:
        """Begins where the notes in the writer's folder end.

        Args:
            spool: The writer's spool.
            identity: What its segments say of the writer.
            link: The server.
            uploads: Held during an upload: bounds their number.
            on_change: Called when there is news for the status file.
            is_elsewhere: Whether the link is to another server than the one that the notes are of.
        """
        self.spool = spool
        self.watch = SegmentWatch(spool.folder)
        self.state: WriterState = "shipping"
        self.error = ""
        self.ended = False
        self._identity = identity
        self._link = link
        self._uploads = uploads
        self._on_change = on_change
        self._is_elsewhere = is_elsewhere
        self._feed: Feed | None = None
        self._delivered_to: Position = NOWHERE
        self._noted: tuple[int, int, int] | None = None
        self._warned: set[str] = set()
        acked = Acked() if is_elsewhere else spool.acked()
        self._rows = Waterline(acked.rows, self._advanced)
        self._records = Waterline(acked.operations, self._advanced)
        self._artifacts = Waterline(acked.artifacts, self._advanced)

    @property
    def levels(self) -> tuple[int, int, int]:
        """How many rows, operations and artifacts are delivered, refused or given up."""
        return self._rows.level, self._records.level, self._artifacts.level

    @property
    def delivered_to(self) -> Position:
        """Everything up to this place of the spool is delivered."""
        return self._feed.delivered_to if self._feed is not None else self._delivered_to

    @property
    def is_all_read(self) -> bool:
        """Whether the writer writes no more, and all that it wrote was read."""
        return self._feed is not None and self._feed.is_all_read

    def grew(self) -> None:
        """Says that the spool may hold more."""
        if self._feed is not None:
            self._feed.grew()

    def rest(self) -> None:
        """Says that the writer is idle."""
        if self._feed is not None:
            self._feed.rest()

    async def run(self) -> None:
        """Delivers until nothing more can come, or nothing more is taken from a dead writer."""
        backoff = Backoff()
        while not self._is_delivered:
            pause_s = RETRY_STOPPED_S
            try:
                await self._attempt()
                self._set_state("delivered")
            except* Stopped as stopped:
                self._set_state("stopped", _first(stopped))
            except* SpoolError as unreadable:
                self._set_state("unreadable", _first(unreadable))
            except* Exception as defects:
                # One writer's trouble is not the others'.
                logger.exception("failed writer=%s", self.spool.writer_id)
                self.error = _first(defects)
                pause_s = backoff.pause_s()
            self.note()
            if self.state in ("stopped", "unreadable") and not self.spool.alive():
                break
            if not self._is_delivered:
                await asyncio.sleep(pause_s)
        self.ended = True
        self._on_change()

    def note(self) -> None:
        """Writes down how much is delivered, if that is news."""
        finished = self.state == "delivered"
        if self._is_elsewhere and not finished:
            return
        if self.levels != self._noted or finished:
            self._note(self._artifacts.level, finished=finished)

    def status(self) -> WriterStatus:
        """Returns the writer's part of the status file."""
        rows, records, artifacts = self.levels
        feed = self._feed
        read = self.levels if feed is None else (feed.rows, feed.operations, feed.artifacts)
        return WriterStatus(
            run_id=self.spool.run_id,
            server=self._link.uri.text,
            state=self.state,
            rows=rows,
            records=records,
            artifacts=artifacts,
            read_rows=read[0],
            read_records=read[1],
            read_artifacts=read[2],
            delivered_to=self.delivered_to,
            error=self.error,
        )

    def trouble(self, failed: CallFailed | None) -> None:
        """Takes note of what keeps something from being sent; None that it is sent."""
        error = "" if failed is None else str(failed)
        if error != self.error:
            self.error = error
            self._on_change()
            if failed is not None:
                self._warn(failed.reason or failed.code.name, f"not delivered yet: {failed}")

    def reject(self, record: RowChunk | Operation | Artifact, reason: str) -> None:
        """Puts aside what the server refused for good."""
        path = self.spool.reject(record, reason)
        self._warn(reason.partition(":")[0], f"refused: {reason} (kept in {path})")
        self._on_change()

    def uploaded(self, artifact: Artifact) -> None:
        """Takes note that the server has an artifact, and then removes the content."""
        if not self._is_elsewhere:
            self._note(artifact.number + 1, finished=False)
        self.spool.discard_content(artifact)

    def wake(self) -> None:
        """Is called when a stream has news."""
        if self._feed is not None:
            self._feed.wake()

    async def _attempt(self) -> None:
        who = self._identity
        header = pb.StreamHeader(
            run_id=who.run_id, writer_id=who.writer_id, rank=who.rank, attempt=who.attempt
        )
        rows = RowsLane(self._link, header, self, self._rows)
        records = RecordsLane(
            self._link,
            who,
            self,
            done=self._records,
            rows=self._rows,
            artifacts=self._artifacts,
        )
        artifacts = ArtifactsLane(
            self._link,
            self.spool,
            self,
            done=self._artifacts,
            records=self._records,
            uploads=self._uploads,
        )
        self._feed = Feed(
            self.spool,
            self.watch,
            rows=rows,
            records=records,
            artifacts=artifacts,
            on_delivered=self._on_change,
        )
        self.state = "shipping"
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._feed.run())
                tasks.create_task(records.run())
                tasks.create_task(artifacts.run())
        finally:
            self._delivered_to = self._feed.delivered_to
            self._feed = None

    @property
    def _is_delivered(self) -> bool:
        return self.state == "delivered"

    def _advanced(self) -> None:
        self.wake()
        self._on_change()

    def _set_state(self, state: WriterState, error: str = "") -> None:
        self.state, self.error = state, error
        if error:
            logger.error("%s writer=%s error=%s", state, self.spool.writer_id, error)
        self._on_change()

    def _note(self, artifacts: int, *, finished: bool) -> None:
        rows, records, _ = self.levels
        try:
            self.spool.note_acked(
                rows=rows, operations=records, artifacts=artifacts, finished=finished
            )
            self._noted = (rows, records, artifacts)
        except OSError as error:
            # The server knows it too.
            self._warn("note", f"the notes on {self.spool.folder} cannot be written: {error}")

    def _warn(self, kind: str, message: str) -> None:
        if kind not in self._warned:
            self._warned.add(kind)
            logger.warning("writer=%s %s (said once a reason)", self.spool.writer_id, message)


def _first(error: BaseException) -> str:
    if isinstance(error, BaseExceptionGroup):
        return _first(cast("BaseExceptionGroup[BaseException]", error).exceptions[0])
    return str(error) or type(error).__name__
