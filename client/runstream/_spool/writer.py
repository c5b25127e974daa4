"""The writing side: what a training process calls."""

import contextlib
import os
import struct
import time
import uuid
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Self, cast

from runstream._spool.entries import CloseEntry, NumberedEntry, RowsEntry
from runstream._spool.faults import Faults, strict_by_default
from runstream._spool.format import ARTIFACT, OPERATION, json_bytes
from runstream._spool.header import WriterIdentity
from runstream._spool.layouts import NO_LAYOUT, LayoutTable
from runstream._spool.metrics import BadField, checked_rank, checked_step, checked_time
from runstream._spool.packing import pack_rows
from runstream._spool.snapshot import DiskRefused, snapshot_max_bytes, take_snapshot
from runstream._spool.stream import CLOSED, SEGMENT_BYTES, Outcome, SegmentStream
from runstream.errors import InvalidValue

__all__ = ["OWN_RANK", "SpoolWriter"]

MAX_OPERATION_BYTES: Final = 4 * 1024 * 1024

_time_ns = time.time_ns


class _OwnRank:
    """Is the type of OWN_RANK."""


OWN_RANK: Final = _OwnRank()
"""Stands for the rank of the writer, where None means none."""


class SpoolWriter:
    """Appends what one process logs to files of its own: no network, no thread, no fsync.

    Every method may be called from any thread, from signal handlers, and from `__float__` of a
    value. What `log()` returned from survives `kill -9` of the process. (A row that a signal
    handler logs while it interrupts a `log()` of the same writer is written when that one ends.)
    After a fork the child's writer is another one, with an id and a folder of its own, which are
    made when the child first writes.

    Nothing raises because of what is logged or of the disk, unless strict: it is counted in
    `rejected`, and warned about once for each reason.
    """

    def __init__(
        self,
        stream: SegmentStream,
        *,
        strict: bool | None = None,
        snapshot_max: int | None = None,
        on_new_writer: Callable[["SpoolWriter"], None] | None = None,
    ) -> None:
        self._stream = stream
        self._faults = Faults(strict=strict_by_default() if strict is None else strict)
        self._snapshot_max = snapshot_max_bytes() if snapshot_max is None else snapshot_max
        self._on_new_writer = on_new_writer
        self._is_new = False
        self._last_layout = NO_LAYOUT
        self._forget_layouts()
        _writers.add(self)

    @classmethod
    def create(
        cls,
        directory: str | os.PathLike[str],
        *,
        run_id: str,
        writer_id: str | None = None,
        rank: int | None = None,
        attempt: int = 0,
        experiment: str = "",
        server_uri: str = "",
        strict: bool | None = None,
        snapshot_max: int | None = None,
        segment_bytes: int = SEGMENT_BYTES,
        on_new_writer: Callable[["SpoolWriter"], None] | None = None,
    ) -> Self:
        """Makes a writer's folder, lock and first segment.

        Args:
            directory: The spool.
            run_id: 32 lower-case hexadecimal digits.
            writer_id: The same for the writer; None makes one.
            rank: The process's rank in its job, None for a single-process job.
            attempt: Counts the restarts of the run before.
            experiment: The experiment's name.
            server_uri: The server that the spool is meant for.
            strict: Whether to raise what would be warned about; None asks `RUNSTREAM_STRICT`.
            snapshot_max: Files of more bytes are referenced, not copied, where the disk cannot
                share the copy; None asks `RUNSTREAM_SNAPSHOT_MAX`.
            segment_bytes: The size at which another segment is begun.
            on_new_writer: Called in a forked child before the child's first entry, with this
                writer, whose `writer_id` is then the child's.

        Raises:
            OSError: if the disk does not let it, in any mode: nothing is lost yet.
        """
        identity = WriterIdentity(
            run_id=run_id,
            writer_id=writer_id or uuid.uuid4().hex,
            rank=rank,
            attempt=attempt,
            experiment=experiment,
            server_uri=server_uri,
        )
        stream = SegmentStream(Path(directory), identity, segment_bytes)
        stream.open()
        return cls(stream, strict=strict, snapshot_max=snapshot_max, on_new_writer=on_new_writer)

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self._stream.identity.run_id

    @property
    def writer_id(self) -> str:
        """The writer's id: another one in a forked child."""
        return self._stream.identity.writer_id

    @property
    def folder(self) -> Path:
        """The writer's folder."""
        return self._stream.folder

    @property
    def rows(self) -> int:
        """How many rows are in the spool: the offset of the next one."""
        return self._stream.rows

    @property
    def operations(self) -> int:
        """How many operations are in the spool: the number of the next one."""
        return self._stream.operations

    @property
    def artifacts(self) -> int:
        """How many artifacts are in the spool: the number of the next one."""
        return self._stream.artifacts

    @property
    def rejected(self) -> Mapping[str, int]:
        """How many points were not stored, by reason; see `Faults.counts`."""
        return self._faults.counts

    def log(
        self,
        metrics: Mapping[str, object],
        step: int | None = None,
        time_us: int | None = None,
        rank: int | _OwnRank | None = OWN_RANK,
    ) -> None:
        """Stores one value of each metric, all at one step and one time.

        Args:
            metrics: Numbers by key: Python's, numpy's, or tensors of one element. A mapping among
                the values adds its keys behind a `/`.
            step: An integer of 64 bits. None means the writer's greatest step so far plus 1, at
                first 0.
            time_us: Microseconds since the epoch. None means now.
            rank: The rank of the series. None means none.

        Raises:
            InvalidValue: if something cannot be stored, in strict mode; nothing is stored then.
            SpoolError: if the disk does not take it, in strict mode.
        """
        layout = self._last_layout
        stream = self._stream
        try:
            if len(metrics) == layout.width and metrics.__class__ is dict:
                values = layout.pack(*layout.values_of(metrics))
            else:
                layout = self._own_layouts[tuple(metrics)]
                values = layout.pack(*metrics.values())
                self._last_layout = layout
        except (KeyError, TypeError, struct.error):
            self._log_slowly(metrics, step, time_us, rank)
            return
        if time_us is None:
            now_us = _time_ns() // 1000
        elif time_us.__class__ is int and time_us >= 0:
            now_us = time_us
        else:
            self._log_slowly(metrics, step, time_us, rank)
            return
        if rank is not OWN_RANK or not stream.append_row(layout, values, step, now_us):
            self._log_slowly(metrics, step, time_us, rank)
        elif stream.pending:
            self._report(stream.flush())

    def operation(self, payload: Mapping[str, object]) -> int | None:
        """Stores something other than metrics and files: `{"op": "set_tags", ...}`.

        Args:
            payload: A JSON object of at most 4 MiB, without NaN and infinities, which JSON lacks.

        Returns:
            Its number, or None while the disk does not take it: it is then kept in memory and tried
            again.

        Raises:
            InvalidValue: if JSON cannot express the payload, in any mode.
            SpoolError: if the disk does not take it, in strict mode.
        """
        text = json_bytes(payload)
        if len(text) > MAX_OPERATION_BYTES:
            raise InvalidValue(
                f"an operation of {len(text)} bytes is over the limit of {MAX_OPERATION_BYTES}: "
                "split it"
            )
        return self._append_numbered(OPERATION, text)

    def artifact(
        self, source: str | os.PathLike[str] | bytes, path: str, *, move: bool = False
    ) -> int | None:
        """Stores a file's content as it is now, or bytes, to be uploaded.

        Args:
            source: A file, or content. A file above `snapshot_max` whose blocks the disk cannot
                share is only referred to, and must not change before it is uploaded.
            path: The artifact's path in the run.
            move: Whether the file is handed over: it is gone afterwards.

        Returns:
            Its number among the writer's artifacts, or None when the disk does not take it.

        Raises:
            OSError: if the source cannot be read, in any mode.
            InvalidValue: if the source is not a file, in any mode.
            SpoolError: if the disk does not take it, in strict mode.
        """
        if self._is_closed("storage_records", 1):
            return None
        self._begin_in_child()
        try:
            self._stream.open()
            snapshot = take_snapshot(
                source, self.folder, move=move, max_copied_bytes=self._snapshot_max
            )
        except DiskRefused as refusal:
            self._faults.lose(refusal.error, records=1)
            return None
        return self._append_numbered(ARTIFACT, json_bytes(snapshot.payload(path)))

    def flush(self) -> None:
        """Tries again to write what the disk did not take."""
        self._report(self._stream.flush())

    def close(self) -> None:
        """Writes that nothing more comes, and gives up the lock. Closing again does nothing."""
        if self._stream.state != CLOSED:
            rejected = {"rejected": dict(self._faults.counts)}
            self._report(self._stream.close(CloseEntry(json_bytes(rejected))))

    def _append_numbered(self, kind: int, payload: bytes) -> int | None:
        if self._is_closed("storage_records", 1):
            return None
        self._begin_in_child()
        entry = NumberedEntry(kind, payload)
        self._report(self._stream.append(entry))
        return entry.number

    def _log_slowly(self, given: object, step: object, time_us: object, rank: object) -> None:
        if not isinstance(given, Mapping):
            self._faults.reject("metrics", f"log() takes numbers by key, not {given!r:.200}")
            return
        metrics = cast("Mapping[object, object]", given)
        if self._is_closed("closed", len(metrics)):
            return
        try:
            row_rank = self._rank_of(rank)
            row_step = None if step is None else checked_step(step)
            row_time_us = _time_ns() // 1000 if time_us is None else checked_time(time_us)
        except BadField as fault:
            self._faults.reject(fault.name, str(fault), len(metrics))
            return
        parts = pack_rows(metrics, row_rank, self._layouts, self._faults)
        if not parts:
            return
        if rank is OWN_RANK:
            self._last_layout = parts[-1][0]
        self._begin_in_child()
        stream = self._stream
        with stream.lock:
            entry = RowsEntry(parts, stream.draw_step(row_step), row_time_us)
            outcome = stream.append(entry)
        self._report(outcome)

    def _rank_of(self, rank: object) -> int | None:
        if rank is OWN_RANK:
            return self._stream.identity.rank
        return None if rank is None else checked_rank(rank)

    def _is_closed(self, reason: str, count: int) -> bool:
        if self._stream.state != CLOSED:
            return False
        self._faults.reject(reason, "the run's writer is closed: log before the run ends", count)
        return True

    def _report(self, outcome: Outcome) -> None:
        if outcome.error is not None:
            self._faults.lose(
                outcome.error, points=outcome.lost_points, records=outcome.lost_records
            )

    def _begin_in_child(self) -> None:
        """Lets the owner of a writer that a fork has made new say its part first."""
        if self._is_new:
            self._is_new = False
            if self._on_new_writer is not None:
                self._on_new_writer(self)

    def _forget_layouts(self) -> None:
        self._layouts = LayoutTable()
        self._own_layouts = self._layouts.of_rank(self._stream.identity.rank)
        self._last_layout = NO_LAYOUT

    def become_new(self) -> None:
        """Makes this another writer: called in a forked child, whose parent owns the old one."""
        self._stream.restart(uuid.uuid4().hex)
        self._forget_layouts()
        self._is_new = True

    def __del__(self) -> None:
        # A lock held by nobody would let the writer seem alive for as long as the process is.
        with contextlib.suppress(AttributeError):  # when __init__ has failed
            self._stream.abandon()


_writers: weakref.WeakSet[SpoolWriter] = weakref.WeakSet()


def _become_new_in_child() -> None:
    for writer in list(_writers):
        writer.become_new()


os.register_at_fork(after_in_child=_become_new_in_child)
