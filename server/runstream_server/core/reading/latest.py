"""The latest point of every metric of runs, sealed or not."""

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.core.extremes import EXTREMES, extremes_of_groups, fold_extremes
from runstream_server.core.latest import LatestPoint, RunMetrics
from runstream_server.core.reading.view import ViewReader
from runstream_server.core.sealing.extremes_rows import store_extremes
from runstream_server.storage import log_rows, series_rows
from runstream_server.storage.database import Database
from runstream_server.storage.head_rows import lock_head
from runstream_server.storage.log_rows import LogBatch

__all__ = ["MetricExtremes"]

MAX_CACHED_TAILS: Final = 1024


@dataclass(frozen=True, slots=True)
class _Tail:
    """The extremes of a run's log from some sealed position, or before it, up to `end`."""

    end: int
    extremes: NDArray[Any]


@dataclass(frozen=True, slots=True)
class _News:
    """What is remembered of a run's log, and the batches from there up to `end`."""

    known: _Tail
    end: int
    batches: list[LogBatch]


class MetricExtremes:
    """Implements `core.latest.LatestMetrics`: stored extremes, brought up to date from the log."""

    def __init__(self, database: Database, reader: ViewReader) -> None:
        self._database = database
        self._reader = reader
        self._tails: OrderedDict[str, _Tail] = OrderedDict()
        self._refreshed: dict[tuple[str, str], int] = {}

    async def latest(self, run_ids: Sequence[str]) -> Mapping[str, RunMetrics]:
        """Returns the latest points of runs."""
        async with self._database.read() as connection:
            heads = {run_id: await log_rows.read_head(connection, run_id) for run_id in run_ids}
            rows = await series_rows.latest_rows(connection, run_ids)
            news = {
                run_id: await self._news(
                    connection, run_id, head.sealed_position, head.next_position
                )
                for run_id, head in heads.items()
                if head is not None and head.sealed_position < head.next_position
            }
        tails = {run_id: await self._extend(run_id, one) for run_id, one in news.items()}
        by_run: dict[str, list[tuple[int, str, int, int, bytes | None]]] = {}
        for run_id, id_, key, rank, attempt, extremes in rows:
            by_run.setdefault(run_id, []).append((id_, key, rank, attempt, extremes))
        return {
            run_id: RunMetrics(
                head.next_position, _points(by_run.get(run_id, []), tails.get(run_id))
            )
            for run_id, head in heads.items()
            if head is not None
        }

    async def refresh(self, experiment_ids: Sequence[int] | None, keys: Collection[str]) -> None:
        """Brings what searches compare up to date for these keys, see LatestMetrics."""
        if not keys:
            return
        async with self._database.read() as connection:
            heads = await series_rows.unsealed_heads(connection, experiment_ids)
            stale = [
                (run_id, sealed, end)
                for run_id, sealed, end in heads
                if any(self._refreshed.get((run_id, key), -1) < end for key in keys)
            ]
            news = {
                run_id: await self._news(connection, run_id, sealed, end)
                for run_id, sealed, end in stale
            }
        for run_id, _, end in stale:
            await self._store(run_id, await self._extend(run_id, news[run_id]), keys)
            self._refreshed.update({(run_id, key): end for key in keys})
        if len(self._refreshed) > MAX_CACHED_TAILS * 16:
            self._refreshed.clear()

    async def _store(self, run_id: str, tail: NDArray[Any], keys: Collection[str]) -> None:
        async def work(connection: AsyncConnection) -> None:
            wanted = series_rows.SeriesFilter(keys=list(keys))
            named = await series_rows.select_series(connection, run_id, wanted)
            chosen = tail[np.isin(tail["series"], [row.series_id for row in named])]
            if len(chosen):
                await lock_head(connection, run_id)
                await store_extremes(connection, run_id, chosen)

        await self._database.write(work)

    async def _news(self, connection: AsyncConnection, run_id: str, sealed: int, end: int) -> _News:
        known = self._tails.get(run_id)
        if known is None or not sealed <= known.end <= end:
            known = _Tail(sealed, np.zeros(0, EXTREMES))
        batches = []
        if known.end < end:
            batches = await log_rows.read_batches(connection, run_id, known.end, end)
        return _News(known, end, batches)

    async def _extend(self, run_id: str, news: _News) -> NDArray[Any]:
        """Returns the extremes of a run's log, remembered and new, and remembers them."""
        folded = news.known.extremes
        if news.batches:
            groups = await self._reader.groups(run_id, news.batches)
            folded = fold_extremes([folded, extremes_of_groups(groups)])
        self._tails[run_id] = _Tail(news.end, folded)
        self._tails.move_to_end(run_id)
        if len(self._tails) > MAX_CACHED_TAILS:
            self._tails.popitem(last=False)
        return folded


def _points(
    rows: Sequence[tuple[int, str, int, int, bytes | None]], tail: NDArray[Any] | None
) -> list[LatestPoint]:
    stored = [row[4] for row in rows if row[4] is not None]
    tables = [np.frombuffer(b"".join(stored), EXTREMES)] if stored else []
    if tail is not None:
        tables.append(tail)
    extremes = fold_extremes(tables)
    by_id = dict(zip(extremes["series"].tolist(), extremes, strict=True))
    points: dict[str, LatestPoint] = {}
    # Rank-less first, then the lowest rank; there the highest attempt.
    for id_, key, rank, _, _ in sorted(rows, key=lambda row: (row[1], row[2], -row[3])):
        entry = by_id.get(id_)
        if entry is not None and key not in points:
            points[key] = LatestPoint(
                key,
                None if rank < 0 else rank,
                int(entry["last_step"]),
                int(entry["last_time"]),
                float(entry["last_value"]),
            )
    return list(points.values())
