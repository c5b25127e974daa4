"""A server that keeps what it gets in memory, and misbehaves as a test wishes."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import grpc
import grpc.aio
from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message
from google.rpc import (  # pyright: ignore[reportMissingTypeStubs] - they lie in another package
    error_details_pb2,
    status_pb2,
)

from runstream.v1 import (
    artifact_pb2,
    artifact_service_pb2 as artifact_pb,
    metric_service_pb2 as metric_pb,
    run_pb2,
    run_service_pb2 as run_pb,
    server_service_pb2 as server_pb,
)

__all__ = [
    "INLINE",
    "FakeServer",
    "FakeStream",
    "FakeWriter",
    "Refused",
    "Rejected",
    "Row",
    "running",
]

INLINE = 0xFFFFFFFF
Context: TypeAlias = "grpc.aio.ServicerContext[Message, Message]"
Handler: TypeAlias = "grpc.RpcMethodHandler[Message, Message]"
Row: TypeAlias = tuple[tuple[tuple[str, int | None], ...], int, int, tuple[float, ...]]
"""The keys and ranks of a row, its step, its time, its values."""


class Refused(Exception):
    """Ends a call as the contract says."""

    def __init__(self, code: grpc.StatusCode, reason: str, message: str = "refused") -> None:
        super().__init__(message)
        self.code, self.reason, self.message = code, reason, message

    async def abort(self, context: Context) -> None:
        info = error_details_pb2.ErrorInfo(reason=self.reason, domain="runstream")
        detail = Any()
        detail.Pack(info)
        status = status_pb2.Status(code=self.code.value[0], message=self.message, details=[detail])
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        await context.abort(self.code, self.message)


class Rejected(Exception):
    """Refuses a batch and keeps the stream."""

    def __init__(self, reason: str, row: int | None = None) -> None:
        super().__init__(reason)
        self.reason, self.row = reason, row


@dataclass
class FakeWriter:
    """What the server has of one writer."""

    next_row: int = 0
    next_record: int = 0
    rows: list[Row | None] = field(default_factory=list["Row | None"])
    skips: list[tuple[int, int, str]] = field(default_factory=list[tuple[int, int, str]])


@dataclass
class FakeStream:
    """One open stream: its definitions, and what arrived."""

    header: metric_pb.StreamHeader
    number: int
    series: dict[int, tuple[str, int | None]] = field(
        default_factory=dict[int, "tuple[str, int | None]"]
    )
    layouts: dict[int, tuple[int, ...]] = field(default_factory=dict[int, "tuple[int, ...]"])
    requests: list[metric_pb.StreamMetricsRequest] = field(
        default_factory=list[metric_pb.StreamMetricsRequest]
    )
    rejecting: bool = False


class FakeServer:
    """Takes rows, records and uploads.

    Attributes:
        on_batch: Called with each batch; may raise Rejected or Refused, and may wait.
        on_call: Called with each request of a unary call or upload, likewise.
        max_layouts: What a stream may define.
        reconnect_after: The first stream asks for another connection after so many batches.
    """

    def __init__(self) -> None:
        self.writers: dict[str, FakeWriter] = {}
        self.streams: list[FakeStream] = []
        self.calls: list[Message] = []
        self.events: list[str] = []
        self.files: dict[str, bytes] = {}
        self.uploads: dict[str, bytearray] = {}
        self.upload_starts: list[int] = []
        self.on_batch: Callable[[FakeStream, list[Row]], Awaitable[None]] | None = None
        self.on_call: Callable[[Message], Awaitable[None]] | None = None
        self.max_layouts = 1024
        self.reconnect_after = 0
        self.address = ""

    @property
    def uri(self) -> str:
        return f"grpc://{self.address}"

    def rows(self, writer_id: str) -> list[Row | None]:
        """The rows of a writer; None for one that was skipped."""
        return self.writers[writer_id].rows

    async def stream_metrics(
        self, requests: AsyncIterator[metric_pb.StreamMetricsRequest], context: Context
    ) -> AsyncIterator[metric_pb.StreamMetricsResponse]:
        header = (await anext(requests)).header
        stream = FakeStream(header, len(self.streams))
        self.streams.append(stream)
        writer = self.writers.setdefault(header.writer_id, FakeWriter())
        try:
            await self._check(header)
            opened = metric_pb.StreamOpened(
                next_row=writer.next_row,
                max_message_bytes=4 << 20,
                max_row_points=65_536,
                max_layouts=self.max_layouts,
            )
            yield metric_pb.StreamMetricsResponse(opened=opened)
            async for request in requests:
                stream.requests.append(request)
                answer = await self._answer(stream, writer, request)
                if answer is not None:
                    yield answer
                if stream.number == 0 and len(stream.requests) == self.reconnect_after:
                    reconnect = metric_pb.StreamReconnect(reason="it stops")
                    yield metric_pb.StreamMetricsResponse(reconnect=reconnect)
        except Refused as refused:
            await refused.abort(context)

    async def _answer(
        self, stream: FakeStream, writer: FakeWriter, request: metric_pb.StreamMetricsRequest
    ) -> metric_pb.StreamMetricsResponse | None:
        is_skip = request.WhichOneof("message") == "skip"
        offset = request.skip.first_row if is_skip else request.batch.offset
        try:
            rows = [] if is_skip else _decode(stream, request.batch)
            if not is_skip and self.on_batch is not None:
                await self.on_batch(stream, rows)
        except Rejected as rejected:
            stream.rejecting = True
            answer = metric_pb.BatchRejected(
                offset=offset,
                expected_offset=writer.next_row,
                reason=rejected.reason,
                message="this is wrong",
                row=rejected.row,
            )
            return metric_pb.StreamMetricsResponse(rejected=answer)
        if offset > writer.next_row:
            if stream.rejecting:
                return None
            raise Refused(grpc.StatusCode.OUT_OF_RANGE, "OFFSET_GAP", f"{offset}")
        stream.rejecting = False
        if is_skip:
            skip = request.skip
            writer.skips.append((skip.first_row, skip.count, skip.reason))
        taken: list[Row | None] = [None] * request.skip.count if is_skip else [*rows]
        new = taken[writer.next_row - offset :]
        writer.rows += new
        writer.next_row += len(new)
        self.events.append(f"rows {writer.next_row}")
        return metric_pb.StreamMetricsResponse(
            ack=metric_pb.StreamAck(committed_rows=writer.next_row)
        )

    async def _check(self, request: Message) -> None:
        if self.on_call is not None:
            await self.on_call(request)

    async def _record(self, request: Message, record: run_pb2.RecordId, context: Context) -> None:
        try:
            await self._check(request)
        except Refused as refused:
            await refused.abort(context)
        writer = self.writers.setdefault(record.writer_id, FakeWriter())
        if record.number >= writer.next_record:
            writer.next_record = record.number + 1
            self.calls.append(request)
            self.events.append(type(request).__name__)

    async def create_run(
        self, request: run_pb.CreateRunRequest, context: Context
    ) -> run_pb.CreateRunResponse:
        await self._record(request, request.record, context)
        return run_pb.CreateRunResponse()

    async def log_params(
        self, request: run_pb.LogParamsRequest, context: Context
    ) -> run_pb.LogParamsResponse:
        await self._record(request, request.record, context)
        return run_pb.LogParamsResponse()

    async def set_tags(
        self, request: run_pb.SetTagsRequest, context: Context
    ) -> run_pb.SetTagsResponse:
        await self._record(request, request.record, context)
        return run_pb.SetTagsResponse()

    async def finish_run(
        self, request: run_pb.FinishRunRequest, context: Context
    ) -> run_pb.FinishRunResponse:
        await self._record(request, request.record, context)
        return run_pb.FinishRunResponse()

    async def get_server_info(
        self, request: server_pb.GetServerInfoRequest, context: Context
    ) -> server_pb.GetServerInfoResponse:
        return server_pb.GetServerInfoResponse(version="0", http_address="http://fake")

    async def get_upload(
        self, request: artifact_pb.GetUploadRequest, context: Context
    ) -> artifact_pb.GetUploadResponse:
        if request.upload_id not in self.uploads:
            await Refused(grpc.StatusCode.NOT_FOUND, "UPLOAD_NOT_FOUND").abort(context)
        upload = artifact_pb2.Upload(durable_offset=len(self.uploads[request.upload_id]))
        return artifact_pb.GetUploadResponse(upload=upload)

    async def upload_artifact(
        self, requests: AsyncIterator[artifact_pb.UploadArtifactRequest], context: Context
    ) -> artifact_pb.UploadArtifactResponse:
        spec = (await anext(requests)).spec
        content = self.uploads.setdefault(spec.upload_id, bytearray())
        starts = True
        try:
            async for request in requests:
                await self._check(request)
                if request.WhichOneof("message") == "chunk":
                    if starts:
                        self.upload_starts.append(request.chunk.offset)
                        starts = False
                    assert request.chunk.offset <= len(content), "a gap"
                    content[request.chunk.offset :] = request.chunk.data
                else:
                    assert request.finish.size_bytes == len(content) == spec.size_bytes
                    assert request.finish.sha256 == hashlib.sha256(content).digest()
                    self.files[spec.path] = bytes(content)
                    self.events.append(f"file {spec.path}")
        except Refused as refused:
            await refused.abort(context)
        upload = artifact_pb2.Upload(upload_id=spec.upload_id, complete=spec.path in self.files)
        return artifact_pb.UploadArtifactResponse(upload=upload)


@contextlib.asynccontextmanager
async def running(fake: FakeServer, port: int = 0) -> AsyncGenerator[FakeServer]:
    """Serves on loopback for the time of the block."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers(_handlers(fake))
    fake.address = f"127.0.0.1:{server.add_insecure_port(f'127.0.0.1:{port}')}"
    await server.start()
    try:
        yield fake
    finally:
        await server.stop(None)
        await asyncio.sleep(0)


