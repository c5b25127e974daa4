"""Metrics of a request as columns.

A batch has up to a thousand of them, so those that are plainly right are taken column by column;
as soon as anything is unusual, all are read one by one, and refused by name.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import numpy as np

from runstream_server.core.logformat import Float64s, Int64s
from runstream_server.core.model_points import ModelMetric
from runstream_server.gateway.mlflow.errors import MlflowError, invalid_value
from runstream_server.gateway.mlflow.limits import (
    MAX_KEY_CHARS,
    check_key,
    check_length,
    is_plain_key,
)
from runstream_server.gateway.mlflow.shapes import Message
from runstream_server.gateway.mlflow.times import MAX_METRIC_TIME_MS, US_PER_MS

__all__ = ["MetricColumns", "checked_metrics", "plain_metrics"]

_NUMBERS: Final = frozenset({int, float})
_TEXTS: Final = frozenset({str})
_INTEGERS: Final = frozenset({int})
_NEEDED_FIELDS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricColumns:
    """Metrics that keep to all rules, one entry each."""

    keys: Sequence[str]
    value: Float64s
    step: Int64s
    time_us: Int64s
    of_models: Sequence[ModelMetric] = ()

    def __len__(self) -> int:
        return len(self.keys)


def plain_metrics(metrics: object) -> MetricColumns | None:
    """Returns the metrics of a JSON list if all are surely right, else None."""
    if not isinstance(metrics, list):
        return None
    given = cast("list[dict[str, Any]]", metrics)
    try:
        keys = [one["key"] for one in given]
        values = [one["value"] for one in given]
        times = [one["timestamp"] for one in given]
        steps = [one.get("step", 0) for one in given]
        plain = (
            # Without a step, a fourth field is one that only reading one by one knows.
            all(len(one) == _NEEDED_FIELDS + ("step" in one) for one in given)
            and _TEXTS.issuperset(map(type, keys))
            and _NUMBERS.issuperset(map(type, values))
            and _INTEGERS.issuperset(map(type, times))
            and _INTEGERS.issuperset(map(type, steps))
            and all(map(is_plain_key, set(keys)))
        )
        if not plain:
            return None
        value, step = np.array(values, np.float64), np.array(steps, np.int64)
        time_ms = np.array(times, np.int64)
    except (AttributeError, KeyError, OverflowError, TypeError):
        return None
    if keys and (int(time_ms.min()) < 0 or int(time_ms.max()) > MAX_METRIC_TIME_MS):
        return None
    if not np.isfinite(value).all():
        return None
    return MetricColumns(keys=keys, value=value, step=step, time_us=time_ms * US_PER_MS)


def checked_metrics(metrics: Sequence[Message], path: str) -> MetricColumns:
    """Checks metrics that were read one by one.

    Args:
        metrics: The metrics.
        path: Where they are in the request, as in `metrics`; empty when they are the request.

    Raises:
        MlflowError: About the first that breaks a rule.
    """
    for number, metric in enumerate(metrics):
        _check(metric, f"{path}[{number}]." if path else "")
    times = [metric.integer("timestamp") * US_PER_MS for metric in metrics]
    return MetricColumns(
        keys=[metric.text("key") for metric in metrics],
        value=np.array([metric.double("value") for metric in metrics], np.float64),
        step=np.array([metric.integer("step") for metric in metrics], np.int64),
        time_us=np.array(times, np.int64),
        of_models=[_of_model(metric) for metric in metrics if metric.text("model_id")],
    )


def _check(metric: Message, prefix: str) -> None:
    key = check_key(f"{prefix}name", metric.text("key"), "Metric name")
    check_length("Metric name", key, MAX_KEY_CHARS)
    time_ms = metric.integer("timestamp")
    if time_ms < 0:
        remedy = f"metric '{key}' needs a nonnegative timestamp, milliseconds since 1970"
        raise invalid_value(f"{prefix}timestamp", time_ms, remedy)
    if time_ms > MAX_METRIC_TIME_MS:
        remedy = f"metric '{key}' needs a timestamp of at most {MAX_METRIC_TIME_MS} milliseconds"
        raise invalid_value(f"{prefix}timestamp", time_ms, remedy)
    if bool(metric.text("dataset_name")) != bool(metric.text("dataset_digest")):
        raise MlflowError("Both dataset_name and dataset_digest must be provided, or neither.")


def _of_model(metric: Message) -> ModelMetric:
    return ModelMetric(
        model_id=metric.text("model_id"),
        key=metric.text("key"),
        value=metric.double("value"),
        step=metric.integer("step"),
        time_us=metric.integer("timestamp") * US_PER_MS,
        dataset_name=metric.text("dataset_name"),
        dataset_digest=metric.text("dataset_digest"),
    )
