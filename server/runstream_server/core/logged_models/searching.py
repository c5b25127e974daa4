"""Finds logged models."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from runstream_server.core.errors import Failure, Reason
from runstream_server.core.experiments import Experiments
from runstream_server.core.filters import (
    MAX_ORDER_BY_CLAUSES,
    Attribute,
    Dialect,
    Expression,
    Field,
    Metric,
    Param,
    Tag,
    Target,
)
from runstream_server.core.limits import MAX_KEY_LENGTH
from runstream_server.core.logged_models.loading import load_models
from runstream_server.core.logged_models.rules import (
    check_dataset_selector,
    check_dataset_texts,
)
from runstream_server.core.logged_models.values import LoggedModel
from runstream_server.core.search.compiling import compile_filter
from runstream_server.core.search.pages import (
    Page,
    PageRequest,
    ViewType,
    begin_page,
    cut,
    load_page,
    message_bytes,
)
from runstream_server.core.search.parsing import metric_keys, read_filter
from runstream_server.core.validation import check_count, check_text
from runstream_server.storage import search_pages
from runstream_server.storage.database import Database
from runstream_server.storage.model_search import DatasetName, ModelFields
from runstream_server.storage.search_fields import FieldColumns
from runstream_server.storage.search_holders import Holders
from runstream_server.storage.search_order import OrderTerm, order_terms
from runstream_server.storage.search_pages import PageQuery

__all__ = ["ModelOrder", "ModelSearch", "search_models"]

FIELDS_BYTES: Final = 256
METRIC_BYTES: Final = 96
"""How much a model and a point take at most beside their texts."""

_ORDER_TYPES: Final[dict[str, type]] = {
    "name": str,
    "model_id": str,
    "model_type": str,
    "status": int,
    "source_run_id": str,
    "experiment_id": int,
    "creation_timestamp": int,
    "last_updated_timestamp": int,
}
_ALIASES: Final = {
    "creation_time": "creation_timestamp",
    "create_time": "creation_timestamp",
    "last_updated_time": "last_updated_timestamp",
    "update_time": "last_updated_timestamp",
}
METRIC_PREFIX: Final = "metrics."


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelOrder:
    """What to order models by: an attribute, or `metrics.<key>`, perhaps about a dataset."""

    field_name: str
    descending: bool = False
    dataset: DatasetName = ("", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSearch:
    """What models to find, in which order.

    Attributes:
        experiment_ids: In which experiments; none means all.
        datasets: Comparisons with metrics look at points about any of these; with no such
            comparison, models must have one. None means all points.
        max_metrics: How many points of each model come along; None means all.
    """

    experiment_ids: tuple[int, ...] = ()
    filter: str = ""
    datasets: tuple[DatasetName, ...] = ()
    order_by: tuple[ModelOrder, ...] = ()
    view: ViewType = ViewType.ACTIVE_ONLY
    max_metrics: int | None = 0
    dialect: Dialect = Dialect.FULL


async def search_models(
    database: Database, experiments: Experiments, search: ModelSearch, page: PageRequest
) -> Page[LoggedModel]:
    """Returns a page of models, which ends early when it would take more than `page.max_bytes`.

    Raises:
        Failure: INVALID_FILTER, INVALID_ORDER_BY, INVALID_PAGE_TOKEN, INVALID_VALUE (of the page
            size), MISSING_VALUE (of a dataset's name) or TOO_MANY_ENTRIES.
    """
    check_count("experiment_ids", search.experiment_ids)
    check_count("datasets", search.datasets)
    for number, dataset in enumerate(search.datasets):
        check_dataset_selector(f"datasets[{number}]", dataset)
    expression = read_filter(search.filter, Target.MODELS, search.dialect)
    query = _query(search, expression)
    begin_page(query, search, page)

    async with database.read() as connection:

        async def load(model_ids: Sequence[str]) -> Sequence[LoggedModel]:
            return await load_models(connection, experiments, model_ids, search.max_metrics)

        models, ends = await load_page(
            connection, query, search_pages.model_page, load, _size_of, max_bytes=page.max_bytes
        )
    return cut(search, models, ends)


def _query(search: ModelSearch, expression: Expression | None) -> PageQuery:
    columns = ModelFields(search.datasets)
    fields = _Fields(columns)
    terms = list(_order(search.order_by, columns))
    conditions = [] if expression is None else [compile_filter(expression, fields)]
    if search.datasets and not metric_keys(expression, ()):
        conditions.append(columns.has_points())
    return PageQuery(
        source=columns.source,
        terms=terms,
        conditions=conditions,
        active=search.view.active,
        experiment_ids=search.experiment_ids,
    )


def _order(order_by: Sequence[ModelOrder], columns: ModelFields) -> Iterator[OrderTerm]:
    if len(order_by) > MAX_ORDER_BY_CLAUSES:
        raise _invalid_order(
            f"order_by has {len(order_by)} entries; send at most {MAX_ORDER_BY_CLAUSES}", ""
        )
    named: set[str] = set()
    for order in order_by:
        name = _ALIASES.get(order.field_name, order.field_name)
        if name.startswith(METRIC_PREFIX):
            check_text("order_by.field_name", name, MAX_KEY_LENGTH + len(METRIC_PREFIX))
            check_dataset_texts("order_by", order.dataset)
            latest = columns.latest(name.removeprefix(METRIC_PREFIX), order.dataset)
            yield from order_terms(latest, (float, int), descending=order.descending)
        elif name not in _ORDER_TYPES:
            raise _invalid_order(_unknown(order.field_name), order.field_name)
        elif name not in named:
            named.add(name)
            types = (_ORDER_TYPES[name],)
            attribute = columns.order_attribute(name)
            yield from order_terms(attribute, types, descending=order.descending)
    for name, descending in (("creation_timestamp", True), ("model_id", False)):
        if name not in named:
            attribute = columns.order_attribute(name)
            yield from order_terms(attribute, (_ORDER_TYPES[name],), descending=descending)


def _unknown(name: str) -> str:
    remedy = f"use one of {', '.join(_ORDER_TYPES)}, or metrics.<key>"
    if "." in name:
        return f"Invalid order by field name: {name[:100]}. Only metrics are supported; {remedy}"
    return f"Invalid order by field name: {name[:100]}; {remedy}"


def _invalid_order(message: str, value: str) -> Failure:
    return Failure(Reason.INVALID_ORDER_BY, message, field="order_by", value=value)


def _size_of(model: LoggedModel) -> int:
    """Returns about how many bytes a model takes as a message, rather more than fewer."""
    texts = [model.name, model.artifact_uri, model.model_type, model.source_run_id]
    texts.append(model.status_message)
    for point in model.metrics:
        texts += [point.key, point.dataset_name, point.dataset_digest]
    size = FIELDS_BYTES + METRIC_BYTES * len(model.metrics)
    return size + message_bytes(texts, model.params, model.tags)


class _Fields:
    def __init__(self, of_models: ModelFields) -> None:
        self._of_models = of_models

    def columns(self, field: Field) -> FieldColumns | None:
        match field:
            case Metric(key):
                return self._of_models.metric(key)
            case Param(key):
                return self._of_models.param(key)
            case Tag(key):
                return self._of_models.tag(key)
            case Attribute(name):
                return self._of_models.attribute(name)
            case _:
                return None

    def holders(self, field: Field, values: Collection[str]) -> Holders | None:
        del field, values
        return None
