"""Artifacts behind a real gRPC server inside the test's process, on a loopback port."""

import asyncio
import contextlib
import hashlib
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import grpc
import grpc.aio
import sqlalchemy as sa

from runstream.v1 import (
    artifact_pb2,
    artifact_service_pb2 as pb,
    artifact_service_pb2_grpc,
    experiment_service_pb2 as experiment_pb,
    experiment_service_pb2_grpc,
    run_pb2,
    run_service_pb2 as run_pb,
    run_service_pb2_grpc,
)
from runstream_server.core.artifact_roots import ArtifactRoots
from runstream_server.core.artifacts.artifacts import Artifacts
from runstream_server.core.errors import Reason
from runstream_server.core.experiments import Experiments
from runstream_server.core.instruments import Instruments
from runstream_server.core.limits import MAX_MESSAGE_BYTES
from runstream_server.core.runs import Runs
from runstream_server.core.signals import RunSignals
from runstream_server.core.stopping import Stopping
from runstream_server.objects.base import ObjectStore
from runstream_server.objects.checksums import crc32c
from runstream_server.objects.folder import FolderStore
from runstream_server.objects.s3.destination import S3Destination
from runstream_server.objects.s3.store import S3Store
from runstream_server.services.artifact_service import ArtifactServicer
from runstream_server.services.experiment_service import ExperimentServicer
from runstream_server.services.grpc_server import GrpcServer, Service
from runstream_server.services.interceptor import RpcInterceptor
from runstream_server.services.run_service import RunServicer
from runstream_server.storage import setup
from runstream_server.storage.database import Database
from runstream_server.storage.schema import metadata
from tests.contract.backends import Backend, all_given_back
from tests.contract.tracking.serving import GivenMetrics, Refusal, hex_id
from tests.support.calls import error_info
from tests.support.s3 import staged_in_bucket, stored_in_bucket

__all__ = [
    "CHUNK_BYTES",
    "Served",
    "chunk",
    "chunks",
    "finish",
    "new_upload_id",
    "served",
    "some_bytes",
    "spec",
]

CHUNK_BYTES = 1 << 16
DEADLINE_S = 20.0
RUN = 1

Request = pb.UploadArtifactRequest
UploadCall: TypeAlias = (
    "grpc.aio.StreamUnaryCall[pb.UploadArtifactRequest, pb.UploadArtifactResponse]"
)


def new_upload_id() -> str:
    return f"{random.getrandbits(128):032x}"


def some_bytes(size_bytes: int, *, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size_bytes)


def spec(
    path: str, upload_id: str = "", *, run: int = RUN, size_bytes: int | None = None
) -> Request:
    return Request(
        spec=pb.UploadSpec(
            upload_id=upload_id, run_id=hex_id(run), path=path, size_bytes=size_bytes
        )
    )


def chunk(data: bytes, offset: int = 0, *, checksum: int | None = None) -> Request:
    checksum = crc32c(data) if checksum is None else checksum
    return Request(chunk=pb.UploadChunk(offset=offset, data=data, crc32c=checksum))


def chunks(data: bytes, begin: int = 0, size_bytes: int = CHUNK_BYTES) -> list[Request]:
    offsets = range(begin, len(data), size_bytes)
    return [chunk(data[offset : offset + size_bytes], offset) for offset in offsets]


