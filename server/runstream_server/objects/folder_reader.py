"""Reading an object of a folder store."""

from __future__ import annotations

import asyncio
import os
from functools import partial
from typing import TYPE_CHECKING

from runstream_server.objects.base import READ_CHUNK_BYTES, ObjectInfo, ObjectReader
from runstream_server.objects.errors import StorageError

if TYPE_CHECKING:
    from runstream_server.objects.threads import IoThreads, OwnedTasks

__all__ = ["FolderReader"]


class FolderReader(ObjectReader):
    """Reads a range of an open file, one chunk ahead of its caller. Owns the descriptor."""

    def __init__(
        self,
        info: ObjectInfo,
        fd: int,
        *,
        begin: int,
        end: int,
        threads: IoThreads,
        tasks: OwnedTasks,
    ) -> None:
        self._info = info
        self._fd = fd
        self._next = begin
        self._end = end
        self._threads = threads
        self._tasks = tasks
        self._ahead: asyncio.Task[bytes] | None = None
        self._is_closed = False

    @property
    def info(self) -> ObjectInfo:
        return self._info

    async def __anext__(self) -> bytes:
        if self._is_closed or (self._ahead is None and self._next >= self._end):
            raise StopAsyncIteration
        ahead = self._ahead or self._read()
        self._ahead = ahead
        # Shielded: after a cancelled wait the chunk is still the next one.
        chunk = await asyncio.shield(ahead)
        self._next += len(chunk)
        self._ahead = self._read() if self._next < self._end else None
        return chunk

    def _read(self) -> asyncio.Task[bytes]:
        size_bytes = min(READ_CHUNK_BYTES, self._end - self._next)
        return self._tasks.start(
            self._threads.run(partial(_pread, self._fd, size_bytes, self._next, self._info))
        )

    async def close(self) -> None:
        await self._tasks.complete(self._close())

    async def _close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        if self._ahead is not None:
            # The descriptor's number must not be reused under a thread that still reads from it.
            await asyncio.wait([self._ahead])
            if not self._ahead.cancelled():
                self._ahead.exception()
        await self._threads.run(partial(os.close, self._fd))


def _pread(fd: int, size_bytes: int, offset: int, info: ObjectInfo) -> bytes:
    chunk = os.pread(fd, size_bytes, offset)
    if not chunk:
        raise StorageError(
            f"{info.location.key} ended at {offset} of {info.size_bytes} bytes while it was read"
        )
    return chunk
