"""Points that runs log about logged models."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from runstream_server.core.errors import Failure, Reason
from runstream_server.core.limits import (
    MAX_DATASET_DIGEST_LENGTH,
    MAX_DATASET_NAME_LENGTH,
    MAX_KEY_LENGTH,
)
from runstream_server.core.validation import check_text, missing_value
from runstream_server.storage import model_rows
from runstream_server.storage.model_rows import ModelPoint

__all__ = [
    "MODEL_ID",
    "ModelMetric",
    "check_dataset",
    "model_not_found",
    "model_points",
    "require_id",
    "require_models",
]

MODEL_ID: Final = re.compile(r"m-[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class ModelMetric:
    """A point that a run logs about a logged model.

    Without a dataset, both of its fields are empty.
    """

    model_id: str
    key: str
    value: float
    step: int
    time_us: int
    dataset_name: str = ""
    dataset_digest: str = ""


def model_not_found(model_id: str) -> Failure:
    """Returns the failure of a request that names a logged model that does not exist."""
    return Failure(
        Reason.MODEL_NOT_FOUND,
        f"there is no logged model {model_id[:MAX_KEY_LENGTH]!r}; create it, or search logged"
        " models for the ids that exist",
        model_id=model_id,
    )


def require_id(model_id: str) -> str:
    """Checks that an id has the form of a model's; else there can be none with it.

    Raises:
        Failure: MODEL_NOT_FOUND.
    """
    if not MODEL_ID.fullmatch(model_id):
        raise model_not_found(model_id)
    return model_id


def model_points(run_id: str, metrics: Sequence[ModelMetric]) -> list[ModelPoint]:
    """Returns points about models as they are stored.

    Raises:
        Failure: MODEL_NOT_FOUND, or about the first whose dataset breaks a rule.
    """
    return [_point(run_id, metric) for metric in metrics]


def check_dataset(name: str, digest: str) -> None:
    """Checks the dataset that a point is about: both name and digest, or neither.

    Raises:
        Failure: MISSING_VALUE, VALUE_TOO_LONG or INVALID_VALUE.
    """
    if bool(name) != bool(digest):
        missing = "dataset_digest" if name else "dataset_name"
        raise missing_value(missing, "set both dataset_name and dataset_digest, or neither")
    check_text("dataset_name", name, MAX_DATASET_NAME_LENGTH)
    check_text("dataset_digest", digest, MAX_DATASET_DIGEST_LENGTH)


async def require_models(connection: AsyncConnection, model_ids: Collection[str]) -> None:
    """Checks that models exist, deleted or not.

    Raises:
        Failure: MODEL_NOT_FOUND.
    """
    missing = set(model_ids) - await model_rows.existing_ids(connection, model_ids)
    if missing:
        raise model_not_found(min(missing))


def _point(run_id: str, metric: ModelMetric) -> ModelPoint:
    check_dataset(metric.dataset_name, metric.dataset_digest)
    return ModelPoint(
        model_id=require_id(metric.model_id),
        key=metric.key,
        step=metric.step,
        time_us=metric.time_us,
        run_id=run_id,
        dataset_name=metric.dataset_name,
        dataset_digest=metric.dataset_digest,
        bits=ModelPoint.bits_of(metric.value),
    )
