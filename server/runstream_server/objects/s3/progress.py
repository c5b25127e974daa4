"""One upload on its way into a bucket: its parts, and how far they are stored.

Bytes gather in memory until they fill a part; a part is hashed in a thread and sent while the next
one gathers. S3 wants at least 5 MiB in each part but the last, so what does not fill one is lost
with the process, and the sender sends it again.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Self

from runstream_server.budget import ByteBudget
from runstream_server.objects.base import Digest
from runstream_server.objects.checksums import RunningDigest, crc32c as crc32c_of
from runstream_server.objects.errors import ObjectStoreError, StorageError, StorageFull
from runstream_server.objects.handles import Chunk
from runstream_server.objects.s3.answers import PartTag
from runstream_server.objects.s3.destination import content_type_of
from runstream_server.objects.s3.limits import MAX_PARTS
from runstream_server.objects.s3.multipart import Multipart
from runstream_server.objects.s3.records import UPLOAD_MARK, RecordShelf, StoredRecord, UploadRecord
from runstream_server.objects.threads import IoThreads, OwnedTasks

__all__ = ["Means", "Resumed", "UploadProgress"]

# A record costs a request. What a crash makes the sender repeat is bounded by both: a fast upload
# records every so many parts, a slow one, whose bytes are dear, each part.
PARTS_A_RECORD: Final = 4
RECORD_INTERVAL_S: Final = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What all uploads of a store share."""

    multipart: Multipart
    shelf: RecordShelf
    threads: IoThreads
    tasks: OwnedTasks
    budget: ByteBudget
    parts_in_flight: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """What is stored of an upload that goes on.

    Attributes:
        tags: The stored parts, by number from 1 on, without a gap.
        digest: The digest of their bytes.
    """

    tags: Sequence[PartTag]
    digest: RunningDigest

    @classmethod
    def from_nothing(cls) -> Self:
        """Returns what is stored of an upload that begins."""
        return cls(tags=(), digest=RunningDigest())