def _handlers(fake: FakeServer) -> list[grpc.GenericRpcHandler]:
    unary, streaming = grpc.unary_unary_rpc_method_handler, grpc.stream_stream_rpc_method_handler
    services: dict[str, dict[str, Handler]] = {
        "MetricService": {
            "StreamMetrics": _handler(
                streaming, fake.stream_metrics, metric_pb.StreamMetricsRequest
            )
        },
        "RunService": {
            "CreateRun": _handler(unary, fake.create_run, run_pb.CreateRunRequest),
            "LogParams": _handler(unary, fake.log_params, run_pb.LogParamsRequest),
            "SetTags": _handler(unary, fake.set_tags, run_pb.SetTagsRequest),
            "FinishRun": _handler(unary, fake.finish_run, run_pb.FinishRunRequest),
        },
        "ArtifactService": {
            "GetUpload": _handler(unary, fake.get_upload, artifact_pb.GetUploadRequest),
            "UploadArtifact": _handler(
                grpc.stream_unary_rpc_method_handler,
                fake.upload_artifact,
                artifact_pb.UploadArtifactRequest,
            ),
        },
        "ServerService": {
            "GetServerInfo": _handler(unary, fake.get_server_info, server_pb.GetServerInfoRequest)
        },
    }
    return [
        grpc.method_handlers_generic_handler(f"runstream.v1.{name}", methods)
        for name, methods in services.items()
    ]


