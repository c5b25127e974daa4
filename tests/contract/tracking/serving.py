"""Experiments and runs behind a real gRPC server inside the test's process, on a loopback port."""

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from runstream.v1 import (
    experiment_service_pb2_grpc,
    run_pb2,
    run_service_pb2 as pb,
    run_service_pb2_grpc,
)
from runstream_server.core.artifact_roots import ArtifactRoots
from runstream_server.core.errors import Reason
from runstream_server.core.experiments import Experiments
from runstream_server.core.instruments import Instruments
from runstream_server.core.latest import RunMetrics
from runstream_server.core.limits import MAX_MESSAGE_BYTES
from runstream_server.core.runs import Runs
from runstream_server.core.signals import RunSignals
from runstream_server.core.stopping import Stopping
from runstream_server.services.experiment_service import ExperimentServicer
from runstream_server.services.grpc_server import GrpcServer, Service
from runstream_server.services.interceptor import RpcInterceptor
from runstream_server.services.run_service import RunServicer
from runstream_server.storage import setup
from runstream_server.storage.database import Database
from runstream_server.storage.schema import metadata
from tests.contract.backends import Backend, all_given_back
from tests.support.calls import error_info

__all__ = ["ROOT_URI", "GivenMetrics", "Refusal", "Tracking", "serving"]

ROOT_URI = "file:///srv/artifacts"


@dataclass(slots=True)
class GivenMetrics:
    """Latest metrics as a test gives them; remembers what it was asked to refresh."""

    by_run: dict[str, RunMetrics] = field(default_factory=dict[str, RunMetrics])
    refreshed: list[tuple[tuple[int, ...] | None, set[str]]] = field(
        default_factory=list[tuple[tuple[int, ...] | None, set[str]]]
    )

    async def latest(
        self, run_ids: Sequence[str], keys: Collection[str] | None = None
    ) -> Mapping[str, RunMetrics]:
        found = {run_id: self.by_run[run_id] for run_id in run_ids if run_id in self.by_run}
        if keys is None:
            return found
        return {
            run_id: replace(one, points=[point for point in one.points if point.key in keys])
            for run_id, one in found.items()
        }

    async def refresh(self, experiment_ids: Sequence[int] | None, keys: Collection[str]) -> None:
        chosen = None if experiment_ids is None else tuple(experiment_ids)
        self.refreshed.append((chosen, set(keys)))


@dataclass(frozen=True, slots=True)
class Refusal:
    """How a call failed."""

    reason: str
    message: str
    metadata: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracking:
    """A server, and stubs to call it with."""

    database: Database
    core_experiments: Experiments
    core_runs: Runs
    signals: RunSignals
    metrics: GivenMetrics
    experiments: "experiment_service_pb2_grpc.ExperimentServiceAsyncStub"
    runs: "run_service_pb2_grpc.RunServiceAsyncStub"

    async def run(
        self,
        number: int,
        **fields: Any,  # noqa: ANN401 - any of the request's fields
    ) -> run_pb2.Run:
        """Creates the run with an id made of a number, in the default experiment."""
        if "experiment_name" not in fields:
            fields.setdefault("experiment_id", "0")
        request = pb.CreateRunRequest(run_id=hex_id(number), **fields)
        return (await self.runs.CreateRun(request)).run

    async def get(self, number: int) -> run_pb2.Run:
        """Returns the run with an id made of a number."""
        return (await self.runs.GetRun(pb.GetRunRequest(run_id=hex_id(number)))).run

    async def refused(self, call: Awaitable[Any]) -> Refusal:
        """Awaits a call that must fail as the contract says, and change nothing.

        Raises:
            AssertionError: It does not fail, fails with another status than that of its reason, or
                changes what is stored.
        """
        before = await self.stored()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        info = error_info(caught.value)
        assert caught.value.code().name == Reason[info.reason].status.value
        assert info.domain == "runstream"
        assert await self.stored() == before, "a failed call has changed something"
        return Refusal(info.reason, caught.value.details() or "", dict(info.metadata))

    async def stored(self) -> dict[str, list[tuple[Any, ...]]]:
        """Returns everything that is stored."""
        found: dict[str, list[tuple[Any, ...]]] = {}
        async with self.database.read() as connection:
            for table in metadata.sorted_tables:
                rows = await connection.execute(sa.select(table))
                found[table.name] = sorted((tuple(row) for row in rows), key=repr)
        return found

    async def insert(self, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Stores rows as they are."""

        async def work(connection: AsyncConnection) -> None:
            await connection.execute(sa.insert(table), list(rows))

        await self.database.write(work)


def hex_id(number: int) -> str:
    """Returns a number as the id of a run or a writer."""
    return f"{number:032x}"


@contextlib.asynccontextmanager
async def serving(backend: Backend, folder: Path) -> AsyncGenerator[Tracking]:
    """Serves a new database until the block ends."""
    async with contextlib.AsyncExitStack() as stack:
        database = await stack.enter_async_context(backend.open(folder))
        await setup.create_or_check(database)
        signals, metrics = RunSignals(), GivenMetrics()
        experiments = Experiments(database, ArtifactRoots(store_uri=ROOT_URI))
        runs = Runs(database, signals, metrics, experiments)
        interceptor = RpcInterceptor(
            instruments=Instruments("0").rpc,
            stopping=Stopping(),
            grace_over=Stopping(),
            max_message_bytes=MAX_MESSAGE_BYTES,
        )
        server = GrpcServer(interceptor)
        port = server.bind("127.0.0.1", 0)
        await server.start(
            [
                Service(
                    experiment_service_pb2_grpc.add_ExperimentServiceServicer_to_server,
                    ExperimentServicer(experiments),
                ),
                Service(run_service_pb2_grpc.add_RunServiceServicer_to_server, RunServicer(runs)),
            ]
        )
        stack.push_async_callback(server.stop, 0)
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(f"127.0.0.1:{port}"))
        yield Tracking(
            database=database,
            core_experiments=experiments,
            core_runs=runs,
            signals=signals,
            metrics=metrics,
            experiments=experiment_service_pb2_grpc.ExperimentServiceStub(channel),
            runs=run_service_pb2_grpc.RunServiceStub(channel),
        )
        await all_given_back(database)  # what leaks shows nowhere else
