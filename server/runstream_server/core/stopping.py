"""The stop of the server, as those see it who hold something open."""

import asyncio
import contextlib
from collections.abc import Callable, Generator

from runstream_server.core.errors import Failure, Reason

__all__ = ["Stopping"]

RECONNECT_DELAY_S = 1.0
"""When a client may look for the next server process: nothing can have started earlier."""


class Stopping:
    """Something that begins once and that open streams must react to: the stop of the server.

    A handler that waits for its client or for news puts the wait into `interrupts`::

        with stopping.interrupts():
            async for request in requests:
                ...

    What it owes its client (acks of what has been committed) it sends after that block, before the
    failure goes on.
    """

    def __init__(self) -> None:
        self._begun = asyncio.Event()
        self._blocks: set[_Block] = set()
        self._listeners: list[Callable[[], None]] = []

    @property
    def begun(self) -> bool:
        """Whether the server is stopping."""
        return self._begun.is_set()

    def begin(self) -> None:
        """Interrupts every `interrupts` block, wakes every `wait`, and tells the listeners."""
        if self.begun:
            return
        self._begun.set()
        for block in self._blocks:
            block.interrupt()
        for listener in self._listeners:
            listener()

    def on_begin(self, listener: Callable[[], None]) -> None:
        """Adds a listener that is called when the stop begins."""
        self._listeners.append(listener)

    async def wait(self) -> None:
        """Returns when the stop begins."""
        await self._begun.wait()

    def failure(self) -> Failure:
        """Returns what a client is told: to go on with its work over another connection."""
        return Failure(
            Reason.SERVER_STOPPING,
            "the server is stopping; connect again and go on from what was acknowledged",
            retry_delay_s=RECONNECT_DELAY_S,
        )

    def check(self) -> None:
        """Raises the failure if the server is stopping."""
        if self.begun:
            raise self.failure()

    @contextlib.contextmanager
    def interrupts(self) -> Generator[None]:
        """Ends the block when the stop begins.

        The await inside it then raises CancelledError, which leaves the block as the failure. Any
        other cancellation of the task passes unchanged. Costs nothing a message.
        """
        self.check()
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("interrupts() works inside a task only")
        block = _Block(task)
        self._blocks.add(block)
        try:
            yield
        except asyncio.CancelledError:
            if block.owns_cancellation():
                raise self.failure() from None
            raise
        finally:
            self._blocks.discard(block)


class _Block:
    """One `interrupts` block. It counts as asyncio.timeout does: a foreign cancellation wins."""

    def __init__(self, task: "asyncio.Task[object]") -> None:
        self._task = task
        self._cancelling_before = task.cancelling()
        self._interrupted = False

    def interrupt(self) -> None:
        self._interrupted = True
        self._task.cancel()

    def owns_cancellation(self) -> bool:
        return self._interrupted and self._task.uncancel() <= self._cancelling_before
