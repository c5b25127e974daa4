"""Finds experiments."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from runstream_server.core.filters import Attribute, Dialect, Field, Tag, Target
from runstream_server.core.search.compiling import compile_filter, compile_order
from runstream_server.core.search.pages import (
    Page,
    PageRequest,
    ViewType,
    begin_page,
    cut,
    load_page,
    message_bytes,
)
from runstream_server.core.search.parsing import read_filter, read_order
from runstream_server.storage import experiment_rows, search_pages
from runstream_server.storage.database import Database
from runstream_server.storage.experiment_rows import ExperimentRow
from runstream_server.storage.search_fields import ExperimentFields, FieldColumns
from runstream_server.storage.search_holders import Holders
from runstream_server.storage.search_pages import PageQuery

__all__ = ["ExperimentSearch", "search_experiments"]

FIELDS_BYTES: Final = 128

Found = tuple[ExperimentRow, Mapping[str, str]]
"""An experiment and its tags."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentSearch:
    """What experiments to find, in which order."""

    filter: str = ""
    order_by: tuple[str, ...] = ()
    view: ViewType = ViewType.ACTIVE_ONLY
    dialect: Dialect = Dialect.FULL


async def search_experiments(
    database: Database, search: ExperimentSearch, page: PageRequest
) -> Page[Found]:
    """Returns a page of experiments, which ends early when it would take over `page.max_bytes`.

    Raises:
        Failure: INVALID_FILTER, INVALID_ORDER_BY, INVALID_PAGE_TOKEN or INVALID_VALUE (of the page
            size).
    """
    query = _query(search)
    begin_page(query, search, page)

    async with database.read() as connection:

        async def load(ids: Sequence[int]) -> Sequence[Found]:
            found = await experiment_rows.find_many(connection, ids)
            tags = await experiment_rows.tags_of(connection, ids)
            return [(found[id_], tags.get(id_, {})) for id_ in ids]

        items, ends = await load_page(
            connection,
            query,
            search_pages.experiment_page,
            load,
            _size_of,
            max_bytes=page.max_bytes,
        )
    return cut(search, items, ends)


def _query(search: ExperimentSearch) -> PageQuery:
    expression = read_filter(search.filter, Target.EXPERIMENTS, search.dialect)
    order = read_order(search.order_by, Target.EXPERIMENTS, search.dialect)
    columns = ExperimentFields()
    fields = _Fields(columns)
    terms = compile_order(order, fields)
    conditions = [] if expression is None else [compile_filter(expression, fields)]
    return PageQuery(
        source=columns.source, terms=terms, conditions=conditions, active=search.view.active
    )


class _Fields:
    def __init__(self, of_experiments: ExperimentFields) -> None:
        self._of_experiments = of_experiments

    def columns(self, field: Field) -> FieldColumns | None:
        match field:
            case Tag(key):
                return self._of_experiments.tag(key)
            case Attribute(name):
                return self._of_experiments.attribute(name)
            case _:
                return None

    def holders(self, field: Field, values: Collection[str]) -> Holders | None:
        return self._of_experiments.with_tag(field.key, values) if isinstance(field, Tag) else None


def _size_of(found: Found) -> int:
    row, tags = found
    return FIELDS_BYTES + message_bytes([row.name, row.artifact_location], tags)