class UploadProgress:
    """Takes chunks in and stores the parts that they fill. Its methods are called in turns.

    What fails is kept and raised where the caller waits; nothing is stored after it.
    """

    def __init__(
        self,
        upload_id: str,
        key: str,
        stored: StoredRecord,
        resumed: Resumed,
        means: Means,
        *,
        size_hint_bytes: int | None,
    ) -> None:
        self.upload_id = upload_id
        self.key = key
        self.stored = stored
        self._means = means
        self._hint = size_hint_bytes
        self._tags = {tag.number: tag for tag in resumed.tags}
        self._digest = resumed.digest
        # The digests of what ends with a part that may yet become the last durable one.
        self._ends = {len(resumed.tags): resumed.digest.copy()}
        self._filled_parts = len(resumed.tags)
        self._chunks: list[Chunk] = []
        self._chunk_bytes = 0
        self._room_bytes = 0
        self._in_flight = 0
        self._sending: set[asyncio.Task[None]] = set()
        self._hashing = asyncio.Lock()
        self._recording = asyncio.Lock()
        self._progress = asyncio.Event()
        self._error: Exception | None = None
        self._is_released = False
        self._recorded_s = -math.inf

    @property
    def record(self) -> UploadRecord:
        """The record as it was stored last."""
        return self.stored.record

    @property
    def offset(self) -> int:
        """How many bytes were taken."""
        return self._filled_parts * self.record.part_bytes + self._chunk_bytes

    @property
    def is_broken(self) -> bool:
        """Tells whether something failed, for good."""
        return self._error is not None

    @property
    def is_one_piece(self) -> bool:
        """Tells whether no part was filled."""
        return self._filled_parts == 0

    @property
    def tags(self) -> list[PartTag]:
        """The parts that are stored, by number."""
        return [self._tags[number] for number in sorted(self._tags)]

    def tail(self) -> bytes:
        """Returns the bytes behind the last filled part."""
        return b"".join(chunk.data for chunk in self._chunks)

    async def wait_for_space(self, size_bytes: int) -> None:
        """Waits until so many bytes, at most a part, may be put; raises what failed meanwhile."""
        part_bytes = self.record.part_bytes
        limit = part_bytes * MAX_PARTS
        if self.offset + size_bytes > limit:
            raise StorageFull(
                f"upload {self.upload_id} has parts of {part_bytes} bytes, and S3 takes {MAX_PARTS}"
                f" of them, {limit} bytes; say the size of a larger file when its upload begins"
            )
        while (
            not self.is_broken
            and self._in_flight >= self._means.parts_in_flight
            and self._chunk_bytes + size_bytes >= part_bytes
        ):
            self._progress.clear()
            await self._progress.wait()
        self._raise_error()
        if not self._room_bytes:
            # A whole part at once: whoever waits holds nothing that others wait for. What a chunk
            # has too much for one part is in memory until then and does not count.
            room_bytes = self._bytes_to_come()
            await self._means.budget.acquire(room_bytes)
            self._room_bytes = room_bytes
            if self._is_released:
                self.release()  # it was taken over meanwhile; the caller hears of that
        self._raise_error()

    def _bytes_to_come(self) -> int:
        """Returns how large the part that is being filled may become."""
        part_bytes = self.record.part_bytes
        begin = self._filled_parts * part_bytes
        if self._hint is None or self._hint <= begin:
            return part_bytes
        return min(part_bytes, self._hint - begin)

    def put(self, chunk: Chunk) -> None:
        """Takes a chunk; does not wait, so that it happens whole or not at all."""
        part_bytes = self.record.part_bytes
        rest_bytes = self._chunk_bytes + len(chunk.data) - part_bytes
        if rest_bytes < 0:
            self._keep(chunk)
            return
        if rest_bytes == 0:
            self._keep(chunk)
            self._fill()
            return
        cut = len(chunk.data) - rest_bytes
        self._keep(_chunk(chunk.data[:cut]))
        self._fill()
        self._keep(_chunk(chunk.data[cut:]))

    def _keep(self, chunk: Chunk) -> None:
        self._chunks.append(chunk)
        self._chunk_bytes += len(chunk.data)

    def _fill(self) -> None:
        chunks, self._chunks, self._chunk_bytes = self._chunks, [], 0
        room_bytes, self._room_bytes = self._room_bytes, 0
        self._filled_parts += 1
        self._in_flight += 1
        sending = self._means.tasks.start(self._send(self._filled_parts, chunks, room_bytes))
        self._sending.add(sending)
        sending.add_done_callback(self._sending.discard)

    async def _send(self, number: int, chunks: list[Chunk], room_bytes: int) -> None:
        try:
            # Locks are taken in the order in which the tasks began, which is that of the parts.
            async with self._hashing:
                self._raise_error()
                hash_part = partial(_hashed, self._digest, chunks)
                part = await self._means.threads.run(hash_part)
                chunks.clear()
                self._ends[number] = self._digest.copy()
            s3_upload_id = await self._begun()
            self._tags[number] = await self._means.multipart.put_part(
                self.key, s3_upload_id, number, part.data, part.crc32c
            )
            if self._is_record_due():
                await self.make_durable()
        except Exception as error:  # noqa: BLE001 - raised where the caller waits
            self._error = self._error or error
        finally:
            self._in_flight -= 1
            self._means.budget.release(room_bytes)
            self._progress.set()

    async def _begun(self) -> str:
        """Returns S3's id of the upload, which is recorded before a part depends on it."""
        async with self._recording:
            if not self.record.s3_upload_id:
                multipart = self._means.multipart
                metadata = {UPLOAD_MARK: self.record.birth}
                s3_upload_id = await multipart.begin_parts(
                    self.key, metadata, content_type_of(self.key)
                )
                try:
                    await self._write(replace(self.record, s3_upload_id=s3_upload_id))
                except ObjectStoreError:
                    await multipart.abort_parts(self.key, s3_upload_id)
                    raise
            return self.record.s3_upload_id

    def _stored_parts(self) -> int:
        number = self.record.durable_parts
        while number + 1 in self._tags:
            number += 1
        return number

    def _is_record_due(self) -> bool:
        unrecorded_parts = self._stored_parts() - self.record.durable_parts
        if time.monotonic() - self._recorded_s >= RECORD_INTERVAL_S:
            return unrecorded_parts > 0
        return unrecorded_parts >= PARTS_A_RECORD

    async def make_durable(self) -> int:
        """Records the parts that are stored and returns the offset that is durable."""
        async with self._recording:
            if self._stored_parts() > self.record.durable_parts:
                await self._write(self._advanced())
                self._recorded_s = time.monotonic()
        return self.record.durable_bytes

    async def announce(self, whole: Digest) -> None:
        """Records what the commit that follows makes visible."""
        async with self._recording:
            now_us = time.time_ns() // 1000
            await self._write(replace(self._advanced(), whole=whole, whole_time_us=now_us))

    def _advanced(self) -> UploadRecord:
        """Returns the record with all parts that are stored."""
        number = self._stored_parts()
        crc32c = self._ends[number].result().crc32c
        return replace(self.record, durable_parts=number, durable_crc32c=crc32c)

    async def _write(self, record: UploadRecord) -> None:
        self.stored = await self._means.shelf.write(self.upload_id, record, self.stored)
        for past in [past for past in self._ends if past < record.durable_parts]:
            del self._ends[past]

    async def drain(self) -> None:
        """Waits until all parts that were filled are stored; raises what failed."""
        await self.end()
        self._raise_error()

    async def end(self) -> None:
        """Waits until nothing is on its way, whatever failed."""
        while self._in_flight:
            self._progress.clear()
            await self._progress.wait()

    async def digest(self) -> Digest:
        """Waits until everything taken is stored or at hand, and returns its digest."""
        await self.drain()
        digest, chunks = self._digest.copy(), list(self._chunks)

        def finish() -> Digest:
            for chunk in chunks:
                digest.update(chunk.data, chunk.crc32c)
            return digest.result()

        return await self._means.threads.run(finish)

    def resumable(self) -> Resumed | None:
        """Returns what spares who goes on in this process a look at S3; None when it is needed."""
        number = self.record.durable_parts
        if self.is_broken or number not in self._ends:
            return None
        tags = [self._tags[n] for n in range(1, number + 1)]
        return Resumed(tags=tags, digest=self._ends[number].copy())

    def give_up(self) -> None:
        """Cuts short what is on its way; it is sent again when the upload goes on."""
        if self._sending:
            self.fail(
                StorageError(f"upload {self.upload_id}: the store closes; open it again later")
            )
        for sending in self._sending:
            sending.cancel()

    def fail(self, error: Exception) -> None:
        """Makes the upload one that something failed for."""
        self._error = self._error or error

    def release(self) -> None:
        """Forgets what does not fill a part; nothing may be on its way, or put after this."""
        self._is_released = True
        self._chunks, self._chunk_bytes = [], 0
        room_bytes, self._room_bytes = self._room_bytes, 0
        if room_bytes:
            self._means.budget.release(room_bytes)

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error


def _chunk(data: bytes) -> Chunk:
    return Chunk(data, crc32c_of(data))


def _hashed(digest: RunningDigest, chunks: Sequence[Chunk]) -> Chunk:
    """Hashes the chunks of a part and returns it in one piece with its CRC32C."""
    for chunk in chunks:
        digest.update(chunk.data, chunk.crc32c)
    data = b"".join(chunk.data for chunk in chunks)
    return Chunk(data, crc32c_of(data))
