"""The door of the log: opens streams, takes in what they bring, and commits it together."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol, Self

from sqlalchemy.ext.asyncio import AsyncConnection

from runstream.v1 import metric_service_pb2 as pb
from runstream_server.budget import ByteBudget
from runstream_server.core.errors import Failure, Reason
from runstream_server.core.failpoints import failpoint
from runstream_server.core.ingest.commit import (
    CommitResult,
    LoosePoints,
    StreamShare,
    commit_group,
    merge_lookup,
    why_not_writable,
)
from runstream_server.core.ingest.names import NameCache
from runstream_server.core.ingest.rows import StreamRows, parse_rows
from runstream_server.core.ingest.stream import PendingSkip, WriterStream
from runstream_server.core.limits import MAX_SKIP_REASON_LENGTH
from runstream_server.core.outages import failure_in
from runstream_server.core.signals import RunSignals
from runstream_server.storage.database import Database
from runstream_server.storage.head_rows import lock_head
from runstream_server.storage.writer_rows import ensure_writer

__all__ = ["CommitObserver", "Ingest"]

MAX_WAITING_BYTES: Final = 64 * 1024 * 1024
"""Rows in memory that wait for their commit, of all streams; beyond that, nothing more is read from
the network.
"""
MAX_STREAM_WAITING_BYTES: Final = 8 * 1024 * 1024
MAX_COMMIT_BYTES: Final = 16 * 1024 * 1024
MAX_OUTAGE_PAUSE_S: Final = 2.0

_log = logging.getLogger(__name__)


class CommitObserver(Protocol):
    """Hears of every commit, after it is durable."""

    def committed(self, result: CommitResult, seconds: float) -> None:
        """Takes note of a commit that took `seconds`."""


@dataclass(slots=True, eq=False)
class _Loose:
    points: LoosePoints
    done: "asyncio.Future[int]"


class Ingest:
    """Commits rows. Use as an async context manager; leaving it commits what was taken in."""

    def __init__(
        self, database: Database, signals: RunSignals, observers: Sequence[CommitObserver] = ()
    ) -> None:
        self._database = database
        self._signals = signals
        self._observers = observers
        self._cache = NameCache()
        self._budget = ByteBudget(MAX_WAITING_BYTES)
        self._ready: dict[WriterStream, None] = {}
        self._loose: list[_Loose] = []
        self._wake = asyncio.Event()
        self._closing = False
        self._outage_attempts = 0
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._commit_forever(), name="group-commit")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is None:
            return
        self._closing = True
        while self._ready or self._loose:
            self._wake.set()
            await asyncio.sleep(0.005)
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    @property
    def waiting_bytes(self) -> int:
        """Rows in memory that wait for their commit."""
        return self._budget.used_bytes

    async def open(self, header: pb.StreamHeader) -> tuple[WriterStream, int]:
        """Opens a stream for a checked header; returns it and the writer's next record number.

        What the stream has taken in is committed even when its client is gone.
        """
        rank = header.rank if header.HasField("rank") else -1

        async def work(connection: AsyncConnection) -> tuple[int, int]:
            if await lock_head(connection, header.run_id) is not True:
                raise await why_not_writable(connection, header.run_id)
            writer = await ensure_writer(
                connection, header.run_id, header.writer_id, rank, header.attempt
            )
            return writer.next_row, writer.next_record

        next_row, next_record = await self._database.write(work)
        stream = WriterStream(header.run_id, header.writer_id, header.attempt, next_row, next_row)
        return stream, next_record

    async def take_batch(self, stream: WriterStream, batch: pb.MetricBatch) -> None:
        """Takes in a batch, once there is room; its commit is told by `stream.news`.

        Raises:
            Failure: OFFSET_GAP when it begins beyond the expected offset.
        """
        try:
            rows = parse_rows(batch, stream.definitions)
        except Failure as failure:
            stream.reject(batch.offset, failure)
            return
        if not self._follows(stream, rows.offset):
            return
        if rows.end <= stream.expected:
            stream.acknowledge_again()
            return
        if rows.offset < stream.expected:
            rows = rows.without_first(stream.expected - rows.offset)
        await self._enqueue(stream, rows)

    async def take_skip(self, stream: WriterStream, skip: pb.SkipRows) -> None:
        """Takes in the writer's word that it gives up rows.

        Raises:
            Failure: OFFSET_GAP when it begins beyond the expected offset.
        """
        end = skip.first_row + skip.count
        problem = None
        if skip.count < 1:
            problem = f"skip.count is {skip.count}; skip at least one row"
        elif not skip.reason or len(skip.reason) > MAX_SKIP_REASON_LENGTH:
            problem = (
                f"skip.reason has {len(skip.reason)} characters; "
                f"say why in 1 to {MAX_SKIP_REASON_LENGTH}"
            )
        elif skip.first_row < stream.expected < end or end >= 1 << 63:
            problem = (
                f"the rows {skip.first_row} to {end - 1} are in part committed; "
                f"skip from row {stream.expected} on"
            )
        if problem is not None:
            stream.reject(skip.first_row, Failure(Reason.INVALID_SKIP, problem))
            return
        if not self._follows(stream, skip.first_row):
            return
        if end <= stream.expected:
            stream.acknowledge_again()
            return
        await self._enqueue(stream, PendingSkip(skip.first_row, end, skip.reason))

    def _follows(self, stream: WriterStream, offset: int) -> bool:
        if offset > stream.expected:
            if stream.rejecting:
                return False
            raise Failure(
                Reason.OFFSET_GAP,
                f"the message begins at row {offset}, but the server has rows up to "
                f"{stream.expected}; send from there on, or skip what is lost",
                expected_offset=stream.expected,
                offset=offset,
            )
        stream.rejecting = False
        return True

    async def _enqueue(self, stream: WriterStream, item: StreamRows | PendingSkip) -> None:
        # A stream over its own share waits for its commits, so that one client cannot fill the
        # common budget.
        while stream.waiting_bytes > MAX_STREAM_WAITING_BYTES and stream.failure is None:
            stream.room.clear()
            await stream.room.wait()
        await self._budget.acquire(item.size_bytes)
        if stream.failure is not None:
            self._budget.release(item.size_bytes)
            return
        stream.wait_for_commit(item)
        self._ready[stream] = None
        self._wake.set()

    async def log_points(self, points: LoosePoints) -> int:
        """Commits points that come without a stream; returns the log position after them."""
        size = points.rows.value.nbytes * 3
        await self._budget.acquire(size)
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._loose.append(_Loose(points, done))
        self._wake.set()
        try:
            return await asyncio.shield(done)
        finally:
            self._budget.release(size)

    async def _commit_forever(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._ready or self._loose:
                await self._commit_once()

    async def _commit_once(self) -> None:
        shares = self._take_ready()
        loose, self._loose = self._loose, []

        async def work(connection: AsyncConnection) -> CommitResult:
            result = await commit_group(
                connection, [*shares, *(one.points for one in loose)], self._cache
            )
            failpoint("commit.before")
            return result

        began = time.perf_counter()
        try:
            result = await self._database.write(work)
        except Exception as error:  # noqa: BLE001 - whatever it is, the streams must hear of it
            if self._database.shared and _is_outage(error):
                await self._wait_out(shares, loose, error)
                return
            _log.exception("commit_failed", extra={"streams": len(shares), "loose": len(loose)})
            self._give_up(shares, loose, error)
            return
        self._note_end_of_outage()
        failpoint("commit.after")
        self._settle(shares, loose, result)
        for observer in self._observers:
            observer.committed(result, time.perf_counter() - began)
        for run_id in result.positions:
            self._signals.changed(run_id)

    def _take_ready(self) -> list[StreamShare]:
        shares: list[StreamShare] = []
        size = 0
        for stream in list(self._ready):
            if size >= MAX_COMMIT_BYTES:
                break
            del self._ready[stream]
            count = 0
            for item in stream.waiting:
                if count and size + item.size_bytes > MAX_COMMIT_BYTES:
                    break
                size += item.size_bytes
                count += 1
            shares.append(StreamShare(stream=stream, items=stream.waiting[:count]))
        return shares

    def _settle(
        self, shares: Sequence[StreamShare], loose: Sequence[_Loose], result: CommitResult
    ) -> None:
        for resolver in result.resolvers:
            resolver.keep()
        for share in shares:
            stream = share.stream
            if share.failure is not None:
                self._drop(stream, share.failure)
                continue
            if share.lookup:
                stream.layout_ids = merge_lookup(stream.layout_ids, share.lookup)
                stream.resolved.update(share.lookup)
            self._remove(stream, len(share.items))
            stream.acknowledge(share.end)
            if stream.waiting:
                self._ready[stream] = None
        for one in loose:
            if one.done.done():
                continue
            if one.points.failure is not None:
                one.done.set_exception(one.points.failure)
            else:
                one.done.set_result(result.positions[one.points.run_id])

    def _give_up(
        self, shares: Sequence[StreamShare], loose: Sequence[_Loose], error: Exception
    ) -> None:
        for share in shares:
            self._drop(share.stream, error)
        for one in loose:
            if not one.done.done():
                one.done.set_exception(error)

    async def _wait_out(
        self, shares: Sequence[StreamShare], loose: Sequence[_Loose], error: Exception
    ) -> None:
        """Keeps what streams have brought, while a database that others keep running is away.

        Should the commit have happened after all, its streams find their writers moved, and their
        clients go on from there.
        """
        if not self._outage_attempts:
            _log.warning("commits_wait", extra={"error": str(error), "streams": len(shares)})
        self._give_up(shares if self._closing else [], loose, error)
        for share in shares:
            if share.stream.failure is None:
                self._ready[share.stream] = None
        self._outage_attempts += 1
        await asyncio.sleep(min(MAX_OUTAGE_PAUSE_S, 0.05 * 2**self._outage_attempts))
        self._wake.set()

    def _note_end_of_outage(self) -> None:
        if self._outage_attempts:
            _log.warning("commits_resumed", extra={"attempts": self._outage_attempts})
            self._outage_attempts = 0

    def _remove(self, stream: WriterStream, count: int) -> None:
        self._budget.release(stream.remove_first(count))

    def _drop(self, stream: WriterStream, error: BaseException) -> None:
        stream.fail(error)
        self._remove(stream, len(stream.waiting))
        self._ready.pop(stream, None)


def _is_outage(error: Exception) -> bool:
    failure = failure_in(error)
    return failure is not None and failure.reason is Reason.STORAGE_UNAVAILABLE
