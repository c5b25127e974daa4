"""Requests of writers carry numbers and are applied once."""

import asyncio
from typing import Any

import pytest

from runstream.v1 import run_pb2, run_service_pb2 as pb
from runstream_server.storage.schema import skips
from tests.contract.tracking.serving import Tracking, hex_id

RUN = hex_id(1)
WRITER = hex_id(0xA)


def record(number: int, writer_id: str = WRITER) -> run_pb2.RecordId:
    return run_pb2.RecordId(writer_id=writer_id, number=number)


async def tag(tracking: Tracking, number: int, value: str, writer_id: str = WRITER) -> None:
    request = pb.SetTagsRequest(run_id=RUN, tags={"k": value}, record=record(number, writer_id))
    await tracking.runs.SetTags(request)


async def writers(
    tracking: Tracking,
    **fields: Any,  # noqa: ANN401 - any of the request's fields
) -> pb.ListWritersResponse:
    return await tracking.runs.ListWriters(pb.ListWritersRequest(run_id=RUN, **fields))


async def next_record(tracking: Tracking) -> int:
    return (await writers(tracking)).writers[0].next_record


async def test_a_record_is_applied_once(tracking: Tracking) -> None:
    await tracking.run(1)

    await tag(tracking, 0, "first")
    await tag(tracking, 1, "second")
    before = await tracking.stored()
    await tag(tracking, 0, "again")

    assert await tracking.stored() == before
    assert (await tracking.get(1)).tags["k"] == "second"
    assert await next_record(tracking) == 2


async def test_numbers_may_be_passed_over(tracking: Tracking) -> None:
    await tracking.run(1)

    await tag(tracking, 5, "five")
    await tag(tracking, 3, "three")

    assert (await tracking.get(1)).tags["k"] == "five"
    assert await next_record(tracking) == 6


async def test_writers_count_for_themselves(tracking: Tracking) -> None:
    await tracking.run(1)

    await tag(tracking, 7, "a")
    await tag(tracking, 0, "b", hex_id(0xB))

    assert (await tracking.get(1)).tags["k"] == "b"
    assert [writer.next_record for writer in (await writers(tracking)).writers] == [8, 1]


async def test_a_refused_record_leaves_the_number_and_no_writer_behind(
    tracking: Tracking,
) -> None:
    await tracking.run(1)
    await tracking.runs.LogParams(pb.LogParamsRequest(run_id=RUN, params={"p": "1"}))
    conflict = pb.LogParamsRequest(run_id=RUN, params={"p": "2"}, record=record(0))

    refusal = await tracking.refused(tracking.runs.LogParams(conflict))
    await tag(tracking, 0, "applied")

    assert refusal.reason == "PARAM_CONFLICT"
    assert (await tracking.get(1)).tags["k"] == "applied"


async def test_the_same_record_at_once_is_applied_once(tracking: Tracking) -> None:
    await tracking.run(1)

    await asyncio.gather(*(tag(tracking, 0, str(value)) for value in range(20)))
    stored = await tracking.stored()
    await tag(tracking, 0, "late")

    assert await tracking.stored() == stored
    assert await next_record(tracking) == 1


async def test_every_kind_of_record_is_applied_once(tracking: Tracking) -> None:
    runs, failed = tracking.runs, run_pb2.RUN_STATUS_FAILED
    requests: list[tuple[Any, Any]] = [
        (runs.CreateRun, pb.CreateRunRequest(run_id=RUN, experiment_id="0", record=record(0))),
        (runs.LogParams, pb.LogParamsRequest(run_id=RUN, params={"p": "1"}, record=record(1))),
        (runs.SetTags, pb.SetTagsRequest(run_id=RUN, tags={"t": "1"}, record=record(2))),
        (runs.DeleteTags, pb.DeleteTagsRequest(run_id=RUN, keys=["t"], record=record(3))),
        (
            runs.FinishWriter,
            pb.FinishWriterRequest(run_id=RUN, writer_id=WRITER, status=failed, record=record(4)),
        ),
        (runs.FinishRun, pb.FinishRunRequest(run_id=RUN, status=failed, record=record(5))),
        (runs.ResumeRun, pb.ResumeRunRequest(run_id=RUN, record=record(6))),
    ]

    for call, request in requests:
        await call(request)
    stored = await tracking.stored()
    for call, request in requests:
        await call(request)

    assert await tracking.stored() == stored
    assert await next_record(tracking) == 7


