"""Sends a writer's points through StreamMetrics, and goes on where a broken stream ended."""

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final, cast

import grpc

from runstream._client.failures import is_unavailable, to_error
from runstream._client.retries import Retries
from runstream.errors import InvalidValue, ServerUnavailable
from runstream.importing.entities import Points
from runstream.importing.point_messages import messages
from runstream.v1 import metric_service_pb2 as pb

__all__ = ["PointSender"]

METHOD: Final = "/runstream.v1.MetricService/StreamMetrics"
QUEUED_MESSAGES: Final = 4
POLL_S: Final = 0.1
RETRY_FOR_S: Final = 60.0


class PointSender:
    """Sends points over one connection. Several threads may use it at once."""

    def __init__(self, channel: grpc.Channel, uri: str) -> None:
        self._channel = channel
        self._uri = uri

    def send(
        self,
        run_id: str,
        writer_id: str,
        points: Callable[[], Iterable[Points]],
        sent: Callable[[int], None],
    ) -> None:
        """Sends all points that the server does not have; returns once they are committed.

        Args:
            run_id: The run.
            writer_id: The writer: the same one for the same points in the same order.
            points: Begins the points anew.
            sent: Is told how many more have been sent, from time to time; nothing of those that
                a broken stream has to send again.

        Raises:
            InvalidValue: if the server refuses points for good.
            ServerError: if the run takes none, or the server is gone for a minute.
        """
        header = pb.StreamHeader(run_id=run_id, writer_id=writer_id)
        retries = Retries(for_s=RETRY_FOR_S)
        acked = told = 0

        def tell(begin: int, end: int) -> None:
            nonlocal told
            if end > told:
                sent(end - max(begin, told))
                told = end

        while True:
            attempt = _Attempt(self._channel, header)
            try:
                attempt.run(points(), tell)
                return
            except grpc.RpcError as error:
                if attempt.acked > acked:
                    acked = attempt.acked
                    retries.succeeded()
                pause_s = retries.pause_s(error) if is_unavailable(error) else None
                if pause_s is None:
                    raise to_error(error, self._uri) from error
                time.sleep(pause_s)
            except _Reconnect:
                time.sleep(POLL_S)


class _Reconnect(Exception):
    """Means that the server asked for another connection."""


class _Attempt:
    """One stream. A thread reads the answers, gRPC's own thread takes the requests."""

    def __init__(self, channel: grpc.Channel, header: pb.StreamHeader) -> None:
        self.acked = 0
        self._requests: queue.Queue[bytes | None] = queue.Queue(QUEUED_MESSAGES)
        self._requests.put(pb.StreamMetricsRequest(header=header).SerializeToString())
        self._ended = threading.Event()
        self._error: grpc.RpcError | None = None
        self._rejected = ""
        self._reconnect = False
        stream: grpc.StreamStreamMultiCallable[bytes, pb.StreamMetricsResponse] = (
            channel.stream_stream(METHOD, response_deserializer=pb.StreamMetricsResponse.FromString)
        )
        self._call = stream(iter(self._requests.get, None))

    def run(self, points: Iterable[Points], sent: Callable[[int, int], None]) -> None:
        answers = cast("Iterator[pb.StreamMetricsResponse]", self._call)
        reader: threading.Thread | None = None
        try:
            opened = next(answers).opened
            self.acked = opened.next_row
            reader = threading.Thread(target=self._read, args=(answers,), daemon=True)
            reader.start()
            total = self._feed(points, opened, sent)
            self._put(None)
            reader.join()
        finally:
            self._call.cancel()
            self._release()
            if reader is not None:
                reader.join()
        self._check(total)

    def _feed(
        self, points: Iterable[Points], opened: pb.StreamOpened, sent: Callable[[int, int], None]
    ) -> int:
        total = opened.next_row
        for message, rows in messages(points, opened.next_row, opened.max_layouts):
            if not self._put(message):
                break
            sent(total, total + rows)
            total += rows
        return total

    def _put(self, message: bytes | None) -> bool:
        while not self._ended.is_set():
            try:
                self._requests.put(message, timeout=POLL_S)
                return True
            except queue.Full:
                continue
        return False

    def _release(self) -> None:
        """Lets gRPC's thread go that waits for the next request."""
        try:
            self._requests.put_nowait(None)
        except queue.Full:
            self._requests.get_nowait()
            self._requests.put_nowait(None)

    def _read(self, answers: Iterator[pb.StreamMetricsResponse]) -> None:
        try:
            for answer in answers:
                kind = answer.WhichOneof("message")
                if kind == "ack":
                    self.acked = max(self.acked, answer.ack.committed_rows)
                elif kind == "rejected":
                    self._rejected = answer.rejected.message
                    break
                elif kind == "reconnect":
                    self._reconnect = True
                    break
        except grpc.RpcError as error:
            self._error = error
        finally:
            self._ended.set()

    def _check(self, total: int) -> None:
        if self._rejected:
            raise InvalidValue(f"the server refuses points: {self._rejected}")
        if self._error is not None:
            raise self._error
        if self._reconnect:
            raise _Reconnect
        if self.acked < total:
            raise ServerUnavailable(f"{total - self.acked} points were not committed")
