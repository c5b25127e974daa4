"""Points that come one by one, as rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from runstream_server.core.ingest.commit import LoosePoints
from runstream_server.core.logformat import INLINE, LogRows
from runstream_server.storage.name_rows import SeriesName

__all__ = ["LoosePoint", "loose_points"]


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
    indices: dict[SeriesName, int] = {}
    members: list[int] = []
    counts: list[int] = []
    moments: list[tuple[int, int]] = []
    in_row: set[int] = set()
    for point in points:
        index = indices.setdefault(point.series, len(indices))
        moment = (point.step, point.time_us)
        if not moments or moments[-1] != moment or index in in_row:
            moments.append(moment)
            counts.append(0)
            in_row = set()
        in_row.add(index)
        members.append(index)
        counts[-1] += 1
    rows = LogRows(
        step=np.array([step for step, _ in moments], np.int64),
        time=np.array([time_us for _, time_us in moments], np.int64),
        value=np.array([point.value for point in points], np.float64),
        layout=np.full(len(moments), INLINE, np.uint32),
        inline_count=np.array(counts, np.uint32),
        inline_series=np.array(members, np.uint32),
    )
    return LoosePoints(run_id=run_id, series=list(indices), rows=rows)
