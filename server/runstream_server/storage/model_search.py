"""What a search for logged models can name, as SQL."""

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from runstream_server.storage.model_status import ModelStatus
from runstream_server.storage.schema import (
    logged_model_metrics,
    logged_model_params,
    logged_model_tags,
    logged_models,
)
from runstream_server.storage.search_fields import FieldColumns, Joins

__all__ = ["DatasetName", "ModelFields"]

DatasetName = tuple[str, str]
"""Selects points by a dataset's name and its digest, each unless it is empty."""

_STATUS: Final = sa.case(
    {status.value: status.name for status in ModelStatus}, value=logged_models.c.status
)
_ATTRIBUTES: Final = {
    "name": FieldColumns(value=logged_models.c.name),
    "model_id": FieldColumns(value=logged_models.c.model_id),
    "model_type": FieldColumns(value=logged_models.c.model_type),
    "status": FieldColumns(value=_STATUS),
    "source_run_id": FieldColumns(value=logged_models.c.source_run_id),
    "experiment_id": FieldColumns(value=logged_models.c.experiment_id),
    "creation_timestamp": FieldColumns(value=logged_models.c.create_time_us),
    "last_updated_timestamp": FieldColumns(value=logged_models.c.update_time_us),
}


class ModelFields:
    """The fields of one search for logged models.

    Args:
        datasets: Comparisons look at points about any of these; at all points when there are none.
    """

    def __init__(self, datasets: Sequence[DatasetName] = ()) -> None:
        self._joins = Joins(logged_models, "model_id")
        self._datasets = datasets

    @property
    def source(self) -> sa.FromClause:
        """What to select from once all fields are named."""
        return self._joins.source

    def attribute(self, name: str) -> FieldColumns:
        """Returns an attribute by its name in filters."""
        return _ATTRIBUTES[name]

    def param(self, key: str) -> FieldColumns:
        """Returns the value of a param."""
        return self._joins.label(logged_model_params, key)

    def tag(self, key: str) -> FieldColumns:
        """Returns the value of a tag."""
        return self._joins.label(logged_model_tags, key)

    def metric(self, key: str) -> FieldColumns:
        """Returns the values of a metric, of which there are many."""
        point = logged_model_metrics.alias()
        among = _points(point).where(point.c.key == key, _about(point, self._datasets))
        value = point.c.value
        return FieldColumns(value=value, optional=True, is_nan=value.is_(None), among=among)

    def has_points(self) -> sa.ColumnElement[bool]:
        """The model has a point about any of the datasets."""
        point = logged_model_metrics.alias()
        return _points(point).where(_about(point, self._datasets)).exists()

    def order_attribute(self, name: str) -> FieldColumns:
        """Returns what to order by for an attribute."""
        column = logged_models.c.status
        return FieldColumns(value=column) if name == "status" else _ATTRIBUTES[name]

    def latest(self, key: str, dataset: DatasetName) -> FieldColumns:
        """Returns a metric's latest value, by time and step, perhaps about a dataset alone."""
        point = logged_model_metrics.alias()
        chosen = (
            sa.select(point.c.value)
            .where(point.c.model_id == logged_models.c.model_id, point.c.key == key)
            .where(_about(point, [dataset] if any(dataset) else []))
            .order_by(point.c.time_us.desc(), point.c.step.desc(), point.c.run_id, point.c.bits)
            .limit(1)
            .correlate(logged_models)
        )
        is_nan = chosen.with_only_columns(point.c.value.is_(None))
        return FieldColumns(
            value=chosen.scalar_subquery(), optional=True, is_nan=is_nan.scalar_subquery()
        )


def _points(point: sa.FromClause) -> sa.Select[tuple[str]]:
    of_model = point.c.model_id == logged_models.c.model_id
    return sa.select(point.c.model_id).where(of_model).correlate(logged_models)


def _about(point: sa.FromClause, datasets: Sequence[DatasetName]) -> sa.ColumnElement[bool]:
    if not datasets:
        return sa.true()
    return sa.or_(
        *(
            sa.and_(
                point.c.dataset_name == name if name else sa.true(),
                point.c.dataset_digest == digest if digest else sa.true(),
            )
            for name, digest in datasets
        )
    )
