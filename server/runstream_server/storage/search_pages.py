"""Runs the query of one page of a search."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.storage.schema import experiments, logged_models, runs
from runstream_server.storage.search_holders import Holders, unindexed
from runstream_server.storage.search_order import OrderTerm

__all__ = ["PageQuery", "PageRow", "experiment_page", "model_page", "run_page"]

PageRow = tuple[Any, list[Any]]
"""An id, and the values of the terms that the page is ordered by."""


MAX_LISTED_HOLDERS: Final = 1_000
"""A search begins with those that have a value if they are at most this many."""


@dataclass(slots=True, kw_only=True)
class PageQuery:
    """What a page holds: what meets all conditions, in the order of the terms.

    Attributes:
        holders: Among which everything must be; the conditions say so as well.
        active: Whether what is found must be active (True) or deleted (False).
        experiment_ids: Which experiments runs or models must belong to, if that matters.
    """

    source: sa.FromClause
    terms: Sequence[OrderTerm]
    limit: int = 0
    conditions: list[sa.ColumnElement[bool]] = field(default_factory=list[sa.ColumnElement[bool]])
    holders: Sequence[Holders] = ()
    active: bool | None = None
    experiment_ids: Sequence[int] = ()


async def run_page(connection: AsyncConnection, page: PageQuery) -> list[PageRow]:
    """Returns the ids of the first runs of a page's query."""
    query = _select(runs.c.run_id, page)
    experiment_id: sa.ColumnElement[int] = runs.c.experiment_id
    few = await _few_holders(connection, page)
    if few is not None:
        query = query.where(runs.c.run_id.in_(few))
        experiment_id = unindexed(runs.c.experiment_id)
    if page.experiment_ids:
        query = query.where(experiment_id.in_(page.experiment_ids))
    if page.active is not None:
        query = query.where(runs.c.active == page.active)
    return await _rows(connection, query)


async def experiment_page(connection: AsyncConnection, page: PageQuery) -> list[PageRow]:
    """Returns the ids of the first experiments of a page's query."""
    query = _select(experiments.c.experiment_id, page)
    if page.active is not None:
        query = query.where(experiments.c.active == page.active)
    return await _rows(connection, query)


async def model_page(connection: AsyncConnection, page: PageQuery) -> list[PageRow]:
    """Returns the ids of the first logged models of a page's query."""
    query = _select(logged_models.c.model_id, page)
    if page.experiment_ids:
        query = query.where(logged_models.c.experiment_id.in_(page.experiment_ids))
    if page.active is not None:
        query = query.where(logged_models.c.active == page.active)
    return await _rows(connection, query)


async def _few_holders(connection: AsyncConnection, page: PageQuery) -> list[str] | None:
    """Returns the holders of some value, if that are few: among these everything is."""
    for each in page.holders:
        rows = await connection.execute(each.ids.limit(MAX_LISTED_HOLDERS + 1))
        found = [str(row[0]) for row in rows]
        if len(found) <= MAX_LISTED_HOLDERS:
            return found
    return None


def _select(id_column: sa.ColumnElement[Any], page: PageQuery) -> sa.Select[*tuple[Any, ...]]:
    columns = [term.expression.label(f"term_{n}") for n, term in enumerate(page.terms)]
    return (
        sa.select(id_column.label("id"), *columns)
        .select_from(page.source)
        .where(*page.conditions)
        .order_by(*(term.clause for term in page.terms))
        .limit(page.limit)
    )


async def _rows(connection: AsyncConnection, query: sa.Select[*tuple[Any, ...]]) -> list[PageRow]:
    return [(row[0], list(row[1:])) for row in await connection.execute(query)]
