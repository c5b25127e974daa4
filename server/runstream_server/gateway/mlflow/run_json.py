"""Runs as MLflow's API shows them, as JSON.

What there is most of, metrics and labels, is written as text at once: a search may answer with
ten thousand runs, and dictionaries of them cost more than finding them.
"""

import json
import math
from collections.abc import Iterable, Mapping
from json.encoder import encode_basestring as quoted
from typing import Any, Final

from runstream_server.core.artifact_roots import ArtifactRoots
from runstream_server.core.latest import LatestPoint
from runstream_server.core.runs import DatasetInput, Run, RunInputs
from runstream_server.core.runs.input_values import NO_INPUTS
from runstream_server.gateway.mlflow.times import shown_ms

__all__ = ["encode", "info_text", "run_text", "shown_value"]

GREATEST: Final = 1.7976931348623157e308

encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
"""Returns a document as JSON."""


def run_text(run: Run, roots: ArtifactRoots, *, with_outputs: bool = True) -> str:
    """Returns a run with all that was logged to it; empty lists are left out."""
    data: list[str] = []
    if run.metrics:
        data.append(_list("metrics", map(_metric, run.metrics)))
    if run.params:
        data.append(_list("params", map(_label, run.params.items())))
    if run.tags:
        data.append(_list("tags", map(_label, run.tags.items())))
    inputs = outputs = "{}"
    if run.inputs is not NO_INPUTS:
        inputs, outputs = encode(_inputs(run.inputs)), encode(_outputs(run.inputs))
    shown = f'"info":{info_text(run, roots)},"data":{{{",".join(data)}}},"inputs":{inputs}'
    return f'{{{shown},"outputs":{outputs}}}' if with_outputs else f"{{{shown}}}"


def info_text(run: Run, roots: ArtifactRoots) -> str:
    """Returns what a run is, without what was logged to it."""
    end = f',"end_time":{shown_ms(run.end_time_us)}' if run.end_time_us else ""
    return (
        f'{{"run_uuid":"{run.run_id}","experiment_id":"{run.experiment_id}"'
        f',"run_name":{quoted(run.name)},"user_id":{quoted(run.user)}'
        f',"status":"{run.status.name}","start_time":{shown_ms(run.start_time_us)}'
        f',"artifact_uri":{quoted(roots.shown_over_rest(run.artifact_uri))}'
        f',"lifecycle_stage":"{"active" if run.active else "deleted"}"'
        f',"run_id":"{run.run_id}"{end}}}'
    )


def shown_value(value: float) -> float | str:
    """Returns a metric's value as JSON can hold it: NaN as a text, infinity as the last number."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else math.copysign(GREATEST, value)


def _list(name: str, items: Iterable[str]) -> str:
    return f'"{name}":[{",".join(items)}]'


def _metric(point: LatestPoint) -> str:
    value = point.value
    shown = repr(value) if math.isfinite(value) else encode(shown_value(value))
    key, time_ms, step = quoted(point.key), shown_ms(point.time_us), point.step
    return f'{{"key":{key},"value":{shown},"timestamp":{time_ms},"step":{step}}}'


def _label(label: tuple[str, str]) -> str:
    key, value = label
    return f'{{"key":{quoted(key)},"value":{quoted(value)}}}'


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
