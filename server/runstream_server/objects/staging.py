"""One upload on its way into a folder store, as files.

An upload is a folder `<root>/.uploads/<upload id>` with

- `spec`       where the object will be, JSON;
- `data`       its bytes so far; the commit renames it to its place;
- `chunks`     for each appended chunk its size and CRC32C, two little-endian uint32;
- `committed`  the object's digest, JSON, written before the rename: it counts when `data` is gone.

After a crash the bytes to trust are the longest run of chunks that match their CRC32C, so neither
a torn write nor writes that reached the disk in another order can pass as data.
All of it blocks, and raises OSError as the system does.
"""

from __future__ import annotations

import os
import struct
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

from runstream_server.objects import records
from runstream_server.objects.base import MAX_APPEND_BYTES, Digest, ObjectInfo
from runstream_server.objects.checksums import RunningDigest, crc32c
from runstream_server.objects.errors import StorageError, UploadClosed
from runstream_server.objects.handles import Chunk
from runstream_server.objects.paths import Location
from runstream_server.objects.placement import Placement

__all__ = ["CHUNKS", "DATA", "Parked", "StagedUpload"]

DATA: Final = "data"
CHUNKS: Final = "chunks"
FORGET_FROM_BYTES: Final = 16 << 20
CHUNK_RECORD: Final = struct.Struct("<II")

# Linux and the BSDs have it; elsewhere fsync does the same and a little more.
_sync_data: Callable[[int], None] = getattr(os, "fdatasync", os.fsync)


class Mark(NamedTuple):
    """Holds a place in an upload: so many bytes, in so many chunks."""

    size_bytes: int
    chunk_count: int


class Parked(NamedTuple):
    """Holds what spares the process that closed an upload to hash its prefix again."""

    mark: Mark
    digest: RunningDigest


