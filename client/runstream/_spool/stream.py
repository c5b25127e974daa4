"""The writing end of one writer: its folder, its lock, and the segment it appends to.

An append can be interrupted between any two instructions: by KeyboardInterrupt, or by a signal
handler that itself logs. So an append sets `state` to WRITING first; a handler that finds it so
leaves its entry in `pending` for the interrupted append to write. An append that did not come to
its end leaves ATTENTION behind; the next one then asks the file what is in it.
"""

import errno
import os
import struct
import threading
import time
from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final
from zlib import crc32

from runstream._spool.entries import Entry
from runstream._spool.folder import create_segment, make_writer_folder
from runstream._spool.format import (
    ARTIFACT,
    CLOSE,
    FRAME,
    OPERATION,
    ROW,
    ROW_HEAD,
    ROW_STEP,
    records_in,
)
from runstream._spool.header import SegmentHeader, WriterIdentity
from runstream._spool.layouts import RowLayout
from runstream._spool.paths import writer_folder

__all__ = ["ATTENTION", "CLOSED", "IDLE", "SEGMENT_BYTES", "WRITING", "Outcome", "SegmentStream"]

SEGMENT_BYTES: Final = 64 * 1024 * 1024
"""A segment that has reached this size is the last to grow; the next row begins another."""
ROTATION_RETRY_BYTES: Final = 1024 * 1024
MAX_PENDING: Final = 10_000

IDLE: Final = 0
WRITING: Final = 1
ATTENTION: Final = 2
CLOSED: Final = 3

_pack_frame = FRAME.pack
_pack_head = ROW_HEAD.pack


class _ShortWriteError(OSError):
    """Means that a write stored a part of its bytes, which is no error yet."""


def _is_the_disks(error: BaseException) -> bool:
    # A signal handler may raise TimeoutError, which is an OSError, in the middle of everything.
    return isinstance(error, OSError) and error.errno is not None


@dataclass(slots=True)
class Outcome:
    """What became of an append.

    Attributes:
        error: Why something is lost or waits, or None.
        lost_points: How many points are lost.
        lost_records: How many operations and artifacts are lost, because too many wait already.
    """

    error: OSError | None = None
    lost_points: int = 0
    lost_records: int = 0


