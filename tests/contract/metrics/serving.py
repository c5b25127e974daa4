"""The whole server inside the test's process, on a loopback port; seals happen when the test says
so.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc.aio
import pytest

from runstream.v1 import metric_service_pb2_grpc, run_service_pb2, run_service_pb2_grpc
from runstream_server import app
from runstream_server.core.blocks import chunking, encode
from runstream_server.core.blocks.jobs import MergeJob, SealJob, SealResult, run_job
from runstream_server.core.limits import MAX_MESSAGE_BYTES
from runstream_server.core.sealing.seal import BlockMaker
from runstream_server.core.stopping import Stopping
from runstream_server.services.grpc_server import GrpcServer
from runstream_server.services.interceptor import RpcInterceptor
from runstream_server.settings import ServerSettings
from tests.contract.backends import Backend, all_given_back

__all__ = ["Served", "make_chunks_small", "serving"]

NEVER_S = 1e9
NEVER_BYTES = 1 << 50


class _InlineEncoder:
    """Encodes in this process, so that a test can shrink chunks and need not start a process."""

    async def run(
        self, job: SealJob | MergeJob, items: Sequence[bytes]
    ) -> tuple[SealResult, list[bytes]]:
        return run_job(job, items)


@dataclass(slots=True)
class Served:
    """A server and stubs to call it with."""

    frame: app.Frame
    core: app.Core
    # Typed stubs say of each read that it may be the end of the stream, which tests need not.
    runs: Any
    metrics: Any

    @property
    def maker(self) -> BlockMaker:
        return self.core.sealer.maker

    async def create_run(self, run_id: str) -> None:
        """Creates a run in the default experiment."""
        request = run_service_pb2.CreateRunRequest(run_id=run_id, experiment_id="0")
        await self.runs.CreateRun(request)


@contextlib.asynccontextmanager
async def serving(backend: Backend, data_dir: Path) -> AsyncGenerator[Served]:
    """Serves a data folder until the block ends, which is an orderly stop."""
    settings = ServerSettings(
        data_dir=data_dir,
        backend_store_uri=backend.store_uri(data_dir),
        seal_age=NEVER_S,
        seal_size=NEVER_BYTES,
    )
    frame = app.Frame(settings)
    async with contextlib.AsyncExitStack() as stack:
        core = await app.open_core(stack, frame)
        core.sealer.maker = BlockMaker(core.database, _InlineEncoder())
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
        yield Served(
            frame,
            core,
            run_service_pb2_grpc.RunServiceStub(channel),
            metric_service_pb2_grpc.MetricServiceStub(channel),
        )
        frame.stopping.begin()
        await all_given_back(core.database)


@contextlib.contextmanager
def make_chunks_small() -> Generator[None]:
    """Makes chunks of a few rows and parts of a few chunks, so that small histories have many of
    both.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chunking, "ROWS_PER_CHUNK", 8)
        patch.setattr(encode, "ROWS_PER_CHUNK", 8)
        patch.setattr(encode, "CHUNK_VALUES", 16)
        patch.setattr(encode, "MIN_ENVELOPED_ROWS", 3)
        patch.setattr(encode, "PART_BYTES", 300)
        yield
