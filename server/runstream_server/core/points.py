"""Points as columns, and their order.

Points are ordered by (step, time, value); values by their number, -0.0 before 0.0, and NaN before
-Infinity, by its bits. Two points with equal
step, time and value bits are one point.
"""

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from runstream_server.core.logformat import Float64s, Int64s

__all__ = ["MAX_INT64", "MIN_INT64", "Points", "value_order"]

MIN_INT64: Final = -(1 << 63)
MAX_INT64: Final = (1 << 63) - 1

_SIGN = np.uint64(1 << 63)
_NAN_ROOM = np.uint64((1 << 52) - 1)


def value_order(values: Float64s) -> NDArray[np.uint64]:
    """Returns integers in the order of the values, equal only for values with the same bits."""
    bits = values.view(np.uint64)
    ordered = np.where(bits & _SIGN, ~bits, bits | _SIGN)
    return ordered + _NAN_ROOM  # wraps: NaN with the sign bit clear, which come last, come first


@dataclass(frozen=True, slots=True)
class Points:
    """Points of one series: three columns of the same length."""

    step: Int64s
    time: Int64s
    value: Float64s

    def __len__(self) -> int:
        return len(self.step)

    @classmethod
    def none(cls) -> Self:
        """Returns no points."""
        return cls(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float64))

    @classmethod
    def joined(cls, parts: "list[Points]") -> "Points":
        """Returns the points of all parts, one after another."""
        if len(parts) == 1:
            return parts[0]
        if not parts:
            return cls.none()
        return cls(
            np.concatenate([part.step for part in parts]),
            np.concatenate([part.time for part in parts]),
            np.concatenate([part.value for part in parts]),
        )

    def where(self, chosen: NDArray[np.bool_] | NDArray[np.intp] | slice) -> "Points":
        """Returns the chosen points."""
        return Points(self.step[chosen], self.time[chosen], self.value[chosen])

    def in_order(self) -> "Points":
        """Returns the points in ascending order, each once."""
        if self._strictly_ascending():
            return self
        key = value_order(self.value)
        order = np.lexsort((key, self.time, self.step))
        step, time, key = self.step[order], self.time[order], key[order]
        first = np.ones(len(order), np.bool_)
        first[1:] = (step[1:] != step[:-1]) | (time[1:] != time[:-1]) | (key[1:] != key[:-1])
        return self.where(order[first])

    def _strictly_ascending(self) -> bool:
        step, time = self.step, self.time
        later = step[1:] > step[:-1]
        if later.all():
            return True
        return bool((later | ((step[1:] == step[:-1]) & (time[1:] > time[:-1]))).all())
