"""Times over MLflow's API: milliseconds since the epoch, where the core has microseconds."""

from typing import Final

from runstream_server.core.validation import MAX_TIME_US
from runstream_server.gateway.mlflow.errors import invalid_value

__all__ = ["MAX_METRIC_TIME_MS", "run_time_us", "shown_ms"]

US_PER_MS: Final = 1_000
MAX_METRIC_TIME_MS: Final = ((1 << 63) - 1) // US_PER_MS
MAX_RUN_TIME_MS: Final = MAX_TIME_US // US_PER_MS


def run_time_us(path: str, time_ms: int) -> int:
    """Returns the start or end of a run as it is stored.

    Raises:
        MlflowError: It is before 1970 or after the year 9999.
    """
    if not 0 <= time_ms <= MAX_RUN_TIME_MS:
        raise invalid_value(path, time_ms, "use milliseconds since 1970, before the year 10000")
    return time_ms * US_PER_MS


def shown_ms(time_us: int) -> int:
    """Returns a stored time as clients see it."""
    return time_us // US_PER_MS
