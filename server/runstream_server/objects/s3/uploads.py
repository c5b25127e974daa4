"""The uploads of a bucket: who holds which, and the handle they are fed through."""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Final, NamedTuple

from runstream_server.objects.base import Digest, ObjectInfo, UploadStatus
from runstream_server.objects.errors import (
    StorageError,
    UploadClosed,
    UploadCommitted,
    UploadFenced,
    UploadMismatch,
    UploadNotFound,
)
from runstream_server.objects.handles import Chunk, UploadHandle
from runstream_server.objects.keyed_locks import KeyedLocks
from runstream_server.objects.paths import Location
from runstream_server.objects.s3.bucket import Bucket
from runstream_server.objects.s3.commits import Commits
from runstream_server.objects.s3.limits import S3Limits
from runstream_server.objects.s3.obstacles import check_no_obstacle
from runstream_server.objects.s3.progress import Means, Resumed, UploadProgress
from runstream_server.objects.s3.records import StoredRecord, UploadRecord
from runstream_server.objects.s3.recovery import recovered

__all__ = ["S3Upload", "S3UploadDesk"]

# Some hundred bytes each and a digest's state; forgetting one costs the SHA-256 of its bytes.
MAX_PARKED: Final = 1024
# A holder that goes on records its progress once in some parts, a takeover takes two requests.
TAKEOVER_ATTEMPTS: Final = 5
# What a store that stalls is given when the server stops.
CLOSE_GRACE_S: Final = 5.0


class Parked(NamedTuple):
    """Holds what spares the process that closed an upload to ask S3 for its parts."""

    token: str
    resumed: Resumed


class S3Upload(UploadHandle):
    """Feeds one upload into a bucket. Made by `S3UploadDesk`, which ends it too."""

    def __init__(self, location: Location, progress: UploadProgress, desk: S3UploadDesk) -> None:
        super().__init__(progress.upload_id, location)
        self.progress = progress
        self._desk = desk

    @property
    def offset(self) -> int:
        return self.progress.offset

    @property
    def durable_offset(self) -> int:
        return self.progress.record.durable_bytes

    async def _wait_for_space(self, size_bytes: int) -> None:
        await self.progress.wait_for_space(size_bytes)

    def _put(self, chunk: Chunk) -> None:
        self.progress.put(chunk)

    async def sync(self) -> int:
        self.check()
        durable_offset = await self._desk.means.tasks.complete(self._sync())
        self.check()
        return durable_offset

    async def _sync(self) -> int:
        await self.progress.drain()
        return await self.progress.make_durable()

    async def digest(self) -> Digest:
        self.check()
        digest = await self._desk.means.tasks.complete(self.progress.digest())
        self.check()
        return digest

    async def commit(self) -> ObjectInfo:
        self.check()
        return await self._desk.means.tasks.complete(self._desk.commit(self))

    async def close(self) -> None:
        await self._desk.means.tasks.complete(self._desk.release(self))


