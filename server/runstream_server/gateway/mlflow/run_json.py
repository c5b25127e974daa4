"""Runs as MLflow's API shows them."""

import json
import math
from collections.abc import Mapping
from typing import Any, Final

from runstream_server.core.artifact_roots import ArtifactRoots
from runstream_server.core.latest import LatestPoint
from runstream_server.core.runs import DatasetInput, Run, RunInputs
from runstream_server.gateway.mlflow.times import shown_ms

__all__ = ["encode", "run_info", "run_json", "shown_value"]

GREATEST: Final = 1.7976931348623157e308

encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
"""Returns a document as JSON."""


def run_json(run: Run, roots: ArtifactRoots, *, with_outputs: bool = True) -> dict[str, Any]:
    """Returns a run with all that was logged to it; empty lists are left out."""
    data: dict[str, Any] = {}
    if run.metrics:
        data["metrics"] = [_metric(point) for point in run.metrics]
    if run.params:
        data["params"] = _labels(run.params)
    if run.tags:
        data["tags"] = _labels(run.tags)
    shown = {"info": run_info(run, roots), "data": data, "inputs": _inputs(run.inputs)}
    if with_outputs:
        shown["outputs"] = _outputs(run.inputs)
    return shown


def run_info(run: Run, roots: ArtifactRoots) -> dict[str, Any]:
    """Returns what a run is, without what was logged to it."""
    info: dict[str, Any] = {
        "run_uuid": run.run_id,
        "experiment_id": str(run.experiment_id),
        "run_name": run.name,
        "user_id": run.user,
        "status": run.status.name,
        "start_time": shown_ms(run.start_time_us),
        "artifact_uri": roots.shown_over_rest(run.artifact_uri),
        "lifecycle_stage": "active" if run.active else "deleted",
        "run_id": run.run_id,
    }
    if run.end_time_us:
        info["end_time"] = shown_ms(run.end_time_us)
    return info


def shown_value(value: float) -> float | str:
    """Returns a metric's value as JSON can hold it: NaN as a text, infinity as the last number."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else math.copysign(GREATEST, value)


def _metric(point: LatestPoint) -> dict[str, Any]:
    return {
        "key": point.key,
        "value": shown_value(point.value),
        "timestamp": point.time_us // 1000,
        "step": point.step,
    }


def _labels(labels: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in labels.items()]


def _inputs(inputs: RunInputs) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    if inputs.datasets:
        shown["dataset_inputs"] = [_dataset_input(each) for each in inputs.datasets]
    if inputs.models:
        shown["model_inputs"] = [{"model_id": model_id} for model_id in inputs.models]
    return shown


def _dataset_input(given: DatasetInput) -> dict[str, Any]:
    dataset = given.dataset
    names = ("name", "digest", "source_type", "source", "schema", "profile")
    values = {name: getattr(dataset, name) for name in names}
    shown: dict[str, Any] = {
        "dataset": {name: value for name, value in values.items() if value is not None}
    }
    if given.tags:
        shown["tags"] = _labels(given.tags)
    return shown


def _outputs(inputs: RunInputs) -> dict[str, Any]:
    if not inputs.outputs:
        return {}
    made = [{"model_id": each.model_id, "step": each.step} for each in inputs.outputs]
    return {"model_outputs": made}
