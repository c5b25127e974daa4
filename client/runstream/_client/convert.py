"""From messages to entities, and back."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from runstream import entities as e
from runstream._client.inputs import dataset_inputs_of, model_outputs_of
from runstream.errors import InvalidValue
from runstream.v1 import (
    artifact_pb2,
    experiment_pb2,
    metric_pb2,
    run_pb2,
    server_service_pb2,
)

__all__ = [
    "artifact_of",
    "chart_axis_number",
    "experiment_of",
    "lifecycle_stage_of",
    "names_of",
    "run_of",
    "run_status_number",
    "selector_of",
    "series_of",
    "server_info_of",
    "summary_of",
    "time_of",
    "timestamp_of",
    "upload_of",
    "view_type_number",
    "writer_of",
]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def names_of(items: Iterable[tuple[str, int]], prefix: str) -> dict[int, str]:
    """Returns the names of an enum's values by their numbers, without the prefix they share."""
    return {number: name.removeprefix(prefix) for name, number in items}


_RUN_STATUSES: Final = names_of(run_pb2.RunStatus.items(), "RUN_STATUS_")
_LIFECYCLE_STAGES: Final = names_of(experiment_pb2.LifecycleStage.items(), "LIFECYCLE_STAGE_")
_DIGEST_STATES: Final = names_of(artifact_pb2.DigestState.items(), "DIGEST_STATE_")


def experiment_of(message: experiment_pb2.Experiment) -> e.Experiment:
    """Converts an experiment."""
    return e.Experiment(
        experiment_id=message.experiment_id,
        name=message.name,
        artifact_location=message.artifact_location,
        lifecycle_stage=lifecycle_stage_of(message.lifecycle_stage),
        create_time=time_of(message, "create_time"),
        update_time=time_of(message, "update_time"),
        tags=dict(message.tags),
    )


def run_of(message: run_pb2.Run) -> e.Run:
    """Converts a run."""
    return e.Run(
        run_id=message.run_id,
        experiment_id=message.experiment_id,
        name=message.name,
        status=_run_status(message.status),
        lifecycle_stage=lifecycle_stage_of(message.lifecycle_stage),
        start_time=time_of(message, "start_time"),
        end_time=time_of(message, "end_time"),
        create_time=time_of(message, "create_time"),
        update_time=time_of(message, "update_time"),
        parent_run_id=message.parent_run_id,
        user=message.user,
        artifact_uri=message.artifact_uri,
        source=_source(message.source),
        params=dict(message.params),
        tags=dict(message.tags),
        latest_metrics={metric.key: _latest(metric) for metric in message.metrics},
        dataset_inputs=dataset_inputs_of(message),
        model_inputs=tuple(one.model_id for one in message.model_inputs),
        model_outputs=model_outputs_of(message),
    )


def writer_of(message: run_pb2.Writer) -> e.Writer:
    """Converts a writer."""
    return e.Writer(
        writer_id=message.writer_id,
        rank=message.rank if message.HasField("rank") else None,
        attempt=message.attempt,
        next_row=message.next_row,
        next_record=message.next_record,
        status=_run_status(message.status),
        status_message=message.status_message,
        create_time=time_of(message, "create_time"),
        skipped=tuple(
            e.SkippedRows(first_row=skip.first_row, count=skip.count, reason=skip.reason)
            for skip in message.skipped
        ),
    )


def series_of(message: metric_pb2.Series) -> e.Series:
    """Converts the name of a series."""
    return e.Series(
        message.key, message.rank if message.HasField("rank") else None, message.attempt
    )


def summary_of(message: metric_pb2.SeriesSummary) -> e.SeriesSummary:
    """Converts a summary."""
    return e.SeriesSummary(
        series=series_of(message.series),
        count=message.count,
        nan_count=message.nan_count,
        first=_point(message.first),
        last=_point(message.last),
        min=message.min,
        max=message.max,
        sum=message.sum,
        min_time_us=message.min_time_unix_us,
        max_time_us=message.max_time_unix_us,
    )


def artifact_of(message: artifact_pb2.Artifact) -> e.Artifact:
    """Converts an artifact."""
    return e.Artifact(
        path=message.path,
        directory=message.directory,
        size_bytes=message.size_bytes,
        update_time=time_of(message, "update_time"),
        sha256=message.sha256.hex(),
        digest_state=e.DigestState(_DIGEST_STATES.get(message.digest_state, "")),
    )


