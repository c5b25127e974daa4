"""MetricService over gRPC."""

import dataclasses
from collections.abc import AsyncIterator
from typing import Final

from runstream.v1 import metric_pb2, metric_service_pb2 as pb
from runstream.v1.metric_service_pb2_grpc import MetricServiceServicer
from runstream_server.core.errors import Failure, Reason
from runstream_server.core.metrics import Metrics
from runstream_server.core.points import MAX_INT64, MIN_INT64
from runstream_server.core.reading.buckets import Axis
from runstream_server.core.reading.chunk_refs import Range
from runstream_server.core.search.page_tokens import open_page_token, seal_page_token
from runstream_server.core.validation import (
    check_count,
    check_hex_id,
    check_number,
    invalid_value,
    missing_value,
)
from runstream_server.core.watching import Lost, RunWatch
from runstream_server.rpc.record import annotate
from runstream_server.services.context import RpcContext
from runstream_server.services.metric_convert import (
    POINTS_PER_MESSAGE,
    fill_chart,
    fill_points,
    given_points,
    pieces,
    series_filter,
    summary_message,
)
from runstream_server.services.metric_stream import MetricStreams, checked_header
from runstream_server.services.run_watches import RunWatches, WantedRun
from runstream_server.storage.name_rows import SeriesName
from runstream_server.storage.series_rows import NameMatcher

__all__ = ["MetricServicer"]

DEFAULT_PAGE: Final = 1_000
MAX_PAGE: Final = 10_000
DEFAULT_BUCKETS: Final = 1_000
MAX_BUCKETS: Final = 10_000
MAX_CHART_RUNS: Final = 1_000
MAX_WATCHES: Final = 1_000


class MetricServicer(MetricServiceServicer):
    """Converts, calls the core, converts back."""

    def __init__(
        self,
        *,
        metrics: Metrics,
        watches: RunWatches,
        streams: MetricStreams,
    ) -> None:
        self._metrics = metrics
        self._watches = watches
        self._streams = streams

    async def StreamMetrics(
        self, request_iterator: AsyncIterator[pb.StreamMetricsRequest], context: RpcContext
    ) -> AsyncIterator[pb.StreamMetricsResponse]:
        del context
        first = await anext(request_iterator, None)
        if first is None:
            raise Failure(Reason.STREAM_PROTOCOL, "the stream ended before its header")
        header = checked_header(first)
        annotate(run_id=header.run_id, writer_id=header.writer_id)
        async for response in self._streams.serve(header, request_iterator):
            yield response

    async def LogMetrics(
        self, request: pb.LogMetricsRequest, context: RpcContext
    ) -> pb.LogMetricsResponse:
        del context
        run_id = _run_id(request.run_id)
        return pb.LogMetricsResponse(cursor=await self._metrics.log(run_id, given_points(request)))

    async def ListSeries(
        self, request: pb.ListSeriesRequest, context: RpcContext
    ) -> pb.ListSeriesResponse:
        del context
        run_id = _run_id(request.run_id)
        size = _limited("page_size", request.page_size, DEFAULT_PAGE, MAX_PAGE)
        question = ("series", run_id, request.selector.SerializeToString(deterministic=True))
        after = None
        if request.page_token:
            after = SeriesName(*open_page_token(question, request.page_token))
        page = await self._metrics.series(run_id, series_filter(request.selector), after, size)
        token = ""
        if page.next is not None:
            token = seal_page_token(question, dataclasses.astuple(page.next))
        return pb.ListSeriesResponse(
            series=[summary_message(row.name, entry) for row, entry in page.series],
            next_page_token=token,
            cursor=page.cursor,
        )

    async def GetHistory(
        self, request: pb.GetHistoryRequest, context: RpcContext
    ) -> AsyncIterator[pb.GetHistoryResponse]:
        del context
        wanted = series_filter(request.selector)
        low = request.min_step if request.HasField("min_step") else MIN_INT64
        high = request.max_step if request.HasField("max_step") else MAX_INT64
        view = await self._metrics.view(_run_id(request.run_id))
        response = pb.GetHistoryResponse(cursor=view.cursor)
        filled = 0
        sent = False
        async for row, points in self._metrics.history(view, wanted, low, high):
            for piece in pieces(points):
                if filled and filled + len(piece) > POINTS_PER_MESSAGE:
                    yield response
                    sent = True
                    response, filled = pb.GetHistoryResponse(cursor=view.cursor), 0
                fill_points(response.series.add(), row.name, piece)
                # The name of a series weighs about as much as a few points.
                filled += len(piece) + 4
        if filled or not sent:
            yield response

    async def GetChart(
        self, request: pb.GetChartRequest, context: RpcContext
    ) -> AsyncIterator[pb.GetChartResponse]:
        del context
        if not request.run_ids:
            raise missing_value("run_ids", "name at least one run")
        check_count("run_ids", request.run_ids, MAX_CHART_RUNS)
        run_ids = [_run_id(run_id, "run_ids") for run_id in dict.fromkeys(request.run_ids)]
        wanted = series_filter(request.selector)
        buckets = _limited("max_buckets", request.max_buckets, DEFAULT_BUCKETS, MAX_BUCKETS)
        axis = _axis(request.x_axis)
        low = request.x_min if request.HasField("x_min") else MIN_INT64
        high = request.x_max if request.HasField("x_max") else MAX_INT64
        # All runs are found before the first answer goes out.
        views = [await self._metrics.view(run_id) for run_id in run_ids]
        for view in views:
            response = pb.GetChartResponse(cursors={view.run_id: view.cursor})
            filled = 0
            async for row, made in self._metrics.charts(
                view, wanted, axis, Range(low, high), buckets
            ):
                if filled and filled + len(made.entries) > POINTS_PER_MESSAGE // 4:
                    yield response
                    response, filled = pb.GetChartResponse(cursors={view.run_id: view.cursor}), 0
                fill_chart(
                    response.series.add(), view.run_id, row.name, made, by_time=axis is Axis.TIME
                )
                filled += len(made.entries) + 4
            yield response

    async def WatchRun(
        self, request: pb.WatchRunRequest, context: RpcContext
    ) -> AsyncIterator[pb.WatchRunResponse]:
        del context
        watch = pb.RunWatch(run_id=request.run_id, selector=request.selector)
        if request.HasField("cursor"):
            watch.cursor = request.cursor
        cursor = 0
        async for answer in self._watches.follow(
            [_wanted_run(watch, "run_id")], lambda _: pb.WatchRunResponse()
        ):
            match answer:
                case None:
                    yield pb.WatchRunResponse(cursor=cursor)
                case Lost(failure=failure):
                    raise failure
                case _:
                    cursor = answer.cursor
                    yield answer

    async def WatchRuns(
        self, request: pb.WatchRunsRequest, context: RpcContext
    ) -> AsyncIterator[pb.WatchRunsResponse]:
        del context
        async for answer in self._watches.follow(
            _wanted_runs(request), lambda run_id: pb.WatchRunsResponse(run_id=run_id)
        ):
            match answer:
                case None:
                    yield pb.WatchRunsResponse()
                case Lost(run_id=run_id, failure=failure):
                    error = pb.WatchError(reason=failure.reason.name, message=failure.message)
                    yield pb.WatchRunsResponse(run_id=run_id, error=error)
                case _:
                    yield answer


