"""What the doors ask of metrics: log points, list series, read histories and charts."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from runstream_server.core.clock import now_us
from runstream_server.core.errors import Failure, Reason
from runstream_server.core.ingest.ingest import Ingest
from runstream_server.core.ingest.loose import LoosePoint, loose_points, rankless_columns
from runstream_server.core.limits import MAX_LOGGED_POINTS
from runstream_server.core.logformat import Float64s, Int64s
from runstream_server.core.model_points import (
    ModelMetric,
    check_dataset,
    model_points,
    require_models,
)
from runstream_server.core.points import MAX_INT64, MIN_INT64, Points
from runstream_server.core.reading.buckets import Axis
from runstream_server.core.reading.charts import Chart, chart, summaries
from runstream_server.core.reading.chunk_refs import Range
from runstream_server.core.reading.history import history
from runstream_server.core.reading.view import RunView, ViewReader
from runstream_server.core.validation import check_key, check_number, check_time_us, missing_value
from runstream_server.storage import series_rows
from runstream_server.storage.database import Database
from runstream_server.storage.name_rows import SeriesName
from runstream_server.storage.series_rows import SeriesFilter, SeriesRow

__all__ = ["GivenPoint", "Metrics", "SeriesPage"]

SERIES_AT_ONCE: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenPoint:
    """A point as a client sent it; without a time it gets that of its arrival."""

    key: str
    value: float
    step: int
    time_us: int | None
    rank: int | None
    model_id: str = ""
    dataset_name: str = ""
    dataset_digest: str = ""


@dataclass(frozen=True, slots=True)
class SeriesPage:
    """Series with their summaries (`reading.buckets.ENTRY`), as of the log position `cursor`."""

    series: list[tuple[SeriesRow, Any]]
    cursor: int
    next: SeriesName | None


class Metrics:
    """Metrics of all runs."""

    def __init__(self, database: Database, ingest: Ingest, reader: ViewReader) -> None:
        self._database = database
        self._ingest = ingest
        self._reader = reader

    async def log(self, run_id: str, points: Sequence[GivenPoint]) -> int:
        """Commits points; returns the log position after them.

        Raises:
            Failure: about the first point that is wrong, RUN_NOT_FOUND, RUN_DELETED or
                MODEL_NOT_FOUND. Nothing is stored then.
        """
        if not points:
            raise missing_value("points", "send at least one point")
        if len(points) > MAX_LOGGED_POINTS:
            raise Failure(
                Reason.TOO_MANY_ENTRIES,
                f"points has {len(points)} entries; send at most {MAX_LOGGED_POINTS} in one "
                "request, or stream them",
                field="points",
                count=len(points),
                limit=MAX_LOGGED_POINTS,
            )
        arrival = now_us()
        checked = [_checked(number, point, arrival) for number, point in enumerate(points)]
        loose = loose_points(run_id, checked)
        loose.of_models = model_points(run_id, _of_models(points, checked))
        return await self._ingest.log_points(loose)

    async def log_columns(
        self,
        run_id: str,
        keys: Sequence[str],
        step: Int64s,
        time_us: Int64s,
        value: Float64s,
        *,
        of_models: Sequence[ModelMetric] = (),
    ) -> int:
        """Commits points of rank-less series, checked by the caller; returns as `log` does.

        Args:
            run_id: The run.
            keys: The metric of each point.
            step: The step of each point.
            time_us: The time of each point.
            value: The value of each point.
            of_models: Those of the points that are about logged models.

        Raises:
            Failure: RUN_NOT_FOUND, RUN_DELETED or MODEL_NOT_FOUND, or about the dataset of a
                model's point. Nothing is stored then.
        """
        loose = rankless_columns(run_id, keys, Points(step, time_us, value))
        loose.of_models = model_points(run_id, of_models)
        return await self._ingest.log_points(loose)

    async def check_of_models(self, run_id: str, of_models: Sequence[ModelMetric]) -> None:
        """Checks points about logged models before anything of their request is stored.

        Raises:
            Failure: MODEL_NOT_FOUND, or about the first whose dataset breaks a rule.
        """
        points = model_points(run_id, of_models)
        async with self._database.read() as connection:
            await require_models(connection, {point.model_id for point in points})

    async def series(
        self, run_id: str, wanted: SeriesFilter, after: SeriesName | None, limit: int
    ) -> SeriesPage:
        """Returns a page of series with their summaries, leaving out series without points."""
        view = await self._reader.view(run_id)
        async with self._database.read() as connection:
            rows = await series_rows.select_series(
                connection, run_id, wanted, after=after, limit=limit + 1
            )
        more = rows[limit - 1].name if len(rows) > limit else None
        rows = rows[:limit]
        entries = await summaries(view, [row.series_id for row in rows])
        summed = [pair for pair in zip(rows, entries, strict=True) if pair[1] is not None]
        return SeriesPage(summed, view.cursor, more)

    async def view(self, run_id: str) -> RunView:
        """Returns what a run holds now."""
        return await self._reader.view(run_id)

    async def select(self, run_id: str, wanted: SeriesFilter) -> AsyncIterator[SeriesRow]:
        """Yields the series of a run that are wanted, in order."""
        after: SeriesName | None = None
        while True:
            async with self._database.read() as connection:
                rows = await series_rows.select_series(
                    connection, run_id, wanted, after=after, limit=SERIES_AT_ONCE
                )
            for row in rows:
                yield row
            if len(rows) < SERIES_AT_ONCE:
                return
            after = rows[-1].name

    async def names(self, ids: Mapping[str, Collection[int]]) -> dict[str, dict[int, SeriesName]]:
        """Returns the names of series of several runs, by run and id."""
        async with self._database.read() as connection:
            return await series_rows.names_of(connection, ids)

    async def history(
        self,
        view: RunView,
        wanted: SeriesFilter,
        min_step: int = MIN_INT64,
        max_step: int = MAX_INT64,
    ) -> AsyncIterator[tuple[SeriesRow, Points]]:
        """Yields the points of series in pieces, series by series, in ascending order."""
        async for row in self.select(view.run_id, wanted):
            async for points in history(view, row.series_id, min_step, max_step):
                if len(points):
                    yield row, points

    def points(self, view: RunView, series_id: int) -> AsyncIterator[Points]:
        """Yields the points of one series in pieces, in ascending order."""
        return history(view, series_id)

    async def charts(
        self, view: RunView, wanted: SeriesFilter, axis: Axis, within: Range, max_buckets: int
    ) -> AsyncIterator[tuple[SeriesRow, Chart]]:
        """Yields a chart of each series that has points in the range."""
        async for row in self.select(view.run_id, wanted):
            one = await chart(view, row.series_id, axis, within, max_buckets)
            if len(one.entries):
                yield row, one


def _checked(number: int, point: GivenPoint, arrival_us: int) -> LoosePoint:
    place = f"points[{number}]"
    check_key(f"{place}.key", point.key)
    check_number(f"{place}.step", point.step, MIN_INT64, MAX_INT64)
    time_us = arrival_us
    if point.time_us is not None:
        time_us = check_time_us(f"{place}.time_unix_us", point.time_us)
    check_dataset(point.dataset_name, point.dataset_digest)
    rank = -1 if point.rank is None else point.rank
    return LoosePoint(SeriesName(point.key, rank, 0), point.step, time_us, point.value)


def _of_models(points: Sequence[GivenPoint], checked: Sequence[LoosePoint]) -> list[ModelMetric]:
    return [
        ModelMetric(
            point.model_id,
            point.key,
            point.value,
            point.step,
            loose.time_us,
            point.dataset_name,
            point.dataset_digest,
        )
        for point, loose in zip(points, checked, strict=True)
        if point.model_id
    ]
