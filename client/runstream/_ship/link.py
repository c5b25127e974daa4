"""The connection to one server, shared by all writers that go there."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Generator
from typing import Final, Protocol, cast

import grpc
import grpc.aio
from google.protobuf.message import Message

from runstream._ship.backoff import Backoff
from runstream._ship.failures import CallFailed
from runstream._tracking_uri import TrackingUri
from runstream.v1 import (
    artifact_service_pb2 as artifact_pb,
    artifact_service_pb2_grpc as artifact_grpc,
    metric_service_pb2 as metric_pb,
    run_service_pb2_grpc as run_grpc,
    server_service_pb2 as server_pb,
    server_service_pb2_grpc as server_grpc,
)

__all__ = ["CALL_TIMEOUT_S", "Link", "MetricsCall", "UploadCall"]

CALL_TIMEOUT_S: Final = 30.0
PROBE_TIMEOUT_S: Final = 5.0
MAX_OPENINGS: Final = 64
"""So many streams and calls are begun at once: a server that comes back is not trampled."""

_OPTIONS: Final = (
    # A server that is gone without a word is noticed: 10 s of silence, 10 s without an answer.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
    # The pauses between attempts are this module's; the channel must not add minutes of its own.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 5_000),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # What is sent again is decided here, and nothing need be kept for it.
    ("grpc.enable_retries", 0),
    ("grpc.use_local_subchannel_pool", 1),
)

logger: Final = logging.getLogger(__name__)


class _Call(Protocol):
    async def write(self, request: bytes) -> None: ...
    async def done_writing(self) -> None: ...
    def cancel(self) -> bool: ...
    async def code(self) -> grpc.StatusCode: ...
    async def details(self) -> str: ...


class MetricsCall(_Call, Protocol):
    """An open StreamMetrics that takes encoded requests."""

    async def read(self) -> object: ...


class UploadCall(_Call, Protocol):
    """An open UploadArtifact that takes encoded requests; awaiting it gives the answer."""

    def __await__(self) -> Generator[object, None, artifact_pb.UploadArtifactResponse]: ...


class _Unary(Protocol):
    def __call__(self, request: Message, /, *, timeout: float) -> Awaitable[Message]: ...


class Link:
    """Reaches one server, and says when it can be reached.

    Whoever finds the connection lost says so; all wait then while one task asks the server, with
    growing pauses, whether it is there.

    Attributes:
        uri: The server.
        state: `connecting`, `connected` or `unavailable`.
        error: Why it is unavailable, for people.
        http_address: The server's web address, once it is known; empty when it has none.
        openings: Is held while a stream or a call is begun.
    """

    def __init__(self, uri: TrackingUri, on_change: Callable[[], None]) -> None:
        self.uri = uri
        self.state = "connecting"
        self.error = ""
        self.http_address = ""
        self.openings = asyncio.Semaphore(MAX_OPENINGS)
        self._on_change = on_change
        self._backoff = Backoff()
        self._gate = asyncio.Event()
        self._lost = asyncio.Event()
        self._life = 0
        self._channel = _channel(uri)
        self._runs = run_grpc.RunServiceStub(self._channel)
        self._artifacts = artifact_grpc.ArtifactServiceStub(self._channel)
        self._server = server_grpc.ServerServiceStub(self._channel)

    async def ready(self) -> int:
        """Waits until the server is there. Returns the number of this connection."""
        await self._gate.wait()
        return self._life

    def lost(self, life: int, failed: CallFailed) -> None:
        """Says that a connection is lost."""
        if life == self._life and self._gate.is_set():
            self._gate.clear()
            self.error = failed.message
            self._lost.set()

    def progress(self) -> None:
        """Says that the server took something: pauses begin small again."""
        self._backoff.reset()

    async def run(self) -> None:
        """Keeps asking for the server whenever it is lost; ends when it is cancelled."""
        while True:
            await self._connect()
            await self._lost.wait()
            self._lost.clear()
            self._set_state("connecting")
            logger.info("lost server=%s error=%s", self.uri.text, self.error)
            await asyncio.sleep(self._backoff.pause_s())

    async def close(self) -> None:
        """Closes the connection."""
        await self._channel.close()

    async def call(self, name: str, request: Message) -> None:
        """Makes a call of RunService.

        Raises:
            CallFailed: if it does not succeed.
        """
        method = cast("_Unary", getattr(self._runs, name))
        await self._unary(method, request)

    async def get_upload(self, upload_id: str) -> artifact_pb.GetUploadResponse:
        """Asks how far an upload has come.

        Raises:
            CallFailed: if the call does not succeed.
        """
        request = artifact_pb.GetUploadRequest(upload_id=upload_id)
        answer = await self._unary(cast("_Unary", self._artifacts.GetUpload), request)
        return cast("artifact_pb.GetUploadResponse", answer)

    def stream_metrics(self) -> MetricsCall:
        """Begins a StreamMetrics whose requests are given as bytes."""
        open_call = cast("Callable[..., object]", self._channel.stream_stream)
        method = open_call(
            "/runstream.v1.MetricService/StreamMetrics",
            request_serializer=None,
            response_deserializer=metric_pb.StreamMetricsResponse.FromString,
        )
        return cast("Callable[[], MetricsCall]", method)()

    def upload_artifact(self) -> UploadCall:
        """Begins an UploadArtifact whose requests are given as bytes."""
        open_call = cast("Callable[..., object]", self._channel.stream_unary)
        method = open_call(
            "/runstream.v1.ArtifactService/UploadArtifact",
            request_serializer=None,
            response_deserializer=artifact_pb.UploadArtifactResponse.FromString,
        )
        return cast("Callable[[], UploadCall]", method)()

    async def _unary(self, method: _Unary, request: Message) -> Message:
        life = await self.ready()
        async with self.openings:
            try:
                answer = await method(request, timeout=CALL_TIMEOUT_S)
            except grpc.aio.AioRpcError as error:
                failed = CallFailed.from_rpc(error)
                if failed.is_lost_connection:
                    self.lost(life, failed)
                raise failed from error
        self.progress()
        return answer

    async def _connect(self) -> None:
        while True:
            try:
                info = await self._server.GetServerInfo(
                    server_pb.GetServerInfoRequest(), timeout=PROBE_TIMEOUT_S
                )
                break
            except grpc.aio.AioRpcError as error:
                failed = CallFailed.from_rpc(error)
            pause_s = self._backoff.pause_s(failed.retry_delay_s)
            if self.state != "unavailable" or self.error != failed.message:
                logger.warning(
                    "unavailable server=%s code=%s error=%s",
                    self.uri.text,
                    failed.code.name,
                    failed.message,
                )
            self.error = failed.message
            self._set_state("unavailable")
            await asyncio.sleep(pause_s)
        logger.info("connected server=%s version=%s", self.uri.text, info.version)
        self.http_address = info.http_address
        self.error = ""
        self._life += 1
        self._set_state("connected")
        self._gate.set()

    def _set_state(self, state: str) -> None:
        self.state = state
        self._on_change()


def _channel(uri: TrackingUri) -> grpc.aio.Channel:
    options = list(_OPTIONS)
    if uri.is_local:
        options.append(("grpc.enable_http_proxy", 0))
    if uri.tls:
        return grpc.aio.secure_channel(uri.target, grpc.ssl_channel_credentials(), options)
    return grpc.aio.insecure_channel(uri.target, options)
