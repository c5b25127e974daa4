"""A number that only rises, and those who wait for it."""

import asyncio
import heapq
import itertools
from collections.abc import Callable

__all__ = ["Waterline"]


class Waterline:
    """How much of something is delivered.

    Attributes:
        level: So many from the first on.
    """

    __slots__ = ("_count", "_on_rise", "_waiting", "level")

    def __init__(self, level: int = 0, on_rise: Callable[[], None] | None = None) -> None:
        self.level = level
        self._on_rise = on_rise
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._count = itertools.count()

    def rise(self, level: int) -> bool:
        """Takes note that so many are delivered; returns whether that is news."""
        if level <= self.level:
            return False
        self.level = level
        while self._waiting and self._waiting[0][0] <= level:
            _, _, future = heapq.heappop(self._waiting)
            if not future.done():
                future.set_result(None)
        if self._on_rise is not None:
            self._on_rise()
        return True

    async def reach(self, level: int) -> None:
        """Waits until so many are delivered."""
        if level > self.level:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            heapq.heappush(self._waiting, (level, next(self._count), future))
            await future
