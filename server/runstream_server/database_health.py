"""Whether a database that others keep running answers, for those who send requests here."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final, Self

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from runstream_server.storage.database import Database

__all__ = ["DatabaseHealth"]

INTERVAL_S: Final = 2.0
TIMEOUT_S: Final = 5.0
TOLERATED_S: Final = 10.0
"""So long a database may be away before the server calls itself unhealthy: a restart or a change to
another machine need not send all clients elsewhere, where the database is away as well.
"""

_log = logging.getLogger(__name__)


class DatabaseHealth:
    """Asks the database every few seconds; an async context manager.

    Args:
        database: What is asked, if other servers may use it; a file in this machine is not.
        on_change: Called with True when the database answers again, and with False when it has not
            for some time.
    """

    def __init__(self, database: Database, on_change: Callable[[bool], Awaitable[None]]) -> None:
        self._database = database
        self._on_change = on_change
        self._task: asyncio.Task[None] | None = None
        self.answering = True

    async def __aenter__(self) -> Self:
        if self._database.shared:
            self._task = asyncio.create_task(self._watch(), name="database-health")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _watch(self) -> None:
        answered_at = time.monotonic()
        while True:
            error = await self._ask()
            if error is None:
                answered_at = time.monotonic()
            answering = time.monotonic() - answered_at < TOLERATED_S
            if answering != self.answering:
                self.answering = answering
                if answering:
                    _log.warning("database_answers_again")
                else:
                    _log.warning("database_away", extra={"error": str(error)})
                await self._on_change(answering)
            await asyncio.sleep(INTERVAL_S)

    async def _ask(self) -> Exception | None:
        try:
            async with asyncio.timeout(TIMEOUT_S), self._database.read() as connection:
                await connection.execute(sa.select(sa.literal(1)))
        except (SQLAlchemyError, TimeoutError) as error:
            return error
        return None
