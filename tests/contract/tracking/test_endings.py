"""How runs and their writers end, and go on."""

import itertools
from functools import partial
from typing import Any

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from sqlalchemy.ext.asyncio import AsyncConnection

from runstream.v1 import run_pb2, run_service_pb2 as pb
from runstream_server.storage.writer_rows import ensure_writer
from tests.contract.tracking.serving import Tracking, hex_id

RUN = hex_id(1)
RUNNING = run_pb2.RUN_STATUS_RUNNING
FINISHED = run_pb2.RUN_STATUS_FINISHED
FAILED = run_pb2.RUN_STATUS_FAILED
KILLED = run_pb2.RUN_STATUS_KILLED
ENDS = (FINISHED, FAILED, KILLED)
A_TIME = Timestamp(seconds=1_700_000_000, nanos=1_000)


async def finish(
    tracking: Tracking,
    status: run_pb2.RunStatus.ValueType,
    **more: Any,  # noqa: ANN401 - any of the request's fields
) -> run_pb2.Run:
    request = pb.FinishRunRequest(run_id=RUN, status=status, **more)
    return (await tracking.runs.FinishRun(request)).run


async def resume(tracking: Tracking) -> run_pb2.Run:
    return (await tracking.runs.ResumeRun(pb.ResumeRunRequest(run_id=RUN))).run


async def finish_writer(
    tracking: Tracking, writer: int, status: run_pb2.RunStatus.ValueType, message: str = ""
) -> run_pb2.Run:
    request = pb.FinishWriterRequest(
        run_id=RUN, writer_id=hex_id(writer), status=status, status_message=message
    )
    return (await tracking.runs.FinishWriter(request)).run


async def add_writers(tracking: Tracking, *ranks: int) -> None:
    """Adds writers whose ids are made of their ranks."""
    for rank in ranks:
        await tracking.database.write(partial(_add_writer, rank))


async def _add_writer(rank: int, connection: AsyncConnection) -> None:
    await ensure_writer(connection, RUN, hex_id(rank), rank, 0)


@pytest.mark.parametrize("status", ENDS)
async def test_a_run_ends_as_it_says(
    tracking: Tracking, status: run_pb2.RunStatus.ValueType
) -> None:
    created = await tracking.run(1)

    run = await finish(tracking, status)

    assert run.status == status
    assert run.end_time.ToNanoseconds() > created.create_time.ToNanoseconds()
    assert await tracking.get(1) == run


async def test_a_run_ends_when_it_says(tracking: Tracking) -> None:
    await tracking.run(1)

    first = await finish(tracking, FINISHED, end_time=A_TIME)
    corrected = await finish(tracking, FINISHED, end_time=Timestamp(seconds=5))

    assert first.end_time == A_TIME
    assert corrected.end_time == Timestamp(seconds=5)


async def test_ending_again_changes_nothing(tracking: Tracking) -> None:
    await tracking.run(1)
    await finish(tracking, FINISHED)
    before = await tracking.stored()

    await finish(tracking, FINISHED)

    assert await tracking.stored() == before


async def test_an_end_can_be_corrected(tracking: Tracking) -> None:
    await tracking.run(1)

    for before, after in itertools.permutations(ENDS, 2):
        await finish(tracking, before)
        assert (await finish(tracking, after)).status == after


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({}, "MISSING_VALUE", "status"),
        ({"status": RUNNING}, "INVALID_VALUE", "status"),
        ({"status": run_pb2.RUN_STATUS_SCHEDULED}, "INVALID_VALUE", "status"),
        ({"status": 6}, "INVALID_VALUE", "status"),
        ({"status": -1}, "INVALID_VALUE", "status"),
        ({"status": FINISHED, "end_time": Timestamp(seconds=-1)}, "INVALID_VALUE", "end_time"),
    ],
)
async def test_bad_ends_are_refused(
    tracking: Tracking, fields: dict[str, Any], reason: str, field: str
) -> None:
    await tracking.run(1)
    request = pb.FinishRunRequest(run_id=RUN, **fields)

    refusal = await tracking.refused(tracking.runs.FinishRun(request))

    assert (refusal.reason, refusal.metadata["field"]) == (reason, field)


async def test_a_run_goes_on_after_its_end(tracking: Tracking) -> None:
    await tracking.run(1)
    await finish(tracking, KILLED)

    resumed = await resume(tracking)
    before = await tracking.stored()
    again = await resume(tracking)

    assert (resumed.status, resumed.HasField("end_time")) == (RUNNING, False)
    assert again == resumed
    assert await tracking.stored() == before


async def test_a_scheduled_run_begins_by_resuming(tracking: Tracking) -> None:
    await tracking.run(1, status=run_pb2.RUN_STATUS_SCHEDULED)

    assert (await resume(tracking)).status == RUNNING


@pytest.mark.parametrize("writer_first", [True, False])
@pytest.mark.parametrize(
    ("writer", "run", "result"),
    [
        (FAILED, FINISHED, FAILED),
        (FAILED, FAILED, FAILED),
        (FAILED, KILLED, KILLED),
        (KILLED, FINISHED, FINISHED),
        (FINISHED, FINISHED, FINISHED),
        (FINISHED, FAILED, FAILED),
    ],
)
async def test_a_writers_failure_fails_a_finished_run_whichever_ends_first(
    tracking: Tracking,
    writer_first: bool,  # noqa: FBT001 - pytest gives arguments by name
    writer: run_pb2.RunStatus.ValueType,
    run: run_pb2.RunStatus.ValueType,
    result: run_pb2.RunStatus.ValueType,
) -> None:
    await tracking.run(1)
    await add_writers(tracking, 0, 1)

    if writer_first:
        await finish_writer(tracking, 1, writer)
        await finish(tracking, run)
    else:
        await finish(tracking, run)
        await finish_writer(tracking, 1, writer)

    assert (await tracking.get(1)).status == result


