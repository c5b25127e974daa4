"""The rows of one writer: sent once, in order, past whatever the server will never take."""

import asyncio
from typing import Final, NoReturn, Protocol

from runstream._ship.backoff import Backoff
from runstream._ship.batches import messages_of
from runstream._ship.failures import CallFailed, Fate, Stopped
from runstream._ship.link import Link
from runstream._ship.refusals import MAX_REASON_LENGTH, Refusal, RefusedLayouts, narrowed
from runstream._ship.row_stream import RowStream
from runstream._ship.waterline import Waterline
from runstream._spool import CorruptRows, RowChunk
from runstream.v1 import metric_service_pb2 as pb

__all__ = ["Rewind", "RowsLane", "RowsOwner"]

MAX_INLINE_REPEATS: Final = 10_000
"""After so many rows that went inline again and again, another stream is worth its opening."""


class Rewind(Exception):
    """Means that the rows are to be read again, from another one on."""

    def __init__(self, row: int) -> None:
        super().__init__(row)
        self.row = row


class RowsOwner(Protocol):
    """Whose rows they are."""

    def wake(self) -> None:
        """Is called when there is something to look at."""

    def trouble(self, failed: CallFailed | None) -> None:
        """Takes note of what keeps rows from being sent; None that nothing does any more."""

    def reject(self, record: RowChunk, reason: str) -> None:
        """Puts rows aside that the server refused for good."""


