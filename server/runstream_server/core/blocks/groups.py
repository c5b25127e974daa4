"""Rows of one layout, as a matrix: the unit that is compressed together."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from runstream_server.core.logformat import INLINE, Float64s, Int64s, LogRows, UInt32s

__all__ = ["RowGroup", "merge_groups", "split_rows"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowGroup:
    """Rows that have values for the same series.

    Attributes:
        series: Series ids, one per column.
        step: One per row.
        time: One per row.
        value: Rows by columns.
    """

    series: UInt32s
    step: Int64s
    time: Int64s
    value: Float64s

    def in_order(self) -> "RowGroup":
        """Returns the rows in order of (step, time), without those that repeat another entirely."""
        step, time = self.step, self.time
        later = step[1:] > step[:-1]
        tied = step[1:] == step[:-1]
        if (later | (tied & (time[1:] > time[:-1]))).all():
            return self
        order = np.lexsort((time, step))
        step, time = step[order], time[order]
        tie = np.zeros(len(order) + 1, np.bool_)
        tie[1:-1] = (step[1:] == step[:-1]) & (time[1:] == time[:-1])
        order = self._without_repeats(order, tie[1:] | tie[:-1])
        return RowGroup(
            series=self.series,
            step=self.step[order],
            time=self.time[order],
            value=self.value[order],
        )

    def _without_repeats(
        self,
        order: np.ndarray[tuple[int], np.dtype[np.intp]],
        tied: np.ndarray[tuple[int], np.dtype[np.bool_]],
    ) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
        seen: set[tuple[int, int, bytes]] = set()
        keep = np.ones(len(order), np.bool_)
        for place in np.nonzero(tied)[0].tolist():
            row = int(order[place])
            content = int(self.step[row]), int(self.time[row]), self.value[row].tobytes()
            if content in seen:
                keep[place] = False
            seen.add(content)
        return order[keep]


def split_rows(batches: Iterable[LogRows], layouts: Mapping[int, UInt32s]) -> list[RowGroup]:
    """Sorts the rows of log batches into groups; inline rows become one group per series."""
    parts: dict[int, list[RowGroup]] = {}
    inline: list[tuple[UInt32s, Int64s, Int64s, Float64s]] = []
    for rows in batches:
        if not len(rows.layout):
            continue
        if (rows.layout == rows.layout[0]).all() and rows.layout[0] != INLINE:
            series = layouts[int(rows.layout[0])]
            value = rows.value.reshape(len(rows.step), len(series))
            parts.setdefault(int(rows.layout[0]), []).append(
                RowGroup(series=series, step=rows.step, time=rows.time, value=value)
            )
            continue
        start = _row_starts(rows, layouts)
        for layout in np.unique(rows.layout).tolist():
            chosen = np.nonzero(rows.layout == layout)[0]
            if layout == INLINE:
                inline.append(_inline_points(rows, chosen, start))
                continue
            series = layouts[layout]
            places = start[chosen][:, None] + np.arange(len(series))
            parts.setdefault(layout, []).append(
                RowGroup(
                    series=series,
                    step=rows.step[chosen],
                    time=rows.time[chosen],
                    value=rows.value[places],
                )
            )
    groups = [_stacked(same) for same in parts.values()]
    groups.extend(_by_series(inline))
    return merge_groups(groups)


def _row_starts(rows: LogRows, layouts: Mapping[int, UInt32s]) -> Int64s:
    width = np.zeros(len(rows.layout), np.int64)
    for layout in np.unique(rows.layout).tolist():
        if layout != INLINE:
            width[rows.layout == layout] = len(layouts[layout])
    width[rows.layout == INLINE] = rows.inline_count
    return np.cumsum(width) - width


def _inline_points(
    rows: LogRows, chosen: np.ndarray[tuple[int], np.dtype[np.intp]], start: Int64s
) -> tuple[UInt32s, Int64s, Int64s, Float64s]:
    count = rows.inline_count.astype(np.int64)
    row = np.repeat(chosen, count)
    within = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    return rows.inline_series, rows.step[row], rows.time[row], rows.value[start[row] + within]


def _by_series(points: list[tuple[UInt32s, Int64s, Int64s, Float64s]]) -> Iterable[RowGroup]:
    if not points:
        return
    series, step, time, value = (np.concatenate(column) for column in zip(*points, strict=True))
    order = np.argsort(series, kind="stable")
    series, step, time, value = series[order], step[order], time[order], value[order]
    starts = np.nonzero(np.concatenate(([True], series[1:] != series[:-1])))[0]
    for begin, end in zip(starts.tolist(), [*starts[1:].tolist(), len(series)], strict=True):
        yield RowGroup(
            series=series[begin : begin + 1],
            step=step[begin:end],
            time=time[begin:end],
            value=value[begin:end, None],
        )


def _stacked(groups: list[RowGroup]) -> RowGroup:
    if len(groups) == 1:
        return groups[0]
    return RowGroup(
        series=groups[0].series,
        step=np.concatenate([group.step for group in groups]),
        time=np.concatenate([group.time for group in groups]),
        value=np.concatenate([group.value for group in groups]),
    )


def merge_groups(groups: Iterable[RowGroup]) -> list[RowGroup]:
    """Joins groups that have the same series, and puts the rows of each in order."""
    same: dict[bytes, list[RowGroup]] = {}
    for group in groups:
        same.setdefault(group.series.tobytes(), []).append(group)
    return [_stacked(some).in_order() for some in same.values()]
