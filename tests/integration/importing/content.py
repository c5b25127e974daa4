"""Everything that a server holds, to be compared."""

import struct
from typing import Any

from runstream import Client

__all__ = ["content_of", "points_of"]


def points_of(client: Client, run_id: str) -> dict[str, list[tuple[int, int, bytes]]]:
    """Returns step, time and the bits of the value of each point, by key."""
    history = client.history(run_id)
    return {
        series.key: [
            (int(step), int(time), struct.pack("<d", value))
            for step, time, value in zip(
                history[series].step, history[series].time_us, history[series].value, strict=True
            )
        ]
        for series in history
    }


def content_of(client: Client) -> dict[str, Any]:
    """Returns all there is, apart from times of changes."""
    found: dict[str, Any] = {}
    for one in client.search_experiments(view_type="ALL"):
        found[f"experiment {one.experiment_id}"] = (
            one.name,
            one.lifecycle_stage,
            dict(one.tags),
            one.create_time if one.experiment_id != "0" else None,
        )
    for run in client.search_runs(view_type="ALL"):
        inputs = [(one.dataset, dict(one.tags)) for one in run.dataset_inputs]
        found[f"run {run.run_id}"] = (
            (run.experiment_id, run.name, run.status, run.lifecycle_stage, run.user),
            (run.start_time, run.end_time),
            (dict(run.params), dict(run.tags)),
            (inputs, list(run.model_inputs), list(run.model_outputs)),
            points_of(client, run.run_id),
            _files(client, run_id=run.run_id),
        )
    for model in client.search_logged_models(view_type="ALL"):
        found[f"model {model.model_id}"] = (
            (model.experiment_id, model.name, model.model_type, model.source_run_id),
            (model.status, model.lifecycle_stage, model.create_time),
            (dict(model.params), dict(model.tags)),
            [repr(point) for point in model.metrics],
            _files(client, model_id=model.model_id),
        )
    return found


def _files(
    client: Client, run_id: str = "", model_id: str = "", path: str = ""
) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for one in client.list_artifacts(run_id, path, model_id=model_id):
        if one.directory:
            found.update(_files(client, run_id, model_id, one.path))
        else:
            found[one.path] = client.read_artifact(run_id, one.path, model_id=model_id)
    return found
