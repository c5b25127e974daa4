"""Logged models as MLflow's API shows them."""

from collections.abc import Mapping
from typing import Any, Final

from runstream_server.core.artifact_roots import ArtifactRoots
from runstream_server.core.logged_models import LoggedModel, ModelStatus
from runstream_server.gateway.mlflow.run_json import shown_value
from runstream_server.gateway.mlflow.times import shown_ms
from runstream_server.storage.model_rows import ModelPoint

__all__ = ["model_json"]

STATUSES: Final = {
    ModelStatus.PENDING: "LOGGED_MODEL_PENDING",
    ModelStatus.READY: "LOGGED_MODEL_READY",
    ModelStatus.FAILED: "LOGGED_MODEL_UPLOAD_FAILED",
}


def model_json(model: LoggedModel, roots: ArtifactRoots) -> dict[str, Any]:
    """Returns a model with its params, tags and points; empty lists are left out."""
    info: dict[str, Any] = {
        "model_id": model.model_id,
        "experiment_id": str(model.experiment_id),
        "name": model.name,
        "creation_timestamp_ms": shown_ms(model.create_time_us),
        "last_updated_timestamp_ms": shown_ms(model.update_time_us),
        "artifact_uri": roots.shown_over_rest(model.artifact_uri),
        "status": STATUSES[model.status],
        "model_type": model.model_type,
        "source_run_id": model.source_run_id,
    }
    if model.status_message:
        info["status_message"] = model.status_message
    if model.tags:
        info["tags"] = _labels(model.tags)
    data: dict[str, Any] = {}
    if model.params:
        data["params"] = _labels(model.params)
    if model.metrics:
        data["metrics"] = [_metric(point) for point in model.metrics]
    return {"info": info, "data": data}


def _labels(labels: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in labels.items()]


def _metric(point: ModelPoint) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "key": point.key,
        "value": shown_value(point.value),
        "timestamp": shown_ms(point.time_us),
        "step": point.step,
        "model_id": point.model_id,
        "run_id": point.run_id,
    }
    if point.dataset_name:
        shown |= {"dataset_name": point.dataset_name, "dataset_digest": point.dataset_digest}
    return shown
