"""Wake-ups inside one server process: which run has changed.

A signal carries no data and may be spurious: whoever is woken reads the database. So nothing is
lost when a signal is, and changes made by another replica only have to raise the same signals.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from typing import Self

__all__ = ["RunSignals"]


class RunSignals:
    """Tells watchers that a run has changed, and listeners that a run has ended."""

    def __init__(self) -> None:
        self._waiters: defaultdict[str, set[asyncio.Event]] = defaultdict(set)
        self._ended_listeners: list[Callable[[str], None]] = []

    def changed(self, run_id: str) -> None:
        """Wakes all who watch the run. Call it after the commit."""
        for event in self._waiters.get(run_id, ()):
            event.set()

    def ended(self, run_id: str) -> None:
        """Tells that a run got an end status, and wakes all who watch it."""
        for listener in self._ended_listeners:
            listener(run_id)
        self.changed(run_id)

    def on_ended(self, listener: Callable[[str], None]) -> None:
        """Adds a listener that is called with the id of each run that ends."""
        self._ended_listeners.append(listener)

    def watch(self, run_id: str) -> "Watch":
        """Returns a watch on a run; use it as a context manager."""
        return Watch(self._waiters, run_id)

    def wake_all(self) -> None:
        """Wakes everybody, for example to let them see that the server is stopping."""
        for events in self._waiters.values():
            for event in events:
                event.set()


class Watch:
    """Waits for changes of one run. A change between two waits is not missed."""

    def __init__(self, waiters: defaultdict[str, set[asyncio.Event]], run_id: str) -> None:
        self._waiters = waiters
        self._run_id = run_id
        self._event = asyncio.Event()

    def __enter__(self) -> Self:
        self._waiters[self._run_id].add(self._event)
        return self

    def __exit__(self, *_: object) -> None:
        events = self._waiters[self._run_id]
        events.discard(self._event)
        if not events:
            del self._waiters[self._run_id]

    async def wait(self, timeout_s: float) -> bool:
        """Waits for a change since the last wait; returns False after `timeout_s` without one."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True