class SegmentStream:
    """Appends entries to the segments of one writer.

    Attributes:
        lock: Guards everything else. Reentrant, for signal handlers.
        state: IDLE, WRITING, ATTENTION or CLOSED.
        fd: The descriptor of the open segment, -1 when there is none.
        segment: Its number, None when there is none.
        size: How many of its bytes are whole records.
        limit: The size at which the next segment is begun.
        last_step: The greatest step so far, -1 at first. A forked child goes on from its parent's.
        row_word: ROW plus ROW_STEP times the number of rows: its low 32 bits begin the next row's
            body.
        pending: Entries that wait: for the interrupted append to end, or for space on the disk.
    """

    __slots__ = (
        "_directory",
        "_folder",
        "_lock_fd",
        "_segment_bytes",
        "_segments",
        "artifacts",
        "closes",
        "fd",
        "identity",
        "last_step",
        "limit",
        "lock",
        "operations",
        "pending",
        "row_word",
        "segment",
        "size",
        "state",
    )

    def __init__(
        self, directory: Path, identity: WriterIdentity, segment_bytes: int = SEGMENT_BYTES
    ) -> None:
        self._directory = directory
        self._segment_bytes = segment_bytes
        self.fd = -1
        self._lock_fd = -1
        self._begin(identity, -1)

    def _begin(self, identity: WriterIdentity, last_step: int) -> None:
        self.identity = identity
        self._folder = writer_folder(self._directory, identity.run_id, identity.writer_id)
        self.lock = threading.RLock()
        self.state = IDLE
        self.segment: int | None = None
        self._segments = 0
        self.size = 0
        self.limit = self._segment_bytes
        self.row_word = ROW
        self.last_step = last_step
        self.operations = 0
        self.artifacts = 0
        self.closes = 0
        self.pending: deque[Entry] = deque()

    @property
    def rows(self) -> int:
        return self.row_word // ROW_STEP

    @property
    def folder(self) -> Path:
        """The writer's folder. It need not exist yet."""
        return self._folder

    def open(self) -> None:
        """Makes the folder, the lock and the first segment, if they are not there yet.

        Raises:
            OSError: if the disk does not let it.
        """
        with self.lock:
            if self.state != CLOSED and self.fd < 0:
                self._open_segment()

    def draw_step(self, step: int | None) -> int:
        """Returns the step of a row, None being one more than the greatest so far."""
        with self.lock:
            if step is None:
                step = self.last_step + 1
            self.last_step = max(self.last_step, step)
            return step

    def append_row(self, layout: RowLayout, values: bytes, step: int | None, time_us: int) -> bool:
        """Writes a row. The way of nearly all rows, which leaves whatever is unusual to `append`.

        Returns:
            Whether the row is written; if not, nothing has happened, and it is for `append`.
        """
        with self.lock:
            if self.state or layout.segment is not self.segment:
                return False
            try:
                self.state = WRITING
                row_word = self.row_word
                if step is None:
                    step = self.last_step + 1
                body = _pack_head(row_word & 0xFFFFFFFF, layout.index, step, time_us) + values
                record = _pack_frame(layout.body_bytes, crc32(body)) + body
                if os.write(self.fd, record) != layout.record_bytes:
                    self.state = ATTENTION
                    return False
                # No call stands between these assignments: see `_account`.
                self.size += layout.record_bytes
                self.row_word = row_word + ROW_STEP
                self.state = ATTENTION if self.pending or self.size >= self.limit else IDLE
            except BaseException as error:
                self.state = ATTENTION
                if isinstance(error, struct.error) or _is_the_disks(error):
                    return False
                raise
            if step > self.last_step:  # noqa: PLR1730 - max() takes four times as long
                self.last_step = step
            return True

    def append(self, entry: Entry) -> Outcome:
        """Writes an entry, after those that wait."""
        with self.lock:
            if self.state == WRITING:
                self.pending.append(entry)
                return Outcome()
            return self._write_all(entry)

    def flush(self) -> Outcome:
        """Writes what waits."""
        with self.lock:
            return self._write_all(None) if self.state != WRITING and self.pending else Outcome()

    def close(self, entry: Entry) -> Outcome:
        """Writes what waits and the last entry, and gives up the lock."""
        with self.lock:
            if self._lock_fd < 0 and not self.pending:
                self.abandon()
                return Outcome()
            outcome = self.append(entry)
            if self.state not in (WRITING, CLOSED):
                outcome.lost_records += max(sum(waiting.keep for waiting in self.pending) - 1, 0)
                self.abandon()
            return outcome

    def abandon(self) -> None:
        """Closes the descriptors without a word to the reader. Nothing can be written then."""
        with self.lock:
            self.state = CLOSED
            self._close_descriptors()

    def restart(self, writer_id: str) -> None:
        """Makes this another writer's stream, in a forked child whose parent owns the old one.

        What the parent has not written yet is the parent's to write. Nothing is opened before the
        first entry.
        """
        closed = self.state == CLOSED
        self._close_descriptors()
        self._begin(replace(self.identity, writer_id=writer_id), self.last_step)
        if closed:
            self.state = CLOSED

    def _close_descriptors(self) -> None:
        for descriptor in (self.fd, self._lock_fd):
            if descriptor >= 0:
                os.close(descriptor)
        self.fd = self._lock_fd = -1
        self.segment = None

    def _write_all(self, entry: Entry | None) -> Outcome:
        outcome = Outcome()
        if self.state == CLOSED:
            return Outcome(
                OSError(errno.EBADF, "the writer is closed"), entry.points if entry else 0
            )
        is_settled = self.state == IDLE
        try:
            # From here on, a signal handler's entries go to `pending`.
            self.state = WRITING
            if not is_settled:
                self._settle()
            self._write_pending(outcome)
            if entry is not None:
                outcome.error = outcome.error or self._store(entry)
                if outcome.error is not None:
                    self._put_off([*self.pending, entry], outcome)
                self._write_pending(outcome)
            if self.state == WRITING:
                self.state = ATTENTION if self.pending else IDLE
        except BaseException:
            self.state = ATTENTION
            raise
        return outcome

    def _write_pending(self, outcome: Outcome) -> None:
        while self.pending and outcome.error is None:
            entry = self.pending.popleft()
            outcome.error = self._store(entry)
            if outcome.error is not None:
                self._put_off([entry, *self.pending], outcome)

    def _put_off(self, entries: list[Entry], outcome: Outcome) -> None:
        """Keeps what must not be lost, and counts the rest as lost."""
        kept = [entry for entry in entries if entry.keep]
        outcome.lost_points += sum(entry.points for entry in entries if not entry.keep)
        outcome.lost_records += len(kept[MAX_PENDING:])
        self.pending = deque(kept[:MAX_PENDING])

    def _store(self, entry: Entry) -> OSError | None:
        if self.state == CLOSED:
            return OSError(errno.EBADF, "the writer is closed")
        error = self._try_to_store(entry)
        # What stopped a write that stored a part of its bytes, only another one tells.
        return self._try_to_store(entry) if isinstance(error, _ShortWriteError) else error

    def _try_to_store(self, entry: Entry) -> OSError | None:
        total = entry.records
        failure: OSError | None = None
        before = self._records()
        try:
            if self.fd < 0 or self.size >= self.limit:
                self._rotate()
            data = entry.encode(self)
            written = os.write(self.fd, data)
            self._account(memoryview(data)[:written])
            if written < len(data):
                raise _ShortWriteError(errno.ENOSPC, "only a part of a record was written")
        except OSError as error:
            if not _is_the_disks(error):
                raise
            failure = error
            self._settle()
        done = self._records() - before
        entry.stored(done, self.segment)
        if self.closes:
            self.abandon()
        return None if done == total else failure

    def _records(self) -> int:
        return self.rows + self.operations + self.artifacts + self.closes

    def _account(self, data: memoryview) -> None:
        start = self.size
        for record in records_in(data):
            # No call stands between these assignments, so that no signal handler can come between
            # them.
            if record.kind == ROW:
                self.row_word += ROW_STEP
            elif record.kind == OPERATION:
                self.operations += 1
            elif record.kind == ARTIFACT:
                self.artifacts += 1
            elif record.kind == CLOSE:
                self.closes += 1
            self.size = start + record.end

    def _settle(self) -> None:
        """Asks the file what the last append, which did not come to its end, has left in it.

        Whole records count, because a reader may have seen them; a torn one is cut off. A segment
        that refuses is left as it is, torn end and all, and the next entry begins another.
        """
        try:
            if self.fd >= 0:
                actual = os.fstat(self.fd).st_size
                if actual > self.size:
                    self._account(memoryview(os.pread(self.fd, actual - self.size, self.size)))
                if actual > self.size:
                    os.ftruncate(self.fd, self.size)
        except OSError:
            descriptor, self.fd, self.segment = self.fd, -1, None
            os.close(descriptor)

    def _rotate(self) -> None:
        try:
            self._open_segment()
        except OSError:
            if self.fd < 0:
                raise
            # Better a long segment than a lost row.
            self.limit = self.size + ROTATION_RETRY_BYTES

    def _open_segment(self) -> None:
        if self._lock_fd < 0:
            self._lock_fd = make_writer_folder(self._folder)
        header = SegmentHeader(
            identity=self.identity,
            segment=self._segments,
            created_us=time.time_ns() // 1000,
            first_row=self.rows,
            first_operation=self.operations,
            first_artifact=self.artifacts,
        )
        try:
            descriptor, size = create_segment(self._folder, header)
        except FileExistsError:
            # An interrupt came between making it and taking note of it.
            self._segments += 1
            raise
        # No call stands between these assignments either: see `_account`.
        previous, self.fd = self.fd, descriptor
        self.segment = self._segments
        self._segments += 1
        self.size = size
        self.limit = self._segment_bytes
        if previous >= 0:
            os.close(previous)