class RowsLane:
    """Sends one writer's rows over one stream after another.

    Rows of which the server refused something are sent again piece by piece, each waited for, until
    the row at fault is found. That one is put aside and passed over by a skip.

    Attributes:
        done: Rows before this level are the server's, or were given up.
        sent: The offset of the next row to be sent.
    """

    def __init__(
        self, link: Link, header: pb.StreamHeader, owner: RowsOwner, done: Waterline
    ) -> None:
        self.done = done
        self.sent = done.level
        self._link = link
        self._header = header
        self._owner = owner
        self._backoff = Backoff()
        self._stream: RowStream | None = None
        self._suspect_end = 0
        self._refused = RefusedLayouts()

    async def send(self, chunk: RowChunk) -> None:
        """Sends rows.

        Raises:
            Rewind: if other rows are to come first.
            Stopped: if the run takes none.
        """
        stream = await self._ready(chunk.first_row)
        if chunk.first_row < self._suspect_end:
            await self._send_carefully(chunk)
            return
        for part, refusal in self._refused.sort_out(chunk):
            if refusal is None:
                await self._write(stream, part)
            else:
                await self._give_up(stream, part, refusal)
        if stream.definitions.inline_repeats > MAX_INLINE_REPEATS:
            await stream.finish()

    async def skip(self, lost: CorruptRows) -> None:
        """Passes over rows that the spool has no longer. Raises as `send` does."""
        stream = await self._ready(lost.first_row)
        await self._write_skip(stream, lost.first_row, lost.row_count, lost.reason)

    async def tend(self) -> None:
        """Looks after rows that are sent and not acked. Raises as `send` does."""
        if self._stream is not None:
            await self._look(self._stream)
        if self._stream is None and self.done.level < self.sent:
            await self._ready(self.sent)

    async def rest(self) -> None:
        """Closes the stream if nothing is under way; the next row opens another."""
        if self.done.level >= self.sent:
            await self.close()

    async def close(self) -> None:
        """Drops the stream."""
        if self._stream is not None:
            stream, self._stream = self._stream, None
            await stream.close()

    async def _ready(self, row: int) -> RowStream:
        """Returns an open stream whose next row is `row`."""
        stream = await self._reopened()
        if self.sent != row:
            raise Rewind(self.sent)
        return stream

    async def _reopened(self) -> RowStream:
        if self._stream is not None:
            await self._look(self._stream)
        while self._stream is None:
            await self._open()
        return self._stream

    async def _open(self) -> None:
        try:
            stream = await RowStream.open(self._link, self._header, self._take_news)
        except CallFailed as failed:
            if failed.fate is not Fate.RETRY:
                raise Stopped(failed) from failed
            await self._pause(failed)
            return
        self._stream = stream
        self.sent = stream.opened.next_row
        self.done.rise(self.sent)

    def _take_news(self) -> None:
        if self._stream is not None and self.done.rise(self._stream.acked):
            self._backoff.reset()
            self._owner.trouble(None)
        self._owner.wake()

    async def _look(self, stream: RowStream) -> None:
        """Drops a stream that is over, or that should be."""
        rejection = stream.rejection
        if rejection is not None:
            # On another stream nothing is defined, and nothing is under way.
            self._suspect_end = max(self._suspect_end, self.sent)
            await stream.acked_to(rejection.expected_offset)
        elif stream.wants_reconnect and not stream.ended:
            await stream.finish()
        elif not stream.ended:
            return
        await self.close()
        self.done.rise(stream.acked)
        failed = stream.failure
        if rejection is not None:
            if rejection.reason == "INVALID_SKIP":
                await asyncio.sleep(self._backoff.pause_s())
        elif failed is None:
            return
        elif failed.fate is Fate.STOPPED:
            raise Stopped(failed)
        elif failed.fate is Fate.REFUSED:
            self._suspect_end = max(self._suspect_end, self.sent)
        else:
            await self._pause(failed)

    async def _pause(self, failed: CallFailed) -> None:
        self._owner.trouble(failed)
        if not failed.is_lost_connection:
            await asyncio.sleep(self._backoff.pause_s(failed.retry_delay_s))

    async def _restart(self) -> NoReturn:
        """Goes on from where the server is, after a message that did not get through."""
        await self._reopened()
        raise Rewind(self.sent)

    async def _write(self, stream: RowStream, chunk: RowChunk) -> None:
        news = stream.definitions.learn(chunk.layouts)
        for message in messages_of(chunk, stream.definitions, news):
            if not await stream.write(message):
                await self._restart()
        self.sent = chunk.first_row + chunk.row_count

    async def _write_skip(self, stream: RowStream, row: int, count: int, reason: str) -> None:
        skip = pb.SkipRows(first_row=row, count=count, reason=reason[:MAX_REASON_LENGTH])
        if not await stream.write(pb.StreamMetricsRequest(skip=skip).SerializeToString()):
            await self._restart()
        self.sent = row + count

    async def _give_up(self, stream: RowStream, chunk: RowChunk, refusal: Refusal) -> None:
        # First put aside, then passed over: a crash in between does both again.
        self._owner.reject(chunk, refusal.text)
        await self._write_skip(stream, chunk.first_row, chunk.row_count, refusal.text)

    async def _send_carefully(self, chunk: RowChunk) -> None:
        parts = [chunk]
        while parts:
            part = parts.pop()
            pieces = list(self._refused.sort_out(part))
            if len(pieces) > 1:
                parts += [piece for piece, _ in reversed(pieces)]
                continue
            stream = await self._ready(part.first_row)
            refusal = pieces[0][1] or await self._try(stream, part)
            if refusal is None:
                continue
            narrower = narrowed(part, refusal) if pieces[0][1] is None else []
            if narrower:
                parts += reversed(narrower)
                continue
            self._refused.learn(part, refusal)
            stream = await self._ready(part.first_row)
            await self._give_up(stream, part, refusal)

    async def _try(self, stream: RowStream, part: RowChunk) -> Refusal | None:
        """Sends rows and waits for the answer. Returns why they were refused, if they were."""
        news = stream.definitions.learn(part.layouts)
        messages = list(messages_of(part, stream.definitions, news))
        for message in messages:
            if not await stream.write(message):
                break
        else:
            self.sent = part.first_row + part.row_count
            await stream.answered(self.sent)
        rejection, failed = stream.rejection, stream.failure
        if rejection is not None and rejection.reason != "INVALID_SKIP":
            row = rejection.row if rejection.HasField("row") else None
            refusal = Refusal(rejection.reason, rejection.message, row)
            if len(messages) > 1:
                # A second refusal may be under way, and be taken for one of what comes next.
                await self.close()
            stream.rejection = None
            stream.definitions.forget(news)
            self.sent = rejection.expected_offset
            return refusal
        if failed is not None and failed.fate is Fate.REFUSED:
            await self.close()
            return Refusal(failed.reason, failed.message)
        if stream.ended or rejection is not None:
            await self._restart()
        return None
