"""What a search can name, as SQL: columns that are there once for every run or experiment."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from runstream_server.storage.run_status import RunStatus
from runstream_server.storage.schema import (
    dataset_inputs,
    experiment_tags,
    experiments,
    params,
    runs,
    series,
    tags,
)
from runstream_server.storage.search_holders import Holders, holders

__all__ = ["ExperimentFields", "FieldColumns", "Joins", "RunFields"]

MAX_JOINS: Final = 40
"""SQLite joins up to 64 tables."""

PARENT_TAG: Final = "mlflow.parentRunId"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldColumns:
    """One field of whatever is searched for.

    Attributes:
        value: The value; NULL when it is absent, or NaN.
        optional: Whether it can be absent.
        is_nan: Of metrics, whether the latest value is NaN; NULL when it is absent.
        among: Of what there can be many, the query for all of them: a comparison with the field is
            true when any of them satisfies it.
    """

    value: sa.ColumnElement[Any]
    optional: bool = False
    is_nan: sa.ColumnElement[bool] | None = None
    among: sa.Select[Any] | None = None


class Joins:
    """Joins each key that a search names once to the table that is searched.

    So the engine can begin with the most selective of them. Keys beyond MAX_JOINS become scalar
    subqueries, which mean the same.
    """

    def __init__(self, table: sa.Table, id_name: str) -> None:
        self.source: sa.FromClause = table
        self._table = table
        self._id_name = id_name
        self._count = 0
        self._fields: dict[tuple[str, str], FieldColumns] = {}

    def label(self, table: sa.Table, key: str) -> FieldColumns:
        """Returns the value of a key in a table of params or tags."""
        place = table.name, key
        if place not in self._fields:
            self._fields[place] = self._label(table.alias(), key)
        return self._fields[place]

    def metric(self, key: str) -> FieldColumns:
        """Returns the latest value of a metric key."""
        place = series.name, key
        if place not in self._fields:
            self._fields[place] = self._metric(series.alias(), key)
        return self._fields[place]

    def _label(self, label: sa.FromClause, key: str) -> FieldColumns:
        condition = sa.and_(self._is_of_row(label), label.c.key == key)
        if self._join(label, condition):
            return FieldColumns(value=label.c.value, optional=True)
        return FieldColumns(value=self._scalar(label.c.value, condition), optional=True)

    def _metric(self, latest: sa.FromClause, key: str) -> FieldColumns:
        # Rank -1 is the rank-less series, so the least rank is the one that a plain key means.
        each = series.alias()
        chosen = (
            sa.select(each.c.series_id)
            .where(self._is_of_row(each), each.c.key == key, each.c.last_is_nan.is_not(None))
            .order_by(each.c.rank, each.c.attempt.desc())
            .limit(1)
            .correlate(self._table)
            .scalar_subquery()
        )
        condition = sa.and_(self._is_of_row(latest), latest.c.series_id == chosen)
        value, is_nan = latest.c.last_value, latest.c.last_is_nan
        if self._join(latest, condition):
            return FieldColumns(value=value, optional=True, is_nan=is_nan)
        value_alone, is_nan_alone = self._scalar(value, condition), self._scalar(is_nan, condition)
        return FieldColumns(value=value_alone, optional=True, is_nan=is_nan_alone)

    def _is_of_row(self, other: sa.FromClause) -> sa.ColumnElement[bool]:
        return other.c[self._id_name] == self._table.c[self._id_name]

    def _scalar(
        self, column: sa.ColumnElement[Any], condition: sa.ColumnElement[bool]
    ) -> sa.ColumnElement[Any]:
        return sa.select(column).where(condition).correlate(self._table).scalar_subquery()

    def _join(self, other: sa.FromClause, condition: sa.ColumnElement[bool]) -> bool:
        if self._count == MAX_JOINS:
            return False
        self._count += 1
        self.source = self.source.outerjoin(other, condition)
        return True


class RunFields:
    """The fields of one search for runs.

    Args:
        artifact_root_uri: The server's default place for artifacts, without a trailing slash.
    """

    def __init__(self, artifact_root_uri: str) -> None:
        self._joins = Joins(runs, "run_id")
        self._attributes = _run_attributes(artifact_root_uri)

    @property
    def source(self) -> sa.FromClause:
        """What to select from once all fields are named."""
        return self._joins.source

    def metric(self, key: str) -> FieldColumns:
        """Returns the latest value of a metric, as it is stored in the table `series`."""
        return self._joins.metric(key)

    def param(self, key: str) -> FieldColumns:
        """Returns the value of a param."""
        return self._joins.label(params, key)

    def tag(self, key: str) -> FieldColumns:
        """Returns the value of a tag."""
        return self._joins.label(tags, key)

    def attribute(self, name: str) -> FieldColumns:
        """Returns an attribute by its name in filters."""
        return self.tag(PARENT_TAG) if name == "parent_run_id" else self._attributes[name]

    def dataset(self, name: str) -> FieldColumns:
        """Returns a property of the dataset inputs: `name`, `digest` or `context`."""
        one = dataset_inputs.alias()
        query = sa.select(one.c.run_id).where(one.c.run_id == runs.c.run_id).correlate(runs)
        return FieldColumns(value=one.c[name], optional=name == "context", among=query)

    def with_param(self, key: str, values: Collection[str]) -> Holders:
        """Returns the runs that have a param with one of these values."""
        return holders(params, runs.c.run_id, key, values)

    def with_tag(self, key: str, values: Collection[str]) -> Holders:
        """Returns the runs that have a tag with one of these values."""
        return holders(tags, runs.c.run_id, key, values)


class ExperimentFields:
    """The fields of one search for experiments."""

    def __init__(self) -> None:
        self._joins = Joins(experiments, "experiment_id")

    @property
    def source(self) -> sa.FromClause:
        """What to select from once all fields are named."""
        return self._joins.source

    def tag(self, key: str) -> FieldColumns:
        """Returns the value of a tag."""
        return self._joins.label(experiment_tags, key)

    def attribute(self, name: str) -> FieldColumns:
        """Returns an attribute by its name in filters."""
        return _EXPERIMENT_ATTRIBUTES[name]

    def with_tag(self, key: str, values: Collection[str]) -> Holders:
        """Returns the experiments that have a tag with one of these values."""
        return holders(experiment_tags, experiments.c.experiment_id, key, values)


_EXPERIMENT_ATTRIBUTES: Final = {
    "name": FieldColumns(value=experiments.c.name),
    "experiment_id": FieldColumns(value=experiments.c.experiment_id),
    "creation_time": FieldColumns(value=experiments.c.create_time_us),
    "last_update_time": FieldColumns(value=experiments.c.update_time_us),
}


def _run_attributes(artifact_root_uri: str) -> Mapping[str, FieldColumns]:
    status = sa.case({status.value: status.name for status in RunStatus}, value=runs.c.status)
    default_uri = (
        sa.literal(artifact_root_uri + "/")
        + sa.cast(runs.c.experiment_id, sa.Text)
        + sa.literal("/")
        + runs.c.run_id
        + sa.literal("/artifacts")
    )
    artifact_uri = sa.case((runs.c.artifact_uri == "", default_uri), else_=runs.c.artifact_uri)
    return {
        "run_id": FieldColumns(value=runs.c.run_id),
        "run_name": FieldColumns(value=runs.c.name),
        "status": FieldColumns(value=status),
        "user_id": FieldColumns(value=runs.c.user_id),
        "artifact_uri": FieldColumns(value=artifact_uri),
        "experiment_id": FieldColumns(value=runs.c.experiment_id),
        "start_time": FieldColumns(value=runs.c.start_time_us),
        "end_time": FieldColumns(value=runs.c.end_time_us, optional=True),
        "create_time": FieldColumns(value=runs.c.create_time_us),
    }
