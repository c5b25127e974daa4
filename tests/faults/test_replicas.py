"""Replicas over one PostgreSQL and one bucket: all of them fail at random, and nothing suffers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import grpc
import pytest

from runstream.v1 import run_service_pb2
from runstream.v1.run_service_pb2_grpc import RunServiceStub
from runstream_server.objects.s3.store import S3Store
from tests.faults.checks import missing_points
from tests.faults.stage import Stage, open_stage
from tests.faults.transfers import File, abandon_upload
from tests.faults.writers import FaultyStreamWriter
from tests.support.postgres import PostgresProcess
from tests.support.s3 import S3Server
from tests.support.server import StartServer
from tests.support.telling import Tell

ROUNDS = int(os.environ.get("FAULT_ROUNDS", "6"))
WRITERS = 6
WRITER_PAUSE_S = 0.05
MIN_ROWS = 400
ROWS_AFTERWARDS = 150
MB = 1_000_000
LEAST_BYTES, USUAL_BYTES, MOST_BYTES = MB, 4 * MB, 40 * MB
# These last as long as most outages do.
SLOW_CLIENTS = {0, 2}
LARGE_BYTES = 40 * MB
HUGE_EVERY = 5
HUGE_BYTES = 100 * MB
UPLOADS_BEGIN_WITHIN_S = 2.0
ABANDONED_BYTES = 24 * MB
ROUND_TIMEOUT_S = 240.0


@dataclass(slots=True)
class Tally:
    """What the rounds came to."""

    rounds: int = 0
    rows: int = 0
    lost: int = 0
    doubled: int = 0
    reconnects: int = 0
    uploads: int = 0
    uploaded_bytes: int = 0
    resumed: int = 0
    resent_bytes: int = 0
    equal_digests: int = 0

    def line(self, stage: Stage) -> str:
        struck, transfers = stage.outages.struck, stage.transfers
        return (
            f"{self.rounds} rounds, {self.rows} rows: {self.lost} lost, {self.doubled} doubled; "
            f"{struck}, {self.reconnects} reconnects; {self.uploads} uploads of "
            f"{self.uploaded_bytes / MB:.0f} MB, {self.resumed} of them resumed, "
            f"{self.resent_bytes / MB:.0f} MB sent again, {self.equal_digests} digests equal, "
            f"{transfers.half_visible} half visible; {transfers.downloads} downloads; "
            f"{transfers.refusals} calls given up and repeated, "
            f"{transfers.taken_over} uploads taken over, "
            f"{struck.refused_starts} starts refused"
        )


@pytest.fixture
def database_process() -> Iterator[PostgresProcess]:
    """A PostgreSQL of the test's own, which it may kill."""
    with PostgresProcess() as process:
        yield process


@pytest.fixture
async def stage(
    start_server: StartServer,
    database_process: PostgresProcess,
    s3_environment: S3Server,
    tmp_path: Path,
) -> AsyncIterator[Stage]:
    async with open_stage(start_server, database_process, s3_environment, tmp_path) as stage:
        yield stage


@pytest.mark.timeout(3600)
async def test_replicas_their_database_and_their_bucket_fail_and_nothing_is_lost_or_doubled(
    stage: Stage, tell: Tell
) -> None:
    tally = Tally()
    files: list[File] = []

    for number in range(ROUNDS):
        files += await _round(stage, number, tally)
        await _check_rows(stage, tally)
    await asyncio.to_thread(stage.job.finish)
    tally.resumed = await _resumed_uploads(stage)
    tally.resent_bytes = stage.received_bytes - tally.uploaded_bytes

    tell(f"replicas failing at random: {tally.line(stage)}")
    assert len(stage.front.forwarded) >= len(stage.replicas)
    assert tally.reconnects > 0
    assert tally.resumed > 0
    assert tally.equal_digests == tally.uploads == len(files)
    assert stage.transfers.half_visible == 0
    await _check_leftovers(stage, files)


async def _round(stage: Stage, number: int, tally: Tally) -> list[File]:
    run_id = uuid.uuid4().hex
    await _create_run(stage, run_id)
    files = await asyncio.to_thread(_make_files, stage, number, run_id)
    writers = [
        FaultyStreamWriter(run_id, uuid.uuid4().hex, rank, pause_s=WRITER_PAUSE_S)
        for rank in range(WRITERS)
    ]
    last_row = 1 << 40
    async with asyncio.timeout(ROUND_TIMEOUT_S), asyncio.TaskGroup() as work:
        for writer in writers:
            work.create_task(writer.run(lambda: stage.front.address, lambda: last_row))
        transfers = work.create_task(_transfer(stage, run_id, files))
        await asyncio.sleep(stage.chance.uniform(0.2, 1.0))
        await stage.outages.strike(number)
        last_row = max(MIN_ROWS, *(w.sent for w in writers)) + ROWS_AFTERWARDS
        await transfers
    assert {writer.acked for writer in writers} == {last_row}
    with stage.chance.choice(stage.replicas).channel() as channel:
        counts = {writer.rank: last_row for writer in writers}
        tally.lost += await asyncio.to_thread(missing_points, channel, run_id, counts)
    tally.rounds += 1
    tally.rows += last_row * WRITERS
    tally.reconnects += sum(writer.reconnects for writer in writers)
    tally.uploads += len(files)
    tally.uploaded_bytes += sum(file.size_bytes for file in files)
    tally.equal_digests += await _equal_digests(stage, files)
    shutil.rmtree(stage.folder / "files")
    return files


