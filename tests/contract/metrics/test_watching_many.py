"""WatchRuns: many runs over one stream, each whole and in order, none in the way of the others."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from runstream.v1 import experiment_pb2, metric_service_pb2 as pb, run_service_pb2
from runstream_server.core import watching
from runstream_server.core.sealing.cleaner import Cleaner, Retention
from runstream_server.services import run_watches
from runstream_server.storage import watch_rows
from runstream_server.storage.schema import log_heads, runs
from tests.contract.backends import Backend
from tests.contract.metrics.serving import Served, serving
from tests.contract.metrics.streams import StreamClient
from tests.contract.metrics.test_streams import TIME, reason_of, rows

DEADLINE_S = 30.0
BATCH = 20_000
BATCHES = 60
"""Of each of two runs: with 24 bytes a point more than twice what the connection itself holds."""


def run_of(number: int) -> str:
    return f"{number:032x}"


@pytest.fixture
async def served(backend: Backend, tmp_path: Path) -> AsyncIterator[Served]:
    async with serving(backend, tmp_path) as one:
        for number in range(3):
            await one.create_run(run_of(number))
        yield one


async def send(served: Served, number: int, first: int, count: int) -> None:
    """Logs rows to a run, as its one writer."""
    client = StreamClient(run_of(number), f"{number:032x}")
    await client.send(served.metrics, rows(first, count))
    await client.close()


class Followed:
    """Reads a stream of WatchRuns, and remembers all it has told."""

    def __init__(self, served: Served, *watches: pb.RunWatch) -> None:
        self.call: Any = served.metrics.WatchRuns(pb.WatchRunsRequest(watches=watches))
        self.answers: list[pb.WatchRunsResponse] = []

    async def until(self, enough: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while not enough():
                answer = await self.call.read()
                assert answer is not grpc.aio.EOF
                self.answers.append(answer)

    def of(self, number: int) -> list[pb.WatchRunsResponse]:
        return [answer for answer in self.answers if answer.run_id == run_of(number)]

    def steps(self, number: int) -> list[int]:
        return [step for answer in self.of(number) for part in answer.series for step in part.step]

    def has_any_of(self, numbers: list[int]) -> bool:
        return any(self.steps(number) for number in numbers)

    def cursor(self, number: int) -> int:
        return self.of(number)[-1].cursor


async def test_every_run_is_shown_first_and_then_grows(served: Served) -> None:
    stream = Followed(served, *(pb.RunWatch(run_id=run_of(n)) for n in range(3)))
    await stream.until(lambda: all(stream.of(n) for n in range(3)))
    for number in range(3):
        (answer,) = stream.of(number)
        assert answer.run.run_id == run_of(number)
        assert not answer.HasField("last_commit_time")

    before_s = time.time()
    for first in range(0, 9, 3):
        for number in (0, 2):
            await send(served, number, first, 3)
    await stream.until(lambda: len(stream.steps(0)) + len(stream.steps(2)) == 18)

    assert stream.steps(0) == stream.steps(2) == list(range(9))
    assert stream.steps(1) == []
    committed_s = stream.of(2)[-1].last_commit_time.ToMicroseconds() / 1e6
    assert before_s <= committed_s <= time.time()
    run = (await served.runs.GetRun(run_service_pb2.GetRunRequest(run_id=run_of(2)))).run
    assert run.last_commit_time == stream.of(2)[-1].last_commit_time
    stream.call.cancel()


async def test_runs_resume_from_their_own_cursors_without_hole_or_repeat(served: Served) -> None:
    async def log(number: int) -> None:
        for first in range(0, 60, 2):
            await send(served, number, first, 2)

    logging = asyncio.gather(*(log(number) for number in range(3)))
    found: dict[int, list[int]] = {number: [] for number in range(3)}
    cursors = dict.fromkeys(range(3), 0)
    while any(len(steps) < 60 for steps in found.values()):
        watches = [pb.RunWatch(run_id=run_of(n), cursor=cursor) for n, cursor in cursors.items()]
        stream = Followed(served, *watches)
        short = [number for number, steps in found.items() if len(steps) < 60]
        await stream.until(partial(stream.has_any_of, short))
        stream.call.cancel()
        for number in range(3):
            if stream.of(number):
                found[number] += stream.steps(number)
                cursors[number] = stream.cursor(number)
    await logging

    assert found == {number: list(range(60)) for number in range(3)}


async def test_a_deleted_run_is_shown_as_such_and_others_go_on(served: Served) -> None:
    stream = Followed(served, *(pb.RunWatch(run_id=run_of(n)) for n in range(3)))
    await stream.until(lambda: all(stream.of(n) for n in range(3)))

    await served.runs.DeleteRun(run_service_pb2.DeleteRunRequest(run_id=run_of(1)))
    await stream.until(lambda: len(stream.of(1)) == 2)
    assert stream.of(1)[-1].run.lifecycle_stage == experiment_pb2.LIFECYCLE_STAGE_DELETED

    await send(served, 0, 0, 2)
    await stream.until(lambda: len(stream.steps(0)) == 2)
    stream.call.cancel()


async def test_what_fails_of_one_run_ends_its_watch_alone(served: Served) -> None:
    await send(served, 1, 0, 2)
    await served.maker.seal(run_of(1))
    await Cleaner(served.core.database, Retention(age_s=-1)).clean()
    stream = Followed(
        served,
        pb.RunWatch(run_id=run_of(7)),
        pb.RunWatch(run_id=run_of(1), cursor=0),
        pb.RunWatch(run_id=run_of(0), cursor=0),
    )
    await stream.until(lambda: all(stream.of(n) for n in (0, 1, 7)))

    assert stream.of(7)[0].error.reason == "RUN_NOT_FOUND"
    assert stream.of(1)[0].error.reason == "CURSOR_EXPIRED"
    assert "read again" in stream.of(1)[0].error.message
    assert not stream.of(1)[0].HasField("run")
    await send(served, 1, 2, 1)
    await send(served, 0, 0, 2)
    await stream.until(lambda: len(stream.steps(0)) == 2)
    assert len(stream.of(1)) == 1
    stream.call.cancel()


async def test_a_stream_ends_when_no_watch_is_left(served: Served) -> None:
    call = served.metrics.WatchRuns(pb.WatchRunsRequest(watches=[pb.RunWatch(run_id=run_of(7))]))

    answers = [answer async for answer in call]

    assert [answer.error.reason for answer in answers] == ["RUN_NOT_FOUND"]


async def test_points_that_are_not_wanted_are_left_out(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "PAUSE_S", 0.05)
    stream = Followed(
        served,
        pb.RunWatch(run_id=run_of(0), omit_points=True, cursor=-99),
        pb.RunWatch(run_id=run_of(1)),
    )
    await stream.until(lambda: bool(stream.of(0)))
    await send(served, 0, 0, 5)
    await stream.until(lambda: len(stream.of(0)) >= 2)

    answer = stream.of(0)[-1]
    assert answer.HasField("last_commit_time")
    assert answer.cursor > 0
    assert not answer.HasField("run")
    tags = run_service_pb2.SetTagsRequest(run_id=run_of(0), tags={"k": "v"})
    await served.runs.SetTags(tags)
    await stream.until(lambda: stream.of(0)[-1].HasField("run"))
    assert stream.of(0)[-1].run.tags["k"] == "v"
    assert stream.steps(0) == []
    stream.call.cancel()


async def test_commits_without_wanted_points_are_told_at_most_now_and_then(served: Served) -> None:
    stream = Followed(served, pb.RunWatch(run_id=run_of(0), omit_points=True))
    begin = time.monotonic()
    await stream.until(lambda: bool(stream.of(0)))
    for first in range(40):
        await send(served, 0, first, 1)
    await stream.until(lambda: stream.cursor(0) >= 40)

    assert len(stream.of(0)) <= 2 + (time.monotonic() - begin) / watching.PAUSE_S
    stream.call.cancel()


async def test_a_quiet_stream_is_kept_alive(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "HEARTBEAT_S", 0.1)
    monkeypatch.setattr(run_watches, "HEARTBEAT_S", 0.1)
    stream = Followed(served, pb.RunWatch(run_id=run_of(0)), pb.RunWatch(run_id=run_of(1)))

    await stream.until(lambda: len([a for a in stream.answers if not a.run_id]) == 3)

    assert len(stream.answers) == 5
    assert all(answer == pb.WatchRunsResponse() for answer in stream.answers if not answer.run_id)
    stream.call.cancel()


@pytest.mark.parametrize(
    ("watches", "reason"),
    [
        ([], "MISSING_VALUE"),
        ([pb.RunWatch(run_id="x")], "INVALID_VALUE"),
        ([pb.RunWatch(run_id=run_of(1))] * 2, "INVALID_VALUE"),
        ([pb.RunWatch(run_id=run_of(n)) for n in range(1001)], "TOO_MANY_ENTRIES"),
    ],
)
async def test_a_request_that_makes_no_sense_is_refused(
    served: Served, watches: list[pb.RunWatch], reason: str
) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await served.metrics.WatchRuns(pb.WatchRunsRequest(watches=watches)).read()

    assert reason_of(caught.value)[0] == reason
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def make_runs(connection: AsyncConnection) -> None:
    """Makes the runs 3 to 999 in one transaction, as copies of the first."""
    for table in (runs, log_heads):
        query = sa.select(table).where(table.c.run_id == run_of(0))
        row = (await connection.execute(query)).mappings().one()
        copies = [{**row, "run_id": run_of(number)} for number in range(3, 1000)]
        await connection.execute(sa.insert(table), copies)


async def test_a_thousand_runs_are_followed_at_once(served: Served) -> None:
    await served.core.database.write(make_runs)
    stream = Followed(served, *(pb.RunWatch(run_id=run_of(n)) for n in range(1000)))
    await stream.until(lambda: len(stream.answers) >= 1000)
    assert {answer.run_id for answer in stream.answers} == {run_of(n) for n in range(1000)}

    await send(served, 777, 0, 2)
    await stream.until(lambda: len(stream.steps(777)) == 2)
    stream.call.cancel()


async def test_a_slow_reader_costs_the_server_no_memory(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is read ahead of the client: rounds stop while it does not read."""
    rounds = 0
    whole = watch_rows.read_heads

    async def counted(*arguments: Any) -> Any:  # noqa: ANN401 - as it is
        nonlocal rounds
        rounds += 1
        return await whole(*arguments)

    monkeypatch.setattr(watch_rows, "read_heads", counted)
    monkeypatch.setattr(watching, "MAX_ROUND_BYTES", 1000)
    for number in range(2):
        for first in range(0, BATCH * BATCHES, BATCH):
            step = np.arange(first, first + BATCH)
            await served.core.metrics.log_columns(
                run_of(number), ["loss"] * len(step), step, TIME + step, step.astype(float)
            )
    stream = Followed(served, *(pb.RunWatch(run_id=run_of(n), cursor=0) for n in range(2)))
    await stream.until(lambda: all(stream.of(n) for n in range(2)))
    reached = -1
    while reached != rounds:
        reached = rounds
        await asyncio.sleep(0.2)

    assert rounds < 1.5 * BATCHES
    await stream.until(lambda: all(stream.cursor(n) == BATCHES for n in range(2)))
    assert stream.steps(0) == stream.steps(1) == list(range(BATCH * BATCHES))
    stream.call.cancel()
