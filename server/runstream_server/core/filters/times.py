"""What a comparison with milliseconds means for stored microseconds."""

import math
from dataclasses import dataclass

from runstream_server.core.filters.nodes import Operator

US_PER_MS = 1_000
_MAX_INT64 = 2**63 - 1
# Beyond what int64 microseconds reach, so that cutting a literal here changes no answer.
_FAR_MS = 2**54


@dataclass(frozen=True, slots=True)
class MicrosecondRange:
    """The stored times, int64 microseconds since the epoch, that satisfy a comparison.

    They are those with `start <= time < stop`, or, when `inside` is False, all others. None means
    no bound on that side; `start == stop` is an empty range. Bounds fit int64.
    """

    start: int | None
    stop: int | None
    inside: bool = True


def microsecond_range(operator: Operator, value: float) -> MicrosecondRange:
    """Turn `time operator value`, in milliseconds, into a range of microseconds.

    Times are compared as MLflow's clients see them, in whole milliseconds: a stored time counts as
    its microseconds divided by 1000, rounded down. So `= 5` holds from 5000 to 5999 us.

    Args:
        operator: One of = != < <= > >=.
        value: Milliseconds since the epoch, perhaps with a fraction, perhaps infinite.

    Raises:
        ValueError: The operator does not compare times with a literal.
    """
    near = max(-_FAR_MS, min(value, _FAR_MS))
    at = _bound(math.ceil(near))
    after = _bound(math.floor(near) + 1)
    match operator:
        case Operator.EQ:
            return MicrosecondRange(at, after)
        case Operator.NE:
            return MicrosecondRange(at, after, inside=False)
        case Operator.LT:
            return MicrosecondRange(None, at)
        case Operator.LE:
            return MicrosecondRange(None, after)
        case Operator.GT:
            return MicrosecondRange(after, None)
        case Operator.GE:
            return MicrosecondRange(at, None)
        case _:
            message = f"a time cannot be compared by {operator} with {value}"
            raise ValueError(message)


def _bound(whole_ms: int) -> int:
    return max(-_MAX_INT64, min(whole_ms * US_PER_MS, _MAX_INT64))