class StagedUpload:
    """Holds an upload's files open.

    `write` and `hash` take the same chunks, each in a thread of its own, and end before `publish`
    or `close` begins. The other methods take turns by themselves.
    """

    def __init__(
        self, upload_id: str, location: Location, *, folder: int, area: int, data: int, chunks: int
    ) -> None:
        self.upload_id = upload_id
        self.location = location
        self.durable_offset = 0
        self.is_broken = False
        self._folder = folder
        self._area = area
        self._data = data
        self._chunks = chunks
        self._digest = RunningDigest()
        self._written = self._flushed = Mark(0, 0)
        self._is_findable = False
        self._is_closed = False
        self._turn = threading.Lock()

    @property
    def size_bytes(self) -> int:
        """Returns how many bytes were written."""
        return self._written.size_bytes

    def result(self) -> Digest:
        """Returns the digest of what was hashed."""
        return self._digest.result()

    def recover(self, parked: Parked | None, should_stop: Callable[[], bool]) -> None:
        """Finds out which bytes are there and right, cuts off the others, and makes them durable.

        Raises:
            StorageError: `should_stop` said so; the files are as they were.
        """
        if parked is not None and self._has_sizes(parked.mark):
            self._written, self._digest = parked
        else:
            self._hash_again(should_stop)
            os.ftruncate(self._data, self._written.size_bytes)
            os.ftruncate(self._chunks, self._written.chunk_count * CHUNK_RECORD.size)
        if self.size_bytes:
            self.make_durable()

    def _has_sizes(self, mark: Mark) -> bool:
        return (
            os.fstat(self._data).st_size == mark.size_bytes
            and os.fstat(self._chunks).st_size == mark.chunk_count * CHUNK_RECORD.size
        )

    def _hash_again(self, should_stop: Callable[[], bool]) -> None:
        known = os.pread(self._chunks, os.fstat(self._chunks).st_size, 0)
        known = known[: len(known) - len(known) % CHUNK_RECORD.size]
        offset = chunk_count = 0
        for size_bytes, expected in CHUNK_RECORD.iter_unpack(known):
            if should_stop():
                raise StorageError(
                    f"upload {self.upload_id}: the store closes; open it again later"
                )
            # A hole that a crash left reads as zeros.
            if not 0 < size_bytes <= MAX_APPEND_BYTES:
                break
            data = os.pread(self._data, size_bytes, offset)
            if len(data) < size_bytes or crc32c(data) != expected:
                break
            self._digest.update(data, expected)
            offset += size_bytes
            chunk_count += 1
        self._written = Mark(offset, chunk_count)

    def write(self, chunks: Sequence[Chunk]) -> None:
        """Appends chunks to the files; they are not durable yet."""
        offset, chunk_count = self._written
        for chunk in chunks:
            _write_all(self._data, chunk.data, offset)
            offset += len(chunk.data)
        record = b"".join(CHUNK_RECORD.pack(len(chunk.data), chunk.crc32c) for chunk in chunks)
        _write_all(self._chunks, record, chunk_count * CHUNK_RECORD.size)
        self._written = Mark(offset, chunk_count + len(chunks))

    def hash(self, chunks: Sequence[Chunk]) -> None:
        """Hashes chunks."""
        for chunk in chunks:
            self._digest.update(chunk.data, chunk.crc32c)

    def flush(self) -> None:
        """Brings the bytes written so far to the disk, so that the last flush is a short one."""
        with self._turn:
            self._check_open()
            self._flush(_sync_data)

    def make_durable(self) -> int:
        """Makes everything that resuming needs durable and returns the offset it can go on from."""
        with self._turn:
            self._check_open()
            self._flush(_sync_data)
            _sync_data(self._chunks)
            if not self._is_findable:
                records.sync(records.SPEC, self._folder)
                os.fsync(self._folder)
                os.fsync(self._area)
                self._is_findable = True
            self.durable_offset = self._flushed.size_bytes
            return self.durable_offset

    def publish(self, placement: Placement, failpoint: Callable[[str], None]) -> ObjectInfo:
        """Makes the object visible, durably.

        Raises:
            ObstacleError: Something is in the way; the upload is as it was.
        """
        with self._turn:
            self._check_open()
            os.utime(self._data)
            self._flush(os.fsync)
            info = ObjectInfo(
                location=self.location,
                size_bytes=self.size_bytes,
                modify_time_us=os.fstat(self._data).st_mtime_ns // 1000,
                digest=self.result(),
            )
            records.write_committed(info, self._folder)
            placement.place(DATA, self._folder, self.location.segments, failpoint)
            return info

    def park(self) -> Parked | None:
        """Returns what makes resuming cheap; the upload must not be used any more."""
        if self.is_broken or self._digest.size_bytes != self.size_bytes:
            return None
        return Parked(self._written, self._digest)

    def close(self) -> None:
        """Closes the files. May be repeated."""
        with self._turn:
            if not self._is_closed:
                self._is_closed = True
                for fd in (self._chunks, self._data, self._folder):
                    os.close(fd)

    def _check_open(self) -> None:
        # A call whose await was cancelled may come late, when its descriptors are others'.
        if self._is_closed:
            raise UploadClosed(self.upload_id)

    def _flush(self, sync: Callable[[int], None]) -> None:
        written = self._written
        try:
            sync(self._data)
        except OSError:
            # The system may have dropped the pages it could not write and yet return them until
            # they leave memory: only what an earlier flush brought to the disk can be trusted.
            self.is_broken = True
            with suppress(OSError):
                os.ftruncate(self._chunks, self._flushed.chunk_count * CHUNK_RECORD.size)
            raise
        # Otherwise one upload of gigabytes would drive everything else out of the page cache, and
        # pay for as many fresh pages (measured: up to three times the time). Small files stay.
        _forget_pages(self._data, self._flushed.size_bytes, written.size_bytes)
        self._flushed = written


def _forget_pages(fd: int, begin: int, end: int) -> None:
    if end - begin >= FORGET_FROM_BYTES and hasattr(os, "posix_fadvise"):
        os.posix_fadvise(fd, begin, end - begin, os.POSIX_FADV_DONTNEED)


def _write_all(fd: int, data: bytes, offset: int) -> None:
    written = os.pwrite(fd, data, offset)
    while written < len(data):
        written += os.pwrite(fd, memoryview(data)[written:], offset + written)