async def test_a_known_record_is_answered_though_its_run_was_deleted_since(
    tracking: Tracking,
) -> None:
    await tracking.run(1)
    await tag(tracking, 0, "a")
    await tracking.runs.DeleteRun(pb.DeleteRunRequest(run_id=RUN))

    await tag(tracking, 0, "a")
    create = pb.CreateRunRequest(run_id=RUN, experiment_id="0", record=record(0))
    answer = await tracking.runs.CreateRun(create)
    new = pb.SetTagsRequest(run_id=RUN, tags={"k": "b"}, record=record(1))
    refusal = await tracking.refused(tracking.runs.SetTags(new))

    assert (answer.created, answer.run.run_id) == (False, RUN)
    assert refusal.reason == "RUN_DELETED"


@pytest.mark.parametrize(
    ("bad", "reason", "field"),
    [
        (run_pb2.RecordId(), "MISSING_VALUE", "record.writer_id"),
        (run_pb2.RecordId(writer_id="W" * 32), "INVALID_VALUE", "record.writer_id"),
        (record(-1), "INVALID_VALUE", "record.number"),
        (record(2**63 - 1), "INVALID_VALUE", "record.number"),
    ],
)
async def test_bad_record_ids_are_refused(
    tracking: Tracking, bad: run_pb2.RecordId, reason: str, field: str
) -> None:
    await tracking.run(1)
    request = pb.SetTagsRequest(run_id=RUN, tags={"k": "v"}, record=bad)

    refusal = await tracking.refused(tracking.runs.SetTags(request))

    assert (refusal.reason, refusal.metadata["field"]) == (reason, field)


async def test_the_last_number_that_there_is_can_be_used(tracking: Tracking) -> None:
    await tracking.run(1)

    await tag(tracking, 2**63 - 2, "last")

    assert await next_record(tracking) == 2**63 - 1


async def test_writers_are_listed_page_by_page_in_the_order_of_their_arrival(
    tracking: Tracking,
) -> None:
    await tracking.run(1)
    ids = [hex_id(number) for number in (9, 3, 7, 1, 5)]
    for writer_id in ids:
        await tag(tracking, 0, "x", writer_id)
    await tracking.insert(
        skips,
        [
            {
                "run_id": RUN,
                "writer_id": hex_id(3),
                "first_row": row,
                "count": 2,
                "reason": f"at {row}",
                "create_time_us": 1,
            }
            for row in (10, 4)
        ],
    )

    listed: list[run_pb2.Writer] = []
    token = ""
    while True:
        page = await writers(tracking, page_size=2, page_token=token)
        listed += page.writers
        token = page.next_page_token
        assert len(page.writers) == (2 if token else 1)
        if not token:
            break

    assert [writer.writer_id for writer in listed] == ids
    assert list(listed[1].skipped) == [
        run_pb2.SkippedRows(first_row=4, count=2, reason="at 4"),
        run_pb2.SkippedRows(first_row=10, count=2, reason="at 10"),
    ]
    first = listed[0]
    assert not first.HasField("rank")
    assert (first.attempt, first.next_row, first.next_record) == (0, 0, 1)
    assert first.status == run_pb2.RUN_STATUS_RUNNING
    assert first.create_time.seconds > 1_700_000_000


async def test_a_run_without_writers_lists_none(tracking: Tracking) -> None:
    await tracking.run(1)

    page = await writers(tracking)

    assert (list(page.writers), page.next_page_token) == ([], "")


async def test_bad_pages_of_writers_are_refused(tracking: Tracking) -> None:
    await tracking.run(1)
    await tracking.run(2)
    await tag(tracking, 0, "x")
    await tag(tracking, 0, "x", hex_id(0xB))
    token = (await writers(tracking, page_size=1)).next_page_token
    list_writers = tracking.runs.ListWriters

    negative = await tracking.refused(writers(tracking, page_size=-1))
    broken = await tracking.refused(writers(tracking, page_token=token[:-2] + "AA"))
    foreign = await tracking.refused(
        list_writers(pb.ListWritersRequest(run_id=hex_id(2), page_token=token))
    )

    assert (negative.reason, negative.metadata["field"]) == ("INVALID_VALUE", "page_size")
    assert (broken.reason, broken.metadata) == ("INVALID_PAGE_TOKEN", {"field": "page_token"})
    assert foreign.reason == "INVALID_PAGE_TOKEN"
