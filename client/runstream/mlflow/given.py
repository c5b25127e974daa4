"""What MLflow's callers give, as the contract's messages take it."""

from collections.abc import Sequence
from typing import Final

from mlflow.entities import DatasetInput, Metric, Param, RunTag
from mlflow.environment_variables import MLFLOW_TRUNCATE_LONG_VALUES
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE

from runstream.mlflow.convert import US_PER_MS
from runstream.v1 import input_pb2, metric_service_pb2

__all__ = ["dataset_message", "param_texts", "point_message", "tag_texts"]

MAX_PARAM_CHARS: Final = 6_000
MAX_TAG_CHARS: Final = 8_000


def tag_texts(tags: Sequence[RunTag]) -> dict[str, str]:
    """Returns tags by key, the last of each, cut to what fits as MLflow's server does."""
    return {tag.key: _text(tag.value, MAX_TAG_CHARS) for tag in tags}


def param_texts(params: Sequence[Param]) -> dict[str, str]:
    """Returns params by key.

    Raises:
        MlflowException: two of them are the same key with different values.
    """
    texts: dict[str, str] = {}
    for param in params:
        text = _text(param.value, MAX_PARAM_CHARS)
        if texts.setdefault(param.key, text) != text:
            raise MlflowException(
                f"Changing param values is not allowed: {param.key!r} is both"
                f" {texts[param.key]!r} and {text!r} in one batch",
                error_code=INVALID_PARAMETER_VALUE,
            )
    return texts


def point_message(metric: Metric) -> metric_service_pb2.MetricPoint:
    """Returns a metric as a point.

    Raises:
        MlflowException: its value is no number, or its step or time is no 64-bit integer.
    """
    try:
        return metric_service_pb2.MetricPoint(
            key=metric.key,
            value=float(metric.value),
            step=int(metric.step),
            time_unix_us=metric.timestamp * US_PER_MS,
            model_id=metric.model_id or "",
            dataset_name=metric.dataset_name or "",
            dataset_digest=metric.dataset_digest or "",
        )
    except (TypeError, ValueError, OverflowError) as error:
        raise MlflowException(
            f"Invalid value for metric {metric.key!r} (value {metric.value!r}, step"
            f" {metric.step!r}, timestamp {metric.timestamp!r}): {error}",
            error_code=INVALID_PARAMETER_VALUE,
        ) from error


def dataset_message(given: DatasetInput) -> input_pb2.DatasetInput:
    """Returns a dataset with its tags."""
    dataset = given.dataset
    return input_pb2.DatasetInput(
        dataset=input_pb2.Dataset(
            name=dataset.name,
            digest=dataset.digest,
            source_type=dataset.source_type,
            source=dataset.source,
            schema=dataset.schema,
            profile=dataset.profile,
        ),
        tags={tag.key: tag.value for tag in given.tags or ()},
    )


def _text(value: object, limit: int) -> str:
    text = str(value)
    may_cut = bool(MLFLOW_TRUNCATE_LONG_VALUES.get())  # type: ignore[no-untyped-call]
    return text[:limit] if may_cut else text
