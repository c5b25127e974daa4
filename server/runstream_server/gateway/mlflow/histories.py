"""Histories of metrics in MLflow's order, and as its JSON.

MLflow orders points by (time, step, value), the core by (step, time, value).
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

import numpy as np

from runstream_server.core.errors import Failure, Reason
from runstream_server.core.metrics import Metrics
from runstream_server.core.points import MAX_INT64, MIN_INT64, Points, value_order
from runstream_server.gateway.mlflow.run_json import encode, shown_value
from runstream_server.storage.series_rows import SeriesFilter, SeriesRow

__all__ = ["Histories", "sampled", "write_points"]

CACHED_HISTORIES: Final = 4
MAX_CACHED_POINTS: Final = 1_000_000
POINTS_AT_ONCE: Final = 4_096
"""So many points are written as JSON before other requests have their turn."""


class Histories:
    """Reads the history of a key: of its rank-less series, else of its lowest rank's.

    All attempts of that rank are one history. A run that does not exist has none.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._ordered: OrderedDict[tuple[str, str, int], Points] = OrderedDict()

    async def by_time(self, run_id: str, key: str) -> Points:
        """Returns a history in the order of (time, step, value)."""
        return await self._read(run_id, key, in_time_order=True)

    async def by_step(
        self, run_id: str, key: str, min_step: int = MIN_INT64, max_step: int = MAX_INT64
    ) -> Points:
        """Returns a history, or some steps of it, in the order of (step, time, value)."""
        points = await self._read(run_id, key, in_time_order=False)
        if min_step == MIN_INT64 and max_step == MAX_INT64:
            return points
        return points.where((points.step >= min_step) & (points.step <= max_step))

    async def _read(self, run_id: str, key: str, *, in_time_order: bool) -> Points:
        try:
            view = await self._metrics.view(run_id)
        except Failure as failure:
            if failure.reason is Reason.RUN_NOT_FOUND:
                return Points.none()
            raise
        # Clients ask for a long history page by page.
        name = (run_id, f"{in_time_order:d}{key}", view.cursor)
        known = self._ordered.get(name)
        if known is not None:
            self._ordered.move_to_end(name)
            return known
        series = [row async for row in self._metrics.select(run_id, SeriesFilter(keys=[key]))]
        parts = [
            points
            for row in _chosen(series)
            async for points in self._metrics.points(view, row.series_id)
        ]
        ordered = await asyncio.to_thread(_joined, parts, in_time_order=in_time_order)
        if len(ordered) <= MAX_CACHED_POINTS:
            self._ordered[name] = ordered
            while len(self._ordered) > CACHED_HISTORIES:
                self._ordered.popitem(last=False)
        return ordered


def _chosen(series: Sequence[SeriesRow]) -> list[SeriesRow]:
    ranks = [row.name.rank for row in series]
    return [row for row in series if row.name.rank == min(ranks)]


def _joined(parts: list[Points], *, in_time_order: bool) -> Points:
    points = Points.joined(parts).in_order()
    later = points.time[1:] >= points.time[:-1]
    if not in_time_order or bool(later.all()):
        return points
    return points.where(np.lexsort((value_order(points.value), points.step, points.time)))


def sampled(points: Points, count: int) -> Points:
    """Returns at most `count` points, evenly chosen: the first of each equal share, and the last.

    Larger shares come first where they cannot be equal; the last point stands for the last share.
    """
    total = len(points)
    if total <= count:
        return points
    share, larger = divmod(total, count)
    starts = np.arange(count) * share + np.minimum(np.arange(count), larger)
    starts[-1] = total - 1
    return points.where(starts)


async def write_points(key: str, points: Points, run_id: str = "") -> str:
    """Returns points as the inside of a JSON list; each names the run if that is given."""
    head = f'{{"key":{encode(key)},"value":'
    tail = f',"run_id":{encode(run_id)}}}' if run_id else "}"
    pieces: list[str] = []
    for begin in range(0, len(points), POINTS_AT_ONCE):
        piece = points.where(slice(begin, begin + POINTS_AT_ONCE))
        pieces.append(_written(head, piece, tail))
        await asyncio.sleep(0)
    return ",".join(pieces)


def _written(head: str, points: Points, tail: str) -> str:
    values: list[float | str] = points.value.tolist()
    if not np.isfinite(points.value).all():
        shown = [shown_value(value) for value in points.value.tolist()]
        values = ['"NaN"' if value == "NaN" else value for value in shown]
    template = f'{head.replace("%", "%%")}%s,"timestamp":%d,"step":%d{tail.replace("%", "%%")}'
    times = (points.time // 1000).tolist()
    return ",".join(map(template.__mod__, zip(values, times, points.step.tolist(), strict=True)))
