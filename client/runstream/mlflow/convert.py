"""From the contract's messages to MLflow's entities."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeVar

from google.protobuf.timestamp_pb2 import Timestamp
from mlflow.entities import (
    Dataset,
    DatasetInput,
    Experiment,
    ExperimentTag,
    InputTag,
    LifecycleStage,
    LoggedModel,
    LoggedModelInput,
    LoggedModelOutput,
    LoggedModelParameter,
    LoggedModelStatus,
    LoggedModelTag,
    Metric,
    Param,
    Run,
    RunData,
    RunInfo,
    RunInputs,
    RunOutputs,
    RunStatus,
    RunTag,
)

from runstream.v1 import experiment_pb2, input_pb2, logged_model_pb2, run_pb2

__all__ = [
    "experiment_of",
    "finite",
    "milliseconds",
    "model_of",
    "run_of",
    "timestamp_of_ms",
]

T = TypeVar("T")

US_PER_MS: Final = 1_000
MAX_FLOAT: Final = 1.7976931348623157e308
"""What MLflow answers for an infinite metric."""

_STAGES: Final = {
    experiment_pb2.LIFECYCLE_STAGE_ACTIVE: LifecycleStage.ACTIVE,
    experiment_pb2.LIFECYCLE_STAGE_DELETED: LifecycleStage.DELETED,
}
_MODEL_STATUSES: Final = {
    logged_model_pb2.LOGGED_MODEL_STATUS_PENDING: LoggedModelStatus.PENDING,
    logged_model_pb2.LOGGED_MODEL_STATUS_READY: LoggedModelStatus.READY,
    logged_model_pb2.LOGGED_MODEL_STATUS_FAILED: LoggedModelStatus.FAILED,
}


def milliseconds(time: Timestamp) -> int:
    """Returns a time as MLflow counts: whole milliseconds since the epoch, rounded down."""
    return time.ToMilliseconds()


def timestamp_of_ms(time_ms: int | None) -> Timestamp | None:
    """Returns a time of MLflow as a message, None if it is not said."""
    if time_ms is None:
        return None
    time = Timestamp()
    time.FromMilliseconds(time_ms)
    return time


def finite(value: float) -> float:
    """Returns a value as MLflow answers it: infinities are the greatest finite numbers."""
    return max(-MAX_FLOAT, min(MAX_FLOAT, value)) if value == value else value  # noqa: PLR0124 - NaN


def experiment_of(message: experiment_pb2.Experiment) -> Experiment:
    """Returns an experiment."""
    return Experiment(
        experiment_id=message.experiment_id,
        name=message.name,
        artifact_location=message.artifact_location,
        lifecycle_stage=_STAGES[message.lifecycle_stage],
        tags=[ExperimentTag(key, value) for key, value in message.tags.items()],
        creation_time=milliseconds(message.create_time),
        last_update_time=milliseconds(message.update_time),
    )


def run_of(message: run_pb2.Run, artifact_uri: str) -> Run:
    """Returns a run, whose artifacts MLflow finds at `artifact_uri`."""
    info = RunInfo(
        run_id=message.run_id,
        experiment_id=message.experiment_id,
        user_id=message.user,
        status=RunStatus.to_string(_status(message.status)),
        start_time=milliseconds(message.start_time),
        end_time=milliseconds(message.end_time) if message.HasField("end_time") else None,
        lifecycle_stage=_STAGES[message.lifecycle_stage],
        artifact_uri=artifact_uri,
        run_name=message.name,
    )
    data = RunData(
        metrics=[
            Metric(each.key, finite(each.value), each.time_unix_us // US_PER_MS, each.step)
            for each in message.metrics
        ],
        params=_labels(Param, message.params),
        tags=_labels(RunTag, message.tags),
    )
    inputs = RunInputs(
        dataset_inputs=[_dataset_input(each) for each in message.dataset_inputs],
        model_inputs=[LoggedModelInput(each.model_id) for each in message.model_inputs],
    )
    outputs = RunOutputs(
        [LoggedModelOutput(each.model_id, each.step) for each in message.model_outputs]
    )
    return Run(info, data, inputs, outputs)


def model_of(
    message: logged_model_pb2.LoggedModel,
    artifact_uri: str,
    metrics: Iterable[logged_model_pb2.LoggedModelMetric],
) -> LoggedModel:
    """Returns a logged model, whose artifacts MLflow finds at `artifact_uri`."""
    return LoggedModel(
        experiment_id=message.experiment_id,
        model_id=message.model_id,
        name=message.name,
        artifact_location=artifact_uri,
        creation_timestamp=milliseconds(message.create_time),
        last_updated_timestamp=milliseconds(message.update_time),
        model_type=message.model_type or None,
        source_run_id=message.source_run_id or None,
        status=_MODEL_STATUSES[message.status],
        status_message=message.status_message or None,
        tags=_labels(LoggedModelTag, message.tags),
        params=_labels(LoggedModelParameter, message.params),
        metrics=[
            Metric(
                each.key,
                finite(each.value),
                each.time_unix_us // US_PER_MS,
                each.step,
                model_id=message.model_id,
                dataset_name=each.dataset_name or None,
                dataset_digest=each.dataset_digest or None,
                run_id=each.run_id,
            )
            for each in metrics
        ],
    )


def _labels(kind: Callable[[str, str], T], labels: Mapping[str, str]) -> list[T]:
    return [kind(key, labels[key]) for key in sorted(labels)]


def _status(number: int) -> int:
    # The numbers are MLflow's own; what a newer server says is shown as running.
    return number if number in RunStatus.all_status() else RunStatus.RUNNING


def _dataset_input(message: input_pb2.DatasetInput) -> DatasetInput:
    dataset = message.dataset
    return DatasetInput(
        Dataset(
            name=dataset.name,
            digest=dataset.digest,
            source_type=dataset.source_type,
            source=dataset.source,
            schema=dataset.schema if dataset.HasField("schema") else None,
            profile=dataset.profile if dataset.HasField("profile") else None,
        ),
        _labels(InputTag, message.tags),
    )
