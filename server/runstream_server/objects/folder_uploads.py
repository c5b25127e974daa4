"""The uploads of a folder store: who holds which, and the handle they are fed through."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from runstream_server.objects.base import Digest, ObjectInfo, UploadStatus
from runstream_server.objects.errors import (
    StorageError,
    UploadBusy,
    UploadClosed,
    UploadCommitted,
    UploadFenced,
    UploadNotFound,
)
from runstream_server.objects.handles import Chunk, UploadHandle
from runstream_server.objects.keyed_locks import KeyedLocks
from runstream_server.objects.pipeline import ChunkPipeline
from runstream_server.objects.staging import Parked, StagedUpload

if TYPE_CHECKING:
    from collections.abc import Callable

    from runstream_server.objects.paths import Location
    from runstream_server.objects.threads import IoThreads, OwnedTasks
    from runstream_server.objects.upload_area import UploadArea

__all__ = ["FolderUpload", "UploadDesk"]

# Some hundred bytes each; forgetting one costs a pass over its bytes when it is resumed.
MAX_PARKED: Final = 1024


class FolderUpload(UploadHandle):
    """Feeds one upload of a folder store. Made by `UploadDesk`, which ends it too."""

    def __init__(self, staged: StagedUpload, desk: UploadDesk) -> None:
        super().__init__(staged.upload_id, staged.location)
        self.staged = staged
        self.pipeline = ChunkPipeline(staged, desk.threads, desk.tasks)
        self._desk = desk
        self._offset = staged.size_bytes

    @property
    def offset(self) -> int:
        return self._offset

    @property
    def durable_offset(self) -> int:
        return self.staged.durable_offset

    async def _wait_for_space(self, size_bytes: int) -> None:
        await self.pipeline.wait_for_space()

    def _put(self, chunk: Chunk) -> None:
        self.pipeline.put(chunk)
        self._offset += len(chunk.data)

    async def sync(self) -> int:
        self.check()
        try:
            return await self._desk.tasks.complete(self.pipeline.make_durable())
        except UploadClosed:
            self.check()
            raise

    async def digest(self) -> Digest:
        self.check()
        await self.pipeline.drain()
        self.check()
        return self.staged.result()

    async def commit(self) -> ObjectInfo:
        self.check()
        return await self._desk.tasks.complete(self._desk.commit(self))

    async def close(self) -> None:
        await self._desk.tasks.complete(self._desk.release(self))


class UploadDesk:
    """Hands out handles for uploads, one live handle for each.

    Everything that begins, ends or hands over a handle holds the upload's lock.
    """

    def __init__(
        self,
        area: UploadArea,
        threads: IoThreads,
        tasks: OwnedTasks,
        failpoint: Callable[[str], None],
    ) -> None:
        self.threads = threads
        self.tasks = tasks
        self._area = area
        self._failpoint = failpoint
        self._locks = KeyedLocks()
        self._live: dict[str, FolderUpload] = {}
        self._parked: OrderedDict[str, Parked] = OrderedDict()
        self._is_closing = threading.Event()

    async def open(
        self, upload_id: str, location: Location, size_hint_bytes: int | None
    ) -> FolderUpload:
        """Begins, resumes or takes over an upload; see `ObjectStore.open_upload`."""
        return await self.tasks.complete(
            self._open(upload_id, location, size_hint_bytes), undo=self.release
        )

    async def _open(
        self, upload_id: str, location: Location, size_hint_bytes: int | None
    ) -> FolderUpload:
        async with self._locks.hold(upload_id):
            await self.threads.run(partial(self._area.check, upload_id, location, size_hint_bytes))
            staged = await self._take_over(upload_id)
            if staged is None:
                staged = await self._recover(upload_id, location)
            upload = FolderUpload(staged, self)
            self._live[upload_id] = upload
            return upload

    async def _take_over(self, upload_id: str) -> StagedUpload | None:
        """Fences the live handle; returns its files, with all it took durable, unless broken."""
        fenced = self._live.pop(upload_id, None)
        if fenced is None:
            return None
        fenced.refuse(UploadFenced(upload_id))
        await fenced.pipeline.end()
        if not fenced.pipeline.is_broken:
            with suppress(StorageError):
                await fenced.pipeline.make_durable()
                return fenced.staged
        await self.threads.run(fenced.staged.close)
        return None

    async def _recover(self, upload_id: str, location: Location | None) -> StagedUpload:
        parked = self._parked.pop(upload_id, None)
        return await self.threads.run(
            partial(self._area.open, upload_id, location, parked, self._is_closing.is_set)
        )

    async def status(self, upload_id: str) -> UploadStatus:
        """Tells how far an upload has come; see `ObjectStore.upload_status`."""
        return await self.tasks.complete(self._status(upload_id))

    async def _status(self, upload_id: str) -> UploadStatus:
        async with self._locks.hold(upload_id):
            live = self._live.get(upload_id)
            if live is not None and not live.pipeline.is_broken:
                # What is on its way is not waited for: a fast stream would never come to an end.
                await self.threads.run(live.staged.make_durable)
                return _status_of(live.staged)
            broken = await self._take_over(upload_id)
            try:
                staged = broken or await self._recover(upload_id, None)
            except UploadCommitted as error:
                return UploadStatus(
                    upload_id=upload_id,
                    location=error.info.location,
                    durable_offset=error.info.size_bytes,
                    committed=error.info,
                )
            status = _status_of(staged)
            await self._park(staged)
            return status

    async def _park(self, staged: StagedUpload) -> None:
        parked = staged.park()
        if parked is not None:
            self._parked[staged.upload_id] = parked
            if len(self._parked) > MAX_PARKED:
                self._parked.popitem(last=False)
        await self.threads.run(staged.close)

    async def commit(self, upload: FolderUpload) -> ObjectInfo:
        """Makes an upload's object visible; see `Upload.commit`."""
        async with self._locks.hold(upload.upload_id):
            upload.check()
            await upload.pipeline.end()
            await upload.pipeline.drain()
            info = await upload.pipeline.finish(
                partial(self._area.publish, upload.staged, self._failpoint)
            )
            self._live.pop(upload.upload_id, None)
            upload.refuse(UploadClosed(upload.upload_id))
            await self.threads.run(upload.staged.close)
            return info

    async def release(self, upload: FolderUpload) -> None:
        """Closes a handle; its upload can be resumed."""
        async with self._locks.hold(upload.upload_id):
            upload.refuse(UploadClosed(upload.upload_id))
            if self._live.get(upload.upload_id) is upload:
                del self._live[upload.upload_id]
                await upload.pipeline.end()
                await self._park(upload.staged)

    async def discard(self, upload_id: str) -> bool:
        """Forgets an upload; see `ObjectStore.discard_upload`."""
        return await self.tasks.complete(self._discard(upload_id))

    async def _discard(self, upload_id: str) -> bool:
        async with self._locks.hold(upload_id):
            live = self._live.pop(upload_id, None)
            if live is not None:
                live.refuse(UploadFenced(upload_id))
                await live.pipeline.end()
                await self.threads.run(live.staged.close)
            self._parked.pop(upload_id, None)
            return await self.threads.run(partial(self._area.discard, upload_id))

    async def sweep(self, older_than_s: float) -> tuple[str, ...]:
        """Discards abandoned uploads; see `ObjectStore.sweep_uploads`."""
        limit_s = time.time() - older_than_s
        swept: list[str] = []
        for upload_id in await self.threads.run(partial(self._area.unchanged_since, limit_s)):
            with suppress(UploadBusy, UploadNotFound):
                if await self.tasks.complete(self._sweep_one(upload_id, limit_s)):
                    swept.append(upload_id)
        return tuple(swept)

    async def _sweep_one(self, upload_id: str, limit_s: float) -> bool:
        async with self._locks.hold(upload_id):
            if upload_id in self._live:
                return False
            if await self.threads.run(partial(self._area.last_change, upload_id)) > limit_s:
                return False
            self._parked.pop(upload_id, None)
            return await self.threads.run(partial(self._area.discard, upload_id))

    async def close(self) -> None:
        """Closes all handles and waits for everything under way."""
        self._is_closing.set()
        await self.tasks.join()
        for upload in list(self._live.values()):
            await self.release(upload)
        await self.tasks.join()


def _status_of(staged: StagedUpload) -> UploadStatus:
    return UploadStatus(
        upload_id=staged.upload_id,
        location=staged.location,
        durable_offset=staged.durable_offset,
    )
