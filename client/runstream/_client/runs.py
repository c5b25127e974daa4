"""The calls of RunService."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from google.protobuf.field_mask_pb2 import FieldMask

from runstream._client.calls import Pages, Unary
from runstream._client.convert import (
    run_of,
    run_status_number,
    timestamp_of,
    view_type_number,
    writer_of,
)
from runstream._run_ids import new_run_id
from runstream.entities import Run, RunStatus, Writer
from runstream.v1 import run_pb2, run_service_pb2 as pb

__all__ = [
    "create_run",
    "delete_run",
    "delete_tags",
    "finish_run",
    "finish_writer",
    "get_run",
    "list_writers",
    "log_params",
    "restore_run",
    "resume_run",
    "search_runs",
    "set_tags",
    "update_run",
]

_SERVICE: Final = "/runstream.v1.RunService/"
_DEFAULT_EXPERIMENT_ID: Final = "0"


def create_run(
    *,
    experiment_id: str = "",
    experiment_name: str = "",
    run_id: str = "",
    name: str = "",
    start_time: datetime | None = None,
    tags: Mapping[str, str] | None = None,
    parent_run_id: str = "",
    user: str = "",
    user_without_tag: bool = False,
    status: str = RunStatus.RUNNING,
) -> Unary[Run]:
    """Creates a run, or returns the one that has the id, unchanged.

    Args:
        experiment_id: The experiment. Without it and a name, `Default`.
        experiment_name: The experiment by its name, created when there is none.
        run_id: 32 hexadecimal digits. Empty makes a new one.
        name: A name for people. Empty lets the server make one up.
        start_time: When the work began. None means now.
        tags: The first tags.
        parent_run_id: The run under which this one is nested.
        user: Who started it.
        user_without_tag: Whether to keep that apart from the tag `mlflow.user`.
        status: RUNNING or SCHEDULED.

    Raises:
        AlreadyExists: if the run exists in another experiment.
        FailedPrecondition: if the experiment or the run is deleted.
        NotFound: if there is no experiment of that id.
    """
    request = pb.CreateRunRequest(
        run_id=run_id or new_run_id(),
        name=name,
        start_time=timestamp_of(start_time),
        tags=tags,
        parent_run_id=parent_run_id,
        user=user,
        user_without_tag=user_without_tag,
        status=run_status_number(status),
    )
    if experiment_name and not experiment_id:
        request.experiment_name = experiment_name
    else:
        request.experiment_id = experiment_id or _DEFAULT_EXPERIMENT_ID
    return Unary(
        method=f"{_SERVICE}CreateRun", request=request, answer=pb.CreateRunResponse, convert=_run
    )


def get_run(run_id: str, *, omit_metrics: bool = False, omit_inputs: bool = False) -> Unary[Run]:
    """Returns a run, deleted or not, with its params, tags, latest metrics, inputs and outputs.

    Args:
        run_id: The run.
        omit_metrics: Whether to leave out the metrics, of which a big run has very many.
        omit_inputs: Whether to leave out inputs and outputs.

    Raises:
        NotFound: if there is none.
    """
    return Unary(
        method=f"{_SERVICE}GetRun",
        request=pb.GetRunRequest(run_id=run_id, omit_metrics=omit_metrics, omit_inputs=omit_inputs),
        answer=pb.GetRunResponse,
        convert=_run,
    )


def update_run(
    run_id: str,
    *,
    name: str | None = None,
    status: str | None = None,
    end_time: datetime | None = None,
) -> Unary[Run]:
    """Changes a run's name, or overrules its status or end time.

    Args:
        run_id: The run.
        name: Its new name. None leaves it.
        status: Any `RunStatus`; one that is no end takes the end time away. None leaves it.
        end_time: When it ended. None leaves it.

    Raises:
        FailedPrecondition: if the run is deleted.
        NotFound: if there is none.
    """
    run = run_pb2.Run(run_id=run_id, name=name or "", end_time=timestamp_of(end_time))
    if status is not None:
        run.status = run_status_number(status)
    given = {"name": name, "status": status, "end_time": end_time}
    paths = [path for path, value in given.items() if value is not None]
    return Unary(
        method=f"{_SERVICE}UpdateRun",
        request=pb.UpdateRunRequest(run=run, update_mask=FieldMask(paths=paths)),
        answer=pb.UpdateRunResponse,
        convert=_run,
    )


def finish_run(run_id: str, status: str, *, end_time: datetime | None = None) -> Unary[Run]:
    """Ends a run. One that says FINISHED while one of its writers has failed ends as FAILED.

    Args:
        run_id: The run.
        status: FINISHED, FAILED or KILLED.
        end_time: When it ended. None means now.

    Raises:
        FailedPrecondition: if the run is deleted.
        NotFound: if there is none.
    """
    request = pb.FinishRunRequest(
        run_id=run_id, status=run_status_number(status), end_time=timestamp_of(end_time)
    )
    return Unary(
        method=f"{_SERVICE}FinishRun", request=request, answer=pb.FinishRunResponse, convert=_run
    )


def finish_writer(run_id: str, writer_id: str, status: str, *, message: str = "") -> Unary[Run]:
    """Ends one writer of a run. Its failure makes the run FAILED instead of FINISHED.

    Args:
        run_id: The run.
        writer_id: The writer.
        status: FINISHED, FAILED or KILLED.
        message: Why it failed, at most 5 000 characters.

    Raises:
        FailedPrecondition: if the run is deleted.
        NotFound: if there is no such run or writer.
    """
    request = pb.FinishWriterRequest(
        run_id=run_id,
        writer_id=writer_id,
        status=run_status_number(status),
        status_message=message,
    )
    return Unary(
        method=f"{_SERVICE}FinishWriter",
        request=request,
        answer=pb.FinishWriterResponse,
        convert=_run,
    )


def resume_run(run_id: str) -> Unary[Run]:
    """Sets an ended run back to RUNNING.

    Raises:
        FailedPrecondition: if the run is deleted.
        NotFound: if there is none.
    """
    return Unary(
        method=f"{_SERVICE}ResumeRun",
        request=pb.ResumeRunRequest(run_id=run_id),
        answer=pb.ResumeRunResponse,
        convert=_run,
    )


def delete_run(run_id: str) -> Unary[Run]:
    """Deletes a run: it refuses writes, stays readable and can be restored.

    Raises:
        NotFound: if there is none.
    """
    return Unary(
        method=f"{_SERVICE}DeleteRun",
        request=pb.DeleteRunRequest(run_id=run_id),
        answer=pb.DeleteRunResponse,
        convert=_run,
    )


def restore_run(run_id: str) -> Unary[Run]:
    """Restores a deleted run.

    Raises:
        NotFound: if there is none.
    """
    return Unary(
        method=f"{_SERVICE}RestoreRun",
        request=pb.RestoreRunRequest(run_id=run_id),
        answer=pb.RestoreRunResponse,
        convert=_run,
    )


def search_runs(
    experiment_ids: Sequence[str] = (),
    filter: str = "",
    *,
    order_by: Sequence[str] = (),
    view_type: str | None = None,
    page_size: int = 0,
    omit_metrics: bool = False,
    omit_inputs: bool = False,
) -> Pages[Run]:
    """Finds runs, page by page as they are asked for.

    Args:
        experiment_ids: The experiments to search, at most 1 000. None of them means all.
        filter: For example `metrics.loss < 0.1 AND (params.model = 'cnn' OR tags.team = 'a')`.
        order_by: For example `["metrics.loss ASC"]`. Ties, and nothing, go by start time, the
            latest first.
        view_type: A `ViewType`; None means active ones.
        page_size: The most to fetch at once; 0 means 100.
        omit_metrics: Whether to leave out the latest metrics.
        omit_inputs: Whether to leave out inputs and outputs.

    Raises:
        InvalidValue: if the filter or the order cannot be read; the message says where.
    """
    request = pb.SearchRunsRequest(
        experiment_ids=experiment_ids,
        filter=filter,
        order_by=order_by,
        view_type=view_type_number(view_type),
        page_size=page_size,
        omit_metrics=omit_metrics,
        omit_inputs=omit_inputs,
    )
    return Pages(
        method=f"{_SERVICE}SearchRuns",
        request=request,
        answer=pb.SearchRunsResponse,
        convert=_runs,
    )


def log_params(run_id: str, params: Mapping[str, str]) -> Unary[None]:
    """Writes params of a run, at most 1 000, all of them or none. The same value again is fine.

    Raises:
        AlreadyExists: if one has another value already (`PARAM_CONFLICT`).
        FailedPrecondition: if the run is deleted.
        InvalidValue: if a key or a value cannot be stored.
        NotFound: if there is no such run.
    """
    return Unary(
        method=f"{_SERVICE}LogParams",
        request=pb.LogParamsRequest(run_id=run_id, params=params),
        answer=pb.LogParamsResponse,
        convert=_nothing,
    )


def set_tags(run_id: str, tags: Mapping[str, str]) -> Unary[None]:
    """Sets tags of a run, at most 1 000, all of them or none, overwriting those of the same key.

    Raises:
        FailedPrecondition: if the run is deleted.
        InvalidValue: if a key or a value cannot be stored.
        NotFound: if there is no such run.
    """
    return Unary(
        method=f"{_SERVICE}SetTags",
        request=pb.SetTagsRequest(run_id=run_id, tags=tags),
        answer=pb.SetTagsResponse,
        convert=_nothing,
    )


def delete_tags(run_id: str, keys: Sequence[str]) -> Unary[None]:
    """Deletes tags of a run, all of them or none.

    Raises:
        FailedPrecondition: if the run is deleted.
        NotFound: if it lacks one of them, or there is no such run.
    """
    return Unary(
        method=f"{_SERVICE}DeleteTags",
        request=pb.DeleteTagsRequest(run_id=run_id, keys=keys),
        answer=pb.DeleteTagsResponse,
        convert=_nothing,
        repeatable=False,
    )


def list_writers(run_id: str, *, page_size: int = 0) -> Pages[Writer]:
    """Lists the writers of a run in the order in which the server first heard of them.

    Args:
        run_id: The run.
        page_size: The most to fetch at once; 0 means 100.

    Raises:
        NotFound: if there is no such run.
    """
    return Pages(
        method=f"{_SERVICE}ListWriters",
        request=pb.ListWritersRequest(run_id=run_id, page_size=page_size),
        answer=pb.ListWritersResponse,
        convert=_writers,
    )


def _run(answer: pb.GetRunResponse) -> Run:
    return run_of(answer.run)


def _runs(answer: pb.SearchRunsResponse) -> list[Run]:
    return [run_of(run) for run in answer.runs]


def _writers(answer: pb.ListWritersResponse) -> list[Writer]:
    return [writer_of(writer) for writer in answer.writers]


def _nothing(_answer: object) -> None:
    return None
