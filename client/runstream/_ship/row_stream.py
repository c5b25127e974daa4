"""One open StreamMetrics call of one writer."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Final, Self

import grpc
import grpc.aio

from runstream._ship.definitions import StreamDefinitions
from runstream._ship.failures import CallFailed
from runstream._ship.link import Link, MetricsCall
from runstream.v1 import metric_service_pb2 as pb

__all__ = ["RowStream"]

OPEN_TIMEOUT_S: Final = 30.0
ANSWER_TIMEOUT_S: Final = 30.0
WRITE_TIMEOUT_S: Final = 60.0
"""How long flow control may hold a message back."""

_ENDED: Final = (grpc.aio.AioRpcError, grpc.aio.UsageError, asyncio.InvalidStateError)
"""What writing to a call raises that is over."""


class RowStream:
    """Sends messages, and listens to the answers meanwhile.

    Attributes:
        opened: What the server said at first.
        acked: The server has all rows before this offset.
        rejection: The first refusal that was not looked at yet.
        wants_reconnect: Whether the server asked for another connection.
        ended: Whether the call is over.
        failure: Why, when it did not end in order.
        definitions: What the server was told of series and layouts.
    """

    def __init__(self, link: Link, life: int, call: MetricsCall, opened: pb.StreamOpened) -> None:
        self._link = link
        self._life = life
        self._call = call
        self.opened = opened
        self.acked = opened.next_row
        self.rejection: pb.BatchRejected | None = None
        self.wants_reconnect = False
        self.ended = False
        self.failure: CallFailed | None = None
        self.definitions = StreamDefinitions(opened.max_layouts)
        self._news = asyncio.Event()
        self._on_news: Callable[[], None] = lambda: None
        self._listener: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, link: Link, header: pb.StreamHeader, on_news: Callable[[], None]) -> Self:
        """Opens a stream, once the server is there.

        Args:
            link: The server.
            header: Who writes to what.
            on_news: Called after each answer and at the end.

        Raises:
            CallFailed: if the server does not open it.
        """
        life = await link.ready()
        async with link.openings:
            call = link.stream_metrics()
            try:
                opened = await _handshake(call, header)
            except BaseException as error:
                call.cancel()
                if isinstance(error, CallFailed) and error.is_lost_connection:
                    link.lost(life, error)
                raise
        stream = cls(link, life, call, opened)
        stream._on_news = on_news
        stream._listener = asyncio.create_task(stream._listen(), name="metric-stream-listener")
        return stream

    async def write(self, message: bytes) -> bool:
        """Sends a message, once flow control lets it. Returns False when the call is over."""
        if self.ended:
            return False
        try:
            async with asyncio.timeout(WRITE_TIMEOUT_S):
                await self._call.write(message)
        except _ENDED:
            # The listener learns why.
            await self._until(lambda: self.ended)
            return False
        except TimeoutError:
            self._fail(f"the server has taken nothing for {WRITE_TIMEOUT_S:.0f} s")
            return False
        return True

    async def answered(self, row: int) -> None:
        """Waits until all rows before `row` are acked, one is refused, or the call is over."""
        await self._until(lambda: self.acked >= row or self.rejection is not None or self.ended)

    async def acked_to(self, row: int) -> None:
        """Waits until all rows before `row` are acked, or the call is over."""
        await self._until(lambda: self.acked >= row or self.ended)

    async def finish(self) -> None:
        """Says that nothing more comes, and waits for the last answers."""
        if not self.ended:
            with contextlib.suppress(*_ENDED):
                await self._call.done_writing()
            await self._until(lambda: self.ended)
        await self.close()

    async def close(self) -> None:
        """Drops the call."""
        self._on_news = lambda: None
        if self._listener is not None:
            self._call.cancel()
            self._listener.cancel()
            await asyncio.wait([self._listener])

    async def _until(self, condition: Callable[[], bool]) -> None:
        """Waits for a condition on the answers; an endless silence ends the call."""
        while not condition():
            self._news.clear()
            try:
                async with asyncio.timeout(ANSWER_TIMEOUT_S):
                    await self._news.wait()
            except TimeoutError:
                self._fail(f"the server has not answered for {ANSWER_TIMEOUT_S:.0f} s")

    def _fail(self, message: str) -> None:
        self._end(CallFailed(grpc.StatusCode.DEADLINE_EXCEEDED, message))
        self._call.cancel()

    async def _listen(self) -> None:
        failure: CallFailed | None = None
        try:
            while (answer := await self._call.read()) is not grpc.aio.EOF:
                if isinstance(answer, pb.StreamMetricsResponse):
                    self._take(answer)
        except grpc.aio.AioRpcError as error:
            failure = CallFailed.from_rpc(error)
        except asyncio.CancelledError:
            self._end(CallFailed(grpc.StatusCode.CANCELLED, "the stream was dropped"))
            raise
        self._end(failure)

    def _take(self, answer: pb.StreamMetricsResponse) -> None:
        kind = answer.WhichOneof("message")
        if kind == "ack":
            if answer.ack.committed_rows > self.acked:
                self._link.progress()
            self.acked = max(self.acked, answer.ack.committed_rows)
        elif kind == "rejected":
            self.rejection = self.rejection or answer.rejected
        elif kind == "reconnect":
            self.wants_reconnect = True
        self._tell()

    def _end(self, failure: CallFailed | None) -> None:
        if not self.ended:
            self.ended = True
            self.failure = failure
            if failure is not None and failure.is_lost_connection:
                self._link.lost(self._life, failure)
        self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._on_news()


async def _handshake(call: MetricsCall, header: pb.StreamHeader) -> pb.StreamOpened:
    try:
        async with asyncio.timeout(OPEN_TIMEOUT_S):
            await call.write(pb.StreamMetricsRequest(header=header).SerializeToString())
            answer = await call.read()
    except grpc.aio.AioRpcError as error:
        raise CallFailed.from_rpc(error) from error
    except asyncio.InvalidStateError as error:
        # The call ended before the header was written.
        raise CallFailed(await call.code(), await call.details()) from error
    except TimeoutError as error:
        raise CallFailed(
            grpc.StatusCode.DEADLINE_EXCEEDED,
            f"the server has not opened the stream for {OPEN_TIMEOUT_S:.0f} s",
        ) from error
    if not isinstance(answer, pb.StreamMetricsResponse) or not answer.HasField("opened"):
        raise CallFailed(grpc.StatusCode.UNKNOWN, "the server did not open the stream")
    return answer.opened
