"""Following runs: what was committed since a cursor, as soon as it is."""

import time
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from runstream_server.core.blocks.groups import RowGroup
from runstream_server.core.errors import Failure, Reason
from runstream_server.core.reading.view import ViewReader
from runstream_server.core.runs.locks import run_not_found
from runstream_server.core.signals import RunSignals
from runstream_server.storage import watch_rows
from runstream_server.storage.database import Database
from runstream_server.storage.log_rows import LogBatch
from runstream_server.storage.watch_rows import News, WatchedHead

__all__ = ["HEARTBEAT_S", "Lost", "RunWatch", "Step", "Watcher"]

HEARTBEAT_S: Final = 10.0
PAUSE_S: Final = 1.0
"""How long a run whose points are not wanted is left alone after it was looked at."""
MAX_ROUND_BYTES: Final = 1024 * 1024
"""The log that is read for one round at most, unless one batch alone is larger."""
MAX_ROUND_RUNS: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class RunWatch:
    """A run to follow, from a cursor or from now on, with its points or without."""

    run_id: str
    cursor: int | None = None
    with_points: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What a run got since its step before, and how it stands then.

    Attributes:
        run_id: The run.
        cursor: The log position after the rows.
        groups: The rows; none when there are no new ones, or when they are not wanted.
        last_commit_time_us: When the newest rows before `cursor` were committed; None when there
            are none.
        update_time_us: When the run was last changed by more than its points.
    """

    run_id: str
    cursor: int
    groups: list[RowGroup]
    last_commit_time_us: int | None
    update_time_us: int


@dataclass(frozen=True, slots=True)
class Lost:
    """A run that is followed no longer, and why."""

    run_id: str
    failure: Failure


class _Followed:
    """The runs that are followed: where each stands, and which of them to look at, in order."""

    def __init__(self, watches: Sequence[RunWatch]) -> None:
        self.cursors = {watch.run_id: watch.cursor for watch in watches}
        self.pointless = {watch.run_id for watch in watches if not watch.with_points}
        self._due: dict[str, None] = {}
        self._paused: dict[str, float] = {}
        self._look_at_all_at = 0.0

    def want(self, run_ids: Iterable[str]) -> None:
        """Notes that runs are to be looked at."""
        self._due.update(dict.fromkeys(run_ids))

    def take(self) -> list[str]:
        """Returns the next runs to look at, which are then no longer to be looked at."""
        now = time.monotonic()
        if now >= self._look_at_all_at:
            self._look_at_all_at = now + HEARTBEAT_S
            self.want(self.cursors)
        self._paused = {run_id: until for run_id, until in self._paused.items() if until > now}
        taken = [id_ for id_ in self._due if id_ in self.cursors and id_ not in self._paused]
        taken = taken[:MAX_ROUND_RUNS]
        for run_id in taken:
            del self._due[run_id]
            if run_id in self.pointless:
                self._paused[run_id] = now + PAUSE_S
        return taken

    def wait_s(self) -> float:
        """Returns how long to wait for news at most, when there is nothing to look at."""
        until = [self._paused[run_id] for run_id in self._due if run_id in self._paused]
        return max(0.0, min([self._look_at_all_at, *until]) - time.monotonic())


class Watcher:
    """Follows runs through the database, so that commits of other servers are seen as well."""

    def __init__(self, database: Database, signals: RunSignals, reader: ViewReader) -> None:
        self._database = database
        self._signals = signals
        self._reader = reader

    async def follow(self, watches: Sequence[RunWatch]) -> AsyncIterator[list[Step | Lost]]:
        """Yields rounds: at once one step of each run, then one per change.

        Every run gets a step every few seconds, also without a change. A run gets a loss instead
        when there is none, or its log does not go back to the cursor (RUN_NOT_FOUND,
        CURSOR_EXPIRED), and nothing after that. Ends when all runs are lost. Nothing is read
        ahead: a round is made when it is asked for.
        """
        followed = _Followed(watches)
        with self._signals.watch(*followed.cursors) as signals:
            while followed.cursors:
                run_ids = followed.take()
                if not run_ids:
                    followed.want(await signals.wait(followed.wait_s()))
                    continue
                news = await self._round(followed, run_ids)
                for one in news:
                    if isinstance(one, Lost):
                        del followed.cursors[one.run_id]
                        signals.drop(one.run_id)
                    else:
                        followed.cursors[one.run_id] = one.cursor
                yield news

    async def _round(self, followed: _Followed, run_ids: Sequence[str]) -> list[Step | Lost]:
        found: list[WatchedHead | Lost] = []
        news: list[News] = []
        async with self._database.read() as connection:
            heads = await watch_rows.read_heads(connection, run_ids)
            for run_id in run_ids:
                head = heads.get(run_id)
                cursor = None if run_id in followed.pointless else followed.cursors[run_id]
                if head is None:
                    found.append(Lost(run_id, run_not_found(run_id)))
                    continue
                end = head.next_position
                if cursor is not None and not head.trimmed_position <= cursor <= end:
                    found.append(Lost(run_id, _expired(head, cursor)))
                    continue
                found.append(head)
                if cursor is not None and cursor < end:
                    news.append(News(run_id, cursor, end))
            batches = await watch_rows.read_news(connection, news, MAX_ROUND_BYTES)
        late = {one.run_id for one in news} - batches.keys()
        followed.want(late)
        for one in news:
            if one.run_id in batches and batches[one.run_id][-1].position + 1 < one.end_position:
                followed.want([one.run_id])
        return [
            one if isinstance(one, Lost) else await self._step(one, batches.get(one.run_id, []))
            for one in found
            if one.run_id not in late
        ]

    async def _step(self, head: WatchedHead, batches: list[LogBatch]) -> Step:
        cursor, committed_us = head.next_position, head.last_commit_time_us
        groups: list[RowGroup] = []
        if batches:
            cursor, committed_us = batches[-1].position + 1, batches[-1].commit_time_us
            groups = await self._reader.groups(head.run_id, batches)
        return Step(
            run_id=head.run_id,
            cursor=cursor,
            groups=groups,
            last_commit_time_us=committed_us,
            update_time_us=head.update_time_us,
        )


def _expired(head: WatchedHead, cursor: int) -> Failure:
    return Failure(
        Reason.CURSOR_EXPIRED,
        f"the log of run {head.run_id} is kept from cursor {head.trimmed_position} to "
        f"{head.next_position}, which {cursor} is not within; read again, and watch from the "
        "cursor that this returns",
        cursor=cursor,
        oldest_cursor=head.trimmed_position,
    )
