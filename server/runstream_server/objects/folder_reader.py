"""Reading an object of a folder store."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Final

from runstream_server.objects.base import READ_CHUNK_BYTES, ObjectInfo, ObjectReader
from runstream_server.objects.errors import StorageError

if TYPE_CHECKING:
    from runstream_server.objects.threads import IoThreads, OwnedTasks

__all__ = ["FolderReader"]

# Hides the hops between threads, and keeps a second core at copying.
CHUNKS_AHEAD: Final = 2


class FolderReader(ObjectReader):
    """Reads a range of an open file, a little ahead of its caller. Owns the descriptor."""

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
        self._ahead: deque[asyncio.Task[bytes]] = deque()
        self._is_closed = False

    @property
    def info(self) -> ObjectInfo:
        return self._info

    async def __anext__(self) -> bytes:
        self._read_ahead()
        if not self._ahead:
            raise StopAsyncIteration
        # Shielded: after a cancelled wait the chunk is still the next one.
        chunk = await asyncio.shield(self._ahead[0])
        self._ahead.popleft()
        self._read_ahead()
        return chunk

    def _read_ahead(self) -> None:
        while len(self._ahead) < CHUNKS_AHEAD and self._next < self._end and not self._is_closed:
            size_bytes = min(READ_CHUNK_BYTES, self._end - self._next)
            read = partial(_read, self._fd, size_bytes, self._next, self._info)
            self._ahead.append(self._tasks.start(self._threads.run(read)))
            self._next += size_bytes

    async def close(self) -> None:
        await self._tasks.complete(self._close())

    async def _close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        # The descriptor's number must not be reused under a thread that still reads from it.
        await asyncio.gather(*self._ahead, return_exceptions=True)
        self._ahead.clear()
        await self._threads.run(partial(os.close, self._fd))


def _read(fd: int, size_bytes: int, offset: int, info: ObjectInfo) -> bytes:
    chunk = os.pread(fd, size_bytes, offset)
    if len(chunk) < size_bytes:
        raise StorageError(
            f"{info.location.key} ended at {offset + len(chunk)} of {info.size_bytes} bytes "
            "while it was read"
        )
    return chunk
