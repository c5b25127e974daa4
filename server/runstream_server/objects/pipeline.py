"""The way of an upload's chunks from the event loop to the disk."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from runstream_server.objects.errors import StorageError
from runstream_server.objects.handles import Chunk
from runstream_server.objects.staging import StagedUpload
from runstream_server.objects.threads import IoThreads, OwnedTasks

__all__ = ["WINDOW_BYTES", "ChunkPipeline"]

T = TypeVar("T")

# Keeps disk and hash busy while the next chunks arrive; all that an upload holds in memory.
WINDOW_BYTES: Final = 8 << 20
# Small chunks are worked off together, up to this.
BATCH_BYTES: Final = 2 << 20
# After so many batches a thread looks after other uploads.
BATCHES_PER_TURN: Final = 16
# What a queued chunk costs besides its bytes, so that many tiny ones are bounded too.
CHUNK_OVERHEAD_BYTES: Final = 1 << 10
# Flushed while the upload goes on, so that the commit does not wait for gigabytes of dirty pages.
FLUSH_BYTES: Final = 64 << 20


class ChunkPipeline:
    """Writes and hashes chunks in two threads while the caller receives the next ones.

    The caller waits when `WINDOW_BYTES` are on their way. The work belongs to the pipeline's owner
    and never sees the caller's cancellation.
    """

    def __init__(self, staged: StagedUpload, threads: IoThreads, tasks: OwnedTasks) -> None:
        self._staged = staged
        self._threads = threads
        self._tasks = tasks
        self._put_bytes = 0
        self._progress = asyncio.Event()
        self._write = _Lane(staged.write, threads, tasks, self._on_progress)
        self._hash = _Lane(staged.hash, threads, tasks, self._on_progress)
        self._flush: asyncio.Task[None] | None = None
        self._flush_from = staged.size_bytes
        self._error: Exception | None = None

    @property
    def is_broken(self) -> bool:
        """Tells whether something failed, for good."""
        return self._first_error() is not None

    async def wait_for_space(self) -> None:
        """Waits until a chunk may be put; raises what failed meanwhile."""
        while not self.is_broken and self._pending_bytes() >= WINDOW_BYTES:
            self._progress.clear()
            await self._progress.wait()
        if self._is_flush_due():
            # One flush at a time: a disk that is slower than the network stops the caller here.
            await self._end_flush()
        self._raise_error()

    def put(self, chunk: Chunk) -> None:
        """Hands over a chunk; does not wait, so that it happens whole or not at all."""
        if self._is_flush_due() and self._flush is None:
            self._flush_from = self._staged.size_bytes
            self._flush = self._tasks.start(self._threads.run(self._staged.flush))
        self._put_bytes += _cost(chunk)
        self._write.put(chunk)
        self._hash.put(chunk)

    async def drain(self) -> None:
        """Waits until all chunks are written and hashed; raises what failed."""
        await self._write.settle()
        await self._hash.settle()
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
        await self._write.settle()
        await self._hash.settle()
        await self._end_flush()

    def _pending_bytes(self) -> int:
        return self._put_bytes - min(self._write.done_bytes, self._hash.done_bytes)

    def _on_progress(self) -> None:
        self._progress.set()

    def _is_flush_due(self) -> bool:
        return self._staged.size_bytes - self._flush_from >= FLUSH_BYTES

    async def _end_flush(self) -> None:
        flush = self._flush
        if flush is None:
            return
        await asyncio.wait([flush])
        if self._flush is flush:
            self._flush = None
        error = flush.exception()
        if isinstance(error, StorageError):
            self._error = error

    def _first_error(self) -> Exception | None:
        return self._error or self._write.error or self._hash.error

    def _raise_error(self) -> None:
        error = self._first_error()
        if error is not None:
            raise error


class _Lane:
    """Works off chunks in order, in one thread at a time, without a hop between them."""

    def __init__(
        self,
        work: Callable[[Sequence[Chunk]], None],
        threads: IoThreads,
        tasks: OwnedTasks,
        on_progress: Callable[[], None],
    ) -> None:
        self.done_bytes = 0
        self.error: Exception | None = None
        self._work = work
        self._threads = threads
        self._tasks = tasks
        self._on_progress = on_progress
        self._loop = asyncio.get_running_loop()
        self._queue: deque[Chunk] = deque()
        self._runner: asyncio.Task[None] | None = None

    def put(self, chunk: Chunk) -> None:
        """Queues a chunk."""
        self._queue.append(chunk)
        if self._runner is None:
            self._runner = self._tasks.start(self._run())

    async def settle(self) -> None:
        """Waits until nothing is queued or under way."""
        while self._runner is not None:
            await asyncio.wait([self._runner])

    async def _run(self) -> None:
        try:
            while self._queue:
                await self._threads.run(self._take_turn)
        except Exception as error:  # noqa: BLE001  # raised where the caller waits
            self.error = error
            self._queue.clear()
        finally:
            self._runner = None
            self._on_progress()

    def _take_turn(self) -> None:
        for _ in range(BATCHES_PER_TURN):
            batch = self._next_batch()
            if not batch:
                break
            self._work(batch)
            self._loop.call_soon_threadsafe(self._count, sum(map(_cost, batch)))

    def _next_batch(self) -> list[Chunk]:
        batch: list[Chunk] = []
        size_bytes = 0
        while self._queue and size_bytes < BATCH_BYTES:
            batch.append(self._queue.popleft())
            size_bytes += _cost(batch[-1])
        return batch

    def _count(self, size_bytes: int) -> None:
        self.done_bytes += size_bytes
        self._on_progress()


def _cost(chunk: Chunk) -> int:
    return len(chunk.data) + CHUNK_OVERHEAD_BYTES
