"""News among the servers of one PostgreSQL database: which runs have changed.

They travel by LISTEN and NOTIFY, after the commit they tell of and many at a time: a NOTIFY inside
of a transaction would make all commits wait for each other. News are a help, not a promise:
whoever hears them reads the database. While none can be heard, `on_gap` is called every second.
Some pools between server and database (pgbouncer by transaction) take NOTIFY and never deliver
what was listened for: a server that does not hear its own beats falls back in the same way.
"""

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable
from typing import Any, Final, Self

import asyncpg

__all__ = ["ChangeFeed"]

CHANNEL: Final = "runstream_changes"
MAX_PAYLOAD_RUNS: Final = 200
"""PostgreSQL takes payloads of up to 7 999 bytes; a run id has 32, and a comma."""
GATHER_S: Final = 0.005
"""Changes within this time are told together."""
BEAT_S: Final = 1.0
DEAF_AFTER_S: Final = 3.0
RECONNECT_S: Final = 1.0
TIMEOUT_S: Final = 5.0

_log = logging.getLogger(__name__)


class ChangeFeed:
    """Tells other servers of changes, and hears of theirs; an async context manager.

    Args:
        uri: The database, as libpq takes it.
        on_change: Called with the id of each run that another server has changed.
        on_gap: Called when changes may have gone unheard.
    """

    def __init__(
        self, uri: str, on_change: Callable[[str], None], on_gap: Callable[[], None]
    ) -> None:
        self._uri = uri
        self._on_change = on_change
        self._on_gap = on_gap
        self._name = secrets.token_hex(8)
        self._changed: dict[str, None] = {}
        self._news = asyncio.Event()
        self._heard_beat_at = 0.0
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="change-feed")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def changed(self, run_id: str) -> None:
        """Tells the other servers, soon, that this one has changed a run."""
        self._changed[run_id] = None
        self._news.set()

    async def _run(self) -> None:
        while True:
            try:
                await self._serve()
            except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                _log.warning("change_feed_lost", extra={"error": str(error)})
            self._on_gap()
            await asyncio.sleep(RECONNECT_S)

    async def _serve(self) -> None:
        connection = await asyncpg.connect(
            self._uri, timeout=TIMEOUT_S, command_timeout=TIMEOUT_S, statement_cache_size=0
        )
        try:
            await connection.add_listener(CHANNEL, self._hear)
            self._on_gap()  # whatever was said before
            async with asyncio.TaskGroup() as group:
                group.create_task(self._tell(connection))
                group.create_task(self._watch_over(connection))
        except* (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as errors:
            raise errors.exceptions[0] from None
        finally:
            connection.terminate()

    async def _tell(self, connection: "asyncpg.Connection[Any]") -> None:
        loop = asyncio.get_running_loop()
        next_beat_at = 0.0
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, next_beat_at - loop.time())):
                    await self._news.wait()
                await asyncio.sleep(GATHER_S)
            self._news.clear()
            run_ids = list(self._changed)
            self._changed.clear()
            if loop.time() >= next_beat_at:
                next_beat_at = loop.time() + BEAT_S
                run_ids = run_ids or [""]
            for start in range(0, len(run_ids), MAX_PAYLOAD_RUNS):
                told = ",".join(run_ids[start : start + MAX_PAYLOAD_RUNS])
                await connection.execute(
                    "SELECT pg_notify($1, $2)", CHANNEL, f"{self._name}:{told}"
                )

    async def _watch_over(self, connection: "asyncpg.Connection[Any]") -> None:
        loop = asyncio.get_running_loop()
        self._heard_beat_at = loop.time()
        deaf = False
        while not connection.is_closed():
            await asyncio.sleep(BEAT_S)
            was_deaf, deaf = deaf, loop.time() - self._heard_beat_at > DEAF_AFTER_S
            if deaf:
                self._on_gap()
            if deaf and not was_deaf:
                _log.warning("change_feed_deaf", extra={"remedy": "looks every second instead"})
        raise ConnectionError("the connection was closed")

    def _hear(self, _connection: object, _pid: int, _channel: str, payload: object) -> None:
        name, _, told = str(payload).partition(":")
        if name == self._name:
            self._heard_beat_at = asyncio.get_running_loop().time()
            return
        for run_id in filter(None, told.split(",")):
            self._on_change(run_id)
