"""Turns stored models into what readers see."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.core.experiments import Experiments
from runstream_server.core.logged_models.values import LoggedModel, ModelStatus
from runstream_server.core.model_points import model_not_found, require_id
from runstream_server.storage import model_rows
from runstream_server.storage.model_rows import ModelRow

__all__ = ["as_read", "load_model", "load_models"]


async def load_model(
    connection: AsyncConnection,
    experiments: Experiments,
    model_id: str,
    max_metrics: int | None = 0,
) -> LoggedModel:
    """Returns a model, deleted or not, with up to `max_metrics` points, all if that is None.

    Raises:
        Failure: MODEL_NOT_FOUND.
    """
    found = await load_models(connection, experiments, [require_id(model_id)], max_metrics)
    if not found:
        raise model_not_found(model_id)
    return found[0]


async def load_models(
    connection: AsyncConnection,
    experiments: Experiments,
    model_ids: Sequence[str],
    max_metrics: int | None,
) -> list[LoggedModel]:
    """Returns models that exist, in the order of their ids here."""
    rows = await model_rows.find_models(connection, model_ids)
    params = await model_rows.params_of_models(connection, model_ids)
    tags = await model_rows.tags_of_models(connection, model_ids)
    points: dict[str, list[model_rows.ModelPoint]] = {}
    if max_metrics != 0:
        limit = None if max_metrics is None else max_metrics + 1
        points = await model_rows.points_of_models(connection, model_ids, limit)
    models: list[LoggedModel] = []
    for row in (rows[model_id] for model_id in model_ids if model_id in rows):
        of_model = points.get(row.model_id, [])
        labels = params.get(row.model_id, {}), tags.get(row.model_id, {})
        model = as_read(experiments, row, *labels)
        more = max_metrics is not None and len(of_model) > max_metrics
        models.append(replace(model, metrics=of_model[:max_metrics], more_metrics=more))
    return models


def as_read(
    experiments: Experiments, row: ModelRow, params: Mapping[str, str], tags: Mapping[str, str]
) -> LoggedModel:
    """Returns a stored model, without points, as readers see it."""
    return LoggedModel(
        model_id=row.model_id,
        experiment_id=row.experiment_id,
        name=row.name,
        artifact_uri=experiments.artifact_uri_of_model(
            row.experiment_id, row.model_id, row.artifact_uri
        ),
        model_type=row.model_type,
        source_run_id=row.source_run_id,
        status=ModelStatus(row.status),
        status_message=row.status_message,
        active=row.active,
        create_time_us=row.create_time_us,
        update_time_us=row.update_time_us,
        params=params,
        tags=tags,
    )