def upload_of(message: artifact_pb2.Upload) -> e.Upload:
    """Converts an upload."""
    return e.Upload(
        upload_id=message.upload_id,
        run_id=message.run_id,
        model_id=message.model_id,
        path=message.path,
        durable_offset=message.durable_offset,
        complete=message.complete,
    )


def server_info_of(message: server_service_pb2.GetServerInfoResponse) -> e.ServerInfo:
    """Converts a server's description."""
    limits = message.limits
    return e.ServerInfo(
        version=message.version,
        database=message.database,
        artifact_store=message.artifact_store,
        schema_version=message.schema_version,
        start_time=time_of(message, "start_time"),
        http_address=message.http_address,
        artifact_root=message.artifact_root,
        limits=e.Limits(
            max_message_bytes=limits.max_message_bytes,
            max_row_points=limits.max_row_points,
            max_layouts=limits.max_layouts,
            max_run_series=limits.max_run_series,
            max_key_length=limits.max_key_length,
            max_param_value_length=limits.max_param_value_length,
            max_tag_value_length=limits.max_tag_value_length,
            max_request_entries=limits.max_request_entries,
        ),
    )


def run_status_number(status: str) -> "run_pb2.RunStatus.ValueType":
    """Returns the contract's number of a run's status.

    Raises:
        InvalidValue: if there is no such status.
    """
    known = [one.value for one in e.RunStatus if one is not e.RunStatus.UNKNOWN]
    if status not in known:
        raise InvalidValue(f"the run status {status!r} is none of {', '.join(known)}")
    return run_pb2.RunStatus.Value(f"RUN_STATUS_{status}")


def view_type_number(view_type: str | None) -> "experiment_pb2.ViewType.ValueType":
    """Returns the contract's number of a view type; None is the default.

    Raises:
        InvalidValue: if there is no such view type.
    """
    if view_type is None:
        return experiment_pb2.VIEW_TYPE_UNSPECIFIED
    if view_type not in list(e.ViewType):
        raise InvalidValue(f"the view type {view_type!r} is none of {', '.join(e.ViewType)}")
    return experiment_pb2.ViewType.Value(f"VIEW_TYPE_{view_type}")


def chart_axis_number(axis: str) -> "metric_pb2.ChartAxis.ValueType":
    """Returns the contract's number of a chart's axis.

    Raises:
        InvalidValue: if there is no such axis.
    """
    if axis not in list(e.ChartAxis):
        raise InvalidValue(f"the axis {axis!r} is none of {', '.join(e.ChartAxis)}")
    return metric_pb2.ChartAxis.Value(f"CHART_AXIS_{axis}")


def selector_of(
    keys: Sequence[str], key_glob: str, ranks: Sequence[int], *, rankless: bool
) -> metric_pb2.SeriesSelector:
    """Returns the selector of series; without conditions it selects all."""
    if isinstance(keys, str):
        raise InvalidValue(f"keys is the text {keys!r:.100}: use a list of keys")
    return metric_pb2.SeriesSelector(keys=keys, key_glob=key_glob, ranks=ranks, rankless=rankless)


def timestamp_of(time: datetime | None) -> Timestamp | None:
    """Converts a time; one without a zone is taken as local."""
    if time is None:
        return None
    stamp = Timestamp()
    stamp.FromMicroseconds((time.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1))
    return stamp


def time_of(message: Message, field: str) -> datetime | None:
    """Converts the time in a field of a message; None when it is not set."""
    if not message.HasField(field):
        return None
    stamp: Timestamp = getattr(message, field)
    return _EPOCH + timedelta(microseconds=stamp.ToMicroseconds())


def _point(message: metric_pb2.Point) -> e.Point:
    return e.Point(step=message.step, time_us=message.time_unix_us, value=message.value)


def _latest(message: run_pb2.LatestMetric) -> e.LatestMetric:
    return e.LatestMetric(
        key=message.key,
        value=message.value,
        step=message.step,
        time_us=message.time_unix_us,
        rank=message.rank if message.HasField("rank") else None,
    )


def _source(message: run_pb2.Source) -> e.Source:
    return e.Source(
        name=message.name,
        type=message.type,
        git_commit=message.git_commit,
        git_branch=message.git_branch,
        git_repo_url=message.git_repo_url,
        git_dirty=message.git_dirty if message.HasField("git_dirty") else None,
        host=message.host,
    )


def _run_status(number: int) -> e.RunStatus:
    return e.RunStatus(_RUN_STATUSES.get(number, ""))


def lifecycle_stage_of(number: int) -> e.LifecycleStage:
    """Converts a lifecycle stage."""
    return e.LifecycleStage(_LIFECYCLE_STAGES.get(number, ""))
