"""Queries on experiments and their tags."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.storage.log_rows import chunks
from runstream_server.storage.schema import experiment_tags, experiments
from runstream_server.storage.upserts import insert_into

__all__ = [
    "ExperimentRow",
    "delete_tags",
    "find_by_id",
    "find_by_name",
    "find_many",
    "insert",
    "rename",
    "set_tags",
    "tags_of",
    "touch",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentRow:
    """An experiment as stored. An empty artifact location is the server's default one."""

    experiment_id: int
    name: str
    artifact_location: str
    active: bool
    create_time_us: int
    update_time_us: int


_COLUMNS = tuple(experiments.c[name] for name in ExperimentRow.__slots__)
_EXPERIMENT = sa.select(*_COLUMNS)


async def find_by_id(
    connection: AsyncConnection, experiment_id: int, *, lock: bool = False, share: bool = False
) -> ExperimentRow | None:
    """Returns an experiment or None; locks it to change it, or shares it to keep it as it is."""
    query = _EXPERIMENT.where(experiments.c.experiment_id == experiment_id)
    return await _find(connection, query, lock=lock, share=share)


async def find_by_name(
    connection: AsyncConnection, name: str, *, share: bool = False
) -> ExperimentRow | None:
    """Returns the experiment of a name or None; shares it to keep it as it is."""
    return await _find(connection, _EXPERIMENT.where(experiments.c.name == name), share=share)


async def _find(
    connection: AsyncConnection,
    query: sa.Select[tuple[object, ...]],
    *,
    lock: bool = False,
    share: bool = False,
) -> ExperimentRow | None:
    if lock or share:
        query = query.with_for_update(read=share)
    row = (await connection.execute(query)).mappings().one_or_none()
    return None if row is None else ExperimentRow(**row)


async def find_many(
    connection: AsyncConnection, experiment_ids: Sequence[int]
) -> dict[int, ExperimentRow]:
    """Returns experiments by their ids."""
    found: dict[int, ExperimentRow] = {}
    for some in chunks(experiment_ids):
        rows = await connection.execute(_EXPERIMENT.where(experiments.c.experiment_id.in_(some)))
        found.update((row["experiment_id"], ExperimentRow(**row)) for row in rows.mappings())
    return found


async def insert(  # noqa: PLR0917 - a row has so many columns
    connection: AsyncConnection,
    name: str,
    artifact_location: str,
    now_us: int,
    default_root: str = "",
    experiment_id: int | None = None,
) -> ExperimentRow | None:
    """Inserts a new active experiment; returns None when the name or the id is taken.

    Without a location it gets one below `default_root`, if that is given.
    """
    values: dict[str, str | int | bool] = {
        "name": name,
        "artifact_location": artifact_location,
        "active": True,
        "create_time_us": now_us,
        "update_time_us": now_us,
    }
    if experiment_id is not None:
        values["experiment_id"] = experiment_id
    query = (
        insert_into(connection, experiments)
        .on_conflict_do_nothing()
        .values(values)
        .returning(*_COLUMNS)
    )
    found = (await connection.execute(query)).mappings().one_or_none()
    if found is None:
        return None
    if experiment_id is not None:
        await _pass_over_ids(connection)
    row = ExperimentRow(**found)
    if artifact_location or not default_root:
        return row
    row = replace(row, artifact_location=f"{default_root}/{row.experiment_id}")
    await connection.execute(
        sa.update(experiments)
        .where(experiments.c.experiment_id == row.experiment_id)
        .values(artifact_location=row.artifact_location)
    )
    return row


async def _pass_over_ids(connection: AsyncConnection) -> None:
    """Lets the ids that the database gives begin after the greatest one that there is."""
    if connection.dialect.name == "sqlite":
        return  # its AUTOINCREMENT looks at the table by itself
    sequence = sa.func.pg_get_serial_sequence(experiments.name, "experiment_id")
    greatest = sa.select(sa.func.max(experiments.c.experiment_id)).scalar_subquery()
    await connection.execute(sa.select(sa.func.setval(sequence, greatest)))


async def rename(connection: AsyncConnection, experiment_id: int, name: str, now_us: int) -> bool:
    """Stores a new name; returns False, and changes nothing, when it is taken."""
    try:
        async with connection.begin_nested():
            await touch(connection, experiment_id, now_us, name=name)
    except IntegrityError:
        return False
    return True


async def touch(
    connection: AsyncConnection, experiment_id: int, now_us: int, **changes: str | bool
) -> None:
    """Stores new values of an experiment's columns, if any, and the time of the change."""
    await connection.execute(
        sa.update(experiments)
        .where(experiments.c.experiment_id == experiment_id)
        .values(update_time_us=now_us, **changes)
    )


async def tags_of(
    connection: AsyncConnection, experiment_ids: Sequence[int]
) -> dict[int, dict[str, str]]:
    """Returns the tags of experiments; those without tags are left out."""
    found: dict[int, dict[str, str]] = {}
    for some in chunks(experiment_ids):
        query = (
            sa.select(
                experiment_tags.c.experiment_id, experiment_tags.c.key, experiment_tags.c.value
            )
            .where(experiment_tags.c.experiment_id.in_(some))
            .order_by(experiment_tags.c.experiment_id, experiment_tags.c.key)
        )
        for experiment_id, key, value in await connection.execute(query):
            found.setdefault(experiment_id, {})[key] = value
    return found


async def set_tags(
    connection: AsyncConnection, experiment_id: int, tags: Mapping[str, str]
) -> None:
    """Stores tags over those of the same key."""
    if not tags:
        return
    query = insert_into(connection, experiment_tags)
    query = query.on_conflict_do_update(
        index_elements=["experiment_id", "key"], set_={"value": query.excluded.value}
    )
    await connection.execute(
        query,
        [
            {"experiment_id": experiment_id, "key": key, "value": value}
            for key, value in tags.items()
        ],
    )


async def delete_tags(
    connection: AsyncConnection, experiment_id: int, keys: Collection[str]
) -> None:
    """Deletes the tags with these keys."""
    for some in chunks(list(keys)):
        await connection.execute(
            sa.delete(experiment_tags).where(
                experiment_tags.c.experiment_id == experiment_id, experiment_tags.c.key.in_(some)
            )
        )
