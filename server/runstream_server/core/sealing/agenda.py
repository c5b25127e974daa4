"""Which run is to be attended to next, among very many."""

import heapq
import itertools
from typing import Final

__all__ = ["Agenda"]

AT_ONCE: Final = 0.0


class Agenda:
    """Runs, each with the time at which it is due, in a heap.

    Times are of any clock that begins above zero.
    """

    def __init__(self) -> None:
        self._due_at: dict[str, float] = {}
        # May hold times that have changed since; `_due_at` knows.
        self._heap: list[tuple[float, int, str]] = []
        self._numbers = itertools.count()

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._due_at

    def put(self, run_id: str, due_at: float = AT_ONCE) -> None:
        """Notes, or changes, when a run is due; before all others when no time is given."""
        if self._due_at.get(run_id) != due_at:
            self._due_at[run_id] = due_at
            heapq.heappush(self._heap, (due_at, next(self._numbers), run_id))

    def drop(self, run_id: str) -> None:
        """Forgets a run."""
        self._due_at.pop(run_id, None)

    def first(self, now: float) -> str | None:
        """Returns the run that has been due for longest, which stays; None when none is due."""
        while self._heap:
            due_at, _, run_id = self._heap[0]
            if self._due_at.get(run_id) == due_at:
                return run_id if due_at <= now else None
            heapq.heappop(self._heap)
        return None
