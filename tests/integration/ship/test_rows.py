"""Rows reach the server once and in order, whatever happens to streams and to single rows."""

from __future__ import annotations

import asyncio
from pathlib import Path

import grpc
import pytest
from tests.integration.ship.fake_server import (
    FakeServer,
    FakeStream,
    FakeWriter,
    Refused,
    Rejected,
    Row,
)
from tests.integration.ship.spools import log_numbered, log_unchecked, new_writer, ship

from runstream._spool import SpoolWriter
from runstream._spool.paths import segment_path

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


def steps(rows: list[Row | None]) -> list[int | None]:
    return [None if row is None else row[1] for row in rows]


def rejected_files(spool: Path, writer: SpoolWriter) -> list[str]:
    folder = spool / "rejected" / writer.run_id / writer.writer_id
    return sorted(path.name for path in folder.glob("*.json"))


async def test_rows_arrive_with_their_names_steps_times_and_values(
    fake: FakeServer, spool: Path
) -> None:
    writer = new_writer(spool, fake.uri, rank=2)
    writer.log({"loss": 0.5, "acc": 1.5}, step=3, time_us=30)
    writer.log({"lr": 0.1}, step=-4, time_us=40, rank=None)
    writer.close()

    await ship(spool)

    assert fake.rows(writer.writer_id) == [
        ((("loss", 2), ("acc", 2)), 3, 30, (0.5, 1.5)),
        ((("lr", None),), -4, 40, (0.1,)),
    ]
    header = fake.streams[0].header
    assert (header.run_id, header.writer_id, header.rank) == (writer.run_id, writer.writer_id, 2)


async def test_the_run_is_created_before_its_rows(fake: FakeServer, spool: Path) -> None:
    writer = new_writer(spool, fake.uri)
    log_numbered(writer, 10)
    writer.close()

    await ship(spool)

    assert fake.events == ["CreateRunRequest", "rows 10"]


async def test_many_rows_travel_in_messages_of_half_a_mebibyte(
    fake: FakeServer, spool: Path
) -> None:
    writer = new_writer(spool, fake.uri)
    log_numbered(writer, 50_000)
    writer.close()

    await ship(spool)

    sizes = [request.ByteSize() for request in fake.streams[0].requests]
    assert steps(fake.rows(writer.writer_id)) == list(range(50_000))
    assert max(sizes) <= 600_000
    assert min(sizes[:-1]) >= 256 * 1024


async def test_a_broken_stream_is_opened_again_where_the_server_is(
    fake: FakeServer, spool: Path
) -> None:
    writer = new_writer(spool, fake.uri)
    log_numbered(writer, 30_000)
    writer.close()

    async def break_sometimes(stream: FakeStream, _: list[Row]) -> None:
        if len(stream.requests) == 2 and stream.number < 4:
            raise Refused(UNAVAILABLE, "")

    fake.on_batch = break_sometimes

    await ship(spool)

    assert steps(fake.rows(writer.writer_id)) == list(range(30_000))
    assert len(fake.streams) >= 3


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (grpc.StatusCode.ABORTED, "WRITER_MOVED"),
        (grpc.StatusCode.OUT_OF_RANGE, "OFFSET_GAP"),
        (grpc.StatusCode.INTERNAL, "INTERNAL"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "STORAGE_FULL"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, ""),
        (grpc.StatusCode.PERMISSION_DENIED, ""),
    ],
)
async def test_what_passes_is_waited_for(
    fake: FakeServer, spool: Path, code: grpc.StatusCode, reason: str
) -> None:
    writer = new_writer(spool, fake.uri)
    log_numbered(writer, 20)
    writer.close()

    async def fail_once(stream: FakeStream, _: list[Row]) -> None:
        if stream.number == 0:
            raise Refused(code, reason)

    fake.on_batch = fail_once

    await ship(spool)

    assert steps(fake.rows(writer.writer_id)) == list(range(20))
    assert rejected_files(spool, writer) == []


async def test_a_server_that_asks_for_another_connection_gets_it(
    fake: FakeServer, spool: Path
) -> None:
    writer = new_writer(spool, fake.uri)
    log_numbered(writer, 100_000)
    writer.close()
    fake.reconnect_after = 1

    batches = 0

    async def stop_after_asking(stream: FakeStream, _: list[Row]) -> None:
        nonlocal batches
        batches += stream.number == 0
        await asyncio.sleep(0.05)
        if stream.number == 0 and batches > 1:
            raise Refused(grpc.StatusCode.UNAVAILABLE, "SERVER_STOPPING")

    fake.on_batch = stop_after_asking

    await ship(spool)

    assert steps(fake.rows(writer.writer_id)) == list(range(100_000))
    assert len(fake.streams) >= 2


async def test_rows_that_another_shipper_has_sent_are_not_sent_again(
    fake: FakeServer, spool: Path
) -> None:
    writer = new_writer(spool, fake.uri)
    log_numbered(writer, 100)
    writer.close()
    fake.writers[writer.writer_id] = FakeWriter(next_row=60, rows=[None] * 60)

    await ship(spool)

    assert [request.batch.offset for request in fake.streams[0].requests] == [60]
    assert steps(fake.rows(writer.writer_id))[60:] == list(range(60, 100))


