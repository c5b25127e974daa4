"""The calls of MetricService."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from runstream._client.calls import Collect, Pages, Unary
from runstream._client.columns import ChartCollector, HistoryCollector
from runstream._client.convert import chart_axis_number, selector_of, summary_of
from runstream.entities import Chart, ChartAxis, History, MetricPoint, SeriesSummary
from runstream.errors import InvalidValue
from runstream.v1 import metric_service_pb2 as pb

__all__ = ["Watch", "chart", "history", "list_series", "log_metrics", "watch_run"]

_SERVICE: Final = "/runstream.v1.MetricService/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """A live stream, to be taken up again from its latest cursor.

    Attributes:
        method: The RPC.
        request: The request of the first attempt.
        reconnect_for_s: How long to try to reach the server again before giving up.
    """

    method: str
    request: pb.WatchRunRequest
    reconnect_for_s: float

    def first_request(self) -> pb.WatchRunRequest:
        """Returns a request whose cursor may be moved on."""
        request = pb.WatchRunRequest()
        request.CopyFrom(self.request)
        return request


def log_metrics(run_id: str, points: Iterable[MetricPoint]) -> Unary[int]:
    """Logs points to a run, all of them or none. They are committed when it returns.

    This is for tools and backfills; training processes log through `runstream.start_run`.

    Args:
        run_id: The run.
        points: 1 to 65 536. One without a time is logged as of now.

    Returns:
        The log position after them, for `watch_run`.

    Raises:
        FailedPrecondition: if the run is deleted.
        InvalidValue: if a key or a dataset cannot be stored.
        NotFound: if there is no such run, or no logged model that a point names.
    """
    # With a time in it, the request may be repeated: a point is its content.
    now_us = time.time_ns() // 1_000
    request = pb.LogMetricsRequest(
        run_id=run_id,
        points=[
            pb.MetricPoint(
                key=point.key,
                value=point.value,
                step=point.step,
                time_unix_us=now_us if point.time_us is None else point.time_us,
                rank=point.rank,
                model_id=point.model_id,
                dataset_name=point.dataset_name,
                dataset_digest=point.dataset_digest,
            )
            for point in points
        ],
    )
    return Unary(
        method=f"{_SERVICE}LogMetrics",
        request=request,
        answer=pb.LogMetricsResponse,
        convert=_cursor,
    )


def list_series(
    run_id: str,
    *,
    keys: Sequence[str] = (),
    key_glob: str = "",
    ranks: Sequence[int] = (),
    rankless: bool = False,
    page_size: int = 0,
) -> Pages[SeriesSummary]:
    """Lists the series of a run with their summaries, ordered by key, then rank.

    Args:
        run_id: The run.
        keys: These metrics only.
        key_glob: The metrics whose key matches, for example `loss/*`.
        ranks: The series of these ranks only.
        rankless: The series without a rank only; together with `ranks`, both.
        page_size: The most to fetch at once; 0 means 1 000.

    Raises:
        NotFound: if there is no such run.
    """
    request = pb.ListSeriesRequest(
        run_id=run_id,
        selector=selector_of(keys, key_glob, ranks, rankless=rankless),
        page_size=page_size,
    )
    return Pages(
        method=f"{_SERVICE}ListSeries",
        request=request,
        answer=pb.ListSeriesResponse,
        convert=_summaries,
    )


def history(
    run_id: str,
    keys: Sequence[str] = (),
    *,
    key_glob: str = "",
    ranks: Sequence[int] = (),
    rankless: bool = False,
    min_step: int | None = None,
    max_step: int | None = None,
) -> Collect[History]:
    """Returns complete histories: every point, bit for bit as it was logged.

    Args:
        run_id: The run.
        keys: These metrics only. One that the run lacks is no error.
        key_glob: The metrics whose key matches, for example `loss/*`.
        ranks: The series of these ranks only.
        rankless: The series without a rank only; together with `ranks`, both.
        min_step: Leaves out lesser steps.
        max_step: Leaves out greater steps.

    Raises:
        NotFound: if there is no such run.
    """
    request = pb.GetHistoryRequest(
        run_id=run_id,
        selector=selector_of(keys, key_glob, ranks, rankless=rankless),
        min_step=min_step,
        max_step=max_step,
    )
    return Collect(method=f"{_SERVICE}GetHistory", request=request, collector=HistoryCollector)


def chart(
    run_ids: Sequence[str],
    keys: Sequence[str] = (),
    *,
    key_glob: str = "",
    ranks: Sequence[int] = (),
    rankless: bool = False,
    x_axis: str = ChartAxis.STEP,
    x_min: int | None = None,
    x_max: int | None = None,
    max_buckets: int = 0,
) -> Collect[Chart]:
    """Returns series summed up for drawing: first, last, least, greatest and sum of each bucket.

    Args:
        run_ids: 1 to 1 000 runs.
        keys: These metrics only.
        key_glob: The metrics whose key matches, for example `loss/*`.
        ranks: The series of these ranks only.
        rankless: The series without a rank only; together with `ranks`, both.
        x_axis: A `ChartAxis`.
        x_min: Leaves out points before it: a step, or microseconds since the epoch.
        x_max: Leaves out points behind it.
        max_buckets: Of each series; 0 means 1 000.

    Raises:
        NotFound: if there is no such run.
    """
    if isinstance(run_ids, str):
        raise InvalidValue(f"run_ids is the text {run_ids!r:.100}: use a list of ids")
    request = pb.GetChartRequest(
        run_ids=run_ids,
        selector=selector_of(keys, key_glob, ranks, rankless=rankless),
        x_axis=chart_axis_number(x_axis),
        x_min=x_min,
        x_max=x_max,
        max_buckets=max_buckets,
    )
    return Collect(method=f"{_SERVICE}GetChart", request=request, collector=ChartCollector)


def watch_run(
    run_id: str,
    *,
    cursor: int | None = None,
    keys: Sequence[str] = (),
    key_glob: str = "",
    ranks: Sequence[int] = (),
    rankless: bool = False,
    reconnect_for_s: float = 60.0,
) -> Watch:
    """Follows a run live, without end; a broken connection is taken up again where it broke.

    Read first (`history`, `list_series`), then watch from the cursor that came with it: nothing is
    missed. Points come in the order of their commits; after a broken connection the latest may
    come again.

    Args:
        run_id: The run.
        cursor: The log position to go on from. None means now.
        keys: These metrics only.
        key_glob: The metrics whose key matches, for example `loss/*`.
        ranks: The series of these ranks only.
        rankless: The series without a rank only; together with `ranks`, both.
        reconnect_for_s: How long to try to reach the server again before giving up.

    Raises:
        NotFound: if there is no such run.
        OutOfRange: if the server no longer keeps the log from there on (`CURSOR_EXPIRED`): read
            again, and watch from the new cursor.
        ServerUnavailable: if the server cannot be reached for `reconnect_for_s`.
    """
    request = pb.WatchRunRequest(
        run_id=run_id,
        cursor=cursor,
        selector=selector_of(keys, key_glob, ranks, rankless=rankless),
    )
    return Watch(method=f"{_SERVICE}WatchRun", request=request, reconnect_for_s=reconnect_for_s)


def _cursor(answer: pb.LogMetricsResponse) -> int:
    return answer.cursor


def _summaries(answer: pb.ListSeriesResponse) -> list[SeriesSummary]:
    return [summary_of(summary) for summary in answer.series]