def finish(data: bytes, **other: Any) -> Request:  # noqa: ANN401 - any of its fields
    fields: dict[str, Any] = {
        "size_bytes": len(data),
        "sha256": hashlib.sha256(data).digest(),
        "crc32c": crc32c(data),
    }
    return Request(finish=pb.UploadFinish(**fields | other))


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A server, stubs to call it with, and what lies behind it."""

    folder: Path
    uri: str
    database: Database
    objects: ObjectStore
    stopping: Stopping
    artifacts: "artifact_service_pb2_grpc.ArtifactServiceAsyncStub"
    blocking: artifact_service_pb2_grpc.ArtifactServiceStub
    experiments: "experiment_service_pb2_grpc.ExperimentServiceAsyncStub"
    runs: "run_service_pb2_grpc.RunServiceAsyncStub"

    async def run(
        self,
        number: int = RUN,
        **fields: Any,  # noqa: ANN401 - any of the request's fields
    ) -> run_pb2.Run:
        """Creates the run with an id made of a number, in the default experiment."""
        fields.setdefault("experiment_id", "0")
        request = run_pb.CreateRunRequest(run_id=hex_id(number), **fields)
        return (await self.runs.CreateRun(request)).run

    async def delete_run(self, number: int = RUN) -> None:
        await self.runs.DeleteRun(run_pb.DeleteRunRequest(run_id=hex_id(number)))

    async def restore_run(self, number: int = RUN) -> None:
        await self.runs.RestoreRun(run_pb.RestoreRunRequest(run_id=hex_id(number)))

    async def run_elsewhere(self, number: int, location: str) -> None:
        """Creates a run in an experiment that keeps its artifacts at a location."""
        request = experiment_pb.CreateExperimentRequest(name=location, artifact_location=location)
        experiment = (await self.experiments.CreateExperiment(request)).experiment
        await self.run(number, experiment_id=experiment.experiment_id)

    async def send(self, *requests: Request) -> pb.UploadArtifactResponse:
        """Makes one upload call of these requests."""
        # Blocking, in a thread: where a write fails because the server has ended the call, asyncio
        # clients report that instead of the server's status (grpc issue 36066).
        return await asyncio.to_thread(
            self.blocking.UploadArtifact, iter(requests), timeout=DEADLINE_S
        )

    async def begin(self, *requests: Request) -> UploadCall:
        """Begins an upload call that goes on until the test ends it."""
        call = self.artifacts.UploadArtifact(timeout=DEADLINE_S)
        for request in requests:
            await call.write(request)
        return call

    async def put(
        self, path: str, data: bytes = b"data", *, upload_id: str = "", run: int = RUN
    ) -> artifact_pb2.Artifact:
        """Uploads a file."""
        answer = await self.send(spec(path, upload_id, run=run), *chunks(data), finish(data))
        assert answer.upload.complete
        return answer.artifact

    async def upload(self, upload_id: str) -> artifact_pb2.Upload:
        """Asks how far an upload has come."""
        request = pb.GetUploadRequest(upload_id=upload_id)
        return (await self.artifacts.GetUpload(request, timeout=DEADLINE_S)).upload

    async def durable(self, upload_id: str, offset: int) -> None:
        """Waits until the server says that an upload is there, and durable up to an offset."""
        deadline = time.monotonic() + DEADLINE_S
        while True:
            try:
                if (await self.upload(upload_id)).durable_offset >= offset:
                    return
            except grpc.RpcError as error:
                # A call that has only just begun is not in the bucket yet.
                if error.code() is not grpc.StatusCode.NOT_FOUND or time.monotonic() > deadline:
                    raise

    async def download(
        self, path: str, *, run: int = RUN, offset: int = 0, limit: int = 0
    ) -> tuple[artifact_pb2.Artifact, list[pb.DownloadChunk]]:
        """Downloads a file or a part of it."""
        request = pb.DownloadArtifactRequest(
            run_id=hex_id(run), path=path, offset=offset, limit=limit
        )
        call = self.artifacts.DownloadArtifact(request, timeout=DEADLINE_S)
        first, *others = [response async for response in call]
        assert first.WhichOneof("message") == "artifact"
        assert all(response.WhichOneof("message") == "chunk" for response in others)
        return first.artifact, [response.chunk for response in others]

    async def get(self, path: str, *, run: int = RUN) -> bytes:
        """Returns a file's content."""
        _, received = await self.download(path, run=run)
        return b"".join(part.data for part in received)

    async def page(
        self, path: str = "", *, run: int = RUN, page_size: int = 0, page_token: str = ""
    ) -> pb.ListArtifactsResponse:
        """Lists a page of a folder."""
        request = pb.ListArtifactsRequest(
            run_id=hex_id(run), path=path, page_size=page_size, page_token=page_token
        )
        return await self.artifacts.ListArtifacts(request, timeout=DEADLINE_S)

    async def paths(self, path: str = "", *, run: int = RUN) -> list[str]:
        """Lists the paths of a folder's first page; those of folders end in a slash."""
        page = await self.page(path, run=run)
        return [found.path + "/" * found.directory for found in page.artifacts]

    async def delete(self, path: str, *, run: int = RUN) -> bool:
        """Deletes a file or folder."""
        request = pb.DeleteArtifactRequest(run_id=hex_id(run), path=path)
        return (await self.artifacts.DeleteArtifact(request, timeout=DEADLINE_S)).deleted

    async def refused(self, call: Awaitable[Any]) -> Refusal:
        """Awaits a call that must fail as the contract says, and change nothing visible.

        Raises:
            AssertionError: It does not fail, fails with another status than that of its reason, or
                changes something.
        """
        before = await self.stored()
        try:
            answer = await call
        except grpc.RpcError as error:
            info = error_info(error)
            assert error.code().name == Reason[info.reason].status.value  # noqa: PT017 - all of them
            assert await self.stored() == before, "a failed call has changed something"
            return Refusal(info.reason, error.details() or "", dict(info.metadata))
        raise AssertionError(f"the call did not fail: {answer}")

    async def stored(self) -> dict[str, Any]:
        """Returns all rows, and all files that are visible."""
        found: dict[str, Any] = {}
        async with self.database.read() as connection:
            for table in metadata.sorted_tables:
                rows = await connection.execute(sa.select(table))
                found[table.name] = sorted((tuple(row) for row in rows), key=repr)
        return found | await self.files()

    async def files(self) -> dict[str, bytes]:
        """Returns what is visible in the store, by its path from the root down."""
        if isinstance(self.objects, S3Store):
            return await stored_in_bucket(self.objects)
        return {
            str(path.relative_to(self.folder)): path.read_bytes()
            for path in self.folder.rglob("*")
            if path.is_file() and ".uploads" not in path.parts
        }

    async def staged(self) -> list[str]:
        """Returns the ids of uploads that the store still holds something of."""
        if isinstance(self.objects, S3Store):
            return await staged_in_bucket(self.objects)
        return sorted(path.name for path in (self.folder / ".uploads").iterdir())


