"""WatchRun: what is committed arrives at once, once, and can be resumed from any cursor."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from runstream.v1 import metric_service_pb2 as pb, run_pb2, run_service_pb2
from runstream_server.core.sealing.cleaner import Cleaner, Retention
from tests.contract.backends import Backend
from tests.contract.metrics.serving import Served, serving
from tests.contract.metrics.streams import StreamClient
from tests.contract.metrics.test_streams import RUN, WRITER, reason_of, rows


@pytest.fixture
async def served(backend: Backend, tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(backend, tmp_path) as one:
        await one.create_run(RUN)
        yield one


async def watch_steps(  # typed stubs say it may be the end
    call: Any,  # noqa: ANN401
    count: int,
) -> tuple[list[int], int]:
    """Reads until `count` points have come; returns their steps and the last cursor."""
    found: list[int] = []
    cursor = -1
    while len(found) < count:
        response = await call.read()
        cursor = response.cursor
        for part in response.series:
            found.extend(part.step)
    return found, cursor


async def test_a_watch_shows_the_run_first_and_then_each_commit(served: Served) -> None:
    call = served.metrics.WatchRun(pb.WatchRunRequest(run_id=RUN))
    first = await call.read()
    assert first.run.run_id == RUN
    assert first.run.status == run_pb2.RUN_STATUS_RUNNING

    client = StreamClient(RUN, WRITER)
    await client.send(served.metrics, rows(0, 4))
    assert (await watch_steps(call, 4))[0] == [0, 1, 2, 3]
    finish = run_service_pb2.FinishRunRequest(run_id=RUN, status=run_pb2.RUN_STATUS_FINISHED)
    await served.runs.FinishRun(finish)
    while True:
        response = await call.read()
        if response.HasField("run"):
            break
    assert response.run.status == run_pb2.RUN_STATUS_FINISHED
    call.cancel()
    await client.close()


async def test_a_watch_resumes_from_every_cursor_without_hole_or_repeat(served: Served) -> None:
    client = StreamClient(RUN, WRITER)
    for first in range(0, 40, 4):
        await client.send(served.metrics, rows(first, 4))
        if first == 20:
            await served.maker.seal(RUN)
    seen: dict[int, int] = {0: 0}
    call = served.metrics.WatchRun(pb.WatchRunRequest(run_id=RUN, cursor=0))
    count = 0
    while count < 40:
        response = await call.read()
        assert response.HasField("run") == (count == 0)
        count += sum(len(part.step) for part in response.series)
        seen[response.cursor] = count
    call.cancel()

    for cursor, before in seen.items():
        if before < 40:
            again = served.metrics.WatchRun(pb.WatchRunRequest(run_id=RUN, cursor=cursor))
            assert (await watch_steps(again, 40 - before))[0] == list(range(before, 40))
            again.cancel()
    await client.close()


async def test_reading_and_then_watching_from_the_cursor_misses_nothing(served: Served) -> None:
    client = StreamClient(RUN, WRITER)

    async def write() -> None:
        for first in range(0, 300, 3):
            await client.send(served.metrics, rows(first, 3))
            await asyncio.sleep(0)

    writing = asyncio.create_task(write())
    await asyncio.sleep(0.02)
    found: list[int] = []
    cursor = 0
    async for response in served.metrics.GetHistory(pb.GetHistoryRequest(run_id=RUN)):
        cursor = response.cursor
        for part in response.series:
            found.extend(part.step)
    call = served.metrics.WatchRun(pb.WatchRunRequest(run_id=RUN, cursor=cursor))
    if len(found) < 300:
        found.extend((await watch_steps(call, 300 - len(found)))[0])
    await writing

    assert found == list(range(300))
    call.cancel()
    await client.close()


async def test_a_watch_shows_only_the_series_that_are_selected(served: Served) -> None:
    request = pb.WatchRunRequest(run_id=RUN, cursor=0)
    request.selector.key_glob = "b*"
    client = StreamClient(RUN, WRITER)
    await client.send(served.metrics, rows(0, 2, "acc"))
    await client.send(served.metrics, rows(2, 2, "best"))

    call = served.metrics.WatchRun(request)
    assert (await watch_steps(call, 2))[0] == [2, 3]
    call.cancel()
    await client.close()


@pytest.mark.parametrize("cursor", [0, -5, 10_000])
async def test_a_cursor_that_is_not_kept_is_refused(served: Served, cursor: int) -> None:
    client = StreamClient(RUN, WRITER)
    await client.send(served.metrics, rows(0, 2))
    await client.close()
    await served.maker.seal(RUN)
    await Cleaner(served.core.database, Retention(age_s=-1)).clean()

    call = served.metrics.WatchRun(pb.WatchRunRequest(run_id=RUN, cursor=cursor))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call.read()

    assert caught.value.code() is grpc.StatusCode.OUT_OF_RANGE
    reason, metadata = reason_of(caught.value)
    assert (reason, metadata["cursor"], metadata["oldest_cursor"]) == (
        "CURSOR_EXPIRED",
        str(cursor),
        "1",
    )


async def test_watching_an_unknown_run_fails(served: Served) -> None:
    call = served.metrics.WatchRun(pb.WatchRunRequest(run_id="0" * 32))
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call.read()
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert reason_of(caught.value)[0] == "RUN_NOT_FOUND"


async def test_a_stop_ends_watches_with_a_retryable_status(served: Served) -> None:
    call = served.metrics.WatchRun(pb.WatchRunRequest(run_id=RUN))
    await call.read()
    served.frame.stopping.begin()

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await watch_steps(call, 1)

    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert reason_of(caught.value)[0] == "SERVER_STOPPING"
