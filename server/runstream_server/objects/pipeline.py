"""The way of an upload's chunks from the event loop to the disk."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final, TypeVar

from runstream_server.objects.errors import StorageError
from runstream_server.objects.staging import Chunk, StagedUpload
from runstream_server.objects.threads import IoThreads, OwnedTasks

__all__ = ["ChunkPipeline"]

T = TypeVar("T")

# Keeps disk and hash busy while the next chunks arrive; all that an upload holds in memory.
WINDOW_BYTES: Final = 8 << 20
# What a queued chunk costs besides its bytes, so that many tiny ones are bounded too.
CHUNK_OVERHEAD_BYTES: Final = 1 << 10
# Flushed while the upload goes on, so that the commit does not wait for gigabytes of dirty pages.
FLUSH_BYTES: Final = 32 << 20


class ChunkPipeline:
    """Writes and hashes chunks in two threads while the caller receives the next ones.

    The caller waits when `WINDOW_BYTES` are on their way. A task works off what has gathered, all
    of it at a time, so a hop between threads is paid once for many small chunks. The task belongs
    to the pipeline's owner and never sees the caller's cancellation.
    """

    def __init__(self, staged: StagedUpload, threads: IoThreads, tasks: OwnedTasks) -> None:
        self._staged = staged
        self._threads = threads
        self._tasks = tasks
        self._queue: list[Chunk] = []
        self._queued_bytes = 0
        self._space = asyncio.Event()
        self._space.set()
        self._worker: asyncio.Task[None] | None = None
        self._flush: asyncio.Task[None] | None = None
        self._flush_from = staged.size_bytes
        self._error: Exception | None = None

    @property
    def is_broken(self) -> bool:
        """Tells whether something failed, for good."""
        return self._error is not None

    async def wait_for_space(self) -> None:
        """Waits until a chunk may be put; raises what failed meanwhile."""
        while self._error is None and not self._space.is_set():
            await self._space.wait()
        self._raise_error()

    def put(self, chunk: Chunk) -> None:
        """Hands over a chunk; does not wait, so that it happens whole or not at all."""
        self._queue.append(chunk)
        self._queued_bytes += _cost(chunk)
        if self._queued_bytes >= WINDOW_BYTES:
            self._space.clear()
        if self._worker is None:
            self._worker = self._tasks.start(self._work())

    async def drain(self) -> None:
        """Waits until all chunks are written and hashed; raises what failed."""
        await self._settle()
        self._raise_error()

    async def make_durable(self) -> int:
        """Waits until all chunks are durable and returns the offset that is."""
        await self.drain()
        self._flush_from = await self.finish(self._staged.make_durable)
        return self._flush_from

    async def finish(self, step: Callable[[], T]) -> T:
        """Runs a step of the upload in a thread; if the medium fails it, the upload is broken."""
        try:
            return await self._threads.run(step)
        except StorageError as error:
            self._error = error
            raise

    async def end(self) -> None:
        """Waits until no thread works for this upload, whatever failed."""
        await self._settle()
        await self._end_flush()

    async def _settle(self) -> None:
        while self._worker is not None:
            await asyncio.wait([self._worker])

    async def _work(self) -> None:
        try:
            while self._queue:
                await self._work_off()
        except Exception as error:  # noqa: BLE001  # raised where the caller waits
            self._error = error
            self._queue.clear()
        finally:
            self._worker = None
            self._space.set()

    async def _work_off(self) -> None:
        chunks, self._queue = self._queue, []
        results = await asyncio.gather(
            self._threads.run(partial(self._staged.write, chunks)),
            self._threads.run(partial(self._staged.hash, chunks)),
            return_exceptions=True,
        )
        for result in results:
            if isinstance(result, BaseException):
                raise result
        self._queued_bytes -= sum(map(_cost, chunks))
        if self._queued_bytes < WINDOW_BYTES:
            self._space.set()
        if self._staged.size_bytes - self._flush_from >= FLUSH_BYTES:
            # One flush at a time: a disk that is slower than the network stops the queue here.
            await self._end_flush()
            self._raise_error()
            self._flush_from = self._staged.size_bytes
            self._flush = self._tasks.start(self._threads.run(self._staged.flush))

    async def _end_flush(self) -> None:
        flush = self._flush
        if flush is None:
            return
        await asyncio.wait([flush])
        self._flush = None
        error = flush.exception()
        if isinstance(error, StorageError):
            self._error = error

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error


def _cost(chunk: Chunk) -> int:
    return len(chunk.data) + CHUNK_OVERHEAD_BYTES
