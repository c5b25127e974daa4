"""What a training process sees: a shipper that is there, and a wait that ends when it should."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.protobuf.message import Message
from tests.integration.ship.fake_server import FakeServer, Refused, running
from tests.integration.ship.spools import log_numbered, new_writer
from tests.support.server import wait_until

from runstream._ship import DeliveryReport, ensure_shipper, sync, wait_delivered
from runstream._ship.election import ShipperLock, is_shipper_alive, shipper_pid
from runstream._ship.status import read_status
from runstream.errors import InvalidValue
from runstream.v1 import run_service_pb2 as pb

TIMEOUT_S = 30.0


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Path]:
    """A spool whose shipper ends with the test."""
    directory = tmp_path / "spool"
    yield directory
    pid = shipper_pid(directory)
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not is_shipper_alive(directory))


async def waited(
    spool: Path, run_id: str | None = None, timeout_s: float = TIMEOUT_S
) -> DeliveryReport:
    return await asyncio.to_thread(wait_delivered, spool, run_id=run_id, timeout_s=timeout_s)


def test_the_lock_is_one_process_at_a_time(spool: Path) -> None:
    lock = ShipperLock.acquire(spool)
    assert lock is not None
    assert is_shipper_alive(spool)
    assert shipper_pid(spool) == os.getpid()
    assert ShipperLock.acquire(spool) is None

    lock.release()

    assert not is_shipper_alive(spool)
    assert shipper_pid(spool) is None


@pytest.mark.parametrize("uri", ["http://127.0.0.1:5000", "https://tracking.example"])
def test_web_addresses_are_refused_with_the_one_to_use(spool: Path, uri: str) -> None:
    with pytest.raises(InvalidValue, match=r"grpcs?://.*:50051"):
        ensure_shipper(spool, uri)


def test_without_a_server_no_shipper_is_started(spool: Path, tmp_path: Path) -> None:
    uri = f"file:{tmp_path}"
    writer = new_writer(spool, uri)
    log_numbered(writer, 7)

    assert not ensure_shipper(spool, uri)
    report = wait_delivered(spool, run_id=writer.run_id, timeout_s=TIMEOUT_S)

    assert not is_shipper_alive(spool)
    assert not report.delivered
    assert (report.pending_rows, report.pending_records) == (7, 1)


async def test_a_shipper_is_started_once_and_delivers(fake: FakeServer, spool: Path) -> None:
    writer = new_writer(spool, fake.uri)
    log_numbered(writer, 100)

    started = [ensure_shipper(spool, fake.uri) for _ in range(3)]
    report = await waited(spool, writer.run_id)

    assert started == [True, False, False]
    assert report.delivered
    assert (report.rows, report.records, report.artifacts) == (100, 1, 0)
    assert (report.server_state, report.http_address) == ("connected", "http://fake")
    assert len(fake.rows(writer.writer_id)) == 100


async def test_asking_whether_there_is_a_shipper_costs_next_to_nothing(
    fake: FakeServer, spool: Path
) -> None:
    new_writer(spool, fake.uri)
    ensure_shipper(spool, fake.uri)
    await asyncio.to_thread(wait_until, lambda: is_shipper_alive(spool))

    times: list[float] = []
    for _ in range(200):
        began = time.perf_counter()
        ensure_shipper(spool, fake.uri)
        times.append(time.perf_counter() - began)

    assert sorted(times)[len(times) // 2] < 0.000_5


async def test_a_wait_for_a_living_writer_ends_where_the_writer_was(
    fake: FakeServer, spool: Path
) -> None:
    writer = new_writer(spool, fake.uri, segment_bytes=4096)
    for part in range(5):
        log_numbered(writer, 100, first=100 * part)
        report = await waited(spool, writer.run_id)
        assert report.delivered
        assert len(fake.rows(writer.writer_id)) == 100 * (part + 1)
    writer.close()


async def test_a_wait_starts_a_shipper_when_the_last_one_died(
    fake: FakeServer, spool: Path
) -> None:
    writer = new_writer(spool, fake.uri)
    ensure_shipper(spool, fake.uri)
    await asyncio.to_thread(wait_until, lambda: shipper_pid(spool) is not None)
    pid = shipper_pid(spool)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    log_numbered(writer, 100)
    writer.close()

    report = await waited(spool, writer.run_id)

    assert report.delivered
    assert len(fake.rows(writer.writer_id)) == 100


async def test_a_wait_without_a_server_ends_at_its_deadline_and_says_why(spool: Path) -> None:
    writer = new_writer(spool, "grpc://127.0.0.1:1")
    log_numbered(writer, 12)
    writer.artifact(b"x", "x")
    writer.close()

    report = await waited(spool, writer.run_id, timeout_s=2.0)

    assert not report.delivered
    assert (report.pending_rows, report.pending_records, report.pending_artifacts) == (12, 1, 1)
    assert report.is_exact
    assert report.server_state == "unavailable"
    assert report.problems


async def test_a_wait_ends_early_when_the_run_is_deleted(fake: FakeServer, spool: Path) -> None:
    writer = new_writer(spool, fake.uri)
    log_numbered(writer, 12)
    writer.close()

    async def deleted(_: Message) -> None:
        raise Refused(grpc.StatusCode.FAILED_PRECONDITION, "RUN_DELETED", "restore it")

    fake.on_call = deleted
    began = time.monotonic()

    report = await waited(spool, writer.run_id)

    assert time.monotonic() - began < TIMEOUT_S / 2
    assert not report.delivered
    assert report.problems == ("RUN_DELETED: restore it",)
    assert report.pending_rows == 12
    assert report.rejected == 0


async def test_a_restored_run_gets_everything_by_a_sync(fake: FakeServer, spool: Path) -> None:
    writer = new_writer(spool, fake.uri)
    log_numbered(writer, 12)
    writer.operation({"op": "finish_run", "status": "FINISHED"})
    writer.close()

    async def deleted(_: Message) -> None:
        raise Refused(grpc.StatusCode.FAILED_PRECONDITION, "RUN_DELETED", "restore it")

    fake.on_call = deleted
    first = await asyncio.to_thread(sync, spool, timeout_s=TIMEOUT_S)
    fake.on_call = None

    second = await asyncio.to_thread(sync, spool, timeout_s=TIMEOUT_S)

    assert not first.delivered
    assert second.delivered
    assert fake.events == ["CreateRunRequest", "rows 12", "FinishRunRequest"]


async def test_a_report_tells_what_was_refused(fake: FakeServer, spool: Path) -> None:
    writer = new_writer(spool, fake.uri)
    writer.operation({"op": "log_params", "params": {"lr": "1"}})
    writer.close()

    async def conflict(request: Message) -> None:
        if isinstance(request, pb.LogParamsRequest):
            raise Refused(grpc.StatusCode.ALREADY_EXISTS, "PARAM_CONFLICT", "lr is 2")

    fake.on_call = conflict

    report = await waited(spool, writer.run_id)

    assert report.delivered
    assert report.rejected == 1
    assert report.refusals == ("PARAM_CONFLICT: lr is 2",)


async def test_a_shipper_ends_when_all_is_delivered_and_no_writer_lives(
    fake: FakeServer, spool: Path
) -> None:
    writer = new_writer(spool, fake.uri)
    command = [sys.executable, "-m", "runstream._ship", str(spool), "--linger-s", "0.1"]
    process = await asyncio.create_subprocess_exec(*command)
    await asyncio.to_thread(wait_until, lambda: shipper_pid(spool) == process.pid)
    await waited(spool, writer.run_id)
    assert process.returncode is None

    writer.close()

    assert await asyncio.wait_for(process.wait(), TIMEOUT_S) == 0
    status = read_status(spool)
    assert status is not None
    assert status["pid"] == 0
    assert not is_shipper_alive(spool)


async def test_a_second_shipper_of_a_spool_leaves_at_once(fake: FakeServer, spool: Path) -> None:
    new_writer(spool, fake.uri)
    ensure_shipper(spool, fake.uri)
    await asyncio.to_thread(wait_until, lambda: is_shipper_alive(spool))
    pid = shipper_pid(spool)

    second = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "runstream._ship", str(spool)
    )

    assert await second.wait() == 0
    assert shipper_pid(spool) == pid


async def test_writers_of_one_spool_go_each_to_their_own_server(
    fake: FakeServer, spool: Path
) -> None:
    async with running(FakeServer()) as other:
        here = new_writer(spool, fake.uri)
        there = new_writer(spool, other.uri)
        nowhere = new_writer(spool, "")
        for writer in (here, there, nowhere):
            log_numbered(writer, 5)
            writer.close()

        report = await asyncio.to_thread(sync, spool, timeout_s=TIMEOUT_S)

        assert set(fake.writers) == {here.writer_id}
        assert set(other.writers) == {there.writer_id}
        assert (report.writers, report.delivered_writers) == (3, 2)


async def test_a_sync_with_a_uri_delivers_everything_there(fake: FakeServer, spool: Path) -> None:
    elsewhere = new_writer(spool, "grpc://127.0.0.1:1")
    offline = new_writer(spool, f"file:{spool}")
    for writer in (elsewhere, offline):
        log_numbered(writer, 5)
        writer.artifact(b"x", "x")
        writer.close()
    seen: list[int] = []

    report = await asyncio.to_thread(
        sync,
        spool,
        fake.uri,
        timeout_s=TIMEOUT_S,
        progress=lambda progress: seen.append(progress.writers),
    )

    assert report.delivered
    assert set(fake.writers) == {elsewhere.writer_id, offline.writer_id}
    assert seen
    assert set(seen) == {2}
    again = await asyncio.to_thread(sync, spool, timeout_s=TIMEOUT_S)
    assert again.delivered
    assert again.writers == 0


async def test_a_sync_with_a_uri_takes_over_from_the_shipper(fake: FakeServer, spool: Path) -> None:
    uri = "grpc://127.0.0.1:1"
    writer = new_writer(spool, uri)
    log_numbered(writer, 5)
    ensure_shipper(spool, uri)
    await asyncio.to_thread(wait_until, lambda: shipper_pid(spool) is not None)
    first = shipper_pid(spool)

    report = await asyncio.to_thread(sync, spool, fake.uri, timeout_s=TIMEOUT_S)

    assert report.delivered
    assert len(fake.rows(writer.writer_id)) == 5
    await asyncio.to_thread(wait_until, lambda: shipper_pid(spool) not in (None, first))


async def test_a_sync_watches_a_shipper_that_is_at_work(fake: FakeServer, spool: Path) -> None:
    writer = new_writer(spool, fake.uri)
    log_numbered(writer, 1000)
    ensure_shipper(spool, fake.uri)
    await asyncio.to_thread(wait_until, lambda: is_shipper_alive(spool))
    pid = shipper_pid(spool)

    report = await asyncio.to_thread(sync, spool, timeout_s=TIMEOUT_S)

    assert report.delivered
    assert shipper_pid(spool) == pid
    assert len(fake.rows(writer.writer_id)) == 1000


async def test_the_status_file_tells_of_a_server_that_comes_and_goes(spool: Path) -> None:
    fake = FakeServer()
    async with running(fake):
        port = int(fake.address.rpartition(":")[2])
        writer = new_writer(spool, fake.uri)
        ensure_shipper(spool, fake.uri)
        await asyncio.to_thread(wait_until, lambda: state_of(spool, fake) == "connected")
    log_numbered(writer, 10)
    await asyncio.to_thread(wait_until, lambda: state_of(spool, fake) == "unavailable")

    async with running(fake, port):
        report = await waited(spool, writer.run_id)

    assert report.delivered
    assert len(fake.rows(writer.writer_id)) == 10


def state_of(spool: Path, fake: FakeServer) -> str:
    status = read_status(spool)
    server = status["servers"].get(fake.uri) if status else None
    return server["state"] if server else ""


def test_the_log_does_not_grow_without_end(spool: Path) -> None:
    spool.mkdir()
    (spool / "shipper.log").write_bytes(b"x\n" * (600 << 10))
    writer = new_writer(spool, "")
    writer.close()

    command = [sys.executable, "-m", "runstream._ship", str(spool), "--linger-s", "0"]
    subprocess.run(command, check=True, timeout=TIMEOUT_S)

    assert (spool / "shipper.log").stat().st_size < 10_000
    assert (spool / "shipper.log.1").exists()


def test_waiting_and_starting_load_no_grpc() -> None:
    code = "import sys, runstream._ship; assert 'grpc' not in sys.modules, 'grpc is loaded'"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=TIMEOUT_S)


def test_a_status_of_another_version_is_not_misread(spool: Path) -> None:
    spool.mkdir()
    (spool / "shipper.json").write_text(json.dumps({"version": 99, "writers": 5}))

    assert read_status(spool) is None


async def test_the_status_tells_of_the_last_place_without_further_news(
    fake: FakeServer, spool: Path
) -> None:
    writers = [new_writer(spool, fake.uri, rank=rank) for rank in range(40)]
    ensure_shipper(spool, fake.uri)
    for writer in writers:
        log_numbered(writer, 3)

    report = await waited(spool)

    assert report.delivered, report
    for writer in writers:
        writer.close()
