"""A bound on bytes in memory that many share."""

import asyncio
from collections import deque

__all__ = ["ByteBudget"]


class ByteBudget:
    """Lets bytes in until a limit is reached; whoever comes then waits, first come, first served.

    Something larger than the limit is let in when nothing else is there, so nobody waits for ever.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._used = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @property
    def used_bytes(self) -> int:
        """How many bytes are in."""
        return self._used

    async def acquire(self, size_bytes: int) -> None:
        """Waits until there is room for `size_bytes`, and takes it."""
        if not self._waiting and self._fits(size_bytes):
            self._used += size_bytes
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((size_bytes, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release(size_bytes)
            raise

    def release(self, size_bytes: int) -> None:
        """Gives room back."""
        self._used -= size_bytes
        while self._waiting:
            size, turn = self._waiting[0]
            if turn.done():  # whoever waited has been cancelled
                self._waiting.popleft()
            elif self._fits(size):
                self._waiting.popleft()
                self._used += size
                turn.set_result(None)
            else:
                return

    def _fits(self, size_bytes: int) -> bool:
        return self._used == 0 or self._used + size_bytes <= self._limit