async def test_a_writers_failure_keeps_the_end_time_of_its_run(tracking: Tracking) -> None:
    await tracking.run(1)
    await add_writers(tracking, 0)
    await finish(tracking, FINISHED, end_time=A_TIME)

    run = await finish_writer(tracking, 0, FAILED)

    assert (run.status, run.end_time) == (FAILED, A_TIME)


async def test_finishing_again_after_a_writers_failure_changes_nothing(
    tracking: Tracking,
) -> None:
    await tracking.run(1)
    await add_writers(tracking, 0)
    await finish(tracking, FINISHED)
    await finish_writer(tracking, 0, FAILED)
    before = await tracking.stored()

    await finish(tracking, FINISHED)
    await finish_writer(tracking, 0, FAILED)

    assert await tracking.stored() == before


async def test_a_resumed_run_forgives_its_writers(tracking: Tracking) -> None:
    await tracking.run(1)
    await add_writers(tracking, 0, 1)
    await finish_writer(tracking, 1, FAILED)
    await finish(tracking, FAILED)

    await resume(tracking)
    await finish_writer(tracking, 1, FAILED)  # says it again: a retry
    forgiven = await finish(tracking, FINISHED)
    await resume(tracking)
    await finish_writer(tracking, 0, FAILED)
    failed_anew = await finish(tracking, FINISHED)

    assert forgiven.status == FINISHED
    assert failed_anew.status == FAILED


async def test_a_writer_keeps_how_it_ended(tracking: Tracking) -> None:
    await tracking.run(1)
    await add_writers(tracking, 3)

    await finish_writer(tracking, 3, FAILED, "CUDA out of memory: é")
    listed = await tracking.runs.ListWriters(pb.ListWritersRequest(run_id=RUN))

    writer = listed.writers[0]
    assert (writer.writer_id, writer.rank) == (hex_id(3), 3)
    assert (writer.status, writer.status_message) == (FAILED, "CUDA out of memory: é")


async def test_writers_that_are_not_there_cannot_end(tracking: Tracking) -> None:
    await tracking.run(1)
    request = pb.FinishWriterRequest(run_id=RUN, writer_id=hex_id(7), status=FAILED)

    refusal = await tracking.refused(tracking.runs.FinishWriter(request))

    assert refusal.reason == "WRITER_NOT_FOUND"
    assert refusal.metadata == {"run_id": RUN, "writer_id": hex_id(7)}


async def test_a_writer_that_says_so_itself_need_not_be_known(tracking: Tracking) -> None:
    await tracking.run(1)
    record = run_pb2.RecordId(writer_id=hex_id(7), number=0)
    request = pb.FinishWriterRequest(run_id=RUN, writer_id=hex_id(7), status=FAILED, record=record)

    await tracking.runs.FinishWriter(request)

    assert (await finish(tracking, FINISHED)).status == FAILED


@pytest.mark.parametrize(
    ("fields", "reason", "field"),
    [
        ({"status": FAILED}, "MISSING_VALUE", "writer_id"),
        ({"status": FAILED, "writer_id": "7"}, "INVALID_VALUE", "writer_id"),
        ({"writer_id": hex_id(0)}, "MISSING_VALUE", "status"),
        ({"writer_id": hex_id(0), "status": RUNNING}, "INVALID_VALUE", "status"),
        (
            {"writer_id": hex_id(0), "status": FAILED, "status_message": "x" * 5001},
            "VALUE_TOO_LONG",
            "status_message",
        ),
        (
            {
                "writer_id": hex_id(0),
                "status": FAILED,
                "record": run_pb2.RecordId(writer_id=hex_id(8)),
            },
            "INVALID_VALUE",
            "record.writer_id",
        ),
    ],
)
async def test_bad_ends_of_writers_are_refused(
    tracking: Tracking, fields: dict[str, Any], reason: str, field: str
) -> None:
    await tracking.run(1)
    await add_writers(tracking, 0)
    request = pb.FinishWriterRequest(run_id=RUN, **fields)

    refusal = await tracking.refused(tracking.runs.FinishWriter(request))

    assert (refusal.reason, refusal.metadata["field"]) == (reason, field)


async def test_listeners_hear_of_ends_and_of_nothing_else(tracking: Tracking) -> None:
    await tracking.run(1)
    await add_writers(tracking, 0, 1)
    ended: list[str] = []
    tracking.signals.on_ended(ended.append)

    await finish_writer(tracking, 0, KILLED)
    assert ended == []
    await finish(tracking, FINISHED)
    await finish(tracking, FINISHED)
    assert ended == [RUN]
    await finish_writer(tracking, 1, FAILED)
    assert ended == [RUN, RUN]
    await resume(tracking)
    assert ended == [RUN, RUN]


async def test_a_writer_gets_the_rank_that_somebody_says_later(tracking: Tracking) -> None:
    await tracking.run(1)
    record = run_pb2.RecordId(writer_id=hex_id(7), number=0)
    await tracking.runs.SetTags(pb.SetTagsRequest(run_id=RUN, tags={"k": "v"}, record=record))

    async def ensure(rank: int | None) -> int:
        row = await tracking.database.write(
            lambda connection: ensure_writer(connection, RUN, hex_id(7), rank, 0)
        )
        return row.rank

    assert [await ensure(rank) for rank in (None, 4, None, 5)] == [-1, 4, 4, 4]
