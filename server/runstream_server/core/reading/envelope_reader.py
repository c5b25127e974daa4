"""Envelopes of a series over a range of an axis, from stored envelopes wherever they can be had."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runstream_server.core.blocks.directory import STRICT, TIME_ASCENDS
from runstream_server.core.logformat import Int64s
from runstream_server.core.points import Points
from runstream_server.core.reading.buckets import (
    ENTRY,
    Axis,
    entries_of_chunks,
    entries_of_points,
    fold_entries,
    in_time_order,
)
from runstream_server.core.reading.clusters import by_step, by_time
from runstream_server.core.reading.history import MAX_INT64, MIN_INT64
from runstream_server.core.reading.view import RunView

__all__ = ["EnvelopeReader", "Range"]

ChunkRefs = NDArray[Any]
Entries = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Range:
    """Values of x from `low` to `high`, both included."""

    low: int = MIN_INT64
    high: int = MAX_INT64


class EnvelopeReader:
    """Reads one series of a view along one axis within a range."""

    def __init__(self, view: RunView, series_id: int, axis: Axis, within: Range) -> None:
        self._view = view
        self._axis = axis
        self._within = within
        refs = view.chunks_of(series_id)
        low, high = self._ends(refs)
        refs = refs[(high >= within.low) & (low <= within.high)]
        self._refs, self._starts = (by_step if axis is Axis.STEP else by_time)(refs)
        self._low, self._high = self._ends(self._refs)

    def _ends(self, refs: ChunkRefs) -> tuple[Int64s, Int64s]:
        if self._axis is Axis.STEP:
            return refs["first_step"], refs["last_step"]
        return refs["min_time"], refs["max_time"]

    @property
    def at_least(self) -> int:
        """A number of points that are in the range for sure."""
        return int(self._refs["rows"][self._countable()].sum())

    def _alone(self) -> NDArray[np.bool_]:
        """Tells which chunks are a cluster of their own."""
        sizes = np.diff(np.append(self._starts, len(self._refs)))
        return np.repeat(sizes == 1, sizes)

    def _countable(self) -> NDArray[np.bool_]:
        inside = (self._low >= self._within.low) & (self._high <= self._within.high)
        strict: NDArray[np.bool_] = (self._refs["flags"] & STRICT) != 0
        return self._alone() & inside & strict

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
        inside = (self._low >= self._within.low) & (self._high <= self._within.high)
        lows, highs = [self._low[inside]], [self._high[inside]]
        for points in await self._view.points(self._refs[~inside]):
            x = points.step if self._axis is Axis.STEP else points.time
            x = x[(x >= self._within.low) & (x <= self._within.high)]
            lows.append(x)
            highs.append(x)
        return int(np.concatenate(lows).min()), int(np.concatenate(highs).max())

    async def entries(self, shift: int) -> Entries:
        """Returns one entry per bucket of width 2**shift that has points, in order."""
        usable = self._countable() & self._refs["has_envelope"]
        usable &= self._bucket(self._low, shift) == self._bucket(self._high, shift)
        if self._axis is Axis.TIME:
            usable &= (self._refs["flags"] & TIME_ASCENDS) != 0
        chunks = self._refs[usable]
        tables = [np.zeros(0, ENTRY)]
        if len(chunks):
            fields = await self._view.envelopes(chunks)
            tables.append(entries_of_chunks(chunks, fields, self._bucket(self._low[usable], shift)))
        points = await self._exact(~usable)
        tables.append(self._entries_between(points, chunks, shift))
        return fold_entries(self._ordered(np.concatenate(tables)))

    def _entries_between(self, points: Points, chunks: ChunkRefs, shift: int) -> Entries:
        # Chunks and the points between them alternate; entries of points must not reach across a
        # chunk.
        x = points.step if self._axis is Axis.STEP else points.time
        gap = self._places(points, chunks)
        bucket = self._bucket(x, shift)
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

    @staticmethod
    def _bucket(x: Int64s, shift: int) -> Int64s:
        return x >> np.int64(shift)


def _paired(bucket: Int64s, gap: NDArray[np.intp]) -> Int64s:
    changed = (bucket[1:] != bucket[:-1]) | (gap[1:] != gap[:-1])
    return np.append(0, np.cumsum(changed)).astype(np.int64) if len(bucket) else bucket
