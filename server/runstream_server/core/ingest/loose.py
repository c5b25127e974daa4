"""Points that come one by one, as rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runstream_server.core.ingest.commit import LoosePoints
from runstream_server.core.logformat import INLINE, LogRows
from runstream_server.core.points import Points
from runstream_server.storage.name_rows import SeriesName

__all__ = ["LoosePoint", "loose_points", "rankless_columns"]


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
    names = [point.series for point in points]
    series = list(dict.fromkeys(names))
    indices = {name: index for index, name in enumerate(series)}
    return _rows(
        run_id,
        series,
        [indices[name] for name in names],
        Points(
            np.array([point.step for point in points], np.int64),
            np.array([point.time_us for point in points], np.int64),
            np.array([point.value for point in points], np.float64),
        ),
    )


def rankless_columns(run_id: str, keys: Sequence[str], points: Points) -> LoosePoints:
    """Returns points of rank-less series as rows, as `loose_points` does."""
    distinct = list(dict.fromkeys(keys))
    indices = {key: index for index, key in enumerate(distinct)}
    members = [indices[key] for key in keys]
    series = [SeriesName(key, -1, 0) for key in distinct]
    return _rows(run_id, series, members, points)


def _rows(
    run_id: str, series: Sequence[SeriesName], members: Sequence[int], points: Points
) -> LoosePoints:
    """Returns points as rows; `members` names the series of each by its place in `series`."""
    step, time = points.step, points.time
    begins = np.ones(len(members), np.bool_)
    begins[1:] = (step[1:] != step[:-1]) | (time[1:] != time[:-1])
    if len(series) < len(members) and not begins.all():
        _split_repeats(members, begins)
    starts = np.nonzero(begins)[0]
    rows = LogRows(
        step=step[starts],
        time=time[starts],
        value=points.value,
        layout=np.full(len(starts), INLINE, np.uint32),
        inline_count=np.diff(starts, append=len(members)).astype(np.uint32),
        inline_series=np.array(members, np.uint32),
    )
    return LoosePoints(run_id=run_id, series=series, rows=rows)


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
