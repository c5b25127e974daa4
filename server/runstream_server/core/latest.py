"""What searches and run pages need to know of metrics; core.read answers it."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

__all__ = ["LatestMetrics", "LatestPoint", "RunMetrics"]


class LatestPoint(NamedTuple):
    """The greatest point of a metric key by (step, time, value), NaN being less than -Infinity.

    Beside it stand the least and the greatest value of its series, NaN when every value is.
    """

    key: str
    rank: int | None
    step: int
    time_us: int
    value: float
    min: float = math.nan
    max: float = math.nan


@dataclass(frozen=True, slots=True)
class RunMetrics:
    """The latest points of a run, one for each key, as of the log position `cursor`.

    The point of a key is that of its rank-less series, else of the lowest rank's, and there of the
    highest attempt's.
    """

    cursor: int
    points: Sequence[LatestPoint]


class LatestMetrics(Protocol):
    """Knows the latest points of all runs. What was acknowledged before a call is in its answer."""

    async def latest(
        self, run_ids: Sequence[str], keys: Collection[str] | None = None
    ) -> Mapping[str, RunMetrics]:
        """Returns the latest points of runs, all or those of some keys.

        Runs without metrics may be left out.
        """
        ...

    async def refresh(self, experiment_ids: Sequence[int] | None, keys: Collection[str]) -> None:
        """Brings the columns `last_value` and `last_is_nan` of the table `series` up to date.

        Afterwards every series of one of `keys` that holds a point has a `last_is_nan` that is not
        NULL, and a `last_value` that is NULL just for NaN.

        Args:
            experiment_ids: The experiments whose runs matter; None for all.
            keys: The metric keys that matter.
        """
        ...