def _make_files(stage: Stage, number: int, run_id: str) -> list[File]:
    """Returns what is to be uploaded: by each of the clients, and last by the job."""
    chance, folder = stage.chance, stage.folder / "files"
    files: list[File] = []
    for at in range(len(stage.clients)):
        size_bytes = int(chance.triangular(LEAST_BYTES, MOST_BYTES, USUAL_BYTES))
        is_slow = at in SLOW_CLIENTS
        if is_slow:
            size_bytes = HUGE_BYTES if at == 0 and number % HUGE_EVERY == 0 else LARGE_BYTES
        file = File.make(folder, run_id, f"file{at}.bin", size_bytes, chance.getrandbits(32))
        files.append(replace(file, is_slow=is_slow))
    size_bytes, seed = chance.randint(LEAST_BYTES, MOST_BYTES), chance.getrandbits(32)
    files.append(File.make(folder, stage.job.run_id, f"round{number}.bin", size_bytes, seed))
    return files


async def _transfer(stage: Stage, run_id: str, files: list[File]) -> None:
    """Uploads files, and downloads each while others are on their way."""
    transfers, own, shipped = stage.transfers, files[:-1], files[-1]
    whole = {file.path: file.size_bytes for file in own}
    watches = [
        asyncio.create_task(transfers.watch(look, whole))
        for look in (
            lambda: asyncio.to_thread(stage.bucket.artifacts, run_id),
            lambda: stage.clients[0].sizes(run_id),
        )
    ]
    async with _cancelled_afterwards(watches), asyncio.TaskGroup() as tasks:
        for client, file in zip(stage.clients, own, strict=True):
            delay_s = stage.chance.uniform(0.0, UPLOADS_BEGIN_WITHIN_S)
            tasks.create_task(transfers.there_and_back(client, file, delay_s))
        tasks.create_task(asyncio.to_thread(stage.job.file, shipped.local))
        tasks.create_task(transfers.arrival(stage.clients[1], shipped))
        abandoned_bytes = stage.chance.randint(0, ABANDONED_BYTES)
        tasks.create_task(abandon_upload(stage.front, run_id, ABANDONED_BYTES, abandoned_bytes))
    assert all(watch.cancelled() for watch in watches), watches


@contextlib.asynccontextmanager
async def _cancelled_afterwards(tasks: list[asyncio.Task[None]]) -> AsyncGenerator[None]:
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _create_run(stage: Stage, run_id: str) -> None:
    request = run_service_pb2.CreateRunRequest(run_id=run_id, experiment_id="0")
    async with grpc.aio.insecure_channel(stage.front.address) as channel:
        stub: Any = RunServiceStub(channel)
        for _ in range(100):
            try:
                await stub.CreateRun(request, timeout=10)
            except grpc.aio.AioRpcError:
                await asyncio.sleep(0.1)
            else:
                return
    raise AssertionError("no replica creates a run")


async def _check_rows(stage: Stage, tally: Tally) -> None:
    """Counts how many more rows all logs have than were logged."""
    [[stored]] = await stage.query("SELECT coalesce(sum(rows), 0) FROM log_batches")
    tally.doubled += int(stored) - tally.rows
    assert (tally.lost, tally.doubled) == (0, 0), tally.line(stage)


async def _equal_digests(stage: Stage, files: list[File]) -> int:
    """Counts the files whose bytes in the bucket are those that were sent."""
    found = [await asyncio.to_thread(stage.bucket.sha256, f.run_id, f.path) for f in files]
    return sum(digest == file.sha256 for digest, file in zip(found, files, strict=True))


async def _resumed_uploads(stage: Stage) -> int:
    """Counts the uploads whose last call did not send the whole file."""
    rows = await stage.query("SELECT upload_id, size_bytes FROM uploads")
    sizes = {row["upload_id"]: row["size_bytes"] for row in rows}
    lines = [
        line
        for replica in stage.replicas
        for line in await asyncio.to_thread(replica.events, "rpc")
        if line["method"].endswith("/UploadArtifact") and line["code"] == "OK"
    ]
    return len(
        {
            line["upload_id"]
            for line in lines
            if line["received_bytes"] < sizes.get(line["upload_id"], 0)
        }
    )


async def _check_leftovers(stage: Stage, files: list[File]) -> None:
    """Checks that there is nothing but whole files, once what was abandoned is swept."""
    for replica in stage.replicas:
        assert await asyncio.to_thread(replica.terminate) == 0
    store = S3Store(stage.destination)
    await store.start()
    await store.sweep_uploads(0)
    await store.close()

    assert stage.bucket.records() == []
    assert stage.bucket.unfinished() == []
    for run_id in {file.run_id for file in files}:
        whole = {file.path: file.size_bytes for file in files if file.run_id == run_id}
        assert stage.bucket.artifacts(run_id) == whole
    rows = await stage.query("SELECT owner_id, path, size_bytes FROM uploads")
    assert sorted(tuple(row) for row in rows) == sorted(
        (file.run_id, file.path, file.size_bytes) for file in files
    )
    rows = await stage.query("SELECT owner_id, path, sha256 FROM digests")
    digests = {(file.run_id, file.path): file.sha256 for file in files}
    assert all(row["sha256"].hex() == digests[row["owner_id"], row["path"]] for row in rows)
