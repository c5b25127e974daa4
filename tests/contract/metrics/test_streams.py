"""The rules of StreamMetrics: offsets, acks, duplicates, gaps, rejections, skips, fencing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, cast

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from runstream.v1 import metric_service_pb2 as pb, run_service_pb2
from tests.contract.backends import Backend, on_sqlite_alone
from tests.contract.metrics.model import bits
from tests.contract.metrics.serving import Served, serving
from tests.contract.metrics.streams import Row, StreamClient, set_values

RUN = "ab" * 16
WRITER = "cd" * 16
TIME = 1_700_000_000_000_000


def rows(first: int, count: int, key: str = "loss") -> list[Row]:
    """Returns rows of one series whose steps are their offsets and whose values are the steps."""
    return [
        (((key, -1),), step, TIME + step, [bits(float(step))])
        for step in range(first, first + count)
    ]


def reason_of(error: grpc.aio.AioRpcError) -> tuple[str, dict[str, str]]:
    """Returns the reason of an error and its metadata."""
    status = rpc_status.from_call(cast("grpc.Call", error))
    assert status is not None
    for detail in status.details:
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            assert info.domain == "runstream"
            return info.reason, dict(info.metadata)
    raise AssertionError("no ErrorInfo")


async def steps_of(served: Served, key: str = "loss") -> list[int]:
    """Returns the steps of a series in the server."""
    request = pb.GetHistoryRequest(run_id=RUN)
    request.selector.keys.append(key)
    found: list[int] = []
    async for response in served.metrics.GetHistory(request):
        for part in response.series:
            found.extend(part.step)
    return found


async def read_ack(call: Any) -> int:  # noqa: ANN401 - typed stubs say it may be the end
    """Reads the next answer, which must be an ack."""
    answer = await call.read()
    assert answer.WhichOneof("message") == "ack", answer
    return int(answer.ack.committed_rows)


async def read_acks(call: Any, offset: int) -> None:  # noqa: ANN401 - as above
    """Reads acks until one reaches `offset`."""
    while await read_ack(call) < offset:
        pass


@pytest.fixture
async def served(backend: Backend, tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(backend, tmp_path) as one:
        await one.create_run(RUN)
        yield one


async def test_a_new_writer_starts_at_zero_and_resumes_where_it_was_acked(served: Served) -> None:
    client = StreamClient(RUN, WRITER)
    assert (await client.open(served.metrics)).next_row == 0
    await client.send(served.metrics, rows(0, 5))
    await client.close()

    assert (await client.open(served.metrics)).next_row == 5
    await client.close()


async def test_rows_that_the_server_has_are_acked_and_dropped_also_within_a_batch(
    served: Served,
) -> None:
    client = StreamClient(RUN, WRITER)
    await client.send(served.metrics, rows(0, 5))
    client.next_row = 0
    await client.send(served.metrics, rows(0, 3))
    client.next_row = 2
    await client.send(served.metrics, rows(2, 6))

    assert await steps_of(served) == list(range(8))
    await client.close()


async def test_a_gap_ends_the_stream_and_names_the_expected_offset(served: Served) -> None:
    client = StreamClient(RUN, WRITER)
    await client.open(served.metrics)
    await client.send(served.metrics, rows(0, 2))
    client.next_row = 7

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.send(served.metrics, rows(7, 1))

    assert caught.value.code() is grpc.StatusCode.OUT_OF_RANGE
    reason, metadata = reason_of(caught.value)
    assert (reason, metadata["expected_offset"], metadata["offset"]) == ("OFFSET_GAP", "2", "7")
    assert await steps_of(served) == [0, 1]


def rows_batch(offset: int, some: list[Row], first_index: int) -> pb.MetricBatch:
    """Returns rows of one series as a batch that needs no layout and defines no index in use."""
    client = StreamClient(RUN, WRITER)
    client.next_row = offset
    batch = client.batch(some, inline=True)
    batch.series[0].index = first_index
    batch.inline_series[:] = [first_index] * len(some)
    return batch


def bad_batches() -> dict[str, tuple[str, pb.MetricBatch]]:
    """Returns batches that can never be accepted, and why."""

    def batch(values: Sequence[float] = (1.0,), **columns: Any) -> pb.MetricBatch:  # noqa: ANN401
        made = pb.MetricBatch(
            series=[
                pb.SeriesDefinition(index=0, key="loss"),
                pb.SeriesDefinition(index=1, key="acc"),
            ],
            layouts=[pb.LayoutDefinition(index=0, series=[0])],
            **{"layout": [0], "step": [0], "time_unix_us": [TIME], **columns},
        )
        set_values(made, [bits(value) for value in values])
        return made

    defining = pb.MetricBatch
    key = pb.SeriesDefinition
    layout = pb.LayoutDefinition
    return {
        "fewer steps than layouts": ("COLUMN_MISMATCH", batch(layout=[0, 0])),
        "more times than rows": ("COLUMN_MISMATCH", batch(time_unix_us=[TIME, TIME])),
        "too few values": ("COLUMN_MISMATCH", batch(values=[])),
        "too many values": ("COLUMN_MISMATCH", batch(values=[1.0, 2.0])),
        "an inline row without a count": ("COLUMN_MISMATCH", batch(layout=[0xFFFFFFFF])),
        "inline counts that do not add up": (
            "COLUMN_MISMATCH",
            batch(layout=[0xFFFFFFFF], inline_count=[1], inline_series=[0, 1]),
        ),
        "a layout never defined": ("UNKNOWN_LAYOUT", batch(layout=[5])),
        "a layout far beyond all defined": ("UNKNOWN_LAYOUT", batch(layout=[4_000_000_000])),
        "an inline series never defined": (
            "UNKNOWN_SERIES",
            batch(layout=[0xFFFFFFFF], inline_count=[1], inline_series=[9]),
        ),
        "an inline series twice": (
            "INVALID_DEFINITION",
            batch(layout=[0xFFFFFFFF], inline_count=[2], inline_series=[0, 0], values=[1.0, 2.0]),
        ),
        "a time before the epoch": ("INVALID_VALUE", batch(time_unix_us=[-1])),
        "a negative offset": ("INVALID_VALUE", batch(offset=-1)),
        "an empty key": ("INVALID_KEY", defining(series=[key(index=7, key="")])),
        "a key too long": ("INVALID_KEY", defining(series=[key(index=7, key="k" * 251)])),
        "a key with a newline": ("INVALID_KEY", defining(series=[key(index=7, key="a\nb")])),
        "a series index too large": (
            "INVALID_DEFINITION",
            defining(series=[key(index=1 << 24, key="a")]),
        ),
        "a series defined differently": (
            "INVALID_DEFINITION",
            defining(series=[key(index=7, key="a"), key(index=7, key="b")]),
        ),
        "a layout index too large": (
            "INVALID_DEFINITION",
            defining(layouts=[layout(index=1 << 16, series=[])]),
        ),
        "a layout that names a series twice": (
            "INVALID_DEFINITION",
            defining(series=[key(index=7, key="a")], layouts=[layout(index=3, series=[7, 7])]),
        ),
        "a layout of unknown series": (
            "UNKNOWN_SERIES",
            defining(layouts=[layout(index=3, series=[99])]),
        ),
        "a layout defined differently": (
            "INVALID_DEFINITION",
            defining(
                series=[key(index=7, key="a")],
                layouts=[layout(index=3, series=[7]), layout(index=3, series=[])],
            ),
        ),
        "too many layouts": (
            "LIMIT_EXCEEDED",
            defining(layouts=[layout(index=i, series=[]) for i in range(1025)]),
        ),
    }


@on_sqlite_alone  # batches are checked before the database hears of them
@pytest.mark.parametrize("name", bad_batches())
async def test_a_bad_batch_is_rejected_by_reason_and_stores_nothing(
    served: Served, name: str
) -> None:
    reason, batch = bad_batches()[name]
    call = served.metrics.StreamMetrics()
    header = pb.StreamHeader(run_id=RUN, writer_id=WRITER)
    await call.write(pb.StreamMetricsRequest(header=header))
    assert (await call.read()).opened.next_row == 0

    await call.write(pb.StreamMetricsRequest(batch=batch))
    rejected = (await call.read()).rejected

    assert (rejected.reason, rejected.expected_offset) == (reason, 0), rejected.message
    assert len(rejected.message) > 20
    listed = await served.metrics.ListSeries(pb.ListSeriesRequest(run_id=RUN))
    assert not listed.series
    # The stream is still good: later batches are dropped until one corrects it.
    late = rows_batch(3, rows(3, 1, "late"), first_index=200)
    await call.write(pb.StreamMetricsRequest(batch=late))
    good = rows_batch(0, rows(0, 2, "good"), first_index=100)
    await call.write(pb.StreamMetricsRequest(batch=good))
    assert await read_ack(call) == 2
    await call.done_writing()
    assert await steps_of(served, "good") == [0, 1]
    assert await steps_of(served, "late") == []


async def test_rows_are_given_up_by_a_skip_alone_and_it_is_shown(served: Served) -> None:
    client = StreamClient(RUN, WRITER)
    await client.send(served.metrics, rows(0, 2))
    call = client.call
    skip = pb.SkipRows(first_row=2, count=3, reason="the disk lost them")
    await call.write(pb.StreamMetricsRequest(skip=skip))
    await read_acks(call, 5)
    client.next_row = 5
    await client.send(served.metrics, rows(5, 1))
    await client.close()

    assert await steps_of(served) == [0, 1, 5]
    request = run_service_pb2.ListWritersRequest(run_id=RUN)
    (writer,) = (await served.runs.ListWriters(request)).writers
    assert writer.next_row == 6
    assert [(s.first_row, s.count, s.reason) for s in writer.skipped] == [
        (2, 3, "the disk lost them")
    ]


@pytest.mark.parametrize(
    "skip",
    [
        pb.SkipRows(first_row=2, count=0, reason="none"),
        pb.SkipRows(first_row=2, count=-4, reason="backwards"),
        pb.SkipRows(first_row=2, count=1, reason=""),
        pb.SkipRows(first_row=2, count=1, reason="x" * 1001),
        pb.SkipRows(first_row=1, count=5, reason="in part committed"),
        pb.SkipRows(first_row=2, count=(1 << 63) - 1, reason="beyond all rows"),
    ],
    ids=lambda skip: skip.reason[:20] or "no reason",
)
async def test_a_bad_skip_is_rejected(served: Served, skip: pb.SkipRows) -> None:
    client = StreamClient(RUN, WRITER)
    await client.send(served.metrics, rows(0, 2))

    await client.call.write(pb.StreamMetricsRequest(skip=skip))
    rejected = (await client.read()).rejected

    assert (rejected.reason, rejected.expected_offset) == ("INVALID_SKIP", 2)
    await client.send(served.metrics, rows(2, 1))
    assert await steps_of(served) == [0, 1, 2]
    await client.close()


async def test_of_two_streams_of_a_writer_the_loser_is_told_and_others_go_on(
    served: Served,
) -> None:
    old, new = StreamClient(RUN, WRITER), StreamClient(RUN, WRITER)
    other = StreamClient(RUN, "ee" * 16)
    await old.open(served.metrics)
    await new.open(served.metrics)
    await new.send(served.metrics, rows(0, 3))

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await old.send(served.metrics, rows(0, 2, "stale"))

    assert caught.value.code() is grpc.StatusCode.ABORTED
    assert reason_of(caught.value)[0] == "WRITER_MOVED"
    await new.send(served.metrics, rows(3, 1))
    await other.send(served.metrics, rows(0, 1, "other"))
    assert await steps_of(served) == [0, 1, 2, 3]
    assert await steps_of(served, "stale") == []
    assert await steps_of(served, "other") == [0]
    await new.close()
    await other.close()


@pytest.mark.parametrize(
    ("first", "code", "reason"),
    [
        (pb.StreamMetricsRequest(), "FAILED_PRECONDITION", "STREAM_PROTOCOL"),
        (pb.StreamMetricsRequest(batch=pb.MetricBatch()), "FAILED_PRECONDITION", "STREAM_PROTOCOL"),
        (
            pb.StreamMetricsRequest(header=pb.StreamHeader(run_id="", writer_id=WRITER)),
            "INVALID_ARGUMENT",
            "MISSING_VALUE",
        ),
        (
            pb.StreamMetricsRequest(header=pb.StreamHeader(run_id=RUN, writer_id="me")),
            "INVALID_ARGUMENT",
            "INVALID_VALUE",
        ),
        (
            pb.StreamMetricsRequest(
                header=pb.StreamHeader(run_id=RUN, writer_id=WRITER, attempt=1)
            ),
            "INVALID_ARGUMENT",
            "INVALID_VALUE",
        ),
        (
            pb.StreamMetricsRequest(header=pb.StreamHeader(run_id="0" * 32, writer_id=WRITER)),
            "NOT_FOUND",
            "RUN_NOT_FOUND",
        ),
    ],
    ids=["empty", "a batch", "no run", "a bad writer", "an attempt", "an unknown run"],
)
async def test_a_stream_that_is_opened_wrongly_is_refused(
    served: Served, first: pb.StreamMetricsRequest, code: str, reason: str
) -> None:
    call = served.metrics.StreamMetrics()
    await call.write(first)

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call.read()

    assert caught.value.code().name == code
    assert reason_of(caught.value)[0] == reason


async def test_a_second_header_ends_the_stream_after_what_came_before_is_acked(
    served: Served,
) -> None:
    client = StreamClient(RUN, WRITER)
    await client.send(served.metrics, rows(0, 2))
    await client.call.write(pb.StreamMetricsRequest(header=client.header))

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.call.read()

    assert reason_of(caught.value)[0] == "STREAM_PROTOCOL"
    assert await steps_of(served) == [0, 1]


async def test_a_deleted_run_refuses_rows_and_takes_them_once_restored(served: Served) -> None:
    client = StreamClient(RUN, WRITER)
    await client.send(served.metrics, rows(0, 1))
    await served.runs.DeleteRun(run_service_pb2.DeleteRunRequest(run_id=RUN))

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await client.send(served.metrics, rows(1, 1))

    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert reason_of(caught.value)[0] == "RUN_DELETED"
    await served.runs.RestoreRun(run_service_pb2.RestoreRunRequest(run_id=RUN))
    again = StreamClient(RUN, WRITER)
    assert (await again.open(served.metrics)).next_row == 1
    await again.send(served.metrics, rows(1, 1))
    assert await steps_of(served) == [0, 1]
    await again.close()


async def test_rows_of_a_client_that_went_away_are_whole_or_not_there(served: Served) -> None:
    client = StreamClient(RUN, WRITER)
    await client.open(served.metrics)
    for first in range(0, 200, 10):
        await client.call.write(pb.StreamMetricsRequest(batch=client.batch(rows(first, 10))))
        client.next_row += 10
    client.call.cancel()

    again = StreamClient(RUN, WRITER)
    opened = await again.open(served.metrics)
    # What waited for its commit when the client went away may be committed meanwhile.
    steps = await steps_of(served)
    assert steps == list(range(len(steps)))
    assert len(steps) % 10 == 0
    assert len(steps) >= opened.next_row
    await again.close()


async def test_a_stop_asks_streams_to_reconnect_and_still_acks(
    backend: Backend, tmp_path: Path
) -> None:
    async with serving(backend, tmp_path) as served:
        await served.create_run(RUN)
        client = StreamClient(RUN, WRITER)
        await client.send(served.metrics, rows(0, 1))
        served.frame.stopping.begin()

        answer = await client.read()
        assert answer.WhichOneof("message") == "reconnect"
        await client.send(served.metrics, rows(1, 3))
        await client.close()
        assert await steps_of(served) == [0, 1, 2, 3]


async def test_a_message_above_the_limit_is_refused_with_the_limit(served: Served) -> None:
    call = served.metrics.StreamMetrics()
    header = pb.StreamHeader(run_id=RUN, writer_id=WRITER)
    await call.write(pb.StreamMetricsRequest(header=header))
    await call.read()
    batch = pb.MetricBatch()
    set_values(batch, [0] * (5 * 1024 * 1024 // 8))

    await call.write(pb.StreamMetricsRequest(batch=batch))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call.read()

    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    reason, metadata = reason_of(caught.value)
    assert (reason, metadata["limit"]) == ("LIMIT_EXCEEDED", "max_message_bytes")


async def test_many_writers_commit_together(served: Served) -> None:
    clients = [StreamClient(RUN, f"{i:032x}", i) for i in range(50)]

    async def work(client: StreamClient, number: int) -> None:
        for first in range(0, 30, 3):
            some = [((("loss", number),), s, TIME, [bits(1.0)]) for s in range(first, first + 3)]
            await client.send(served.metrics, some)
        await client.close()

    await asyncio.gather(*(work(client, i) for i, client in enumerate(clients)))

    listed = await served.metrics.ListSeries(pb.ListSeriesRequest(run_id=RUN))
    assert [one.series.rank for one in listed.series] == list(range(50))
    assert {one.count for one in listed.series} == {30}
