"""Queries on logged models, their params, tags and points.

Whoever changes a model has locked its row first.
"""

import struct
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.storage.labels import delete_labels, insert_labels, labels_of, set_labels
from runstream_server.storage.log_rows import chunks
from runstream_server.storage.schema import (
    logged_model_metrics,
    logged_model_params,
    logged_model_tags,
    logged_models,
)
from runstream_server.storage.upserts import insert_into

__all__ = [
    "ModelPoint",
    "ModelRow",
    "delete_tags",
    "existing_ids",
    "find_model",
    "find_models",
    "insert_model",
    "insert_params",
    "insert_points",
    "params_of_models",
    "points_of_model",
    "points_of_models",
    "set_tags",
    "tags_of_models",
    "update_model",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRow:
    """A logged model as stored. An empty artifact URI is the one below the default location."""

    model_id: str
    experiment_id: int
    name: str
    artifact_uri: str
    model_type: str
    source_run_id: str
    status: int
    status_message: str
    active: bool
    create_time_us: int
    update_time_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPoint:
    """A point that a run logged about a model. Without a dataset, its name and digest are empty."""

    model_id: str
    key: str
    step: int
    time_us: int
    run_id: str
    dataset_name: str
    dataset_digest: str
    bits: int

    @property
    def value(self) -> float:
        """The value, bit for bit as it was logged."""
        value: float = _FLOAT.unpack(_INT.pack(self.bits))[0]
        return value

    @staticmethod
    def bits_of(value: float) -> int:
        """Returns the bits of a value as they are stored."""
        bits: int = _INT.unpack(_FLOAT.pack(value))[0]
        return bits


_FLOAT: Final = struct.Struct("<d")
_INT: Final = struct.Struct("<q")
_MODEL: Final = sa.select(*(logged_models.c[name] for name in ModelRow.__slots__))
_POINT_COLUMNS: Final = tuple(logged_model_metrics.c[name] for name in ModelPoint.__slots__)
_POINT_ORDER: Final = _POINT_COLUMNS[1:]


async def insert_model(connection: AsyncConnection, row: ModelRow) -> bool:
    """Inserts a model; returns False, and changes nothing, when the id is taken."""
    values = {name: getattr(row, name) for name in ModelRow.__slots__}
    query = insert_into(connection, logged_models).on_conflict_do_nothing().values(values)
    done = await connection.execute(query.returning(logged_models.c.model_id))
    return done.one_or_none() is not None


async def find_model(
    connection: AsyncConnection, model_id: str, *, lock: bool = False
) -> ModelRow | None:
    """Returns a model, or None when there is none; locks it to change it."""
    query = _MODEL.where(logged_models.c.model_id == model_id)
    if lock:
        query = query.with_for_update()
    row = (await connection.execute(query)).mappings().one_or_none()
    return None if row is None else ModelRow(**row)


async def find_models(connection: AsyncConnection, model_ids: Sequence[str]) -> dict[str, ModelRow]:
    """Returns models by their ids."""
    found: dict[str, ModelRow] = {}
    for some in chunks(model_ids):
        rows = await connection.execute(_MODEL.where(logged_models.c.model_id.in_(some)))
        found.update((row["model_id"], ModelRow(**row)) for row in rows.mappings())
    return found


async def existing_ids(connection: AsyncConnection, model_ids: Collection[str]) -> set[str]:
    """Returns those of the ids that models have."""
    found: set[str] = set()
    for some in chunks(sorted(model_ids)):
        query = sa.select(logged_models.c.model_id).where(logged_models.c.model_id.in_(some))
        found.update((await connection.execute(query)).scalars())
    return found


async def update_model(
    connection: AsyncConnection, model_id: str, **changes: str | int | bool
) -> None:
    """Stores new values of a model's columns."""
    query = sa.update(logged_models).where(logged_models.c.model_id == model_id)
    await connection.execute(query.values(**changes))


async def params_of_models(
    connection: AsyncConnection, model_ids: Sequence[str]
) -> dict[str, dict[str, str]]:
    """Returns the params of models, by key; models without any are left out."""
    return await labels_of(connection, logged_model_params, model_ids)


async def tags_of_models(
    connection: AsyncConnection, model_ids: Sequence[str]
) -> dict[str, dict[str, str]]:
    """Returns the tags of models, by key; models without any are left out."""
    return await labels_of(connection, logged_model_tags, model_ids)


async def insert_params(
    connection: AsyncConnection, model_id: str, values: Mapping[str, str]
) -> None:
    """Inserts params that the model does not have."""
    await insert_labels(connection, logged_model_params, model_id, values)


async def set_tags(connection: AsyncConnection, model_id: str, values: Mapping[str, str]) -> None:
    """Stores tags over those of the same key."""
    await set_labels(connection, logged_model_tags, model_id, values)


async def delete_tags(connection: AsyncConnection, model_id: str, keys: Collection[str]) -> None:
    """Deletes the tags with these keys."""
    await delete_labels(connection, logged_model_tags, model_id, keys)


async def insert_points(connection: AsyncConnection, points: Iterable[ModelPoint]) -> None:
    """Inserts points about models that exist; those that are stored already stay one."""
    values: list[dict[str, Any]] = []
    for point in points:
        row: dict[str, Any] = {name: getattr(point, name) for name in ModelPoint.__slots__}
        row["value"] = None if point.value != point.value else point.value
        values.append(row)
    if values:
        query = insert_into(connection, logged_model_metrics).on_conflict_do_nothing()
        await connection.execute(query, values)


async def points_of_model(
    connection: AsyncConnection, model_id: str, after: ModelPoint | None, limit: int
) -> list[ModelPoint]:
    """Returns points about a model in order, beginning behind one of them."""
    query = sa.select(*_POINT_COLUMNS).where(logged_model_metrics.c.model_id == model_id)
    if after is not None:
        # Without its column's type a number would be bound as one of 32 bits.
        place = [sa.literal(getattr(after, column.name), column.type) for column in _POINT_ORDER]
        query = query.where(sa.tuple_(*_POINT_ORDER) > sa.tuple_(*place))
    rows = await connection.execute(query.order_by(*_POINT_ORDER).limit(limit))
    return [ModelPoint(**row) for row in rows.mappings()]


async def points_of_models(
    connection: AsyncConnection, model_ids: Sequence[str], limit: int | None
) -> dict[str, list[ModelPoint]]:
    """Returns the points about models in order, of each the first ones when there is a limit."""
    table = logged_model_metrics
    found: dict[str, list[ModelPoint]] = {}
    for some in chunks(model_ids):
        query = sa.select(*_POINT_COLUMNS).where(table.c.model_id.in_(some))
        if limit is not None:
            place = sa.func.row_number().over(partition_by=table.c.model_id, order_by=_POINT_ORDER)
            numbered = query.add_columns(place.label("place")).subquery()
            columns = [numbered.c[column.name] for column in _POINT_COLUMNS]
            query = sa.select(*columns).where(numbered.c.place <= limit)
            query = query.order_by(*columns)
        else:
            query = query.order_by(table.c.model_id, *_POINT_ORDER)
        for row in (await connection.execute(query)).mappings():
            point = ModelPoint(**row)
            found.setdefault(point.model_id, []).append(point)
    return found
