"""Replicas over one PostgreSQL: servers and the database die at random, and no row suffers."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import grpc
import pytest

from runstream.v1 import run_service_pb2
from runstream.v1.run_service_pb2_grpc import RunServiceStub
from tests.faults.checks import missing_points
from tests.faults.writers import FaultyStreamWriter
from tests.support.balancer import Balancer
from tests.support.postgres import PostgresProcess
from tests.support.server import ServerProcess, StartServer
from tests.support.telling import Tell

ROUNDS = int(os.environ.get("FAULT_ROUNDS", "10"))
REPLICAS = 3
WRITERS = 6
MIN_ROWS = 400
ROWS_AFTERWARDS = 150
# Rounds in which PostgreSQL itself is stopped: in order, or as by a power cut.
DATABASE_STOPS = {3: signal.SIGINT, 6: signal.SIGQUIT}
EVERY = 7
SMALL_SEALS: dict[str, Any] = {"seal_size": "10KB", "seal_age": "0.5s", "log_retention": "1d"}
OUTAGE_EVENTS = {"commit_failed", "seal_failed", "http_defect", "cleaning_failed"}


@dataclass(slots=True)
class Tally:
    """What the rounds came to."""

    rounds: int = 0
    rows: int = 0
    lost: int = 0
    doubled: int = 0
    servers_killed: int = 0
    databases_stopped: int = 0
    databases_crashed: int = 0
    reconnects: int = 0

    def __str__(self) -> str:
        return (
            f"{self.rounds} rounds, {self.rows} rows: {self.lost} lost, {self.doubled} doubled; "
            f"{self.servers_killed} servers killed, database stopped {self.databases_stopped} and "
            f"crashed {self.databases_crashed} times, {self.reconnects} reconnects"
        )


@pytest.fixture
def database_process() -> Iterator[PostgresProcess]:
    """A PostgreSQL of the test's own, which it may kill."""
    with PostgresProcess() as process:
        yield process


@pytest.mark.timeout(1800)
async def test_replicas_and_their_database_die_and_nothing_is_lost_or_doubled(
    start_server: StartServer, database_process: PostgresProcess, tmp_path: Path, tell: Tell
) -> None:
    name = f"runstream_{uuid.uuid4().hex}"
    await database_process.server.execute(f"CREATE DATABASE {name}")
    uri = database_process.server.uri_of(name)
    flags = {**SMALL_SEALS, "backend_store_uri": uri, "artifacts_destination": tmp_path / "shared"}
    replicas = [
        await asyncio.to_thread(start_server, f"replica{number}", **flags)
        for number in range(REPLICAS)
    ]
    for replica in replicas:
        replica.tolerated_events |= OUTAGE_EVENTS
    chance, tally = random.Random(11), Tally()

    async with Balancer(lambda: [r.grpc_address for r in replicas if r.exit_code is None]) as front:
        for number in range(ROUNDS):
            await _round(number, front, replicas, database_process, chance, tally)
            doubled = await _doubled_rows(uri, tally.rows)
            tally.doubled += doubled
            assert (tally.lost, tally.doubled) == (0, 0), str(tally)

    tell(f"replicas killed at random: {tally}")
    assert len(front.forwarded) >= REPLICAS
    assert tally.reconnects > 0


async def _round(  # noqa: PLR0917 - a round is made of so much
    number: int,
    front: Balancer,
    replicas: list[ServerProcess],
    database: PostgresProcess,
    chance: random.Random,
    tally: Tally,
) -> None:
    run_id = uuid.uuid4().hex
    await _create_run(front, run_id)
    writers = [FaultyStreamWriter(run_id, uuid.uuid4().hex, rank) for rank in range(WRITERS)]
    last_row = 1 << 40
    streaming = asyncio.gather(*(w.run(lambda: front.address, lambda: last_row) for w in writers))
    await asyncio.sleep(chance.uniform(0.2, 1.0))
    stop = DATABASE_STOPS.get(number % EVERY)
    if stop is not None:
        await asyncio.to_thread(database.stop, stop)
        await asyncio.sleep(chance.uniform(0.1, 1.5))
        await asyncio.to_thread(database.start)
        tally.databases_stopped += stop == signal.SIGINT
        tally.databases_crashed += stop == signal.SIGQUIT
    for victim in chance.sample(replicas, chance.randint(1, REPLICAS - 1)):
        await asyncio.to_thread(victim.kill9)
        tally.servers_killed += 1
    await asyncio.sleep(chance.uniform(0.1, 0.6))
    for replica in replicas:
        if replica.exit_code is not None:
            await asyncio.to_thread(replica.start)
    last_row = max(MIN_ROWS, *(w.sent for w in writers)) + ROWS_AFTERWARDS
    await asyncio.wait_for(streaming, 120)
    assert {writer.acked for writer in writers} == {last_row}
    with chance.choice(replicas).channel() as channel:
        counts = {writer.rank: last_row for writer in writers}
        tally.lost += await asyncio.to_thread(missing_points, channel, run_id, counts)
    tally.rounds += 1
    tally.rows += last_row * WRITERS
    tally.reconnects += sum(writer.reconnects for writer in writers)


async def _create_run(front: Balancer, run_id: str) -> None:
    request = run_service_pb2.CreateRunRequest(run_id=run_id, experiment_id="0")
    async with grpc.aio.insecure_channel(front.address) as channel:
        stub: Any = RunServiceStub(channel)
        for _ in range(100):
            try:
                await stub.CreateRun(request, timeout=10)
            except grpc.aio.AioRpcError:
                await asyncio.sleep(0.1)
            else:
                return
    raise AssertionError("no replica creates a run")


async def _doubled_rows(uri: str, rows: int) -> int:
    """Returns how many more rows all logs have than were logged."""
    connection = await asyncpg.connect(uri)
    try:
        stored = await connection.fetchval("SELECT coalesce(sum(rows), 0) FROM log_batches")
        return int(stored) - rows
    finally:
        await connection.close()
