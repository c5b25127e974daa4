"""From the contract's messages about runs to values, and back."""

from collections.abc import Collection
from typing import Final

from runstream.v1 import input_pb2, run_pb2, run_service_pb2 as pb
from runstream_server.core import reserved_tags
from runstream_server.core.latest import LatestPoint
from runstream_server.core.run_ids import new_run_id
from runstream_server.core.runs import NewRun, Run, RunStatus, Writer
from runstream_server.core.validation import missing_value, parse_experiment_id
from runstream_server.services import convert
from runstream_server.services.input_convert import input_messages, output_messages

__all__ = ["new_run", "run_message", "writer_message"]

_TRUTHS: Final = {"true": True, "false": False}


def new_run(request: pb.CreateRunRequest) -> NewRun:
    """Returns the run that a request wants.

    Raises:
        Failure: MISSING_VALUE or INVALID_VALUE.
    """
    status = RunStatus.RUNNING
    if request.status != run_pb2.RUN_STATUS_UNSPECIFIED:
        status = convert.run_status("status", request.status)
    experiment_id = None
    match request.WhichOneof("experiment"):
        case "experiment_id":
            experiment_id = parse_experiment_id("experiment_id", request.experiment_id)
        case "experiment_name":
            pass
        case _:
            raise missing_value("experiment", "set experiment_id or experiment_name")
    return NewRun(
        run_id=request.run_id or new_run_id(),
        experiment_id=experiment_id,
        experiment_name=request.experiment_name,
        name=request.name,
        status=status,
        start_time_us=convert.optional_microseconds(request, "start_time"),
        user=request.user,
        user_is_tag=not request.user_without_tag,
        parent_run_id=request.parent_run_id,
        tags=dict(request.tags),
    )


def run_message(run: Run, tag_keys: Collection[str] | None = None) -> run_pb2.Run:
    """Returns a run as a message, with all of its tags or those with some keys."""
    tags = run.tags
    if tag_keys is not None:
        tags = {key: value for key, value in tags.items() if key in tag_keys}
    return run_pb2.Run(
        run_id=run.run_id,
        experiment_id=str(run.experiment_id),
        name=run.name,
        status=run_pb2.RunStatus.ValueType(run.status),
        lifecycle_stage=convert.lifecycle_stage(active=run.active),
        start_time=convert.timestamp(run.start_time_us),
        end_time=convert.optional_timestamp(run.end_time_us),
        create_time=convert.timestamp(run.create_time_us),
        update_time=convert.timestamp(run.update_time_us),
        parent_run_id=run.parent_run_id,
        user=run.user,
        artifact_uri=run.artifact_uri,
        source=_source(run),
        params=run.params,
        tags=tags,
        metrics=map(_metric, run.metrics),
        dataset_inputs=input_messages(run.inputs),
        model_inputs=[input_pb2.ModelInput(model_id=model_id) for model_id in run.inputs.models],
        model_outputs=output_messages(run.inputs),
        last_commit_time=convert.optional_timestamp(run.last_commit_time_us),
    )


def writer_message(writer: Writer) -> run_pb2.Writer:
    """Returns a writer as a message."""
    return run_pb2.Writer(
        writer_id=writer.writer_id,
        rank=writer.rank,
        attempt=writer.attempt,
        next_row=writer.next_row,
        next_record=writer.next_record,
        status=run_pb2.RunStatus.ValueType(writer.status),
        status_message=writer.status_message,
        create_time=convert.timestamp(writer.create_time_us),
        skipped=[
            run_pb2.SkippedRows(first_row=rows.first_row, count=rows.count, reason=rows.reason)
            for rows in writer.skipped
        ],
    )


def _source(run: Run) -> run_pb2.Source:
    tags = run.tags
    return run_pb2.Source(
        name=tags.get(reserved_tags.SOURCE_NAME, ""),
        type=tags.get(reserved_tags.SOURCE_TYPE, ""),
        git_commit=tags.get(reserved_tags.GIT_COMMIT, ""),
        git_branch=tags.get(reserved_tags.GIT_BRANCH, ""),
        git_repo_url=tags.get(reserved_tags.GIT_REPO_URL, ""),
        git_dirty=_TRUTHS.get(tags.get(reserved_tags.GIT_DIRTY, "").lower()),
        host=tags.get(reserved_tags.HOST, ""),
    )


def _metric(point: LatestPoint) -> run_pb2.LatestMetric:
    return run_pb2.LatestMetric(
        key=point.key,
        value=point.value,
        step=point.step,
        time_unix_us=point.time_us,
        rank=point.rank,
        min=point.min,
        max=point.max,
    )
