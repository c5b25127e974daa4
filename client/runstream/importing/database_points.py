"""The points of a run in an MLflow database."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

import sqlalchemy as sa

from runstream.importing.database_tables import Row, Tables
from runstream.importing.entities import Points
from runstream.importing.source import columns

__all__ = ["read_points"]

MAX_ROWS_A_QUERY: Final = 200_000
"""What is in memory at once, and how long a query may take."""
_TABLE: Final = "metrics"
_ORDER: Final = ("timestamp", "step", "value", "is_nan")


def read_points(
    tables: Tables, run_id: str, series: Mapping[str, int], complain: Callable[[str], None]
) -> Iterator[Points]:
    """Yields all points of a run, metric by metric."""
    if not series:
        return
    query = _query(tables).where(tables.column(_TABLE, "run_uuid") == run_id)
    if sum(series.values()) <= MAX_ROWS_A_QUERY:
        rows = tables.fetch(query.order_by(*_order(tables, "key")))
        for key, some in groupby(rows, itemgetter(0)):
            yield _points(key, list(some), complain)
        return
    plain = tables.is_indexed(_TABLE, "run_uuid", "key")
    for key in sorted(series):
        column = tables.column(_TABLE, "key")
        # Hides the key from a planner that would scan the same metric of all runs.
        one = query.where((column if plain else column.concat("")) == key)
        for rows in _pages(tables, one):
            yield _points(key, rows, complain)


def _query(tables: Tables) -> sa.Select[Any]:
    names = ("key", "timestamp", "step", "value", "is_nan")
    return sa.select(*(tables.column(_TABLE, name) for name in names)).select_from(sa.table(_TABLE))


def _order(tables: Tables, *first: str) -> list[sa.ColumnElement[Any]]:
    found = [tables.column(_TABLE, name) for name in (*first, *_ORDER)]
    return [column for column in found if not isinstance(column, sa.Label)]


def _pages(tables: Tables, query: sa.Select[Any]) -> Iterator[list[Row]]:
    order = _order(tables)
    query = query.order_by(*order).limit(MAX_ROWS_A_QUERY)
    page = tables.fetch(query)
    while page:
        yield page
        if len(page) < MAX_ROWS_A_QUERY:
            return
        last = [value for value in page[-1][1:] if value is not None][: len(order)]
        after = sa.tuple_(*order) > sa.tuple_(*(sa.literal(value) for value in last))
        page = tables.fetch(query.where(after))


def _points(key: str, rows: Sequence[Row], complain: Callable[[str], None]) -> Points:
    _, times, steps, values, nans = zip(*rows, strict=True)
    if None in steps:  # the table is older than steps
        steps = tuple(step or 0 for step in steps)
    if any(nans) or None in values:
        values = tuple(
            math.nan if nan or value is None else value
            for value, nan in zip(values, nans, strict=True)
        )
    return columns(key, times, steps, values, complain)
