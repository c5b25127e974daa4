"""Queries on what runs read and made. Whoever changes it has locked the run's head."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.storage.among import TEXTS, among
from runstream_server.storage.log_rows import chunks
from runstream_server.storage.schema import (
    dataset_input_tags,
    dataset_inputs,
    datasets,
    run_models,
    runs,
)
from runstream_server.storage.upserts import insert_into

__all__ = [
    "DatasetRow",
    "DatasetSummaryRow",
    "InputRow",
    "ModelLink",
    "ModelRole",
    "add_datasets",
    "add_inputs",
    "add_models",
    "dataset_summaries",
    "experiment_of_run",
    "inputs_of_runs",
    "models_of_runs",
    "stored_inputs",
    "tags_of_inputs",
]

DatasetName = tuple[str, str]
"""The name and the digest of a dataset: what tells it from others of its experiment."""


class ModelRole(IntEnum):
    """What a model is to a run."""

    INPUT = 1
    OUTPUT = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetRow:
    """A dataset of an experiment as stored."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: str | None
    profile: str | None


@dataclass(frozen=True, slots=True)
class InputRow:
    """A dataset input of a run as stored."""

    run_id: str
    dataset: DatasetRow


@dataclass(frozen=True, slots=True)
class ModelLink:
    """A model that a run read or made."""

    model_id: str
    step: int = 0


@dataclass(frozen=True, slots=True, order=True)
class DatasetSummaryRow:
    """A dataset of an experiment and a context in which it was read; None is none."""

    experiment_id: int
    name: str
    digest: str
    context: str | None


async def stored_inputs(connection: AsyncConnection, run_id: str) -> dict[DatasetName, int]:
    """Returns the numbers of a run's dataset inputs."""
    query = sa.select(dataset_inputs.c.name, dataset_inputs.c.digest, dataset_inputs.c.number)
    rows = await connection.execute(query.where(dataset_inputs.c.run_id == run_id))
    return {(row.name, row.digest): row.number for row in rows}


async def add_datasets(
    connection: AsyncConnection, experiment_id: int, rows: Sequence[DatasetRow], now_us: int
) -> None:
    """Inserts those datasets that the experiment does not have."""
    query = insert_into(connection, datasets).on_conflict_do_nothing()
    values = [
        {name: getattr(row, name) for name in DatasetRow.__slots__}
        | {"experiment_id": experiment_id, "create_time_us": now_us}
        for row in rows
    ]
    await connection.execute(query, values)


async def add_inputs(
    connection: AsyncConnection,
    run_id: str,
    experiment_id: int,
    inputs: Sequence[tuple[DatasetName, int, str | None]],
    tags: Sequence[tuple[DatasetName, str, str]],
) -> None:
    """Inserts dataset inputs that the run lacks, with number and context, and their tags."""
    values: list[dict[str, Any]] = [
        {
            "run_id": run_id,
            "name": name,
            "digest": digest,
            "number": number,
            "experiment_id": experiment_id,
            "context": context,
        }
        for (name, digest), number, context in inputs
    ]
    await connection.execute(sa.insert(dataset_inputs), values)
    if tags:
        await connection.execute(
            sa.insert(dataset_input_tags),
            [
                {"run_id": run_id, "name": name, "digest": digest, "key": key, "value": value}
                for (name, digest), key, value in tags
            ],
        )


async def add_models(
    connection: AsyncConnection, run_id: str, role: ModelRole, links: Sequence[ModelLink]
) -> bool:
    """Inserts those models that the run does not have in this role; says whether there were any."""
    stored = set((await models_of_runs(connection, [run_id])).get((run_id, role), []))
    new = [link for link in dict.fromkeys(links) if link not in stored]
    if new:
        await connection.execute(
            sa.insert(run_models),
            [
                {
                    "run_id": run_id,
                    "role": role,
                    "model_id": link.model_id,
                    "step": link.step,
                    "number": number,
                }
                for number, link in enumerate(new, len(stored))
            ],
        )
    return bool(new)


