"""The composition root: makes the parts of the server from its settings, and joins them."""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Final

from starlette.types import ASGIApp

from runstream.v1 import (
    artifact_service_pb2_grpc,
    experiment_service_pb2_grpc,
    logged_model_service_pb2_grpc,
    metric_service_pb2_grpc,
    run_service_pb2_grpc,
    server_service_pb2_grpc,
)
from runstream_server.artifact_store import open_objects
from runstream_server.core.artifacts.artifacts import Artifacts
from runstream_server.core.experiments import Experiments
from runstream_server.core.ingest.ingest import Ingest
from runstream_server.core.instruments import Instruments
from runstream_server.core.logged_models import LoggedModels
from runstream_server.core.metrics import Metrics
from runstream_server.core.reading.latest import MetricExtremes
from runstream_server.core.reading.view import ViewReader
from runstream_server.core.runs.runs import Runs
from runstream_server.core.sealing.cleaner import Cleaner, Retention
from runstream_server.core.sealing.sealer import Sealer, SealPolicy
from runstream_server.core.signals import RunSignals
from runstream_server.core.stopping import Stopping
from runstream_server.core.watching import Watcher
from runstream_server.gateway import app as gateway
from runstream_server.gateway.connect import door as connect
from runstream_server.gateway.connect.call import Stops
from runstream_server.gateway.mlflow import door as mlflow
from runstream_server.gateway.web import door as web
from runstream_server.loopback import is_loopback
from runstream_server.objects.base import ObjectStore
from runstream_server.opening import following_others, open_database
from runstream_server.services.artifact_service import ArtifactServicer
from runstream_server.services.experiment_service import ExperimentServicer
from runstream_server.services.grpc_server import Service
from runstream_server.services.metric_service import MetricServicer
from runstream_server.services.metric_stream import MetricStreams
from runstream_server.services.model_service import LoggedModelServicer
from runstream_server.services.refusing import (
    RefusingHandler,
    add_refusing_handler,
    tracking_disabled,
)
from runstream_server.services.run_service import RunServicer
from runstream_server.services.run_watches import RunWatches
from runstream_server.services.server_service import ServerServicer
from runstream_server.settings import ServerSettings
from runstream_server.storage.database import Database
from runstream_server.storage.schema import SCHEMA_VERSION

__all__ = [
    "Core",
    "Frame",
    "connect_door",
    "http_app",
    "open_core",
    "servicers",
    "services",
    "show",
]

ADD: Final[dict[str, Callable[[Any, Any], None]]] = {
    "runstream.v1.ExperimentService": (
        experiment_service_pb2_grpc.add_ExperimentServiceServicer_to_server
    ),
    "runstream.v1.RunService": run_service_pb2_grpc.add_RunServiceServicer_to_server,
    "runstream.v1.LoggedModelService": (
        logged_model_service_pb2_grpc.add_LoggedModelServiceServicer_to_server
    ),
    "runstream.v1.ArtifactService": artifact_service_pb2_grpc.add_ArtifactServiceServicer_to_server,
    "runstream.v1.MetricService": metric_service_pb2_grpc.add_MetricServiceServicer_to_server,
    "runstream.v1.ServerService": server_service_pb2_grpc.add_ServerServiceServicer_to_server,
}
"""What adds a servicer to gRPC, for each service of the contract."""


class Frame:
    """What exists before the stores are opened, and outlives them."""

    def __init__(self, settings: ServerSettings) -> None:
        self.settings = settings
        self.version = version("runstream")
        self.instruments = Instruments(self.version)
        self.signals = RunSignals()
        self.stopping = Stopping()
        self.stopping.on_begin(self.signals.wake_all)


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """What the doors call."""

    database: Database
    objects: ObjectStore
    experiments: Experiments
    runs: Runs
    models: LoggedModels
    metrics: Metrics
    ingest: Ingest
    sealer: Sealer
    watcher: Watcher
    artifacts: Artifacts


async def open_core(stack: contextlib.AsyncExitStack, frame: Frame, http_port: int = 0) -> Core:
    """Opens the stores and what works on them; the stack closes all of it in reverse order.

    Args:
        stack: Gets what is to be closed.
        frame: The frame of the server.
        http_port: The HTTP port, by which the server knows URIs of its own.

    Raises:
        StartRefused: A store cannot be used.
    """
    settings = frame.settings
    roots = settings.artifact_roots(http_port)
    database = await stack.enter_async_context(open_database(settings, roots.default_root))
    objects = await stack.enter_async_context(open_objects(settings))
    await stack.enter_async_context(following_others(settings, frame.signals))
    experiments = Experiments(database, roots)
    reader = ViewReader(database)
    runs = Runs(database, frame.signals, MetricExtremes(database, reader), experiments)
    policy = SealPolicy(size_bytes=settings.seal_size, age_s=settings.seal_age)
    sealer = await stack.enter_async_context(Sealer(database, frame.signals, policy))
    retention = Retention(age_s=settings.log_retention, size_bytes=settings.log_retention_bytes)
    await stack.enter_async_context(Cleaner(database, retention))
    observers = (sealer, frame.instruments.commits)
    ingest = await stack.enter_async_context(Ingest(database, frame.signals, observers))
    artifacts = Artifacts(
        database=database, objects=objects, experiments=experiments, stopping=frame.stopping
    )
    await stack.enter_async_context(artifacts)
    return Core(
        database=database,
        objects=objects,
        experiments=experiments,
        runs=runs,
        models=LoggedModels(database, experiments),
        metrics=Metrics(database, ingest, reader),
        ingest=ingest,
        sealer=sealer,
        watcher=Watcher(database, frame.signals, reader),
        artifacts=artifacts,
    )


