"""Queries that select series of a run."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.storage.among import TEXTS, among
from runstream_server.storage.log_rows import chunks
from runstream_server.storage.name_rows import SeriesName
from runstream_server.storage.schema import log_heads, runs, series

__all__ = [
    "LatestRow",
    "NameMatcher",
    "SeriesFilter",
    "SeriesRow",
    "extremes_of_keys",
    "latest_rows",
    "names_of",
    "select_series",
    "unsealed_heads",
]

_ESCAPE = "\\"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesFilter:
    """Which series are wanted; None means no condition. Rank -1 stands for the rank-less series."""

    keys: Sequence[str] | None = None
    key_glob: str | None = None
    ranks: Sequence[int] | None = None


class NameMatcher:
    """Decides which series are wanted, as the queries here do."""

    def __init__(self, wanted: SeriesFilter) -> None:
        self._keys = None if wanted.keys is None else frozenset(wanted.keys)
        self._ranks = None if wanted.ranks is None else frozenset(wanted.ranks)
        self._glob = None if wanted.key_glob is None else _glob_regex(wanted.key_glob)

    def matches(self, name: SeriesName) -> bool:
        """Returns whether the series with this name is wanted."""
        return (
            (self._keys is None or name.key in self._keys)
            and (self._ranks is None or name.rank in self._ranks)
            and (self._glob is None or self._glob.fullmatch(name.key) is not None)
        )


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """A series and its id."""

    series_id: int
    name: SeriesName


def _conditions(wanted: SeriesFilter, keys: Sequence[str] | None) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if keys is not None:
        conditions.append(series.c.key.in_(keys))
    if wanted.key_glob is not None:
        conditions.append(series.c.key.like(_like_pattern(wanted.key_glob), escape=_ESCAPE))
    if wanted.ranks is not None:
        conditions.append(series.c.rank.in_(wanted.ranks))
    return conditions


def _glob_regex(glob: str) -> re.Pattern[str]:
    translated = {"*": ".*", "?": "."}
    pattern = "".join(translated.get(character, re.escape(character)) for character in glob)
    return re.compile(pattern, re.DOTALL)


def _like_pattern(glob: str) -> str:
    translated = {"*": "%", "?": "_", "%": r"\%", "_": r"\_", _ESCAPE: _ESCAPE * 2}
    return "".join(translated.get(character, character) for character in glob)


async def select_series(
    connection: AsyncConnection,
    run_id: str,
    wanted: SeriesFilter,
    *,
    after: SeriesName | None = None,
    limit: int | None = None,
) -> list[SeriesRow]:
    """Returns series of a run by (key, rank, attempt), those after `after`, at most `limit`."""
    order = sa.tuple_(series.c.key, series.c.rank, series.c.attempt)
    query = sa.select(series.c.series_id, series.c.key, series.c.rank, series.c.attempt).where(
        series.c.run_id == run_id
    )
    if after is not None:
        query = query.where(order > sa.tuple_(after.key, after.rank, after.attempt))
    query = query.order_by(series.c.key, series.c.rank, series.c.attempt).limit(limit)
    pieces = [None] if wanted.keys is None else chunks(sorted(set(wanted.keys)))
    found: list[SeriesRow] = []
    for piece in pieces:
        rows = await connection.execute(query.where(*_conditions(wanted, piece)))
        found.extend(SeriesRow(id_, SeriesName(*name)) for id_, *name in rows)
        if limit is not None and len(found) >= limit:
            break
    return found[:limit]


async def names_of(
    connection: AsyncConnection, ids: Mapping[str, Iterable[int]]
) -> dict[str, dict[int, SeriesName]]:
    """Returns the names of series of several runs, by run and id."""
    found: dict[str, dict[int, SeriesName]] = {run_id: {} for run_id in ids}
    pairs = [(run_id, id_) for run_id, some in ids.items() for id_ in some]
    columns = (series.c.key, series.c.rank, series.c.attempt)
    for some in chunks(pairs):
        by_run: dict[str, list[int]] = {}
        for run_id, id_ in some:
            by_run.setdefault(run_id, []).append(id_)
        asked = [
            sa.and_(series.c.run_id == run_id, series.c.series_id.in_(of_run))
            for run_id, of_run in by_run.items()
        ]
        query = sa.select(series.c.run_id, series.c.series_id, *columns).where(sa.or_(*asked))
        for run_id, id_, *name in await connection.execute(query):
            found[run_id][id_] = SeriesName(*name)
    return found


LatestRow = tuple[str, int, str, int, int, bytes | None]
"""A series: run id, series id, key, rank, attempt, extremes."""

_LATEST = (
    sa.select(
        series.c.run_id,
        series.c.series_id,
        series.c.key,
        series.c.rank,
        series.c.attempt,
        series.c.extremes,
    )
    .where(among(series.c.run_id))
    .order_by(series.c.run_id, series.c.key, series.c.rank, series.c.attempt.desc())
)


async def latest_rows(
    connection: AsyncConnection, run_ids: Sequence[str], keys: Collection[str] | None = None
) -> list[LatestRow]:
    """Returns the series of runs, of some keys or all, for each run by key, rank and attempt.

    Attempts count down: of a key and a rank, the latest comes first.
    """
    query = _LATEST if keys is None else _LATEST.where(series.c.key.in_(keys))
    found: list[LatestRow] = []
    for some in chunks(run_ids):
        rows = await connection.execute(query, {TEXTS: some})
        found.extend(tuple(row) for row in rows.all())
    return found


async def extremes_of_keys(
    connection: AsyncConnection, run_ids: Sequence[str], keys: Collection[str]
) -> list[tuple[str, int, bytes | None]]:
    """Returns (run id, series id, extremes) of the series of runs that have one of these keys."""
    found: list[tuple[str, int, bytes | None]] = []
    for some in chunks(sorted(keys)):
        rows = await connection.execute(
            sa.select(series.c.run_id, series.c.series_id, series.c.extremes).where(
                series.c.run_id.in_(run_ids), series.c.key.in_(some)
            )
        )
        found.extend(tuple(row) for row in rows)
    return found


async def unsealed_heads(
    connection: AsyncConnection, experiment_ids: Collection[int] | None
) -> list[tuple[str, int, int]]:
    """Returns (run id, sealed, next position) of the runs whose log is not sealed to its end."""
    query = sa.select(
        log_heads.c.run_id, log_heads.c.sealed_position, log_heads.c.next_position
    ).where(log_heads.c.sealed_position < log_heads.c.next_position)
    if experiment_ids is not None:
        query = query.join(runs, runs.c.run_id == log_heads.c.run_id).where(
            runs.c.experiment_id.in_(experiment_ids)
        )
    return [tuple(row) for row in await connection.execute(query)]
