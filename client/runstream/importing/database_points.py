"""The points of a run in an MLflow database, always in the same order, a piece at a time."""

import math
from collections import defaultdict
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

Complain = Callable[[str], None]


def read_points(
    tables: Tables, run_id: str, series: Mapping[str, int], complain: Complain
) -> Iterator[Points]:
    """Yields all points of some metrics of a run."""
    if not series:
        return
    query = sa.select(
        *(tables.column(_TABLE, name) for name in ("key", "timestamp", "step", "value", "is_nan"))
    ).select_from(sa.table(_TABLE))
    query = query.where(tables.column(_TABLE, "run_uuid") == run_id)
    if tables.is_sqlite:
        pieces = _as_logged(tables, query)
    elif sum(series.values()) <= MAX_ROWS_A_QUERY:
        rows = tables.fetch(query.order_by(*_order(tables, "key")))
        pieces = ((key, list(some)) for key, some in groupby(rows, itemgetter(0)))
    else:
        pieces = _by_key(tables, query, sorted(series))
    for key, rows in pieces:
        if key in series:
            yield _points(key, rows, complain)


def _as_logged(tables: Tables, query: sa.Select[Any]) -> Iterator[tuple[str, list[Row]]]:
    """Yields rows in the order in which they were written: an index has them so, unsorted."""
    rowid: sa.ColumnElement[int] = sa.literal_column("rowid")
    query = query.add_columns(rowid).order_by(rowid).limit(MAX_ROWS_A_QUERY)
    page = tables.fetch(query)
    while page:
        by_key: defaultdict[str, list[Row]] = defaultdict(list)
        for row in page:
            by_key[row[0]].append(row)
        yield from by_key.items()
        if len(page) < MAX_ROWS_A_QUERY:
            return
        page = tables.fetch(query.where(rowid > page[-1][-1]))


def _by_key(
    tables: Tables, query: sa.Select[Any], keys: Sequence[str]
) -> Iterator[tuple[str, list[Row]]]:
    order = _order(tables)
    for key in keys:
        ordered = query.where(tables.column(_TABLE, "key") == key).order_by(*order)
        page = tables.fetch(ordered.limit(MAX_ROWS_A_QUERY))
        while page:
            yield key, page
            if len(page) < MAX_ROWS_A_QUERY:
                break
            last = [value for value in page[-1][1:] if value is not None][: len(order)]
            after = sa.tuple_(*order) > sa.tuple_(*(sa.literal(value) for value in last))
            page = tables.fetch(ordered.where(after).limit(MAX_ROWS_A_QUERY))


def _order(tables: Tables, *first: str) -> list[sa.ColumnElement[Any]]:
    found = [tables.column(_TABLE, name) for name in (*first, *_ORDER)]
    return [column for column in found if not isinstance(column, sa.Label)]


def _points(key: str, rows: Sequence[Row], complain: Complain) -> Points:
    _, times, steps, values, nans, *_ = zip(*rows, strict=True)
    if None in steps:  # the table is older than steps
        steps = tuple(step or 0 for step in steps)
    if any(nans) or None in values:
        values = tuple(
            math.nan if nan or value is None else value
            for value, nan in zip(values, nans, strict=True)
        )
    return columns(key, times, steps, values, complain)
