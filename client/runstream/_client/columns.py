"""From encoded points to columns, without a step of Python per value."""

import sys
from array import array
from collections.abc import Sequence
from typing import Any, Final, Literal, cast

from runstream._client.convert import run_of, series_of
from runstream._wire import delimited_fields, split_field
from runstream.entities import (
    Chart,
    ChartSeries,
    FloatColumn,
    History,
    IntColumn,
    RunUpdate,
    Series,
    SeriesPoints,
)
from runstream.v1 import metric_pb2, metric_service_pb2 as pb

__all__ = ["ChartCollector", "HistoryCollector", "update_of"]

# Field numbers in GetHistoryResponse, WatchRunResponse and SeriesPoints.
_HISTORY_SERIES: Final = 1
_UPDATE_SERIES: Final = 2
_POINTS_SERIES: Final = 1
_STEP: Final = 2
_TIME: Final = 3
_VALUE: Final = 4

_TypeCode = Literal["q", "d"]


class _Columns:
    """Collects the columns of one series."""

    __slots__ = ("_step", "_time_us", "_value")

    def __init__(self) -> None:
        self._step = bytearray()
        self._time_us = bytearray()
        self._value = bytearray()

    def add(self, points: memoryview) -> None:
        """Takes an encoded SeriesPoints."""
        for number, content in delimited_fields(points):
            if number == _STEP:
                self._step += content
            elif number == _TIME:
                self._time_us += content
            elif number == _VALUE:
                self._value += content

    def points(self, series: Series) -> SeriesPoints:
        """Returns what was collected."""
        return SeriesPoints(
            series=series,
            step=cast("IntColumn", _column(self._step, "q")),
            time_us=cast("IntColumn", _column(self._time_us, "q")),
            value=cast("FloatColumn", _column(self._value, "d")),
        )


class HistoryCollector:
    """Puts GetHistoryResponses together."""

    def __init__(self) -> None:
        self._columns: dict[bytes, _Columns] = {}
        self._cursor = 0

    def add(self, answer: bytes) -> None:
        """Takes an encoded GetHistoryResponse."""
        pieces, rest = split_field(answer, _HISTORY_SERIES)
        for piece in pieces:
            columns = self._columns.setdefault(_name(piece), _Columns())
            columns.add(piece)
        self._cursor = pb.GetHistoryResponse.FromString(rest).cursor

    def result(self) -> History:
        """Returns the histories."""
        points = [columns.points(_series(name)) for name, columns in self._columns.items()]
        return History(series={one.series: one for one in points}, cursor=self._cursor)


class ChartCollector:
    """Puts GetChartResponses together."""

    def __init__(self) -> None:
        self._series: list[ChartSeries] = []
        self._cursors: dict[str, int] = {}

    def add(self, answer: bytes) -> None:
        """Takes an encoded GetChartResponse."""
        response = pb.GetChartResponse.FromString(answer)
        self._series += map(_chart_series, response.series)
        self._cursors |= response.cursors

    def result(self) -> Chart:
        """Returns the chart."""
        return Chart(series=tuple(self._series), cursors=self._cursors)


def update_of(answer: bytes) -> RunUpdate:
    """Converts an encoded WatchRunResponse."""
    pieces, rest = split_field(answer, _UPDATE_SERIES)
    response = pb.WatchRunResponse.FromString(rest)
    series: list[SeriesPoints] = []
    for piece in pieces:
        columns = _Columns()
        columns.add(piece)
        series.append(columns.points(_series(_name(piece))))
    return RunUpdate(
        cursor=response.cursor,
        series=tuple(series),
        run=run_of(response.run) if response.HasField("run") else None,
    )


def _name(points: memoryview) -> bytes:
    """Returns the encoded name of the series in an encoded SeriesPoints."""
    for number, content in delimited_fields(points):
        if number == _POINTS_SERIES:
            return bytes(content)
    return b""


def _series(name: bytes) -> Series:
    return series_of(metric_pb2.Series.FromString(name))


def _chart_series(message: metric_pb2.ChartSeries) -> ChartSeries:
    return ChartSeries(
        run_id=message.run_id,
        series=series_of(message.series),
        bucket_width=message.bucket_width,
        x_first=_ints(message.x_first),
        x_last=_ints(message.x_last),
        count=_ints(message.count),
        nan_count=_ints(message.nan_count),
        first=_floats(message.first),
        last=_floats(message.last),
        min=_floats(message.min),
        max=_floats(message.max),
        sum=_floats(message.sum),
    )


def _ints(values: Sequence[int]) -> IntColumn:
    return cast("IntColumn", _packed(values, "q"))


def _floats(values: Sequence[float]) -> FloatColumn:
    return cast("FloatColumn", _packed(values, "d"))


def _packed(values: Sequence[float], code: _TypeCode) -> object:
    """Returns numbers as a column."""
    try:
        import numpy as np
    except ImportError:
        return memoryview(array(code, values))
    column: Any = np.fromiter(values, dtype=code, count=len(values))
    return column


def _column(data: bytearray, code: _TypeCode) -> object:
    """Returns little-endian bytes as a column, without copying them."""
    try:
        import numpy as np
    except ImportError:
        if sys.byteorder == "big":
            numbers = array(code, bytes(data))
            numbers.byteswap()
            return memoryview(numbers)
        return memoryview(data).cast(code)
    column: Any = np.frombuffer(data, dtype=f"<{code}")
    return column