def _wanted_runs(request: pb.WatchRunsRequest) -> list[WantedRun]:
    if not request.watches:
        raise missing_value("watches", "name at least one run to follow")
    check_count("watches", request.watches, MAX_WATCHES)
    wanted = [
        _wanted_run(watch, f"watches[{place}].run_id")
        for place, watch in enumerate(request.watches)
    ]
    seen: set[str] = set()
    for place, one in enumerate(wanted):
        run_id = one.watch.run_id
        if run_id in seen:
            raise invalid_value(f"watches[{place}].run_id", run_id, "name each run once")
        seen.add(run_id)
    return wanted


def _wanted_run(watch: pb.RunWatch, field: str) -> WantedRun:
    run_id = _run_id(watch.run_id, field)
    cursor = watch.cursor if watch.HasField("cursor") else None
    return WantedRun(
        RunWatch(run_id=run_id, cursor=cursor, with_points=not watch.omit_points),
        NameMatcher(series_filter(watch.selector)),
    )


def _run_id(run_id: str, field: str = "run_id") -> str:
    check_hex_id(field, run_id)
    annotate(run_id=run_id)
    return run_id


def _limited(field: str, given: int, default: int, greatest: int) -> int:
    check_number(field, given, 0, (1 << 31) - 1)
    return min(given or default, greatest)


def _axis(axis: int) -> Axis:
    if axis in (metric_pb2.CHART_AXIS_UNSPECIFIED, metric_pb2.CHART_AXIS_STEP):
        return Axis.STEP
    if axis == metric_pb2.CHART_AXIS_TIME:
        return Axis.TIME
    raise invalid_value("x_axis", axis, "use CHART_AXIS_STEP or CHART_AXIS_TIME")
