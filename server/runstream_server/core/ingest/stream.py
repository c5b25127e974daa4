"""The state of one open metric stream."""

import asyncio
from dataclasses import dataclass, field

import numpy as np

from runstream_server.core.errors import Failure
from runstream_server.core.ingest.definitions import StreamDefinitions
from runstream_server.core.ingest.rows import StreamRows
from runstream_server.core.logformat import UInt32s

__all__ = ["PendingSkip", "Rejection", "WriterStream"]


@dataclass(frozen=True, slots=True)
class PendingSkip:
    """Rows that the writer gives up, from `offset` up to, not including, `end`."""

    offset: int
    end: int
    reason: str
    size_bytes: int = 64


@dataclass(frozen=True, slots=True)
class Rejection:
    """A message of which nothing was stored."""

    offset: int
    expected_offset: int
    failure: Failure


@dataclass(slots=True, eq=False)
class WriterStream:
    """One open stream of one writer.

    Attributes:
        expected: The offset that the next message should begin at: what is committed and what waits
            for its commit.
        committed: The offset up to which rows are committed; what may be acked.
        waiting: What waits for its commit, in order, without gaps, from `committed` on.
        rejecting: True after a rejection, until a message begins at `expected`: others are dropped.
        layout_ids: Maps the stream's layout indices to the run's; valid where `resolved` has the
            index.
        failure: Why the stream is over, once it is.
        news: Set whenever `committed`, `rejections` or `failure` changed.
        ack_again: True after a batch of which all rows were known: its sender waits for an ack.
        room: Set whenever `waiting` got shorter.
    """

    run_id: str
    writer_id: str
    attempt: int
    expected: int
    committed: int
    definitions: StreamDefinitions = field(default_factory=StreamDefinitions)
    waiting: list[StreamRows | PendingSkip] = field(default_factory=list[StreamRows | PendingSkip])
    rejecting: bool = False
    layout_ids: UInt32s = field(default_factory=lambda: np.zeros(0, np.uint32))
    resolved: set[int] = field(default_factory=set[int])
    rejections: list[Rejection] = field(default_factory=list[Rejection])
    failure: BaseException | None = None
    news: asyncio.Event = field(default_factory=asyncio.Event)
    ack_again: bool = False
    room: asyncio.Event = field(default_factory=asyncio.Event)
    waiting_bytes: int = 0

    def wait_for_commit(self, item: StreamRows | PendingSkip) -> None:
        """Appends what is to be committed next."""
        self.waiting.append(item)
        self.waiting_bytes += item.size_bytes
        self.expected = item.end

    def remove_first(self, count: int) -> int:
        """Takes the first `count` items off `waiting` and returns their size in bytes."""
        size = sum(item.size_bytes for item in self.waiting[:count])
        del self.waiting[:count]
        self.waiting_bytes -= size
        self.room.set()
        return size

    def acknowledge(self, committed: int) -> None:
        """Notes that everything before the offset `committed` is durable."""
        self.committed = committed
        self.news.set()

    def reject(self, offset: int, failure: Failure) -> None:
        """Notes that the message at `offset` was refused.

        Further ones are dropped until one begins at `expected`.
        """
        self.rejecting = True
        self.rejections.append(Rejection(offset, self.expected, failure))
        self.news.set()

    def take_rejections(self) -> list[Rejection]:
        """Returns the rejections that were not taken yet."""
        taken, self.rejections = self.rejections, []
        return taken

    def acknowledge_again(self) -> None:
        """Notes that the client has sent what it could know to be durable."""
        self.ack_again = True
        self.news.set()

    def fail(self, failure: BaseException) -> None:
        """Ends the stream: nothing more of it is committed."""
        if self.failure is None:
            self.failure = failure
        self.news.set()
