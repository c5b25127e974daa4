"""The server dies at any moment: what was acked is there, what was logged is there once."""

from __future__ import annotations

import asyncio
import os
import random
import uuid
from dataclasses import dataclass, field
from typing import Any

import pytest

from runstream.v1 import run_service_pb2
from runstream.v1.run_service_pb2_grpc import RunServiceStub
from tests.faults.checks import doubled_rows, missing_points, unfinished_blocks
from tests.faults.writers import FaultyStreamWriter
from tests.support.server import ServerProcess, StartServer
from tests.support.telling import Tell

ROUNDS = int(os.environ.get("FAULT_ROUNDS", "20"))
WRITERS = 4
MIN_ROWS = 600
ROWS_AFTER_RESTART = 200
SMALL_SEALS: dict[str, Any] = {"seal_size": "10KB", "seal_age": "0.1s"}


@dataclass(slots=True)
class Tally:
    """What the rounds came to."""

    rounds: int = 0
    rows: int = 0
    lost: int = 0
    doubled: int = 0
    kills_with_unacked_rows: int = 0
    kills_during_a_seal: int = 0
    reconnects: int = 0
    places: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.rounds} rounds, {self.rows} rows: {self.lost} lost, {self.doubled} doubled; "
            f"{self.kills_with_unacked_rows} kills hit unacked rows, "
            f"{self.kills_during_a_seal} a running seal; {self.reconnects} reconnects"
        )


class Round:
    """Some writers of a new run, and a server that dies while they stream."""

    def __init__(self, server: ServerProcess, tally: Tally) -> None:
        self.server = server
        self.tally = tally
        self.run_id = uuid.uuid4().hex
        self.last_row = MIN_ROWS
        self.writers = [
            FaultyStreamWriter(self.run_id, uuid.uuid4().hex, rank) for rank in range(WRITERS)
        ]

    async def play(self, *, kill_after_s: float | None) -> None:
        """Streams, dies, restarts, finishes, checks. Without a time, the server kills itself."""
        self._create_run()
        self.last_row = 1 << 40
        streaming = asyncio.gather(
            *(w.run(lambda: self.server.grpc_address, lambda: self.last_row) for w in self.writers)
        )
        if kill_after_s is None:
            await asyncio.to_thread(self.server.wait, 60)
        else:
            await asyncio.sleep(kill_after_s)
            await asyncio.to_thread(self.server.kill9)
        self.tally.kills_with_unacked_rows += any(w.sent > w.acked for w in self.writers)
        self.tally.kills_during_a_seal += unfinished_blocks(self.server.data_dir) > 0
        self.server.env = {}
        await asyncio.to_thread(self.server.start)
        self.last_row = max(w.sent for w in self.writers) + ROWS_AFTER_RESTART
        await asyncio.wait_for(streaming, 90)
        await asyncio.to_thread(self._check)

    def _create_run(self) -> None:
        with self.server.channel() as channel:
            request = run_service_pb2.CreateRunRequest(run_id=self.run_id, experiment_id="0")
            RunServiceStub(channel).CreateRun(request)

    def _check(self) -> None:
        rows = {writer.rank: self.last_row for writer in self.writers}
        assert {w.acked for w in self.writers} == {self.last_row}
        with self.server.channel() as channel:
            lost = missing_points(channel, self.run_id, rows)
        doubled = doubled_rows(self.server.data_dir, self.run_id, sum(rows.values()))
        self.tally.rounds += 1
        self.tally.rows += sum(rows.values())
        self.tally.lost += lost
        self.tally.doubled += doubled
        self.tally.reconnects += sum(writer.reconnects for writer in self.writers)
        assert (lost, doubled) == (0, 0), str(self.tally)


@pytest.mark.timeout(1800)
async def test_kills_at_random_moments_lose_nothing_and_double_nothing(
    start_server: StartServer, tell: Tell
) -> None:
    server = start_server(**SMALL_SEALS)
    tally = Tally()
    chance = random.Random(7)

    for _ in range(ROUNDS):
        await Round(server, tally).play(kill_after_s=chance.uniform(0.1, 1.2))

    tell(f"server killed at random: {tally}")
    assert tally.kills_with_unacked_rows > 0


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "place",
    [
        "commit.before",
        "commit.after",
        "seal.between_slices",
        "seal.before_move",
        "seal.after_move",
    ],
)
async def test_a_kill_at_each_stage_loses_nothing_and_doubles_nothing(
    start_server: StartServer, place: str, tell: Tell
) -> None:
    passes = random.Random(place).randint(5, 20) if place.startswith("commit") else 2
    env = {"RUNSTREAM_TESTING": "1", "RUNSTREAM_FAILPOINT": f"{place}:{passes}"}
    server = start_server(env=env, **SMALL_SEALS)
    tally = Tally()

    await Round(server, tally).play(kill_after_s=None)

    tell(f"server killed at {place}: {tally}")
