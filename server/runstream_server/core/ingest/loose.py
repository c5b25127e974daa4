"""Points that come one by one, as rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runstream_server.core.ingest.commit import LoosePoints
from runstream_server.core.logformat import INLINE, Float64s, Int64s, LogRows
from runstream_server.storage.name_rows import SeriesName

__all__ = ["LoosePoint", "loose_columns", "loose_points"]


@dataclass(frozen=True, slots=True)
class LoosePoint:
    """A point and its series. `time_us` counts microseconds since the epoch."""

    series: SeriesName
    step: int
    time_us: int
    value: float


def loose_points(run_id: str, points: Sequence[LoosePoint]) -> LoosePoints:
    """Returns `points` as rows.

    Neighbours of one step and time share a row as long as their series differ.
    """
    return loose_columns(
        run_id,
        [point.series for point in points],
        np.array([point.step for point in points], np.int64),
        np.array([point.time_us for point in points], np.int64),
        np.array([point.value for point in points], np.float64),
    )


def loose_columns(
    run_id: str, names: Sequence[SeriesName], step: Int64s, time: Int64s, value: Float64s
) -> LoosePoints:
    """Returns points that come as columns as rows, as `loose_points` does."""
    indices: dict[SeriesName, int] = {}
    members = [indices.setdefault(name, len(indices)) for name in names]
    begins = np.ones(len(members), np.bool_)
    begins[1:] = (step[1:] != step[:-1]) | (time[1:] != time[:-1])
    if len(indices) < len(members):
        _split_repeats(members, begins)
    starts = np.nonzero(begins)[0]
    rows = LogRows(
        step=step[starts],
        time=time[starts],
        value=value,
        layout=np.full(len(starts), INLINE, np.uint32),
        inline_count=np.diff(starts, append=len(members)).astype(np.uint32),
        inline_series=np.array(members, np.uint32),
    )
    return LoosePoints(run_id=run_id, series=list(indices), rows=rows)


def _split_repeats(members: Sequence[int], begins: NDArray[np.bool_]) -> None:
    """Lets a row begin where a series would be in the one before twice."""
    in_row: set[int] = set()
    for place, (index, begin) in enumerate(zip(members, begins.tolist(), strict=True)):
        if begin:
            in_row = set()
        elif index in in_row:
            begins[place] = True
            in_row = set()
        in_row.add(index)
