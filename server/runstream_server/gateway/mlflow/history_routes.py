"""Metric histories over MLflow's API."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from runstream_server.core.points import MAX_INT64, MIN_INT64
from runstream_server.core.search.page_tokens import open_page_token, seal_page_token
from runstream_server.gateway.mlflow.errors import MlflowError, invalid_value
from runstream_server.gateway.mlflow.histories import Histories, sampled, write_points
from runstream_server.gateway.mlflow.routing import UI_API, Endpoint, tracking
from runstream_server.gateway.mlflow.run_json import encode
from runstream_server.gateway.mlflow.runs import RUN_ID
from runstream_server.gateway.mlflow.shapes import (
    Message,
    Shape,
    int32,
    int64,
    read_message,
    text,
    texts,
)

__all__ = ["HistoryRoutes"]

MAX_BULK_RUNS: Final = 100
MAX_BULK_POINTS: Final = 25_000
MAX_SAMPLED_POINTS: Final = 2_500

HISTORY: Final = Shape(
    RUN_ID, text("metric_key", required=True), text("page_token"), int32("max_results")
)
BULK: Final = Shape(texts("run_id"), text("metric_key"), int64("max_results"))
INTERVAL: Final = Shape(
    texts("run_ids", required=True),
    text("metric_key", required=True),
    int32("start_step"),
    int32("end_step"),
    int32("max_results"),
)


class HistoryRoutes:
    """Serves `metrics/*`."""

    def __init__(self, histories: Histories) -> None:
        self._histories = histories

    def endpoints(self) -> list[Endpoint]:
        """Lists what this serves."""
        return [
            tracking("GET", "/metrics/get-history", self.history),
            Endpoint("GET", (f"{UI_API}/metrics/get-history-bulk",), self.bulk),
            tracking("GET", "/metrics/get-history-bulk-interval", self.interval),
        ]

    async def history(self, request: Request) -> Response:
        """Returns the points of a run's metric, all or a page, by time, step and value."""
        message = await read_message(request, HISTORY)
        run_id, key = message.text("run_id"), message.text("metric_key")
        count = message.integer_or_none("max_results")
        if count is not None and count < 1:
            raise invalid_value("max_results", count, "It must be a positive integer")
        question = ("mlflow-history", run_id, key)
        begin = _opened(question, message.text("page_token"))
        points = await self._histories.by_time(run_id, key)
        end = len(points) if count is None else min(begin + count, len(points))
        written = await write_points(key, points.where(slice(begin, end)))
        token = seal_page_token(question, [end]) if end < len(points) else ""
        return _answer(written, token)

    async def bulk(self, request: Request) -> Response:
        """Returns the points of a metric of several runs, run by run, at most 25 000 together."""
        message = await read_message(request, BULK)
        run_ids = message.texts("run_id")
        if not run_ids:
            raise MlflowError("GetMetricHistoryBulk request must specify at least one run_id.")
        if len(run_ids) > MAX_BULK_RUNS:
            raise MlflowError(
                f"GetMetricHistoryBulk request cannot specify more than {MAX_BULK_RUNS} run_ids."
                f" Received {len(run_ids)} run_ids."
            )
        if not message.has("metric_key"):
            raise MlflowError("GetMetricHistoryBulk request must specify a metric_key.")
        left = message.integer("max_results", MAX_BULK_POINTS)
        if left < 0:
            raise invalid_value("max_results", left, "It must be a positive integer")
        left = min(left, MAX_BULK_POINTS)
        written: list[str] = []
        for run_id in sorted(set(run_ids)):
            key = message.text("metric_key")
            points = await self._histories.by_time(run_id, key)
            some = points.where(slice(0, left))
            left -= len(some)
            if len(some):
                written.append(await write_points(key, some, run_id))
        return _answer(",".join(written), keep_empty=True)

    async def interval(self, request: Request) -> Response:
        """Returns some points of a metric of several runs, evenly chosen, for charts."""
        message = await read_message(request, INTERVAL)
        run_ids = message.texts("run_ids")
        if len(run_ids) > MAX_BULK_RUNS:
            raise MlflowError(
                f"GetMetricHistoryBulkInterval request must specify at most {MAX_BULK_RUNS}"
                f" run_ids. Received {len(run_ids)} run_ids."
            )
        count = message.integer("max_results", MAX_SAMPLED_POINTS)
        if not 1 <= count <= MAX_SAMPLED_POINTS:
            raise MlflowError(
                f"max_results must be between 1 and {MAX_SAMPLED_POINTS}, not {count}."
            )
        low, high = _steps(message)
        key = message.text("metric_key")
        written: list[str] = []
        for run_id in run_ids:
            points = await self._histories.by_step(run_id, key, low, high)
            if len(points):
                written.append(await write_points(key, sampled(points, count), run_id))
        return _answer(",".join(written))


def _steps(message: Message) -> tuple[int, int]:
    low, high = message.integer_or_none("start_step"), message.integer_or_none("end_step")
    if low is None and high is None:
        return MIN_INT64, MAX_INT64
    if low is None or high is None:
        raise MlflowError("If either start step or end step are specified, both must be specified.")
    if low > high:
        raise MlflowError(
            f"end_step must be greater than start_step. Found start_step={low} and end_step={high}."
        )
    return low, high


def _opened(question: object, token: str) -> int:
    if not token:
        return 0
    return int(open_page_token(question, token)[0])


def _answer(written: str, token: str = "", *, keep_empty: bool = False) -> Response:
    fields: list[str] = []
    if written or keep_empty:
        fields.append(f'"metrics":[{written}]')
    if token:
        fields.append(f'"next_page_token":{encode(token)}')
    return Response(f"{{{','.join(fields)}}}", media_type="application/json")
