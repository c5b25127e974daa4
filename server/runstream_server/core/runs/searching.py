"""Finds runs."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from runstream_server.core.experiments import Experiments
from runstream_server.core.filters import (
    Attribute,
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
from runstream_server.core.latest import LatestMetrics, RunMetrics
from runstream_server.core.reserved_tags import PARENT_RUN_ID
from runstream_server.core.runs.input_values import NO_INPUTS, RunInputs
from runstream_server.core.runs.inputs import load_inputs, size_of_inputs
from runstream_server.core.runs.loading import StoredRun, as_read, load_stored
from runstream_server.core.runs.values import Run
from runstream_server.core.search.compiling import compile_filter, compile_order, required_holders
from runstream_server.core.search.pages import (
    Page,
    PageRequest,
    ViewType,
    begin_page,
    cut,
    load_page,
    load_within,
    message_bytes,
)
from runstream_server.core.search.parsing import metric_keys, read_filter, read_order
from runstream_server.storage import search_pages
from runstream_server.storage.database import Database
from runstream_server.storage.search_fields import FieldColumns, RunFields
from runstream_server.storage.search_holders import Holders
from runstream_server.storage.search_pages import PageQuery

__all__ = ["RunSearch", "ShownKeys", "search_runs"]

FIELDS_BYTES: Final = 256
METRIC_BYTES: Final = 74
"""How much a run and a metric take at most beside their texts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownKeys:
    """Which params, tags and metrics of runs are wanted; None for all.

    Tags that other fields of a run are made of come in any case.
    """

    params: frozenset[str] | None = None
    tags: frozenset[str] | None = None
    metrics: frozenset[str] | None = None


ALL_KEYS: Final = ShownKeys()
NO_METRICS: Final = RunMetrics(0, ())


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSearch:
    """What runs to find, in which order. No experiment ids means all experiments."""

    experiment_ids: tuple[int, ...] = ()
    filter: str = ""
    order_by: tuple[str, ...] = ()
    view: ViewType = ViewType.ACTIVE_ONLY
    with_metrics: bool = True
    with_inputs: bool = False
    shown: ShownKeys = ALL_KEYS
    dialect: Dialect = Dialect.FULL

    @property
    def question(self) -> "RunSearch":
        """What page tokens belong to: the search, whatever is shown of the runs."""
        return replace(self, with_metrics=True, with_inputs=False, shown=ALL_KEYS)


class _Found(NamedTuple):
    stored: StoredRun
    inputs: RunInputs


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
            size).
    """
    expression = read_filter(search.filter, Target.RUNS, search.dialect)
    order = read_order(search.order_by, Target.RUNS, search.dialect)
    roots = experiments.roots
    root = roots.rest_root if search.dialect is Dialect.MLFLOW else roots.store_uri
    query = _query(root, search, expression, order)
    begin_page(query, search.question, page)
    if keys := metric_keys(expression, order):
        await metrics.refresh(search.experiment_ids or None, keys)

    async with database.read() as connection:

        async def load(run_ids: Sequence[str]) -> Sequence[_Found]:
            runs = await load_stored(
                connection, run_ids, param_keys=search.shown.params, tag_keys=search.shown.tags
            )
            inputs = await load_inputs(connection, run_ids) if search.with_inputs else {}
            return [_Found(run, inputs.get(run.row.run_id, NO_INPUTS)) for run in runs]

        found, ends = await load_page(
            connection, query, search_pages.run_page, load, _stored_size, max_bytes=page.max_bytes
        )

    async def read(some: Sequence[_Found]) -> Sequence[Run]:
        latest: Mapping[str, RunMetrics] = {}
        if search.with_metrics:
            ids = [each.stored.row.run_id for each in some]
            latest = await metrics.latest(ids, search.shown.metrics)
        return [_as_read(experiments, each, latest) for each in some]

    return cut(search.question, await load_within(found, read, _size_of, page.max_bytes), ends)


def _query(
    artifact_root_uri: str,
    search: RunSearch,
    expression: Expression | None,
    order: Sequence[OrderBy],
) -> PageQuery:
    columns = RunFields(artifact_root_uri)
    fields = _Fields(columns)
    terms = compile_order(order, fields)
    conditions = [] if expression is None else [compile_filter(expression, fields)]
    return PageQuery(
        source=columns.source,
        terms=terms,
        conditions=conditions,
        holders=list(required_holders(expression, fields)),
        active=search.view.active,
        experiment_ids=search.experiment_ids,
    )


def _as_read(experiments: Experiments, found: _Found, latest: Mapping[str, RunMetrics]) -> Run:
    metrics = latest.get(found.stored.row.run_id, NO_METRICS)
    return as_read(
        experiments,
        *found.stored,
        metrics.cursor,
        metrics=metrics.points,
        inputs=found.inputs,
    )


def _stored_size(found: _Found) -> int:
    """Returns about how many bytes a run takes as a message without its metrics."""
    row, params, tags = found.stored
    texts = [row.name, row.user_id, row.artifact_uri]
    return FIELDS_BYTES + size_of_inputs(found.inputs) + message_bytes(texts, params, tags)


def _size_of(run: Run) -> int:
    """Returns about how many bytes a run takes as a message, rather more than fewer."""
    texts = [run.name, run.user, run.artifact_uri, run.parent_run_id]
    texts += [point.key for point in run.metrics]
    size = FIELDS_BYTES + METRIC_BYTES * len(run.metrics) + size_of_inputs(run.inputs)
    return size + message_bytes(texts, run.params, run.tags)


class _Fields:
    def __init__(self, of_runs: RunFields) -> None:
        self._of_runs = of_runs

    def columns(self, field: Field) -> FieldColumns | None:
        match field:
            case Metric(key):
                return self._of_runs.metric(key)
            case Param(key):
                return self._of_runs.param(key)
            case Tag(key):
                return self._of_runs.tag(key)
            case Attribute(name):
                return self._of_runs.attribute(name)
            case Dataset(name):
                return self._of_runs.dataset(name)

    def holders(self, field: Field, values: Collection[str]) -> Holders | None:
        match field:
            case Param(key):
                return self._of_runs.with_param(key, values)
            case Tag(key):
                return self._of_runs.with_tag(key, values)
            case Attribute("parent_run_id"):
                return self._of_runs.with_tag(PARENT_RUN_ID, values)
            case _:
                return None
