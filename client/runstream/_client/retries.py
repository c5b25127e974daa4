"""When a failed call is tried again, and after what pause."""

import random
import time
from typing import Final

import grpc

from runstream._client.failures import asked_pause_s, is_taken_over, is_unavailable

__all__ = ["PAUSE_AFTER_END_S", "Retries"]

PAUSE_AFTER_END_S: Final = 0.1
"""After a stream that was to go on for ever ended without an error."""
FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 2.0
MOST_DOUBLINGS: Final = 16


class Retries:
    """The attempts of one call: pauses of anything up to 0.1 s, 0.2 s, 0.4 s … 2 s.

    Drawing from the whole range keeps clients that failed together from coming back together.
    """

    def __init__(self, *, for_s: float) -> None:
        """Begins.

        Args:
            for_s: So long after the first failure in a row no further attempt is begun.
        """
        self._for_s = for_s
        self._failures = 0
        self._give_up_at = 0.0

    def succeeded(self) -> None:
        """Takes note that an attempt got on: the next failure is the first again."""
        self._failures = 0

    def pause_s(self, error: grpc.RpcError) -> float | None:
        """Returns the pause before the next attempt; None when there is to be none."""
        if not is_unavailable(error) and not is_taken_over(error):
            return None
        now = time.monotonic()
        if self._failures == 0:
            self._give_up_at = now + self._for_s
        doublings = min(self._failures, MOST_DOUBLINGS)
        longest_s = min(FIRST_PAUSE_S * 2.0**doublings, LONGEST_PAUSE_S)
        self._failures += 1
        pause_s = max(random.uniform(0.0, longest_s), asked_pause_s(error))  # noqa: S311 - no secret
        return pause_s if now + pause_s <= self._give_up_at else None
