"""Finds runs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from runstream_server.core.experiments import Experiments
from runstream_server.core.filters import (
    Dataset,
    Dialect,
    Expression,
    Field,
    Metric,
    OrderBy,
    Param,
    Tag,
    Target,
)
from runstream_server.core.latest import LatestMetrics
from runstream_server.core.runs.loading import load_runs
from runstream_server.core.runs.values import Run
from runstream_server.core.search.compiling import compile_filter, compile_order
from runstream_server.core.search.pages import (
    Page,
    PageRequest,
    ViewType,
    continues,
    cut,
    load_within,
    page_limit,
)
from runstream_server.core.search.parsing import metric_keys, read_filter, read_order
from runstream_server.core.validation import check_count
from runstream_server.storage import search_pages
from runstream_server.storage.database import Database
from runstream_server.storage.search_fields import FieldColumns, RunFields
from runstream_server.storage.search_pages import PageQuery

__all__ = ["RunSearch", "search_runs"]

FIELDS_BYTES: Final = 256
LABEL_BYTES: Final = 16
METRIC_BYTES: Final = 56
"""How much a run, a param or tag, and a metric take at most beside their texts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSearch:
    """What runs to find, in which order. No experiment ids means all experiments."""

    experiment_ids: tuple[int, ...] = ()
    filter: str = ""
    order_by: tuple[str, ...] = ()
    view: ViewType = ViewType.ACTIVE_ONLY
    with_metrics: bool = True
    dialect: Dialect = Dialect.FULL


async def search_runs(
    database: Database,
    experiments: Experiments,
    metrics: LatestMetrics,
    search: RunSearch,
    page: PageRequest,
) -> Page[Run]:
    """Returns a page of runs, which ends early when it would take more than `page.max_bytes`.

    Raises:
        Failure: INVALID_FILTER, INVALID_ORDER_BY, INVALID_PAGE_TOKEN, INVALID_VALUE (of the page
            size) or TOO_MANY_ENTRIES (of experiment ids).
    """
    check_count("experiment_ids", search.experiment_ids)
    limit = page_limit(page.size)
    expression = read_filter(search.filter, Target.RUNS, search.dialect)
    order = read_order(search.order_by, Target.RUNS, search.dialect)
    query = _query(experiments.artifact_root_uri, search, expression, order)
    query.limit = limit + 1
    query.conditions += continues(search, page.token, query.terms)
    if keys := metric_keys(expression, order):
        await metrics.refresh(search.experiment_ids or None, keys)

    async with database.read() as connection:
        rows = await search_pages.run_page(connection, query)

        async def load(run_ids: Sequence[str]) -> Sequence[Run]:
            return await load_runs(connection, experiments, run_ids)

        runs = await load_within([row[0] for row in rows[:limit]], load, _size_of, page.max_bytes)
    if search.with_metrics:
        runs = await _with_metrics(metrics, runs, page.max_bytes)
    return cut(search, runs, [row[1] for row in rows])


def _query(
    artifact_root_uri: str,
    search: RunSearch,
    expression: Expression | None,
    order: Sequence[OrderBy],
) -> PageQuery:
    fields = RunFields(artifact_root_uri)
    resolve = partial(_resolve, fields)
    terms = compile_order(order, resolve)
    conditions = [] if expression is None else [compile_filter(expression, resolve)]
    return PageQuery(
        source=fields.source,
        terms=terms,
        conditions=conditions,
        active=search.view.active,
        experiment_ids=search.experiment_ids,
    )


async def _with_metrics(
    metrics: LatestMetrics, runs: Sequence[Run], max_bytes: int | None
) -> list[Run]:
    async def load(some: Sequence[Run]) -> Sequence[Run]:
        latest = await metrics.latest([run.run_id for run in some])
        return [
            replace(run, metrics=latest[run.run_id].points, cursor=latest[run.run_id].cursor)
            if run.run_id in latest
            else run
            for run in some
        ]

    return await load_within(runs, load, _size_of, max_bytes)


def _size_of(run: Run) -> int:
    """Returns about how many bytes a run takes as a message, rather more than fewer."""
    texts = [run.name, run.user, run.artifact_uri, run.parent_run_id]
    size = FIELDS_BYTES
    for labels in (run.params, run.tags):
        size += LABEL_BYTES * len(labels)
        texts += [*labels, *labels.values()]
    size += METRIC_BYTES * len(run.metrics)
    texts += [point.key for point in run.metrics]
    return size + sum(len(text.encode()) for text in texts)


def _resolve(fields: RunFields, field: Field) -> FieldColumns | None:
    match field:
        case Metric(key):
            return fields.metric(key)
        case Param(key):
            return fields.param(key)
        case Tag(key):
            return fields.tag(key)
        case Dataset():
            return None  # no door takes dataset inputs, so no run has any
        case _:
            return fields.attribute(field.name)
