"""Charts and summaries."""

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from runstream_server.core.reading.buckets import Axis, entries_of_points, fold_entries
from runstream_server.core.reading.envelope_reader import EnvelopeReader, Range
from runstream_server.core.reading.view import RunView

__all__ = ["Chart", "chart", "shift_for", "summary"]

ONE_BUCKET: Final = 63
Entry: TypeAlias = Any
"""A row of `buckets.ENTRY`; numpy has no type for one."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A series in buckets.

    Attributes:
        bucket_width: In units of the axis; 0 when every point has a bucket of its own.
        entries: One per bucket (`buckets.ENTRY`), in order.
    """

    bucket_width: int
    entries: NDArray[Any]


async def chart(
    view: RunView, series_id: int, axis: Axis, within: Range, max_buckets: int
) -> Chart:
    """Returns a series in at most `max_buckets` buckets."""
    reader = EnvelopeReader(view, series_id, axis, within)
    if reader.at_least > max_buckets:
        shift = shift_for(*await reader.extent(), max_buckets)
        return Chart(1 << shift, await reader.entries(shift))
    points = await reader.points()
    if len(points) <= max_buckets:
        return Chart(0, entries_of_points(points, np.arange(len(points), dtype=np.int64)))
    x = points.step if axis is Axis.STEP else points.time
    shift = shift_for(int(x[0]), int(x[-1]), max_buckets)
    return Chart(1 << shift, entries_of_points(points, x >> np.int64(shift)))


def shift_for(low: int, high: int, max_buckets: int) -> int:
    """Returns the least n for which at most `max_buckets` buckets of width 2**n hold a range.

    The range is all x from `low` to `high`.

    63 when that takes a single bucket and x has both signs: no width joins these.
    """
    shift = 0
    while (high >> shift) - (low >> shift) >= max_buckets and shift < ONE_BUCKET:
        shift += 1
    return shift


async def summary(view: RunView, series_id: int) -> Entry | None:
    """Returns the entry (`buckets.ENTRY`) of a whole series, None if it has no points."""
    entries = await EnvelopeReader(view, series_id, Axis.STEP, Range()).entries(ONE_BUCKET)
    entries["bucket"] = 0  # negative and other steps are two buckets of any width
    folded = fold_entries(entries)
    return folded[0] if len(folded) else None