def _handler(
    make: Callable[..., Handler], behaviour: Callable[..., object], request: type[Message]
) -> Handler:
    return make(
        behaviour,
        request_deserializer=request.FromString,
        response_serializer=_encoded,
    )


def _encoded(message: Message) -> bytes:
    return message.SerializeToString()


def _decode(stream: FakeStream, batch: metric_pb.MetricBatch) -> list[Row]:
    for series in batch.series:
        name = (series.key, series.rank if series.HasField("rank") else None)
        assert stream.series.setdefault(series.index, name) == name, "defined twice"
        if "\n" in series.key:
            raise Rejected("INVALID_KEY")
    for layout in batch.layouts:
        members = tuple(layout.series)
        assert stream.layouts.setdefault(layout.index, members) == members, "defined twice"
    assert len(batch.layout) == len(batch.step) == len(batch.time_unix_us)
    inline_counts, inline = iter(batch.inline_count), iter(batch.inline_series)
    values = tuple(batch.value)
    rows: list[Row] = []
    used = 0
    for layout_index, step, time_us in zip(
        batch.layout, batch.step, batch.time_unix_us, strict=True
    ):
        if layout_index == INLINE:
            indices = tuple(next(inline) for _ in range(next(inline_counts)))
        else:
            indices = stream.layouts[layout_index]
        names = tuple(stream.series[index] for index in indices)
        rows.append((names, step, time_us, values[used : used + len(names)]))
        used += len(names)
        if time_us < 0:
            raise Rejected("INVALID_VALUE", batch.offset + len(rows) - 1)
    assert used == len(values)
    return rows