def show(core: Core, instruments: Instruments) -> None:
    """Lets Prometheus read what the parts keep count of themselves."""
    ingest, sealer = core.ingest, core.sealer
    instruments.gauge(
        "runstream_waiting_bytes",
        "Rows in memory that wait for their commit.",
        lambda: ingest.waiting_bytes,
    )
    instruments.gauge(
        "runstream_unsealed_bytes", "Log that waits to be sealed.", lambda: sealer.unsealed_bytes
    )
    instruments.counter(
        "runstream_sealed_points", "Points sealed into blocks.", lambda: sealer.sealed_points
    )
    instruments.counter(
        "runstream_sealed_bytes", "Size of blocks when sealed.", lambda: sealer.sealed_bytes
    )


def servicers(core: Core, frame: Frame, http_address: str) -> dict[str, object]:
    """Makes what carries out the services of the contract, by their full names."""
    server_servicer = ServerServicer(
        version=frame.version,
        database=core.database.dialect,
        artifact_store="s3" if frame.settings.s3_destination else "folder",
        schema_version=SCHEMA_VERSION,
        http_address=http_address,
        artifact_root=core.experiments.roots.store_uri,
    )
    server_service = {"runstream.v1.ServerService": server_servicer}
    if frame.settings.artifacts_only:
        return {**server_service}
    metric_servicer = MetricServicer(
        metrics=core.metrics,
        watches=RunWatches(
            watcher=core.watcher, metrics=core.metrics, runs=core.runs, stopping=frame.stopping
        ),
        streams=MetricStreams(core.ingest, frame.stopping),
    )
    return {
        "runstream.v1.ExperimentService": ExperimentServicer(core.experiments),
        "runstream.v1.RunService": RunServicer(core.runs),
        "runstream.v1.LoggedModelService": LoggedModelServicer(core.models),
        "runstream.v1.ArtifactService": ArtifactServicer(core.artifacts, frame.stopping),
        "runstream.v1.MetricService": metric_servicer,
        **server_service,
    }


def services(servicers: Mapping[str, object]) -> list[Service]:
    """Lists what gRPC serves."""
    served = [Service(ADD[name], servicer) for name, servicer in servicers.items()]
    if len(served) < len(ADD):
        served.append(Service(add_refusing_handler, RefusingHandler()))
    return served


def connect_door(
    frame: Frame, servicers: Mapping[str, object], grace_over: Stopping
) -> connect.ConnectDoor:
    """Makes the door to the same servicers over HTTP.

    Args:
        frame: The frame of the server.
        servicers: What carries out the services.
        grace_over: Begins when the grace of the stop is used up.
    """
    return connect.ConnectDoor(
        servicers,
        instruments=frame.instruments.rpc,
        stops=Stops(frame.stopping, grace_over),
        otherwise=tracking_disabled if len(servicers) < len(ADD) else None,
    )


def http_app(
    frame: Frame,
    core: Core,
    rpcs: connect.ConnectDoor,
    grpc_address: str,
    trouble: Callable[[], str],
) -> ASGIApp:
    """Builds what the HTTP port serves.

    Args:
        frame: The frame of the server.
        core: What MLflow's API calls.
        rpcs: The door to the services of gRPC.
        grpc_address: Where gRPC is.
        trouble: Tells why the server should get no requests for now; empty when it should.
    """
    settings = frame.settings
    guarded = is_loopback(settings.host) or bool(settings.allowed_host_patterns)
    return gateway.build(
        gateway.Gateway(
            version=frame.version,
            grpc_address=grpc_address,
            instruments=frame.instruments,
            trouble=trouble,
            allowed_hosts=settings.allowed_host_patterns if guarded else None,
        ),
        [
            rpcs,
            *mlflow.routes(
                mlflow.Subjects(
                    experiments=core.experiments,
                    runs=core.runs,
                    metrics=core.metrics,
                    artifacts=core.artifacts,
                    models=core.models,
                ),
                serve_artifacts=settings.serve_artifacts,
                artifacts_only=settings.artifacts_only,
            ),
            *([] if settings.artifacts_only else web.routes(core.artifacts)),
        ],
    )
