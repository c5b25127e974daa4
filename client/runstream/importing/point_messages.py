"""From columns of points to the bytes of StreamMetricsRequest: a row for each point."""

import struct
import sys
from array import array  # noqa: TC003 - costs nothing
from collections.abc import Iterable, Iterator
from typing import Final

from runstream._wire import delimited
from runstream.importing.entities import Points
from runstream.v1 import metric_service_pb2 as pb

__all__ = ["messages"]

ROWS_A_MESSAGE: Final = 32_000
"""About 1 MB."""
INLINE: Final = 0xFFFFFFFF

# Field numbers: of the batch in StreamMetricsRequest, of the columns in MetricBatch.
_BATCH: Final = 2
_LAYOUT: Final = 4
_STEP: Final = 5
_TIME: Final = 6
_VALUE: Final = 7
_INLINE_COUNT: Final = 8
_INLINE_SERIES: Final = 9


class _Batch:
    """Collects rows of several metrics for one message."""

    def __init__(self, offset: int) -> None:
        self.head = pb.MetricBatch(offset=offset)
        self.rows = 0
        self._layout = bytearray()
        self._columns = {_STEP: bytearray(), _TIME: bytearray(), _VALUE: bytearray()}
        self._inline = bytearray()

    def add(self, series: int, layout: int, points: Points, begin: int, end: int) -> None:
        """Adds some points of a metric."""
        rows = end - begin
        self.rows += rows
        self._layout += struct.pack("<I", layout) * rows
        if layout == INLINE:
            self._inline += struct.pack("<I", series) * rows
        self._columns[_STEP] += _bytes(points.step[begin:end])
        self._columns[_TIME] += _bytes(points.time_us[begin:end])
        self._columns[_VALUE] += _bytes(points.value[begin:end])

    def message(self) -> bytes:
        """Returns the request."""
        parts = [self.head.SerializeToString()]
        columns = {_LAYOUT: self._layout, **self._columns}
        if self._inline:
            columns[_INLINE_COUNT] = bytearray(struct.pack("<I", 1) * (len(self._inline) // 4))
            columns[_INLINE_SERIES] = self._inline
        for number, column in columns.items():
            parts += [delimited(number, len(column)), bytes(column)]
        return b"".join([delimited(_BATCH, sum(map(len, parts))), *parts])


def messages(
    pieces: Iterable[Points], first_row: int, max_layouts: int
) -> Iterator[tuple[bytes, int]]:
    """Yields the messages that carry points from a row on, and how many rows each holds.

    Args:
        pieces: All points of the writer, from its row 0 on.
        first_row: Rows before it are passed over.
        max_layouts: Metrics beyond so many say their series in each row.
    """
    series: dict[str, int] = {}
    batch = _Batch(first_row)
    row = 0
    for points in pieces:
        begin = min(max(first_row - row, 0), len(points))
        row += len(points)
        while begin < len(points):
            index = series.get(points.key, -1)
            if index < 0:
                index = series[points.key] = len(series)
                batch.head.series.add(index=index, key=points.key)
                if index < max_layouts:
                    batch.head.layouts.add(index=index, series=[index])
            end = min(begin + ROWS_A_MESSAGE - batch.rows, len(points))
            batch.add(index, index if index < max_layouts else INLINE, points, begin, end)
            begin = end
            if batch.rows == ROWS_A_MESSAGE:
                yield batch.message(), batch.rows
                batch = _Batch(batch.head.offset + batch.rows)
    if batch.rows:
        yield batch.message(), batch.rows


def _bytes(column: "array[int] | array[float]") -> bytes:
    if sys.byteorder == "big":
        column.byteswap()  # a copy already
    return column.tobytes()
