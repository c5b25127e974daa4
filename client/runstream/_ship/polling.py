"""Asks thousands of spools whether they have grown, each as often as it is worth."""

import asyncio
import heapq
import itertools
from typing import Final

from runstream._ship.shipment import Shipment

__all__ = ["Poller"]

LEAST_PAUSE_S: Final = 0.005
"""Between looks at a spool that grows."""
GREATEST_PAUSE_S: Final = 0.05
"""Between looks at a spool that does not."""
CLOSE_LOOK_PAUSE_S: Final = 1.0
"""So often a spool is read although it seems not to have grown: its writer may have died."""
REST_AFTER_S: Final = 30.0
PAUSE_PER_ACTIVE_S: Final = 0.0004
"""A message costs a few hundred µs: with many writers at work, each is sent more at a time."""
CLOSE_LOOK_PAUSE_PER_WRITER_S: Final = 0.002
MAX_SHARE: Final = 0.1
"""Looks take at most about this share of the time, whatever the file system makes of them."""
_FORGETTING: Final = 0.01


class _Watched:
    def __init__(self, shipment: Shipment, now: float) -> None:
        self.shipment = shipment
        self.grew_at = now
        self.looked_at = now
        self.rested = False


class Poller:
    """Tells shipments that their spools have grown.

    The pause between two looks is a quarter of the time since the spool last grew, within limits
    that rise with the number of writers.
    """

    def __init__(self) -> None:
        self._due: list[tuple[float, int, _Watched]] = []
        self._count = itertools.count()
        self._active = 0
        self._counted_at = 0.0
        self._look_s = 0.0

    def add(self, shipment: Shipment) -> None:
        """Watches a shipment until it has ended."""
        now = asyncio.get_running_loop().time()
        self._push(now + LEAST_PAUSE_S, _Watched(shipment, now))

    async def run(self) -> None:
        """Looks and looks; ends when it is cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            now = loop.time()
            if now - self._counted_at >= 1.0:
                self._count_active(now)
            looks = 0
            while self._due and self._due[0][0] <= now:
                _, _, watched = heapq.heappop(self._due)
                if not watched.shipment.ended:
                    self._push(now + self._look(watched, now), watched)
                    looks += 1
            if looks:
                self._look_s += _FORGETTING * ((loop.time() - now) / looks - self._look_s)
            next_due = self._due[0][0] if self._due else now + GREATEST_PAUSE_S
            await asyncio.sleep(max(next_due - loop.time(), LEAST_PAUSE_S / 2))

    def _push(self, due: float, watched: _Watched) -> None:
        heapq.heappush(self._due, (due, next(self._count), watched))

    def _look(self, watched: _Watched, now: float) -> float:
        """Looks at one spool; returns after how many seconds to look again."""
        shipment, count = watched.shipment, len(self._due) + 1
        if shipment.is_all_read:
            return CLOSE_LOOK_PAUSE_S
        pause_s = max(CLOSE_LOOK_PAUSE_S, count * CLOSE_LOOK_PAUSE_PER_WRITER_S)
        closely = now - watched.looked_at >= pause_s
        grew = shipment.watch.look(closely=closely)
        if grew:
            watched.grew_at, watched.rested = now, False
        if grew or closely:
            watched.looked_at = now
            shipment.grew()
        idle_s = now - watched.grew_at
        if idle_s >= REST_AFTER_S and not watched.rested:
            watched.rested = True
            shipment.rest()
        least = max(LEAST_PAUSE_S, self._active * PAUSE_PER_ACTIVE_S)
        greatest = max(GREATEST_PAUSE_S, count * self._look_s / MAX_SHARE)
        return max(least, min(idle_s / 4, greatest))

    def _count_active(self, now: float) -> None:
        self._counted_at = now
        self._active = sum(now - watched.grew_at < 1.0 for _, _, watched in self._due)
