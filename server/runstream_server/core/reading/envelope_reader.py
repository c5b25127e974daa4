"""Envelopes of a series over a range of an axis, from stored envelopes wherever they can be had."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from runstream_server.core.logformat import Int64s
from runstream_server.core.points import Points
from runstream_server.core.reading.buckets import (
    Axis,
    entries_of_chunks,
    entries_of_points,
    fold_entries,
    in_time_order,
)
from runstream_server.core.reading.chunk_refs import ChunkRefs, Range, with_columns
from runstream_server.core.reading.view import RunView

__all__ = ["EnvelopeReader"]

Entries = NDArray[Any]


class EnvelopeReader:
    """Reads one series of a view along one axis within a range."""

    def __init__(self, view: RunView, series_id: int, axis: Axis, within: Range) -> None:
        self._view = view
        self._axis = axis
        self._within = within
        alike, columns = view.places_of(series_id)
        self._stretch = alike.stretch(axis, within)
        self._refs = with_columns(self._stretch.refs, columns)

    @property
    def at_least(self) -> int:
        """A number of points that are in the range for sure."""
        return self._stretch.at_least

    async def points(self) -> Points:
        """Returns all points in the range in the order of the axis."""
        return await self._exact(np.ones(len(self._refs), np.bool_))

    async def _exact(self, chosen: NDArray[np.bool_]) -> Points:
        # The chosen chunks are whole clusters, so that repeats are seen; sorting all of them at
        # once is exact as well.
        points = Points.joined(await self._view.points(self._refs[chosen])).in_order()
        x = points.step if self._axis is Axis.STEP else points.time
        if len(x):
            points = points.where((x >= self._within.low) & (x <= self._within.high))
        return points if self._axis is Axis.STEP else in_time_order(points)

    async def extent(self) -> tuple[int, int]:
        """Returns the least and the greatest x in the range, which must hold points."""
        inside = self._stretch.inside
        lows, highs = [self._stretch.low[inside]], [self._stretch.high[inside]]
        if not inside.all():
            for points in await self._view.points(self._refs[~inside]):
                x = points.step if self._axis is Axis.STEP else points.time
                x = x[(x >= self._within.low) & (x <= self._within.high)]
                lows.append(x)
                highs.append(x)
        return int(np.concatenate(lows).min()), int(np.concatenate(highs).max())

    async def entries(self, shift: int) -> Entries:
        """Returns one entry per bucket of width 2**shift that has points, in order."""
        usable, bucket = self._stretch.usable(shift)
        if not len(bucket):
            points = await self.points()
            x = points.step if self._axis is Axis.STEP else points.time
            return entries_of_points(points, x >> np.int64(shift))
        chunks = self._refs[usable]
        fields = await self._view.envelopes(chunks)
        entries = entries_of_chunks(chunks, fields, bucket)
        if not usable.all():
            points = await self._exact(~usable)
            between = self._entries_between(points, chunks, shift)
            entries = self._ordered(np.concatenate([entries, between]))
        return fold_entries(entries)

    def _entries_between(self, points: Points, chunks: ChunkRefs, shift: int) -> Entries:
        # Chunks and the points between them alternate; entries of points must not reach across a
        # chunk.
        x = points.step if self._axis is Axis.STEP else points.time
        gap = self._places(points, chunks)
        bucket = x >> np.int64(shift)
        table = entries_of_points(points, _paired(bucket, gap))
        starts = np.nonzero(np.append(True, (bucket[1:] != bucket[:-1]) | (gap[1:] != gap[:-1])))[0]
        table["bucket"] = bucket[starts] if len(points) else 0
        return table

    def _places(self, points: Points, chunks: ChunkRefs) -> NDArray[np.intp]:
        """Returns for each point how many chunks come before it."""
        if self._axis is Axis.TIME:
            return np.searchsorted(chunks["min_time"], points.time, side="right")
        step = np.concatenate((chunks["first_step"], points.step))
        time = np.concatenate((chunks["first_time"], points.time))
        order = np.lexsort((time, step))
        is_chunk = order < len(chunks)
        before: NDArray[np.intp] = np.cumsum(is_chunk, dtype=np.intp)
        return before[~is_chunk]

    def _ordered(self, entries: Entries) -> Entries:
        keys = (
            ("first_time", "first_step")
            if self._axis is Axis.STEP
            else ("first_step", "first_time")
        )
        return entries[np.lexsort((entries[keys[0]], entries[keys[1]]))]


def _paired(bucket: Int64s, gap: NDArray[np.intp]) -> Int64s:
    changed = (bucket[1:] != bucket[:-1]) | (gap[1:] != gap[:-1])
    return np.append(0, np.cumsum(changed)).astype(np.int64) if len(bucket) else bucket
