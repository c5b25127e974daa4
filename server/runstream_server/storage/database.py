"""Connections and transactions, whatever the engine.

Readers take a snapshot; writers hand their work to an owner that cancellation of the caller never
reaches: a cancelled statement of a driver may go on by itself, and would leave a transaction open.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Final, Self, TypeVar

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.pool import QueuePool

__all__ = ["Database", "DatabaseFull", "Write", "checked_out"]

T = TypeVar("T")
Write = Callable[[AsyncConnection], Awaitable[T]]
"""Work to be done inside one write transaction. It must not commit. It may be undone when it
raises, and may be called again after it was undone, so it keeps nothing of an earlier call.
"""

MAX_QUEUED_WRITES: Final = 1024
"""Callers of `write` beyond this many wait until earlier ones are done."""


def checked_out(engine: AsyncEngine) -> int:
    """Returns how many connections of an engine's pool are in use."""
    pool = engine.pool
    return pool.checkedout() if isinstance(pool, QueuePool) else 0


class DatabaseFull(Exception):
    """The database has no room left, and stored nothing."""


class Database(ABC):
    """One database. Use as an async context manager.

    `read` and `write` may be called from any task of the loop.
    """

    dialect: str
    """Names the engine: `sqlite` or `postgresql`."""
    shared: bool
    """Whether other servers may use it at the same time."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Finishes the writes that were accepted, then closes all connections."""
        await self.close()

    @abstractmethod
    async def close(self) -> None:
        """Finishes the writes that were accepted, then closes all connections."""

    @property
    @abstractmethod
    def connections_in_use(self) -> int:
        """How many connections somebody reads from or writes to at this moment."""

    @abstractmethod
    def read(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Yields a connection whose statements all see the database as of one moment.

        Keep it open for milliseconds.

        Raises:
            sqlalchemy.exc.OperationalError: The database does not answer.
        """

    @abstractmethod
    async def write(self, work: Write[T]) -> T:
        """Runs `work` in a write transaction and returns its result once that is durable.

        What was accepted is carried out also when the caller is cancelled meanwhile.

        Raises:
            sqlalchemy.exc.OperationalError: The database does not answer; where it was lost while
                the transaction ended, the work may have been done.
        """
