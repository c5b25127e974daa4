"""What befalls replicas, their database and their bucket, and how it ends each time."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Sequence
from dataclasses import dataclass

from runstream_server.exits import ExitCode
from tests.support.balancer import Balancer
from tests.support.postgres import PostgresProcess
from tests.support.server import ServerProcess

__all__ = ["OUTAGE_EVENTS", "Outages", "Struck"]

# Rounds in which PostgreSQL itself is stopped: in order, or as by a power cut.
DATABASE_EVERY = 5
DATABASE_STOPS = {1: signal.SIGINT, 3: signal.SIGQUIT}
# Rounds in which the bucket answers nothing for longer than clients wait for an answer.
SILENCE_EVERY = 10
SILENCE_ROUND = 4
SILENCE_S = 33.0
RESTART_PAUSE_S = 0.3
CLIENTS_PARTED = 3
# What a server that is started again during an outage ends with; whoever runs it tries again.
REFUSALS = {ExitCode.ARTIFACTS, ExitCode.DATABASE}
OUTAGE_EVENTS = {
    "commit_failed",
    "seal_failed",
    "storage_failed",
    "http_defect",
    "cleaning_failed",
    "sweeping_failed",
}


@dataclass(slots=True)
class Struck:
    """How often what happened."""

    servers_killed: int = 0
    databases_stopped: int = 0
    databases_crashed: int = 0
    bucket_cuts: int = 0
    bucket_stalls: int = 0
    clients_parted: int = 0
    refused_starts: int = 0

    def __str__(self) -> str:
        return (
            f"{self.servers_killed} servers killed, database restarted "
            f"{self.databases_stopped + self.databases_crashed} times "
            f"({self.databases_stopped} fast, {self.databases_crashed} immediate), "
            f"S3 cut {self.bucket_cuts} times and stalled {self.bucket_stalls} times, "
            f"clients cut off {self.clients_parted} times"
        )


class Outages:
    """Does harm and undoes it.

    Args:
        replicas: The servers.
        database: Their database.
        bucket: The only way from them to their bucket.
        fronts: The ways from clients to them.
        chance: What decides.
    """

    def __init__(
        self,
        replicas: Sequence[ServerProcess],
        database: PostgresProcess,
        bucket: Balancer,
        fronts: Sequence[Balancer],
        chance: random.Random,
    ) -> None:
        self.struck = Struck()
        self._replicas = replicas
        self._database = database
        self._bucket = bucket
        self._fronts = fronts
        self._chance = chance

    async def strike(self, number: int) -> None:
        """Does what is due in a round, all at once; returns when everything works again."""
        stop = DATABASE_STOPS.get(number % DATABASE_EVERY)
        async with asyncio.TaskGroup() as tasks:
            victims = self._chance.randint(1, len(self._replicas) - 1)
            for victim in self._chance.sample(self._replicas, victims):
                tasks.create_task(self._kill(victim))
            tasks.create_task(self._harm_bucket(number))
            for front in self._chance.sample(self._fronts, CLIENTS_PARTED):
                tasks.create_task(self._part(front))
            if stop is not None:
                tasks.create_task(self._stop_database(stop))

    async def _kill(self, victim: ServerProcess) -> None:
        await self._pause(0.0, 4.0)
        await asyncio.to_thread(victim.kill9)
        self.struck.servers_killed += 1
        await self._pause(0.1, 0.6)
        while not await asyncio.to_thread(_starts, victim):
            self.struck.refused_starts += 1
            await asyncio.sleep(RESTART_PAUSE_S)

    async def _part(self, front: Balancer) -> None:
        """Cuts clients off from a server that lives on, and does not know yet."""
        await self._pause(0.0, 4.0)
        front.cut()
        self.struck.clients_parted += 1
        await self._pause(0.0, 0.1)
        await front.heal()

    async def _harm_bucket(self, number: int) -> None:
        # One of each kind in any two rounds, and what chance adds.
        kinds = [self._cut, self._stall] if number % 2 else [self._stall, self._cut]
        for kind in kinds[: self._chance.randint(1, len(kinds))]:
            await self._pause(0.0, 3.0)
            await kind(self._chance.uniform(0.5, 3.0))
        if number % SILENCE_EVERY == SILENCE_ROUND:
            await self._stall(SILENCE_S)

    async def _cut(self, seconds: float) -> None:
        self._bucket.cut()
        self.struck.bucket_cuts += 1
        await asyncio.sleep(seconds)
        await self._bucket.heal()

    async def _stall(self, seconds: float) -> None:
        self._bucket.stall()
        self.struck.bucket_stalls += 1
        await asyncio.sleep(seconds)
        if self._chance.random() < 0.5:
            self._bucket.cut()  # what was said meanwhile never arrives
        await self._bucket.heal()

    async def _stop_database(self, how: signal.Signals) -> None:
        await self._pause(0.0, 2.0)
        await asyncio.to_thread(self._database.stop, how)
        await self._pause(0.1, 1.5)
        await asyncio.to_thread(self._database.start)
        self.struck.databases_stopped += how == signal.SIGINT
        self.struck.databases_crashed += how == signal.SIGQUIT

    async def _pause(self, least_s: float, most_s: float) -> None:
        await asyncio.sleep(self._chance.uniform(least_s, most_s))


def _starts(server: ServerProcess) -> bool:
    """Starts a server; returns False if it finds that it cannot work now."""
    try:
        server.start()
    except AssertionError:
        if server.exit_code not in REFUSALS:
            raise
        return False
    return True
