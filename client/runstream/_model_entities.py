"""What runs read and make: datasets and logged models. `runstream.entities` has all of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runstream._enums import LifecycleStage, LoggedModelStatus

__all__ = [
    "Dataset",
    "DatasetInput",
    "DatasetSummary",
    "LoggedModel",
    "LoggedModelMetric",
    "LoggedModelOrder",
    "ModelOutput",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """What a run read. Within an experiment, name and digest tell it from others.

    Attributes:
        name: 1 to 500 characters.
        digest: Of the content, 1 to 36 characters in any form.
        source_type: The kind of the source, as `local` or `http`.
        source: Where it came from, in a form that the kind of the source knows.
        schema: The names and types of the columns, in any form. None when unknown.
        profile: What sums the content up, in any form. None when unknown.
    """

    name: str
    digest: str
    source_type: str = ""
    source: str = ""
    schema: str | None = None
    profile: str | None = None


@dataclass(frozen=True, slots=True)
class DatasetInput:
    """A dataset as an input of a run; the tag `mlflow.data.context` says what it was read for."""

    dataset: Dataset
    tags: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSummary:
    """A dataset that runs of an experiment read, and what for."""

    experiment_id: str
    name: str
    digest: str
    context: str | None
    """The inputs' tag `mlflow.data.context`. None for inputs without it."""


@dataclass(frozen=True, slots=True)
class ModelOutput:
    """A logged model that a run made at a step."""

    model_id: str
    step: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedModelMetric:
    """A point that a run logged about a logged model."""

    key: str
    value: float
    step: int
    time_us: int
    run_id: str
    dataset_name: str = ""
    """The dataset that the value was measured on. Empty when the point does not say."""
    dataset_digest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedModel:
    """A logged model as the server has it.

    Attributes:
        model_id: `m-` and 32 lower-case hexadecimal digits.
        artifact_uri: Where its artifacts lie.
        source_run_id: The run that made it. Empty for none.
        update_time: Of creation, the last change of the status, or deletion.
        metrics: The first 1 000 points that were logged about it. Empty if they were left out.
        more_metrics: Whether there are more; `list_logged_model_metrics` has all of them.
    """

    model_id: str
    experiment_id: str
    name: str
    artifact_uri: str
    model_type: str
    source_run_id: str
    status: "LoggedModelStatus"
    status_message: str
    lifecycle_stage: "LifecycleStage"
    create_time: datetime | None
    update_time: datetime | None
    params: Mapping[str, str]
    tags: Mapping[str, str]
    metrics: Sequence[LoggedModelMetric] = ()
    more_metrics: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedModelOrder:
    """Says what to order logged models by.

    Attributes:
        field_name: An attribute, as `name` or `creation_timestamp`, or `metrics.<key>`: the
            latest value, which is that of the greatest (time, step).
        descending: Whether the greatest comes first.
        dataset_name: Looks at points about this dataset alone. Empty means all.
        dataset_digest: The same, of its digest.
    """

    field_name: str
    descending: bool = False
    dataset_name: str = ""
    dataset_digest: str = ""
