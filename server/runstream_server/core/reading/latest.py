"""The latest point of every metric of runs, sealed or not."""

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.core.extremes import EXTREMES, extremes_of_groups, fold_extremes
from runstream_server.core.latest import LatestPoint, RunMetrics
from runstream_server.core.logformat import header_of, names_its_series
from runstream_server.core.reading.small_tails import (
    extremes_of_runs,
    latest_of_runs,
    series_of_run,
)
from runstream_server.core.reading.view import ViewReader
from runstream_server.core.sealing.extremes_rows import RunsExtremes, store_extremes_of_runs
from runstream_server.storage import log_rows, series_rows
from runstream_server.storage.database import Database
from runstream_server.storage.head_rows import lock_heads
from runstream_server.storage.log_rows import LogBatch, LogSpan
from runstream_server.storage.series_rows import LatestRow

__all__ = ["MetricExtremes"]

MAX_CACHED_TAILS: Final = 1024
MAX_REFRESHED: Final = 1_000_000
RUNS_AT_ONCE: Final = 500
SMALL_TAIL_BYTES: Final = 16 * 1024
"""Logs up to this size are read anew each time, many runs together, rather than remembered."""
SMALL_ROWS: Final = 2_000
"""So many series are looked through in the event loop: a thread would cost more."""


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


@dataclass(frozen=True, slots=True)
class _Tails:
    """What was read of logs that are not sealed, by run."""

    small: Mapping[str, Sequence[bytes]]
    news: Mapping[str, _News]


class MetricExtremes:
    """Implements `core.latest.LatestMetrics`: stored extremes, brought up to date from the log."""

    def __init__(self, database: Database, reader: ViewReader) -> None:
        self._database = database
        self._reader = reader
        self._tails: OrderedDict[str, _Tail] = OrderedDict()
        self._refreshed: dict[tuple[str, str], int] = {}

    async def latest(
        self, run_ids: Sequence[str], keys: Collection[str] | None = None
    ) -> Mapping[str, RunMetrics]:
        """Returns the latest points of runs."""
        async with self._database.read() as connection:
            spans = await log_rows.read_spans(connection, run_ids)
            rows = await series_rows.latest_rows(connection, list(spans), keys)
            tails = await self._read_tails(connection, spans)
        numbers = {run_id: number for number, run_id in enumerate(spans)}
        tables = await self._tables(tails, numbers)
        if len(rows) < SMALL_ROWS:
            points = _points(rows, numbers, tables)
        else:
            points = await asyncio.to_thread(_points, rows, numbers, tables)
        return {
            run_id: RunMetrics(span.end, points[numbers[run_id]]) for run_id, span in spans.items()
        }

    async def refresh(self, experiment_ids: Sequence[int] | None, keys: Collection[str]) -> None:
        """Brings what searches compare up to date for these keys, see LatestMetrics."""
        if not keys:
            return
        async with self._database.read() as connection:
            heads = await series_rows.unsealed_heads(connection, experiment_ids)
        ends = {run_id: end for run_id, _, end in heads}
        stale = [
            run_id
            for run_id, end in ends.items()
            if any(self._refreshed.get((run_id, key), -1) < end for key in keys)
        ]
        for some in log_rows.chunks(sorted(stale), RUNS_AT_ONCE):
            await self._refresh(some, keys)
            self._refreshed.update({(id_, key): ends[id_] for id_ in some for key in keys})
        if len(self._refreshed) > MAX_REFRESHED:
            self._refreshed.clear()

    async def _refresh(self, run_ids: Sequence[str], keys: Collection[str]) -> None:
        async with self._database.read() as connection:
            spans = await log_rows.read_spans(connection, run_ids)
            tails = await self._read_tails(connection, spans)
        numbers = {run_id: number for number, run_id in enumerate(run_ids)}
        tables = await self._tables(tails, numbers)
        if not tables:
            return
        new = (
            np.concatenate([runs for runs, _ in tables]),
            np.concatenate([table for _, table in tables]),
        )

        async def work(connection: AsyncConnection) -> None:
            await lock_heads(connection, run_ids)
            await store_extremes_of_runs(connection, run_ids, keys, new)

        await self._database.write(work)

    async def _read_tails(
        self, connection: AsyncConnection, spans: Mapping[str, LogSpan]
    ) -> _Tails:
        """Reads the logs that are not sealed: small ones whole, of others what is new."""
        unsealed = {run_id: span for run_id, span in spans.items() if span.begin < span.end}
        unknown = [run_id for run_id in unsealed if run_id not in self._tails]
        small: Mapping[str, Sequence[bytes]] = {}
        if unknown:
            found = await log_rows.read_small_tails(connection, unknown, SMALL_TAIL_BYTES)
            small = {run_id: logs for run_id, logs in found.items() if _name_their_series(logs)}
        news = {
            run_id: await self._news(connection, run_id, span.begin, span.end)
            for run_id, span in unsealed.items()
            if run_id not in small
        }
        return _Tails(small, news)

    async def _tables(self, tails: _Tails, numbers: Mapping[str, int]) -> list[RunsExtremes]:
        """Returns the extremes of logs, under the numbers of their runs."""
        tables: list[RunsExtremes] = []
        if tails.small:
            batches = [
                (numbers[run_id], each) for run_id, logs in tails.small.items() for each in logs
            ]
            tables.append(await asyncio.to_thread(extremes_of_runs, batches))
        for run_id, news in tails.news.items():
            extremes = await self._extend(run_id, news)
            tables.append((np.full(len(extremes), numbers[run_id], np.int64), extremes))
        return tables

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
    rows: Sequence[LatestRow], numbers: Mapping[str, int], tables: Sequence[RunsExtremes]
) -> list[list[LatestPoint]]:
    """Returns the latest points of runs, by their numbers."""
    stored = [(numbers[row[0]], row[5]) for row in rows if row[5] is not None]
    joined = np.frombuffer(b"".join([extremes for _, extremes in stored]), EXTREMES)
    runs = np.array([number for number, _ in stored], np.int64)
    latest = latest_of_runs([(runs, joined), *tables])
    points: list[list[LatestPoint]] = [[] for _ in numbers]
    # Rank-less first, then the lowest rank; there the highest attempt.
    for run_id, id_, key, rank, _, _ in rows:
        number = numbers[run_id]
        entry = latest.get(series_of_run(number, id_))
        chosen = points[number]
        if entry is not None and not (chosen and chosen[-1].key == key):
            chosen.append(LatestPoint(key, None if rank < 0 else rank, *entry))
    return points


def _name_their_series(batches: Sequence[bytes]) -> bool:
    return all(names_its_series(header_of(data)) for data in batches)