class S3UploadDesk:
    """Hands out handles for uploads, one live handle for each in this process.

    Everything that begins, ends or hands over a handle holds the upload's lock.
    """

    def __init__(
        self, bucket: Bucket, means: Means, limits: S3Limits, failpoint: Callable[[str], None]
    ) -> None:
        self.means = means
        self._bucket = bucket
        self._limits = limits
        self._commits = Commits(bucket, means, failpoint)
        self._locks = KeyedLocks()
        self._live: dict[str, S3Upload] = {}
        self._unsettled: set[UploadProgress] = set()
        self._parked: OrderedDict[str, Parked] = OrderedDict()

    async def open(
        self, upload_id: str, location: Location, size_hint_bytes: int | None
    ) -> S3Upload:
        """Begins, resumes or takes over an upload; see `ObjectStore.open_upload`."""
        return await self.means.tasks.complete(
            self._open(upload_id, location, size_hint_bytes), undo=self.release
        )

    async def _open(
        self, upload_id: str, location: Location, size_hint_bytes: int | None
    ) -> S3Upload:
        part_bytes = self._limits.part_bytes_for(size_hint_bytes)
        key = self._bucket.destination.key_of(location)
        async with self._locks.hold(upload_id):
            stored = await self._find(upload_id, location)
            await check_no_obstacle(self._bucket, location)
            if await self._take_over(upload_id):
                stored = await self.means.shelf.find(upload_id)
            stored, resumed = await self._make_own(upload_id, location, stored, part_bytes)
            progress = UploadProgress(
                upload_id, key, stored, resumed, self.means, size_hint_bytes=size_hint_bytes
            )
            upload = S3Upload(location, progress, self)
            self._live[upload_id] = upload
            self._unsettled.add(progress)
            return upload

    async def _make_own(
        self, upload_id: str, location: Location, stored: StoredRecord | None, part_bytes: int
    ) -> tuple[StoredRecord, Resumed]:
        """Writes a token of its own into the upload's record.

        Another server that still held the upload may have recorded its progress since `stored` was
        read; it hears with its next record that it lost the upload. So only who finds another
        token there than before came too late.
        """
        token = secrets.token_hex(8)
        attempts = 0
        while True:
            attempts += 1
            if stored is None:
                record = _new_record(location, part_bytes)
                resumed = Resumed.from_nothing()
            else:
                record, resumed = await self._resumed(upload_id, location, stored.record)
            record = replace(record, token=token)
            try:
                return await self.means.shelf.write(upload_id, record, stored), resumed
            except UploadFenced:
                found = await self._find(upload_id, location)
                if attempts == TAKEOVER_ATTEMPTS or not _is_same_holder(found, stored):
                    raise
                stored = found

    async def _find(self, upload_id: str, location: Location) -> StoredRecord | None:
        stored = await self.means.shelf.find(upload_id)
        if stored is None:
            return None
        begun_for = stored.record.location
        if begun_for != location:
            raise UploadMismatch(upload_id, begun_for=begun_for, asked_for=location)
        info = None
        if upload_id not in self._live:
            info = await self._commits.find(upload_id, stored.record)
        if info is not None:
            raise UploadCommitted(upload_id, info)
        return stored

    async def _resumed(
        self, upload_id: str, location: Location, record: UploadRecord
    ) -> tuple[UploadRecord, Resumed]:
        parked = self._parked.pop(upload_id, None)
        if parked is not None and parked.token == record.token:
            return replace(record, whole=None), parked.resumed
        key = self._bucket.destination.key_of(location)
        return await recovered(self.means.multipart, key, record)

    async def _take_over(self, upload_id: str) -> bool:
        """Ends the live handle, if there is one, with all its parts recorded unless broken."""
        fenced = self._live.pop(upload_id, None)
        if fenced is None:
            return False
        fenced.refuse(UploadFenced(upload_id))
        await self._park(fenced.progress)
        return True

    async def _park(self, progress: UploadProgress) -> None:
        await progress.end()
        if not progress.is_broken:
            # What cannot be recorded is sent again.
            with suppress(StorageError, UploadFenced):
                await progress.make_durable()
        self._settle(progress)
        resumed = progress.resumable()
        if resumed is not None:
            self._parked[progress.upload_id] = Parked(progress.record.token, resumed)
            if len(self._parked) > MAX_PARKED:
                self._parked.popitem(last=False)

    def _settle(self, progress: UploadProgress) -> None:
        progress.release()
        self._unsettled.discard(progress)

    async def status(self, upload_id: str) -> UploadStatus:
        """Tells how far an upload has come; see `ObjectStore.upload_status`."""
        return await self.means.tasks.complete(self._status(upload_id))

    async def _status(self, upload_id: str) -> UploadStatus:
        async with self._locks.hold(upload_id):
            live = self._live.get(upload_id)
            if live is not None and not live.progress.is_broken:
                # What is on its way is not waited for: a fast stream would never come to an end.
                durable_offset = await live.progress.make_durable()
                return UploadStatus(
                    upload_id=upload_id, location=live.location, durable_offset=durable_offset
                )
            stored = await self.means.shelf.find(upload_id)
            if stored is None:
                raise UploadNotFound(upload_id)
            record = stored.record
            info = await self._commits.find(upload_id, record)
            durable_offset = record.durable_bytes if info is None else info.size_bytes
            return UploadStatus(
                upload_id=upload_id,
                location=record.location,
                durable_offset=durable_offset,
                committed=info,
            )

    async def commit(self, upload: S3Upload) -> ObjectInfo:
        """Makes an upload's object visible; see `Upload.commit`."""
        async with self._locks.hold(upload.upload_id):
            upload.check()
            await upload.progress.drain()
            await check_no_obstacle(self._bucket, upload.location)
            info = await self._commits.commit(upload.location, upload.progress)
            self._live.pop(upload.upload_id, None)
            upload.refuse(UploadClosed(upload.upload_id))
            self._settle(upload.progress)
            return info

    async def release(self, upload: S3Upload) -> None:
        """Closes a handle; its upload can be resumed."""
        async with self._locks.hold(upload.upload_id):
            upload.refuse(UploadClosed(upload.upload_id))
            if self._live.get(upload.upload_id) is upload:
                del self._live[upload.upload_id]
                await self._park(upload.progress)

    async def discard(self, upload_id: str) -> bool:
        """Forgets an upload; see `ObjectStore.discard_upload`."""
        return await self.means.tasks.complete(self._discard(upload_id))

    async def _discard(self, upload_id: str) -> bool:
        async with self._locks.hold(upload_id):
            live = self._live.pop(upload_id, None)
            if live is not None:
                live.refuse(UploadFenced(upload_id))
                await live.progress.end()
                self._settle(live.progress)
            self._parked.pop(upload_id, None)
            if self._commits.forget(upload_id):
                await self.means.shelf.delete(upload_id)
                return True
            return await self.discard_stored(upload_id)

    async def discard_stored(self, upload_id: str) -> bool:
        """Deletes what the bucket holds of an upload; returns whether that was something."""
        stored = await self.means.shelf.find(upload_id)
        if stored is None:
            return False
        # The record first: one that outlives its parts would be taken for a complete upload.
        await self.means.shelf.delete(upload_id)
        record = stored.record
        if record.s3_upload_id:
            key = self._bucket.destination.key_of(record.location)
            await self.means.multipart.abort_parts(key, record.s3_upload_id)
        return True

    async def discard_idle(self, upload_id: str) -> bool:
        """Discards an upload unless somebody in this process holds it."""
        return await self.means.tasks.complete(self._discard_idle(upload_id))

    async def _discard_idle(self, upload_id: str) -> bool:
        async with self._locks.hold(upload_id):
            if upload_id in self._live:
                return False
            self._parked.pop(upload_id, None)
            self._commits.forget(upload_id)
            return await self.discard_stored(upload_id)

    def multipart_ids(self) -> set[str]:
        """Returns S3's ids of the uploads that this process holds."""
        return {upload.progress.record.s3_upload_id for upload in self._live.values()}

    async def close(self) -> None:
        """Closes all handles and waits for everything under way."""
        loop = asyncio.get_running_loop()
        giving_up = loop.call_later(CLOSE_GRACE_S, self._give_up)
        try:
            await self.means.tasks.join()
            await asyncio.gather(*map(self.release, list(self._live.values())))
            await self.means.tasks.join()
        finally:
            giving_up.cancel()

    def _give_up(self) -> None:
        for progress in self._unsettled:
            progress.give_up()


def _new_record(location: Location, part_bytes: int) -> UploadRecord:
    birth = secrets.token_hex(16)
    return UploadRecord(location=location, birth=birth, token="", part_bytes=part_bytes)


def _is_same_holder(found: StoredRecord | None, before: StoredRecord | None) -> bool:
    return found is not None and before is not None and found.record.token == before.record.token
