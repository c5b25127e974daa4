"""Logged models behind a whole server inside the test's process, on a loopback port."""

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
import sqlalchemy as sa

from runstream.v1 import (
    experiment_service_pb2_grpc,
    logged_model_pb2,
    logged_model_service_pb2 as pb,
    logged_model_service_pb2_grpc,
    metric_service_pb2,
    metric_service_pb2_grpc,
    run_service_pb2,
    run_service_pb2_grpc,
)
from runstream_server import app
from runstream_server.core.errors import Reason
from runstream_server.core.limits import MAX_MESSAGE_BYTES
from runstream_server.core.stopping import Stopping
from runstream_server.services.grpc_server import GrpcServer
from runstream_server.services.interceptor import RpcInterceptor
from runstream_server.settings import ServerSettings
from runstream_server.storage.schema import metadata
from tests.contract.backends import Backend, all_given_back
from tests.support.calls import error_info

__all__ = ["Models", "Refusal", "model_id", "point", "run_id", "serving"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """How a call failed."""

    reason: str
    message: str
    metadata: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """A server, and stubs to call it with."""

    core: app.Core
    artifacts_uri: str
    experiments: "experiment_service_pb2_grpc.ExperimentServiceAsyncStub"
    runs: "run_service_pb2_grpc.RunServiceAsyncStub"
    metrics: "metric_service_pb2_grpc.MetricServiceAsyncStub"
    models: "logged_model_service_pb2_grpc.LoggedModelServiceAsyncStub"

    async def create(
        self,
        number: int,
        **fields: Any,  # noqa: ANN401 - any of the request's fields
    ) -> logged_model_pb2.LoggedModel:
        """Creates the model with an id made of a number, in the default experiment."""
        fields = {"experiment_id": "0"} | fields
        request = pb.CreateLoggedModelRequest(model_id=model_id(number), **fields)
        return (await self.models.CreateLoggedModel(request)).model

    async def get(
        self, number: int, *, allow_deleted: bool = False
    ) -> logged_model_pb2.LoggedModel:
        """Returns the model with an id made of a number."""
        request = pb.GetLoggedModelRequest(model_id=model_id(number), allow_deleted=allow_deleted)
        return (await self.models.GetLoggedModel(request)).model

    async def run(self, number: int) -> None:
        """Creates the run with an id made of a number, in the default experiment."""
        await self.runs.CreateRun(
            run_service_pb2.CreateRunRequest(run_id=run_id(number), experiment_id="0")
        )

    async def log(self, *points: metric_service_pb2.MetricPoint, run: int = 1) -> None:
        """Logs points to a run."""
        request = metric_service_pb2.LogMetricsRequest(run_id=run_id(run), points=points)
        await self.metrics.LogMetrics(request)

    async def found(self, filter_: str = "", **fields: Any) -> list[int]:  # noqa: ANN401 - any of the request's fields
        """Returns the numbers of the models that a search finds, over all its pages."""
        numbers: list[int] = []
        token = ""
        while not numbers or token:
            request = pb.SearchLoggedModelsRequest(filter=filter_, page_token=token, **fields)
            answer = await self.models.SearchLoggedModels(request)
            numbers += [int(model.model_id.removeprefix("m-"), 16) for model in answer.models]
            token = answer.next_page_token
            if not token:
                break
        return numbers

    async def refused(self, call: Awaitable[Any]) -> Refusal:
        """Awaits a call that must fail as the contract says, and change nothing."""
        before = await self.stored()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call
        info = error_info(caught.value)
        assert caught.value.code().name == Reason[info.reason].status.value
        assert await self.stored() == before, "a failed call has changed something"
        return Refusal(info.reason, caught.value.details() or "", dict(info.metadata))

    async def stored(self) -> dict[str, Sequence[tuple[Any, ...]]]:
        """Returns everything that is stored."""
        found: dict[str, Sequence[tuple[Any, ...]]] = {}
        async with self.core.database.read() as connection:
            for table in metadata.sorted_tables:
                rows = await connection.execute(sa.select(table))
                found[table.name] = sorted((tuple(row) for row in rows), key=repr)
        return found


def model_id(number: int) -> str:
    """Returns a number as the id of a model."""
    return f"m-{number:032x}"


def run_id(number: int) -> str:
    """Returns a number as the id of a run."""
    return f"{number:032x}"


def point(
    value: float, model: int = 1, /, *, key: str = "acc", time: int = 0, step: int = 0, on: str = ""
) -> metric_service_pb2.MetricPoint:
    """Returns a point about a model, perhaps `on` a dataset, written as `name digest`."""
    name, _, digest = on.partition(" ")
    return metric_service_pb2.MetricPoint(
        key=key,
        value=value,
        step=step,
        time_unix_us=time,
        model_id=model_id(model) if model else "",
        dataset_name=name,
        dataset_digest=digest,
    )


@contextlib.asynccontextmanager
async def serving(backend: Backend, data_dir: Path) -> AsyncGenerator[Models]:
    """Serves a new database until the block ends."""
    uri = backend.store_uri(data_dir)
    frame = app.Frame(ServerSettings(data_dir=data_dir, backend_store_uri=uri))
    async with contextlib.AsyncExitStack() as stack:
        core = await app.open_core(stack, frame)
        interceptor = RpcInterceptor(
            instruments=frame.instruments.rpc,
            stopping=frame.stopping,
            grace_over=Stopping(),
            max_message_bytes=MAX_MESSAGE_BYTES,
        )
        server = GrpcServer(interceptor)
        port = server.bind("127.0.0.1", 0)
        await server.start(app.services(app.servicers(core, frame, "")))
        stack.push_async_callback(server.stop, 0)
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(f"127.0.0.1:{port}"))
        yield Models(
            core=core,
            artifacts_uri=core.experiments.roots.store_uri,
            experiments=experiment_service_pb2_grpc.ExperimentServiceStub(channel),
            runs=run_service_pb2_grpc.RunServiceStub(channel),
            metrics=metric_service_pb2_grpc.MetricServiceStub(channel),
            models=logged_model_service_pb2_grpc.LoggedModelServiceStub(channel),
        )
        frame.stopping.begin()
        await all_given_back(core.database)
