"""What a source holds, as plain values. Times are milliseconds since the epoch, as MLflow's are."""

from array import array  # noqa: TC003 - costs nothing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

__all__ = [
    "ModelPoint",
    "Points",
    "RunDetails",
    "SourceDataset",
    "SourceExperiment",
    "SourceModel",
    "SourceRun",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceExperiment:
    """An experiment. `create_time_ms` is None where the store is too old to know it."""

    experiment_id: str
    name: str
    deleted: bool
    create_time_ms: int | None
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRun:
    """A run without what was logged to it.

    Attributes:
        status: RUNNING, SCHEDULED, FINISHED, FAILED or KILLED.
        name: Empty where it has none.
        artifact_uri: Where its artifacts lie, as the store says.
        artifact_folder: Where else to look for them; None for nowhere.
    """

    run_id: str
    experiment_id: str
    name: str
    status: str
    deleted: bool
    start_time_ms: int | None
    end_time_ms: int | None
    user: str
    artifact_uri: str
    artifact_folder: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceDataset:
    """A dataset that a run read, and the tags of that input."""

    name: str
    digest: str
    source_type: str
    source: str
    schema: str | None
    profile: str | None
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDetails:
    """What was logged to a run, apart from points and files.

    Attributes:
        series: The metrics by key, with a number that grows with their points.
        model_outputs: Model id and step.
    """

    params: Mapping[str, str]
    tags: Mapping[str, str]
    series: Mapping[str, int]
    datasets: Sequence[SourceDataset] = ()
    model_inputs: Sequence[str] = ()
    model_outputs: Sequence[tuple[str, int]] = ()


@dataclass(slots=True)
class Points:
    """Points of one metric as columns of equal length.

    Attributes:
        step: int64.
        time_us: int64, microseconds.
        value: float64.
    """

    key: str
    step: "array[int]"
    time_us: "array[int]"
    value: "array[float]"

    def __len__(self) -> int:
        return len(self.step)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceModel:
    """A logged model. `status` is PENDING, READY or FAILED."""

    model_id: str
    experiment_id: str
    name: str
    status: str
    status_message: str
    deleted: bool
    model_type: str
    source_run_id: str
    create_time_ms: int | None
    artifact_uri: str
    artifact_folder: Path | None = None
    params: Mapping[str, str] = field(default_factory=dict[str, str])
    tags: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelPoint:
    """A point that a run logged about a model."""

    model_id: str
    key: str
    value: float
    step: int
    time_ms: int
    dataset_name: str
    dataset_digest: str
