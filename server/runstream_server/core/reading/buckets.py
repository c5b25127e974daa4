"""Envelopes of stretches of a series, and how they add up."""

from enum import Enum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from runstream_server.core.points import Points, value_order

__all__ = ["ENTRY", "Axis", "entries_of_chunks", "entries_of_points", "fold_entries"]


class Axis(Enum):
    """What x is."""

    STEP = "step"
    TIME = "time"


ENTRY: Final = np.dtype(
    [
        ("bucket", "<i8"),
        ("count", "<i8"),
        ("nan_count", "<i8"),
        ("first_step", "<i8"),
        ("first_time", "<i8"),
        ("first", "<f8"),
        ("last_step", "<i8"),
        ("last_time", "<i8"),
        ("last", "<f8"),
        ("min", "<f8"),
        ("max", "<f8"),
        ("sum", "<f8"),
        ("min_time", "<i8"),
        ("max_time", "<i8"),
    ]
)
"""The envelope of points that are in one bucket.

First and last are the least and greatest point in the order of the axis.
"""

Entries = NDArray[Any]

_FIRST: Final = ("first_step", "first_time", "first")
_LAST: Final = ("last_step", "last_time", "last")


def entries_of_chunks(
    refs: NDArray[Any], fields: NDArray[np.float64], bucket: NDArray[np.int64]
) -> Entries:
    """Returns an entry per chunk from the chunks' envelopes.

    Args:
        refs: Chunks whose points differ in (step, time).
        fields: Their envelopes, fields by chunks.
        bucket: The bucket that each lies in.
    """
    table = np.zeros(len(refs), ENTRY)
    table["bucket"], table["count"] = bucket, refs["rows"]
    for name in ("first_step", "first_time", "last_step", "last_time", "min_time", "max_time"):
        table[name] = refs[name]
    table["nan_count"] = fields[0]
    for place, name in enumerate(("first", "last", "min", "max", "sum"), 1):
        table[name] = fields[place]
    return table


def entries_of_points(points: Points, bucket: NDArray[np.int64]) -> Entries:
    """Returns an entry per bucket for points that are in the order of the axis and each once.

    Args:
        points: The points.
        bucket: The bucket of each, ascending.
    """
    if not len(points):
        return np.zeros(0, ENTRY)
    starts = np.nonzero(np.append(True, bucket[1:] != bucket[:-1]))[0]
    ends = np.append(starts[1:], len(points)) - 1
    nan = np.isnan(points.value)
    table = np.zeros(len(starts), ENTRY)
    table["bucket"] = bucket[starts]
    table["count"] = ends - starts + 1
    table["nan_count"] = np.add.reduceat(nan, starts, dtype=np.int64)
    for names, rows in ((_FIRST, starts), (_LAST, ends)):
        for name, column in zip(names, (points.step, points.time, points.value), strict=True):
            table[name] = column[rows]
    table["min"] = np.fmin.reduceat(points.value, starts)
    table["max"] = np.fmax.reduceat(points.value, starts)
    with np.errstate(invalid="ignore", over="ignore"):
        table["sum"] = np.add.reduceat(np.where(nan, 0.0, points.value), starts)
    table["min_time"] = np.minimum.reduceat(points.time, starts)
    table["max_time"] = np.maximum.reduceat(points.time, starts)
    return table


def fold_entries(entries: Entries) -> Entries:
    """Returns one entry per bucket for entries that are in the order of the axis."""
    if not len(entries):
        return entries
    starts = np.nonzero(np.append(True, entries["bucket"][1:] != entries["bucket"][:-1]))[0]
    if len(starts) == len(entries):
        return entries
    result = entries[starts].copy()
    last = entries[np.append(starts[1:], len(entries)) - 1]
    for name in _LAST:
        result[name] = last[name]
    for name in ("count", "nan_count"):
        result[name] = np.add.reduceat(entries[name], starts)
    result["min"] = np.fmin.reduceat(entries["min"], starts)
    result["max"] = np.fmax.reduceat(entries["max"], starts)
    with np.errstate(invalid="ignore", over="ignore"):
        result["sum"] = np.add.reduceat(entries["sum"], starts)
    result["min_time"] = np.minimum.reduceat(entries["min_time"], starts)
    result["max_time"] = np.maximum.reduceat(entries["max_time"], starts)
    return result


def in_time_order(points: Points) -> Points:
    """Returns points, each of which is there once, in ascending order of (time, step, value)."""
    time = points.time
    if (time[1:] > time[:-1]).all():
        return points
    return points.where(np.lexsort((value_order(points.value), points.step, time)))
