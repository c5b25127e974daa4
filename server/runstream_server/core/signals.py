"""Wake-ups inside one server process: which run has changed.

A signal carries no data and may be spurious: whoever is woken reads the database. So nothing is
lost when a signal is, and changes made by another replica only have to raise the same signals.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection
from typing import Self

__all__ = ["RunSignals", "Watch"]


class RunSignals:
    """Tells watchers that a run has changed, and listeners that a run has ended."""

    def __init__(self) -> None:
        self._watches: defaultdict[str, set[Watch]] = defaultdict(set)
        self._changed_listeners: list[Callable[[str], None]] = []
        self._ended_listeners: list[Callable[[str], None]] = []

    def changed(self, run_id: str) -> None:
        """Tells that this server has changed the run. Call it after the commit."""
        for listener in self._changed_listeners:
            listener(run_id)
        self.wake(run_id)

    def wake(self, run_id: str) -> None:
        """Wakes all who watch the run."""
        for watch in self._watches.get(run_id, ()):
            watch.wake(run_id)

    def ended(self, run_id: str) -> None:
        """Tells that a run got an end status, and wakes all who watch it."""
        for listener in self._ended_listeners:
            listener(run_id)
        self.changed(run_id)

    def on_changed(self, listener: Callable[[str], None]) -> None:
        """Adds a listener that is called with the id of each run that this server changes."""
        self._changed_listeners.append(listener)

    def on_ended(self, listener: Callable[[str], None]) -> None:
        """Adds a listener that is called with the id of each run that ends."""
        self._ended_listeners.append(listener)

    def watch(self, *run_ids: str) -> "Watch":
        """Returns a watch on runs; use it as a context manager."""
        return Watch(self._watches, run_ids)

    def wake_all(self) -> None:
        """Wakes everybody, for example to let them see that the server is stopping."""
        for run_id in list(self._watches):
            self.wake(run_id)


class Watch:
    """Waits for changes of runs. A change between two waits is not missed."""

    def __init__(self, watches: defaultdict[str, set["Watch"]], run_ids: Collection[str]) -> None:
        self._watches = watches
        self._run_ids = set(run_ids)
        self._changed: dict[str, None] = {}
        self._event = asyncio.Event()

    def __enter__(self) -> Self:
        for run_id in self._run_ids:
            self._watches[run_id].add(self)
        return self

    def __exit__(self, *_: object) -> None:
        for run_id in list(self._run_ids):
            self.drop(run_id)

    def drop(self, run_id: str) -> None:
        """Watches a run no longer."""
        self._run_ids.discard(run_id)
        self._changed.pop(run_id, None)
        watches = self._watches[run_id]
        watches.discard(self)
        if not watches:
            del self._watches[run_id]

    def wake(self, run_id: str) -> None:
        """Notes a change of a run and ends the wait."""
        self._changed[run_id] = None
        self._event.set()

    async def wait(self, timeout_s: float) -> list[str]:
        """Waits for changes since the last wait.

        Returns the runs that changed, in the order of the changes; none after `timeout_s` without
        a change.
        """
        if not self._changed:
            try:
                async with asyncio.timeout(timeout_s):
                    await self._event.wait()
            except TimeoutError:
                return []
        changed = list(self._changed)
        self._changed.clear()
        self._event.clear()
        return changed
