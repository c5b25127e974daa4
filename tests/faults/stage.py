"""Replicas with everything behind them, and the clients before them."""

from __future__ import annotations

import asyncio
import contextlib
import random
import uuid
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from runstream_server.objects.s3.destination import S3Destination
from tests.faults.bucket import Bucket
from tests.faults.outages import OUTAGE_EVENTS, Outages
from tests.faults.transfers import AwaitingClient, BlockingClient, Transfers, Uploader
from tests.integration.client.jobs import Jobs
from tests.support.balancer import Balancer
from tests.support.postgres import PostgresProcess
from tests.support.s3 import S3Server
from tests.support.server import ServerProcess, StartServer
from tests.support.streaming import StreamingJob

__all__ = ["Stage", "open_stage"]

REPLICAS = 3
CLIENTS: Sequence[Callable[[str], Uploader]] = (
    BlockingClient,
    AwaitingClient,
    BlockingClient,
    AwaitingClient,
)
SMALL_SEALS: dict[str, Any] = {"seal_size": "10KB", "seal_age": "0.5s", "log_retention": "1d"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What the rounds are played on.

    Attributes:
        folder: Where files may lie.
        replicas: The servers.
        database_uri: Their database.
        destination: Their place in the bucket.
        bucket: The bucket, seen past them.
        front: Through which writers reach any of them.
        clients: Each with a connection of its own; every other one blocks.
        job: A training process, whose artifacts its shipper uploads.
        client_fronts: Through which the clients and the shipper reach any server.
        transfers: What they do.
        outages: What befalls them.
        chance: What decides.
    """

    folder: Path
    replicas: list[ServerProcess]
    database_uri: str
    destination: S3Destination
    bucket: Bucket
    front: Balancer
    clients: list[Uploader]
    job: StreamingJob
    client_fronts: list[Balancer]
    transfers: Transfers
    outages: Outages
    chance: random.Random

    @property
    def received_bytes(self) -> int:
        """How much clients and the shipper have sent, repetitions and gRPC's own included."""
        return sum(front.received_bytes for front in self.client_fronts)

    async def query(self, statement: str) -> list[Any]:
        """Asks the database."""
        connection = await asyncpg.connect(self.database_uri)
        try:
            rows: list[Any] = await connection.fetch(statement)
            return rows
        finally:
            await connection.close()


@contextlib.asynccontextmanager
async def open_stage(
    start_server: StartServer, database: PostgresProcess, s3_server: S3Server, folder: Path
) -> AsyncGenerator[Stage]:
    """Starts it all, and ends what it has started but for the servers."""
    name = f"runstream_{uuid.uuid4().hex}"
    await database.server.execute(f"CREATE DATABASE {name}")
    destination, chance = s3_server.destination(), random.Random(11)
    replicas: list[ServerProcess] = []

    def living() -> list[str]:
        return [each.grpc_address for each in replicas if each.exit_code is None]

    async with contextlib.AsyncExitStack() as stack:
        bucket_way = Balancer(lambda: [s3_server.url.removeprefix("http://")])
        await stack.enter_async_context(bucket_way)
        await _start_replicas(
            replicas,
            start_server,
            s3_server.variables(f"http://{bucket_way.address}"),
            backend_store_uri=database.server.uri_of(name),
            artifacts_destination=destination.uri,
        )
        fronts = [
            await stack.enter_async_context(Balancer(living, seed=number))
            for number in range(2 + len(CLIENTS))
        ]
        job = await _start_job(stack, folder / "job", fronts[1])
        clients: list[Uploader] = []
        for kind, client_front in zip(CLIENTS, fronts[2:], strict=True):
            clients.append(kind(client_front.address))
            stack.push_async_callback(clients[-1].close)
        yield Stage(
            folder=folder,
            replicas=replicas,
            database_uri=database.server.uri_of(name),
            destination=destination,
            bucket=stack.enter_context(contextlib.closing(Bucket(s3_server, destination))),
            front=fronts[0],
            clients=clients,
            job=job,
            client_fronts=fronts[1:],
            transfers=Transfers(),
            outages=Outages(replicas, database, bucket_way, fronts, chance),
            chance=chance,
        )


async def _start_replicas(
    replicas: list[ServerProcess], start: StartServer, env: dict[str, str], **flags: object
) -> None:
    for number in range(REPLICAS):
        replica = await asyncio.to_thread(
            start, f"replica{number}", env=env, **SMALL_SEALS, **flags
        )
        replica.tolerated_events |= OUTAGE_EVENTS
        replicas.append(replica)


async def _start_job(
    stack: contextlib.AsyncExitStack, folder: Path, front: Balancer
) -> StreamingJob:
    jobs = Jobs(folder, f"grpc://{front.address}")
    job = await asyncio.to_thread(StreamingJob, jobs, ["--experiment", "Default"])
    stack.callback(jobs.close)
    stack.callback(job.close)
    return job
