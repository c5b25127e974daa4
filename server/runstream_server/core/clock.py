"""The present."""

import time

__all__ = ["now_us"]


def now_us() -> int:
    """Returns the time in microseconds since the epoch."""
    return time.time_ns() // 1000
