"""Where a group's rows are cut into chunks.

Chart buckets are [k * 2**n, (k + 1) * 2**n) along the steps. Chunks are cut at such limits too, so
that for a bucket wider than its chunks nothing has to be read but their envelopes.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from runstream_server.core.blocks.directory import ROW_CHUNK, STRICT, TIME_ASCENDS
from runstream_server.core.blocks.groups import RowGroup
from runstream_server.core.logformat import Int64s

__all__ = ["ROWS_PER_CHUNK", "describe", "row_cuts"]

ROWS_PER_CHUNK: Final = 4096


def row_cuts(step: Int64s) -> Int64s:
    """Returns the first row of each chunk, ascending from 0, for steps in ascending order.

    A chunk has at most `ROWS_PER_CHUNK` rows. It lies within one cell of a dyadic grid, unless it
    was joined from small neighbours.
    """
    cuts: list[int] = []
    open_ranges = [(0, len(step))]
    while open_ranges:
        begin, end = open_ranges.pop()
        if end - begin <= ROWS_PER_CHUNK:
            cuts.append(begin)
            continue
        low, high = int(step[begin]), int(step[end - 1])
        if low == high:
            cuts.extend(range(begin, end, ROWS_PER_CHUNK))
            continue
        # Steps are signed; the arithmetic of Python's integers shifts them as if they were
        # infinitely long.
        bit = _highest_differing_bit(low, high)
        limit = (high >> bit) << bit
        middle = begin + int(np.searchsorted(step[begin:end], limit))
        open_ranges.append((middle, end))
        open_ranges.append((begin, middle))
    return _joined(cuts, len(step))


def _highest_differing_bit(low: int, high: int) -> int:
    return (low ^ high).bit_length() - 1 if (low < 0) == (high < 0) else 63


def _joined(cuts: list[int], rows: int) -> Int64s:
    kept: list[int] = []
    for begin, end in zip(cuts, [*cuts[1:], rows], strict=True):
        if kept and end - kept[-1] <= ROWS_PER_CHUNK // 2:
            continue
        kept.append(begin)
    return np.array(kept, np.int64)


def describe(group: RowGroup, cuts: Int64s) -> NDArray[Any]:
    """Returns the row chunks (`directory.ROW_CHUNK`) of a group that is cut at the rows `cuts`."""
    step, time = group.step, group.time
    ends = np.append(cuts[1:], len(step))
    table = np.zeros(len(cuts), ROW_CHUNK)
    table["first_row"], table["rows"] = cuts, ends - cuts
    table["first_step"], table["first_time"] = step[cuts], time[cuts]
    table["last_step"], table["last_time"] = step[ends - 1], time[ends - 1]
    table["min_time"], table["max_time"] = (
        np.minimum.reduceat(time, cuts),
        np.maximum.reduceat(time, cuts),
    )
    tied = np.zeros(len(step), np.int64)
    tied[1:] = (step[1:] == step[:-1]) & (time[1:] == time[:-1])
    backwards = np.zeros(len(step), np.int64)
    backwards[1:] = time[1:] <= time[:-1]
    # The first row of a chunk is compared within its chunk only.
    tied[cuts] = backwards[cuts] = 0
    strict = np.add.reduceat(tied, cuts) == 0
    ascends = np.add.reduceat(backwards, cuts) == 0
    table["flags"] = np.where(strict, STRICT, 0) | np.where(ascends, TIME_ASCENDS, 0)
    return table
