"""Blocking calls in threads, and work that cancellation must not cut short."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from runstream_server.objects.errors import storage_error

__all__ = ["IoThreads", "OwnedTasks"]

T = TypeVar("T")


class IoThreads:
    """Runs blocking file work in threads of its own.

    The loop's default executor would let a stalled disk hold up everything else that uses it.
    """

    def __init__(self, count: int) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="object-store")

    async def run(self, call: Callable[[], T]) -> T:
        """Awaits a call in a thread, with OSError turned into StorageError.

        The call goes on when the await is cancelled.
        """
        future = asyncio.get_running_loop().run_in_executor(self._pool, _translating, call)
        return await asyncio.shield(future)

    def close(self) -> None:
        """Waits for what runs and ends the threads."""
        self._pool.shutdown(wait=True)


def _translating(call: Callable[[], T]) -> T:
    try:
        return call()
    except OSError as error:
        raise storage_error(error) from error


class OwnedTasks:
    """Owns tasks that run to their end whatever happens to who started them."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Starts a task that is kept until it ends."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def complete(
        self,
        work: Coroutine[Any, Any, T],
        *,
        undo: Callable[[T], Coroutine[Any, Any, object]] | None = None,
    ) -> T:
        """Awaits work that goes on when the await is cancelled.

        Args:
            work: What to do.
            undo: Frees the result that nobody got then.
        """
        task = self.start(work)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_pass_over_failure)
            if undo is not None:
                self.start(_undo(task, undo))
            raise

    async def join(self) -> None:
        """Waits until no task is left."""
        while self._tasks:
            await asyncio.wait(self._tasks)


def _pass_over_failure(task: asyncio.Task[Any]) -> None:
    """Looks at how a task ended which nobody waits for any more; asyncio reports it otherwise."""
    if not task.cancelled():
        task.exception()


async def _undo(task: asyncio.Task[T], undo: Callable[[T], Coroutine[Any, Any, object]]) -> None:
    await asyncio.wait([task])
    if not task.cancelled() and task.exception() is None:
        await undo(task.result())