async def inputs_of_runs(connection: AsyncConnection, run_ids: Sequence[str]) -> list[InputRow]:
    """Returns the dataset inputs of runs, those of one run in their order."""
    columns = [datasets.c[name] for name in DatasetRow.__slots__]
    query = (
        sa.select(dataset_inputs.c.run_id, *columns)
        .join(
            datasets,
            sa.and_(
                datasets.c.experiment_id == dataset_inputs.c.experiment_id,
                datasets.c.name == dataset_inputs.c.name,
                datasets.c.digest == dataset_inputs.c.digest,
            ),
        )
        .where(among(dataset_inputs.c.run_id))
        .order_by(dataset_inputs.c.run_id, dataset_inputs.c.number)
    )
    found: list[InputRow] = []
    for some in chunks(run_ids):
        for run_id, *values in await connection.execute(query, {TEXTS: some}):
            row = DatasetRow(**dict(zip(DatasetRow.__slots__, values, strict=True)))
            found.append(InputRow(run_id, row))
    return found


async def tags_of_inputs(
    connection: AsyncConnection, run_ids: Sequence[str]
) -> dict[tuple[str, str, str], dict[str, str]]:
    """Returns the tags of the dataset inputs of runs, by run id, name and digest."""
    table = dataset_input_tags
    query = sa.select(table).where(among(table.c.run_id)).order_by(*table.primary_key)
    found: dict[tuple[str, str, str], dict[str, str]] = {}
    for some in chunks(run_ids):
        for row in await connection.execute(query, {TEXTS: some}):
            found.setdefault((row.run_id, row.name, row.digest), {})[row.key] = row.value
    return found


async def models_of_runs(
    connection: AsyncConnection, run_ids: Sequence[str]
) -> dict[tuple[str, ModelRole], list[ModelLink]]:
    """Returns the models that runs read and made, by run id and role, in their order."""
    query = (
        sa.select(run_models.c.run_id, run_models.c.role, run_models.c.model_id, run_models.c.step)
        .where(among(run_models.c.run_id))
        .order_by(run_models.c.run_id, run_models.c.role, run_models.c.number)
    )
    found: dict[tuple[str, ModelRole], list[ModelLink]] = {}
    for some in chunks(run_ids):
        for run_id, role, model_id, step in await connection.execute(query, {TEXTS: some}):
            link = ModelLink(model_id, step)
            found.setdefault((run_id, ModelRole(role)), []).append(link)
    return found


async def dataset_summaries(
    connection: AsyncConnection,
    experiment_ids: Sequence[int],
    after: DatasetSummaryRow | None,
    limit: int,
) -> list[DatasetSummaryRow]:
    """Returns what the runs of experiments read, each once; those without context first."""
    table = dataset_inputs
    # NULL sorts first in one engine and last in the other.
    has_context = sa.case((table.c.context.is_(None), 0), else_=1)
    context = sa.func.coalesce(table.c.context, "")
    order = [table.c.experiment_id, table.c.name, table.c.digest, has_context, context]
    query = (
        sa.select(table.c.experiment_id, table.c.name, table.c.digest, table.c.context)
        .where(table.c.experiment_id.in_(experiment_ids))
        .group_by(table.c.experiment_id, table.c.name, table.c.digest, table.c.context)
        .order_by(*order)
        .limit(limit)
    )
    if after is not None:
        place = [after.experiment_id, after.name, after.digest]
        place += [int(after.context is not None), after.context or ""]
        bound = [sa.literal(value, one.type) for value, one in zip(place, order, strict=True)]
        query = query.where(sa.tuple_(*order) > sa.tuple_(*bound))
    return [DatasetSummaryRow(*row) for row in await connection.execute(query)]


async def experiment_of_run(connection: AsyncConnection, run_id: str) -> int:
    """Returns the experiment of a run that exists."""
    query = sa.select(runs.c.experiment_id).where(runs.c.run_id == run_id)
    return int((await connection.execute(query)).scalar_one())
