"""Metrics between the contract's messages and the core's values."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeVar

import numpy as np
from google.protobuf.message import Message
from numpy.typing import NDArray

from runstream._wire import delimited
from runstream.v1 import metric_pb2, metric_service_pb2
from runstream_server.core.metrics import GivenPoint
from runstream_server.core.points import Points
from runstream_server.core.reading.charts import Chart
from runstream_server.core.validation import check_count, check_storable
from runstream_server.core.watching import Step
from runstream_server.storage.name_rows import SeriesName
from runstream_server.storage.series_rows import SeriesFilter

__all__ = [
    "POINTS_PER_MESSAGE",
    "fill_chart",
    "fill_points",
    "given_points",
    "pieces",
    "series_filter",
    "step_messages",
    "summary_message",
]

WatchAnswer = TypeVar(
    "WatchAnswer", metric_service_pb2.WatchRunResponse, metric_service_pb2.WatchRunsResponse
)

POINTS_PER_MESSAGE: Final = 40_000
"""24 bytes each: a little less than 1 MiB."""
MAX_SELECTED: Final = 10_000


def series_filter(selector: metric_pb2.SeriesSelector) -> SeriesFilter:
    """Returns what a selector asks for.

    Raises:
        Failure: TOO_MANY_ENTRIES, or INVALID_VALUE of a key.
    """
    check_count("selector.keys", selector.keys, MAX_SELECTED)
    for key in selector.keys:
        check_storable("selector.keys", key)
    check_storable("selector.key_glob", selector.key_glob)
    check_count("selector.ranks", selector.ranks, MAX_SELECTED)
    ranks = [*selector.ranks, *([-1] if selector.rankless else [])]
    return SeriesFilter(
        keys=list(selector.keys) or None, key_glob=selector.key_glob or None, ranks=ranks or None
    )


def given_points(request: metric_service_pb2.LogMetricsRequest) -> list[GivenPoint]:
    """Returns the points of a request."""
    return [
        GivenPoint(
            key=point.key,
            value=point.value,
            step=point.step,
            time_us=point.time_unix_us if point.HasField("time_unix_us") else None,
            rank=point.rank if point.HasField("rank") else None,
            model_id=point.model_id,
            dataset_name=point.dataset_name,
            dataset_digest=point.dataset_digest,
        )
        for point in request.points
    ]


def series_message(name: SeriesName) -> metric_pb2.Series:
    """Returns the name of a series."""
    rank = None if name.rank < 0 else name.rank
    return metric_pb2.Series(key=name.key, rank=rank, attempt=name.attempt)


def pieces(points: Points) -> Iterator[Points]:
    """Cuts points into pieces that fit into a message."""
    for begin in range(0, len(points), POINTS_PER_MESSAGE):
        yield points.where(slice(begin, begin + POINTS_PER_MESSAGE))


def fill_points(message: metric_pb2.SeriesPoints, name: SeriesName, points: Points) -> None:
    """Puts points of a series into an empty message."""
    message.series.CopyFrom(series_message(name))
    _set_columns(message, {2: points.step, 3: points.time, 4: points.value})


def _set_columns(message: Message, columns: dict[int, NDArray[Any]]) -> None:
    # A packed column of fixed width is its bytes: merging these costs a copy, setting the field 50
    # ns a value.
    encoded: list[bytes] = []
    for number, column in columns.items():
        encoded.extend((delimited(number, column.nbytes), column.tobytes()))
    message.MergeFromString(b"".join(encoded))


def summary_message(name: SeriesName, entry: Any) -> metric_pb2.SeriesSummary:  # noqa: ANN401 - a row of ENTRY
    """Returns the summary of a series."""
    return metric_pb2.SeriesSummary(
        series=series_message(name),
        count=int(entry["count"]),
        nan_count=int(entry["nan_count"]),
        first=_point(entry, "first"),
        last=_point(entry, "last"),
        min=float(entry["min"]),
        max=float(entry["max"]),
        sum=float(entry["sum"]),
        min_time_unix_us=int(entry["min_time"]),
        max_time_unix_us=int(entry["max_time"]),
    )


def _point(entry: Any, name: str) -> metric_pb2.Point:  # noqa: ANN401 - a row of ENTRY
    return metric_pb2.Point(
        step=int(entry[f"{name}_step"]),
        time_unix_us=int(entry[f"{name}_time"]),
        value=float(entry[name]),
    )


def fill_chart(
    message: metric_pb2.ChartSeries, run_id: str, name: SeriesName, made: Chart, *, by_time: bool
) -> None:
    """Puts a chart into an empty message."""
    message.run_id = run_id
    message.series.CopyFrom(series_message(name))
    message.bucket_width = made.bucket_width
    entries = made.entries
    message.count.extend(entries["count"].tolist())
    message.nan_count.extend(entries["nan_count"].tolist())
    x_first, x_last = ("min_time", "max_time") if by_time else ("first_step", "last_step")
    columns = (x_first, x_last, None, None, "first", "last", "min", "max", "sum")
    _set_columns(
        message,
        {
            number: np.ascontiguousarray(entries[column])
            for number, column in enumerate(columns, 4)
            if column is not None
        },
    )


def step_messages(
    step: Step,
    names: Mapping[int, SeriesName | None],
    new: Callable[[], WatchAnswer],
    before: int,
) -> Iterator[WatchAnswer]:
    """Yields the points of a step.

    The last message carries its cursor, those before it the cursor `before` it.

    Args:
        step: What a run got.
        names: The names of its series; none for those that are not wanted.
        new: Makes an empty message.
        before: The cursor of the step before.
    """
    response = new()
    response.cursor = before
    filled = 0
    for group in step.groups:
        for column, series_id in enumerate(group.series.tolist()):
            name = names.get(series_id)
            if name is None:
                continue
            points = Points(group.step, group.time, np.ascontiguousarray(group.value[:, column]))
            for piece in pieces(points):
                if filled and filled + len(piece) > POINTS_PER_MESSAGE:
                    yield response
                    response, filled = new(), 0
                    response.cursor = before
                fill_points(response.series.add(), name, piece)
                filled += len(piece) + 4
    response.cursor = step.cursor
    yield response