async def test_one_row_that_is_refused_is_skipped_and_put_aside(
    fake: FakeServer, spool: Path
) -> None:
    writer = new_writer(spool, fake.uri)
    log_numbered(writer, 100)
    log_unchecked(writer, ("loss",), step=100, time_us=-1)
    log_numbered(writer, 100, first=101)
    writer.close()

    await ship(spool)

    expected: list[int | None] = list(range(201))
    expected[100] = None
    assert steps(fake.rows(writer.writer_id)) == expected
    assert fake.writers[writer.writer_id].skips == [(100, 1, "INVALID_VALUE: this is wrong")]
    assert rejected_files(spool, writer) == ["rows-000000000100-1.json"]


async def test_a_refused_row_is_found_when_the_server_does_not_say_which(
    fake: FakeServer, spool: Path
) -> None:
    writer = new_writer(spool, fake.uri)
    log_numbered(writer, 1000)
    writer.close()
    poisoned = {5, 500, 501, 999}

    async def refuse(_: FakeStream, rows: list[Row]) -> None:
        if poisoned & {row[1] for row in rows}:
            raise Rejected("COLUMN_MISMATCH")

    fake.on_batch = refuse

    await ship(spool)

    got = steps(fake.rows(writer.writer_id))
    assert got == [None if number in poisoned else number for number in range(1000)]


async def test_a_row_that_ends_the_stream_for_good_is_found_too(
    fake: FakeServer, spool: Path
) -> None:
    writer = new_writer(spool, fake.uri)
    log_numbered(writer, 64)
    writer.close()

    async def refuse(_: FakeStream, rows: list[Row]) -> None:
        if any(row[1] == 40 for row in rows):
            raise Refused(grpc.StatusCode.RESOURCE_EXHAUSTED, "LIMIT_EXCEEDED", "too many series")

    fake.on_batch = refuse

    await ship(spool)

    assert steps(fake.rows(writer.writer_id)) == [*range(40), None, *range(41, 64)]
    (skip,) = fake.writers[writer.writer_id].skips
    assert skip == (40, 1, "LIMIT_EXCEEDED: too many series")


async def test_a_layout_that_is_refused_is_tried_once(fake: FakeServer, spool: Path) -> None:
    writer = new_writer(spool, fake.uri)
    for number in range(0, 400, 2):
        log_numbered(writer, 1, first=number)
        log_unchecked(writer, ("bad\nkey",), step=number + 1, time_us=1)
    writer.close()

    await ship(spool)

    got = steps(fake.rows(writer.writer_id))
    assert got == [None if number % 2 else number for number in range(400)]
    refused = sum(len(stream.requests) for stream in fake.streams)
    assert refused < 400 + 40


async def test_rows_that_are_corrupt_in_the_spool_are_skipped(
    fake: FakeServer, spool: Path
) -> None:
    writer = new_writer(spool, fake.uri)
    log_numbered(writer, 100)
    writer.close()
    path = segment_path(writer.folder, 0)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)

    await ship(spool)

    got = steps(fake.rows(writer.writer_id))
    assert got.count(None) == 1
    assert [step for step in got if step is not None] == [
        number for number in range(100) if number != got.index(None)
    ]
    ((_, count, reason),) = fake.writers[writer.writer_id].skips
    assert count == 1
    assert "corrupt" in reason


async def test_rows_that_are_gone_from_the_spool_are_skipped(fake: FakeServer, spool: Path) -> None:
    writer = new_writer(spool, fake.uri, segment_bytes=4096)
    log_numbered(writer, 1000)
    writer.close()
    segment_path(writer.folder, 1).unlink()

    await ship(spool)

    rows = fake.rows(writer.writer_id)
    assert len(rows) == 1000
    ((first, count, _),) = fake.writers[writer.writer_id].skips
    assert steps(rows) == [
        None if first <= number < first + count else number for number in range(1000)
    ]


async def test_more_layouts_than_a_stream_may_define_arrive_all(
    fake: FakeServer, spool: Path
) -> None:
    fake.max_layouts = 4
    writer = new_writer(spool, fake.uri)
    for number in range(40):
        writer.log({f"key{number}": 1.0, "loss": float(number)}, step=number)
    writer.close()

    await ship(spool)

    rows = fake.rows(writer.writer_id)
    assert [row[0][0] for row in rows if row is not None] == [(f"key{n}", None) for n in range(40)]
    assert len(fake.streams) == 1


async def test_a_stream_whose_layouts_repeat_inline_is_begun_anew(
    fake: FakeServer, spool: Path
) -> None:
    fake.max_layouts = 1
    writer = new_writer(spool, fake.uri)
    writer.log({"rare": 1.0}, step=0)
    for number in range(1, 30_000):
        writer.log({"loss": 1.0}, step=number)
    writer.close()

    await ship(spool)

    assert steps(fake.rows(writer.writer_id)) == list(range(30_000))
    assert len(fake.streams) == 2
    assert fake.streams[1].layouts


async def test_a_writer_that_goes_on_is_followed(fake: FakeServer, spool: Path) -> None:
    writer = new_writer(spool, fake.uri, segment_bytes=8192)
    shipping = asyncio.create_task(ship(spool))

    for number in range(300):
        log_numbered(writer, 3, first=3 * number)
        await asyncio.sleep(0.001)
    writer.close()
    await shipping

    assert steps(fake.rows(writer.writer_id)) == list(range(900))


async def test_a_writer_that_died_is_delivered_to_its_last_row(
    fake: FakeServer, spool: Path
) -> None:
    writer = new_writer(spool, fake.uri)
    log_numbered(writer, 50)
    stream = writer._stream  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    shipping = asyncio.create_task(ship(spool))
    await asyncio.sleep(0.05)

    stream.abandon()
    await shipping

    assert steps(fake.rows(writer.writer_id)) == list(range(50))
