"""Pauses between attempts."""

import random
from typing import Final

__all__ = ["FIRST_PAUSE_S", "LONGEST_PAUSE_S", "Backoff"]

FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 10.0
_MOST_DOUBLINGS: Final = 16


class Backoff:
    """Counts failures in a row and draws pauses: anything up to 0.1 s, 0.2 s, 0.4 s ... 10 s.

    Drawing from the whole range keeps clients that failed together from coming back together.

    Attributes:
        failures: How many attempts have failed since the last success.
    """

    __slots__ = ("_random", "failures")

    def __init__(self, source: random.Random | None = None) -> None:
        self._random = source or random.Random()  # noqa: S311 - no secret
        self.failures = 0

    def reset(self) -> None:
        """Takes note of a success."""
        self.failures = 0

    def pause_s(self, at_least_s: float = 0.0) -> float:
        """Takes note of a failure; returns for how long to wait."""
        doublings = min(self.failures, _MOST_DOUBLINGS)
        self.failures += 1
        longest = min(FIRST_PAUSE_S * 2.0**doublings, LONGEST_PAUSE_S)
        return max(self._random.uniform(0.0, longest), at_least_s)