@contextlib.asynccontextmanager
async def served(
    backend: Backend,
    folder: Path,
    failpoint: Callable[[str], None] = lambda _: None,
    destination: S3Destination | None = None,
) -> AsyncGenerator[Served]:
    """Serves what is in a folder, at first nothing, until the block ends.

    Artifacts are in a bucket if one is given.
    """
    root = folder / "artifacts"
    store: ObjectStore = FolderStore(root, failpoint=failpoint)
    uri = root.as_uri()
    if destination is not None:
        store, uri = S3Store(destination, failpoint=failpoint), destination.uri
    async with contextlib.AsyncExitStack() as stack:
        database = await stack.enter_async_context(backend.open(folder))
        await setup.create_or_check(database)
        objects = await stack.enter_async_context(store)
        experiments = Experiments(database, ArtifactRoots(store_uri=uri))
        stopping = Stopping()
        artifacts = Artifacts(
            database=database, objects=objects, experiments=experiments, stopping=stopping
        )
        await stack.enter_async_context(artifacts)
        runs = Runs(database, RunSignals(), GivenMetrics(), experiments)
        services = [
            Service(
                artifact_service_pb2_grpc.add_ArtifactServiceServicer_to_server,
                ArtifactServicer(artifacts, stopping),
            ),
            Service(
                experiment_service_pb2_grpc.add_ExperimentServiceServicer_to_server,
                ExperimentServicer(experiments),
            ),
            Service(run_service_pb2_grpc.add_RunServiceServicer_to_server, RunServicer(runs)),
        ]
        address = await _listen(stack, services, stopping)
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(address))
        blocking = stack.enter_context(grpc.insecure_channel(address))
        yield Served(
            folder=root,
            uri=uri,
            database=database,
            objects=objects,
            stopping=stopping,
            artifacts=artifact_service_pb2_grpc.ArtifactServiceStub(channel),
            blocking=artifact_service_pb2_grpc.ArtifactServiceStub(blocking),
            experiments=experiment_service_pb2_grpc.ExperimentServiceStub(channel),
            runs=run_service_pb2_grpc.RunServiceStub(channel),
        )
        await all_given_back(database)  # what leaks shows nowhere else


async def _listen(
    stack: contextlib.AsyncExitStack, services: Iterable[Service], stopping: Stopping
) -> str:
    interceptor = RpcInterceptor(
        instruments=Instruments("0").rpc,
        stopping=stopping,
        grace_over=Stopping(),
        max_message_bytes=MAX_MESSAGE_BYTES,
    )
    server = GrpcServer(interceptor)
    port = server.bind("127.0.0.1", 0)
    await server.start(list(services))
    stack.push_async_callback(server.stop, 0)
    return f"127.0.0.1:{port}"
