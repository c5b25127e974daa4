"""A gRPC service whose handlers do what their request says, behind the server's own interceptor."""

import asyncio
import contextlib
import errno
import sqlite3
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio
from google.protobuf.wrappers_pb2 import StringValue
from sqlalchemy.exc import OperationalError

from runstream_server.core.errors import Failure, Reason
from runstream_server.core.instruments import Instruments
from runstream_server.core.stopping import Stopping
from runstream_server.services.context import RpcContext
from runstream_server.services.grpc_server import GrpcServer, Service
from runstream_server.services.interceptor import RpcInterceptor

__all__ = ["MAX_MESSAGE_BYTES", "SERVICE", "Door", "open_door"]

SERVICE = "test.Scripted"
MAX_MESSAGE_BYTES = 10_000


class ScriptedService:
    """Handlers of all kinds; `closed` tells that one was left, however that happened."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.closed = asyncio.Event()

    async def unary_unary(self, request: StringValue, context: RpcContext) -> StringValue:
        return await self._act(request.value, context)

    async def stream_unary(
        self, requests: AsyncIterator[StringValue], context: RpcContext
    ) -> StringValue:
        answer = StringValue()
        async for request in requests:
            answer = await self._act(request.value, context)
        return answer

    async def unary_stream(
        self, request: StringValue, context: RpcContext
    ) -> AsyncGenerator[StringValue]:
        for script in request.value.split(","):
            yield await self._act(script, context)

    async def stream_stream(
        self, requests: AsyncIterator[StringValue], context: RpcContext
    ) -> AsyncGenerator[StringValue]:
        async for request in requests:
            yield await self._act(request.value, context)

    async def writing_stream(
        self, requests: AsyncIterator[StringValue], context: RpcContext
    ) -> None:
        """Writes its responses itself, which gRPC allows too."""
        async for request in requests:
            await context.write(await self._act(request.value, context))

    async def _act(self, script: str, context: RpcContext) -> StringValue:
        self.entered.set()
        try:
            return await _play(script, context)
        finally:
            self.closed.set()


RAISED: dict[str, Callable[[], Exception]] = {
    "failure": lambda: Failure(
        Reason.STORAGE_UNAVAILABLE, "no café today", retry_delay_s=2.5, run_id="a" * 32
    ),
    "group": lambda: ExceptionGroup("of tasks", [Failure(Reason.RUN_NOT_FOUND, "no run")]),
    "defect": lambda: ZeroDivisionError("the secret of the handler"),
    "disk full": lambda: OSError(errno.ENOSPC, "No space left on device"),
    "database full": lambda: _operational("database or disk is full"),
    "database locked": lambda: _operational("database is locked"),
    "unimplemented": NotImplementedError,
}


async def _play(script: str, context: RpcContext) -> StringValue:
    if script in RAISED:
        error = RAISED[script]()
        raise error
    if script == "abort":
        await context.abort(grpc.StatusCode.NOT_FOUND, "aborted")
    if script == "abort then error":
        try:
            await context.abort(grpc.StatusCode.NOT_FOUND, "aborted")
        finally:
            raise ValueError("while leaving")
    if script == "hang":
        await asyncio.Event().wait()
    return StringValue(value=script)


def _operational(text: str) -> OperationalError:
    return OperationalError("INSERT", None, sqlite3.OperationalError(text))


@dataclass(slots=True)
class Door:
    """A server with the scripted service, and a channel to it."""

    server: GrpcServer
    channel: grpc.aio.Channel
    port: int
    service: ScriptedService
    instruments: Instruments = field(default_factory=lambda: Instruments("0"))
    stopping: Stopping = field(default_factory=Stopping)
    grace_over: Stopping = field(default_factory=Stopping)

    def call(self, kind: str) -> Callable[..., Any]:
        """Returns the multicallable of one of the handlers, by its name."""
        make = "stream_stream" if kind == "writing_stream" else kind
        call: Callable[..., Any] = getattr(self.channel, make)(
            f"/{SERVICE}/{kind}",
            request_serializer=StringValue.SerializeToString,
            response_deserializer=StringValue.FromString,
        )
        return call

    def metric(self, name: str, **labels: str) -> float:
        return self.instruments.registry.get_sample_value(name, labels) or 0.0


@contextlib.asynccontextmanager
async def open_door() -> AsyncGenerator[Door]:
    instruments, stopping, grace_over = Instruments("0"), Stopping(), Stopping()
    interceptor = RpcInterceptor(
        instruments=instruments.rpc,
        stopping=stopping,
        grace_over=grace_over,
        max_message_bytes=MAX_MESSAGE_BYTES,
    )
    server = GrpcServer(interceptor)
    service = ScriptedService()
    port = server.bind("127.0.0.1", 0)
    await server.start([Service(_add, service)])
    await server.ready()
    options = [("grpc.use_local_subchannel_pool", 1)]
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options) as channel:
            yield Door(server, channel, port, service, instruments, stopping, grace_over)
    finally:
        await server.stop(0)


def _add(servicer: ScriptedService, server: grpc.aio.Server) -> None:
    kinds = ("unary_unary", "unary_stream", "stream_unary", "stream_stream", "writing_stream")
    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}
    for kind in kinds:
        make = "stream_stream" if kind == "writing_stream" else kind
        handlers[kind] = getattr(grpc, f"{make}_rpc_method_handler")(
            getattr(servicer, kind), StringValue.FromString, StringValue.SerializeToString
        )
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, handlers)])
    server.add_registered_method_handlers(SERVICE, handlers)
