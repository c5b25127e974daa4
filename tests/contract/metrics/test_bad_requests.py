"""Every metric RPC, sent the wrong things: code, reason, a helpful message, nothing changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from runstream.v1 import metric_pb2, metric_service_pb2 as pb
from tests.contract.backends import Backend, on_sqlite_alone
from tests.contract.metrics.serving import Served, serving
from tests.contract.metrics.streams import StreamClient
from tests.contract.metrics.test_streams import RUN, WRITER, reason_of, rows, steps_of

UNKNOWN = "0" * 32
SELECTOR = metric_pb2.SeriesSelector
MANY_KEYS = SELECTOR(keys=[str(i) for i in range(10_001)])
UNKNOWN_AXIS: Any = 17
TOKEN = "bm90IG91cnM="


@pytest.fixture
async def served(backend: Backend, tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(backend, tmp_path) as one:
        await one.create_run(RUN)
        client = StreamClient(RUN, WRITER)
        await client.send(one.metrics, rows(0, 5))
        await client.close()
        yield one


def log(run_id: str = RUN, **point: Any) -> pb.LogMetricsRequest:  # noqa: ANN401 - any field
    """Returns a request of two points, the second one with these fields."""
    good = pb.MetricPoint(key="loss", value=1.0, step=99)
    return pb.LogMetricsRequest(
        run_id=run_id, points=[good, pb.MetricPoint(**{"key": "loss", "value": 1.0, **point})]
    )


# name: (rpc, request, code, reason, text that the message must hold)
BAD: dict[str, tuple[str, Any, str, str, str]] = {
    "log to no run": ("LogMetrics", log(""), "INVALID_ARGUMENT", "MISSING_VALUE", "run_id"),
    "log to a strange id": (
        "LogMetrics",
        log("../etc"),
        "INVALID_ARGUMENT",
        "INVALID_VALUE",
        "../etc",
    ),
    "log to an unknown run": ("LogMetrics", log(UNKNOWN), "NOT_FOUND", "RUN_NOT_FOUND", UNKNOWN),
    "log nothing": (
        "LogMetrics",
        pb.LogMetricsRequest(run_id=RUN),
        "INVALID_ARGUMENT",
        "MISSING_VALUE",
        "points",
    ),
    "log an empty key": (
        "LogMetrics",
        log(key=""),
        "INVALID_ARGUMENT",
        "INVALID_KEY",
        "points[1].key",
    ),
    "log a long key": ("LogMetrics", log(key="k" * 251), "INVALID_ARGUMENT", "INVALID_KEY", "251"),
    "log a key with a tab": (
        "LogMetrics",
        log(key="a\tb"),
        "INVALID_ARGUMENT",
        "INVALID_KEY",
        "points[1].key",
    ),
    "log a time before the epoch": (
        "LogMetrics",
        log(time_unix_us=-1),
        "INVALID_ARGUMENT",
        "INVALID_VALUE",
        "points[1].time_unix_us",
    ),
    "log too many points": (
        "LogMetrics",
        pb.LogMetricsRequest(run_id=RUN, points=[pb.MetricPoint(key="loss")] * 65_537),
        "INVALID_ARGUMENT",
        "TOO_MANY_ENTRIES",
        "65536",
    ),
    "list an unknown run": (
        "ListSeries",
        pb.ListSeriesRequest(run_id=UNKNOWN),
        "NOT_FOUND",
        "RUN_NOT_FOUND",
        UNKNOWN,
    ),
    "list a negative page": (
        "ListSeries",
        pb.ListSeriesRequest(run_id=RUN, page_size=-1),
        "INVALID_ARGUMENT",
        "INVALID_VALUE",
        "page_size",
    ),
    "list a broken page": (
        "ListSeries",
        pb.ListSeriesRequest(run_id=RUN, page_token="%%%"),
        "INVALID_ARGUMENT",
        "INVALID_PAGE_TOKEN",
        "page_token",
    ),
    "list a page of something else": (
        "ListSeries",
        pb.ListSeriesRequest(run_id=RUN, page_token=TOKEN),
        "INVALID_ARGUMENT",
        "INVALID_PAGE_TOKEN",
        "page_token",
    ),
    "list too many keys": (
        "ListSeries",
        pb.ListSeriesRequest(run_id=RUN, selector=MANY_KEYS),
        "INVALID_ARGUMENT",
        "TOO_MANY_ENTRIES",
        "selector.keys",
    ),
    "read an unknown run": (
        "GetHistory",
        pb.GetHistoryRequest(run_id=UNKNOWN),
        "NOT_FOUND",
        "RUN_NOT_FOUND",
        UNKNOWN,
    ),
    "read too many keys": (
        "GetHistory",
        pb.GetHistoryRequest(run_id=RUN, selector=MANY_KEYS),
        "INVALID_ARGUMENT",
        "TOO_MANY_ENTRIES",
        "selector.keys",
    ),
    "draw no run": (
        "GetChart",
        pb.GetChartRequest(),
        "INVALID_ARGUMENT",
        "MISSING_VALUE",
        "run_ids",
    ),
    "draw an unknown run beside a known one": (
        "GetChart",
        pb.GetChartRequest(run_ids=[RUN, UNKNOWN]),
        "NOT_FOUND",
        "RUN_NOT_FOUND",
        UNKNOWN,
    ),
    "draw too many runs": (
        "GetChart",
        pb.GetChartRequest(run_ids=[RUN] * 1001),
        "INVALID_ARGUMENT",
        "TOO_MANY_ENTRIES",
        "run_ids",
    ),
    "draw a negative number of buckets": (
        "GetChart",
        pb.GetChartRequest(run_ids=[RUN], max_buckets=-1),
        "INVALID_ARGUMENT",
        "INVALID_VALUE",
        "max_buckets",
    ),
    "draw along an unknown axis": (
        "GetChart",
        pb.GetChartRequest(run_ids=[RUN], x_axis=UNKNOWN_AXIS),
        "INVALID_ARGUMENT",
        "INVALID_VALUE",
        "x_axis",
    ),
    "watch no run": (
        "WatchRun",
        pb.WatchRunRequest(),
        "INVALID_ARGUMENT",
        "MISSING_VALUE",
        "run_id",
    ),
    "watch too many keys": (
        "WatchRun",
        pb.WatchRunRequest(run_id=RUN, selector=MANY_KEYS),
        "INVALID_ARGUMENT",
        "TOO_MANY_ENTRIES",
        "selector.keys",
    ),
}


@on_sqlite_alone  # tables of what is refused before the database hears of it, or by a look-up
@pytest.mark.parametrize("name", BAD)
async def test_a_bad_request_is_refused_and_changes_nothing(served: Served, name: str) -> None:
    rpc, request, code, reason, text = BAD[name]

    call = getattr(served.metrics, rpc)(request)
    answer = call if rpc in {"LogMetrics", "ListSeries"} else call.read()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await answer

    assert caught.value.code().name == code
    assert reason_of(caught.value)[0] == reason
    assert text in (caught.value.details() or "")
    assert await steps_of(served) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("field", ["keys", "key_glob"])
async def test_a_text_that_nothing_stored_can_be_is_refused(served: Served, field: str) -> None:
    text = "lo\0ss"
    selector = SELECTOR(keys=[text]) if field == "keys" else SELECTOR(key_glob=text)

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await served.metrics.ListSeries(pb.ListSeriesRequest(run_id=RUN, selector=selector))

    reason, info = reason_of(caught.value)
    assert (reason, info["field"]) == ("INVALID_VALUE", f"selector.{field}")


async def test_a_page_token_belongs_to_its_query(served: Served) -> None:
    request = log()
    request.points[1].key = "acc"
    await served.metrics.LogMetrics(request)
    first = await served.metrics.ListSeries(pb.ListSeriesRequest(run_id=RUN, page_size=1))
    assert [one.series.key for one in first.series] == ["acc"]

    again = pb.ListSeriesRequest(run_id=RUN, page_size=5, page_token=first.next_page_token)
    second = await served.metrics.ListSeries(again)
    assert [one.series.key for one in second.series] == ["loss"]
    assert second.next_page_token == ""

    again.selector.key_glob = "l*"
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await served.metrics.ListSeries(again)
    assert reason_of(caught.value)[0] == "INVALID_PAGE_TOKEN"


async def test_an_unread_history_does_not_hold_others_up(served: Served) -> None:
    abandoned = [served.metrics.GetHistory(pb.GetHistoryRequest(run_id=RUN)) for _ in range(20)]
    for call in abandoned[::2]:
        call.cancel()

    assert await steps_of(served) == [0, 1, 2, 3, 4]
    client = StreamClient(RUN, WRITER)
    await client.open(served.metrics)
    await client.send(served.metrics, rows(5, 1))
    assert await steps_of(served) == [0, 1, 2, 3, 4, 5]
    for call in abandoned:
        call.cancel()
    await client.close()
