"""The object store that is a bucket, or the part of one below a prefix.

Objects lie at `<prefix>/<base>/<path>`, plain bytes; the records of uploads at
`<prefix>/.runstream/uploads/<upload id>`. All that lasts is in the bucket, so any number of
servers share it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

from runstream_server.budget import ByteBudget
from runstream_server.objects.base import (
    MAX_PAGE_SIZE,
    Deletion,
    FolderEntry,
    FolderPage,
    ObjectInfo,
    ObjectStore,
    UploadStatus,
)
from runstream_server.objects.errors import InvalidPath, InvalidRange, IsAFolder, ObjectNotFound
from runstream_server.objects.page_tokens import decode_page_token, encode_page_token
from runstream_server.objects.paths import Location, validate_upload_id
from runstream_server.objects.s3.answers import Head
from runstream_server.objects.s3.bucket import DELETE_KEYS, Bucket
from runstream_server.objects.s3.client import open_client
from runstream_server.objects.s3.destination import S3Destination
from runstream_server.objects.s3.limits import S3Limits
from runstream_server.objects.s3.listing import FolderLister, Place
from runstream_server.objects.s3.multipart import Multipart
from runstream_server.objects.s3.opening import open_reader
from runstream_server.objects.s3.probing import abilities_of
from runstream_server.objects.s3.progress import Means
from runstream_server.objects.s3.reader import S3Reader
from runstream_server.objects.s3.records import RecordShelf
from runstream_server.objects.s3.sweeping import S3Sweeper
from runstream_server.objects.s3.uploads import S3Upload, S3UploadDesk
from runstream_server.objects.threads import IoThreads, OwnedTasks

__all__ = ["S3Store"]

# They hash parts while others are sent.
THREADS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class _Started:
    stack: AsyncExitStack
    bucket: Bucket
    desk: S3UploadDesk
    sweeper: S3Sweeper
    tasks: OwnedTasks


class S3Store(ObjectStore):
    """Keeps objects in a bucket that servers may share.

    *Store's own*: an upload is durable up to a whole number of parts; one that another process
    resumes has no SHA-256. A file and a folder of one name are kept apart only as far as looking
    before storing does. A read whose connection breaks goes on only as long as the object is not
    replaced. Folders that somebody made by an empty object are listed.
    """

    def __init__(
        self,
        destination: S3Destination,
        *,
        limits: S3Limits | None = None,
        failpoint: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Remembers where the store is; `start` connects to it.

        Args:
            destination: The bucket and the prefix.
            limits: How much of uploads is held in memory.
            failpoint: Called in a thread with "object.before_rename" and "object.after_rename" by
                each commit, so that a test can end the process there.
        """
        self._destination = destination
        self._limits = limits or S3Limits()
        self._failpoint = failpoint
        self._opened: _Started | None = None

    async def start(self) -> None:
        async with AsyncExitStack() as stack:
            threads = IoThreads(THREADS)
            stack.callback(threads.close)
            client = await stack.enter_async_context(open_client())
            bucket = Bucket(client, self._destination, threads)
            multipart = Multipart(client, self._destination, threads)
            await abilities_of(bucket, multipart)
            shelf, tasks = RecordShelf(bucket), OwnedTasks()
            means = Means(
                multipart=multipart,
                shelf=shelf,
                threads=threads,
                tasks=tasks,
                budget=ByteBudget(self._limits.memory_bytes),
                parts_in_flight=self._limits.parts_in_flight,
            )
            desk = S3UploadDesk(bucket, means, self._limits, self._failpoint)
            stack.push_async_callback(desk.close)
            self._opened = _Started(
                stack=stack.pop_all(),
                bucket=bucket,
                desk=desk,
                sweeper=S3Sweeper(bucket, multipart, shelf, desk),
                tasks=tasks,
            )

    async def close(self) -> None:
        started, self._opened = self._opened, None
        if started is not None:
            await started.stack.aclose()
            # Connections close in the loop's next round.
            await asyncio.sleep(0)

    @property
    def _started(self) -> _Started:
        if self._opened is None:
            raise RuntimeError("the S3 store is not started, or closed")
        return self._opened

    async def open_upload(
        self, upload_id: str, location: Location, *, size_hint_bytes: int | None = None
    ) -> S3Upload:
        validate_upload_id(upload_id)
        location.require_file()
        return await self._started.desk.open(upload_id, location, size_hint_bytes)

    async def upload_status(self, upload_id: str) -> UploadStatus:
        validate_upload_id(upload_id)
        return await self._started.desk.status(upload_id)

    async def discard_upload(self, upload_id: str) -> bool:
        validate_upload_id(upload_id)
        return await self._started.desk.discard(upload_id)

    async def sweep_uploads(self, older_than_s: float) -> tuple[str, ...]:
        return await self._started.sweeper.sweep(older_than_s)

    async def stat(self, location: Location) -> ObjectInfo:
        location.require_file()
        bucket = self._started.bucket
        head = await bucket.head(self._destination.key_of(location))
        if head is None:
            raise await self._absence(location)
        return _info(location, head)

    async def _absence(self, location: Location) -> ObjectNotFound | IsAFolder:
        """Returns why there is no object at a location."""
        if await self._started.bucket.holds_file(self._destination.folder_of(location)):
            return IsAFolder(location)
        return ObjectNotFound(location)

    async def open_read(
        self, location: Location, *, offset: int = 0, limit: int | None = None
    ) -> S3Reader:
        if offset < 0 or (limit is not None and limit < 0):
            raise InvalidRange(offset=offset, limit=limit, size_bytes=None)
        location.require_file()
        reader = await self._started.tasks.complete(
            open_reader(self._started.bucket, location, offset, limit), undo=_close
        )
        if reader is None:
            raise await self._absence(location)
        return reader

    async def list_folder(
        self, location: Location, *, page_size: int = 1000, page_token: str = ""
    ) -> FolderPage:
        if page_size < 1:
            raise ValueError(f"a page of {page_size} entries is not possible; ask for at least 1")
        after = Place.of_mark(decode_page_token(location, page_token))
        count = min(page_size, MAX_PAGE_SIZE)
        folder = self._destination.folder_of(location)
        lister = FolderLister(self._started.bucket, folder, is_root=not location.key)
        found = await lister.entries(after, count + 1)
        if not found and location.key:
            found = await self._file_alone(location, after)
        entries = tuple(found[:count])
        token = ""
        if len(found) > count:
            token = encode_page_token(location, Place.of(entries[-1]).mark)
        return FolderPage(entries=entries, next_page_token=token)

    async def _file_alone(self, location: Location, after: Place) -> list[FolderEntry]:
        head = await self._started.bucket.head(self._destination.key_of(location))
        name = location.segments[-1]
        if head is None or Place(name) <= after:
            return []
        entry = FolderEntry(
            name=name, is_folder=False, size_bytes=head.size_bytes, modify_time_us=head.time_us
        )
        return [entry]

    async def delete(self, location: Location) -> Deletion:
        if not location.key:
            raise InvalidPath("", "is empty; name a file or folder below the root")
        bucket, key = self._started.bucket, self._destination.key_of(location)
        file_count = size_bytes = 0
        head = await bucket.head(key)
        if head is not None:
            await bucket.delete(key)
            file_count, size_bytes = 1, head.size_bytes
        async for page in bucket.list_keys(self._destination.folder_of(location)):
            keys = [found for found, _ in page.files]
            for begin in range(0, len(keys), DELETE_KEYS):
                await bucket.delete_all(keys[begin : begin + DELETE_KEYS])
            files = [file for found, file in page.files if not found.endswith("/")]
            file_count += len(files)
            size_bytes += sum(file.size_bytes for file in files)
        return Deletion(file_count=file_count, size_bytes=size_bytes)


def _info(location: Location, head: Head) -> ObjectInfo:
    return ObjectInfo(location=location, size_bytes=head.size_bytes, modify_time_us=head.time_us)


async def _close(reader: S3Reader | None) -> None:
    if reader is not None:
        await reader.close()
