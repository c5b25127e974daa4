"""MetricService.StreamMetrics: one writer's rows in, acks out."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from runstream.v1 import metric_service_pb2 as pb
from runstream_server.core.errors import Failure, Reason
from runstream_server.core.ingest.ingest import Ingest
from runstream_server.core.ingest.stream import Rejection, WriterStream
from runstream_server.core.limits import MAX_MESSAGE_BYTES, MAX_ROW_POINTS, MAX_STREAM_LAYOUTS
from runstream_server.core.stopping import Stopping
from runstream_server.core.validation import check_hex_id, invalid_value

__all__ = ["MetricStreams"]

Requests = AsyncIterator[pb.StreamMetricsRequest]


class MetricStreams:
    """Serves the metric streams of one server process."""

    def __init__(self, ingest: Ingest, stopping: Stopping) -> None:
        self._ingest = ingest
        self._stopping = stopping
        self._open: set[WriterStream] = set()
        stopping.on_begin(self._tell_all)

    def _tell_all(self) -> None:
        for stream in self._open:
            stream.news.set()

    async def serve(
        self, header: pb.StreamHeader, requests: Requests
    ) -> AsyncIterator[pb.StreamMetricsResponse]:
        """Yields the answers to a stream that was opened by `header`."""
        self._stopping.check()
        stream, next_record = await self._ingest.open(header)
        yield _opened(stream, next_record)
        reader = asyncio.create_task(self._take_in(stream, requests), name="metric-stream-reader")
        reader.add_done_callback(lambda _: stream.news.set())
        self._open.add(stream)
        if self._stopping.begun:  # while the stream was being opened
            stream.news.set()
        try:
            async for answer in self._answers(stream, reader):
                yield answer
        finally:
            self._open.discard(stream)
            reader.cancel()
            with contextlib.suppress(asyncio.CancelledError, Failure):
                await reader

    async def _answers(
        self, stream: WriterStream, reader: "asyncio.Task[None]"
    ) -> AsyncIterator[pb.StreamMetricsResponse]:
        acked = stream.committed
        told_to_reconnect = False
        while True:
            await stream.news.wait()
            stream.news.clear()
            if stream.committed != acked or stream.ack_again:
                acked, stream.ack_again = stream.committed, False
                yield pb.StreamMetricsResponse(ack=pb.StreamAck(committed_rows=acked))
            for rejection in stream.take_rejections():
                yield _rejected(rejection)
            if stream.failure is not None:
                raise stream.failure
            if reader.done() and not stream.waiting:
                reader.result()  # raises what ended the reading
                return
            if self._stopping.begun and not told_to_reconnect:
                told_to_reconnect = True
                yield pb.StreamMetricsResponse(
                    reconnect=pb.StreamReconnect(reason="the server is stopping")
                )

    async def _take_in(self, stream: WriterStream, requests: Requests) -> None:
        async for request in requests:
            match request.WhichOneof("message"):
                case "batch":
                    await self._ingest.take_batch(stream, request.batch)
                case "skip":
                    await self._ingest.take_skip(stream, request.skip)
                case _:
                    raise Failure(
                        Reason.STREAM_PROTOCOL,
                        "a metric stream is opened by one header; send batches and skips after it",
                    )
            if stream.failure is not None:
                return


def checked_header(request: pb.StreamMetricsRequest) -> pb.StreamHeader:
    """Returns the header that the first request of a stream holds.

    Raises:
        Failure: STREAM_PROTOCOL when it holds none, INVALID_VALUE or MISSING_VALUE when something
            in it is wrong.
    """
    if request.WhichOneof("message") != "header":
        raise Failure(
            Reason.STREAM_PROTOCOL, "the first message of a metric stream must hold its header"
        )
    header = request.header
    check_hex_id("header.run_id", header.run_id)
    check_hex_id("header.writer_id", header.writer_id)
    if header.attempt:
        raise invalid_value("header.attempt", header.attempt, "use 0")
    return header


def _opened(stream: WriterStream, next_record: int) -> pb.StreamMetricsResponse:
    return pb.StreamMetricsResponse(
        opened=pb.StreamOpened(
            next_row=stream.committed,
            next_record=next_record,
            max_message_bytes=MAX_MESSAGE_BYTES,
            max_row_points=MAX_ROW_POINTS,
            max_layouts=MAX_STREAM_LAYOUTS,
        )
    )


def _rejected(rejection: Rejection) -> pb.StreamMetricsResponse:
    failure = rejection.failure
    row = failure.metadata.get("row")
    return pb.StreamMetricsResponse(
        rejected=pb.BatchRejected(
            offset=rejection.offset,
            expected_offset=rejection.expected_offset,
            reason=failure.reason.name,
            message=failure.message,
            row=None if row is None else int(row),
        )
    )
