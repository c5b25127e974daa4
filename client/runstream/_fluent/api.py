"""The functions of `import runstream`. Their names and their meaning are MLflow's."""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal, overload

from runstream._fluent import starting
from runstream._fluent.endings import FINISHED, checked_status
from runstream._fluent.names import checked_experiment
from runstream._fluent.run import ActiveRun
from runstream._fluent.session import session
from runstream._fluent.starting import AUTO_RANK
from runstream._tracking_uri import TrackingUri

if TYPE_CHECKING:
    import pandas as pd

    from runstream.entities import Run, ViewType

__all__ = [
    "active_run",
    "create_experiment",
    "delete_tag",
    "end_run",
    "get_artifact_uri",
    "get_run",
    "get_tracking_uri",
    "log_artifact",
    "log_artifacts",
    "log_dict",
    "log_figure",
    "log_image",
    "log_metric",
    "log_metrics",
    "log_param",
    "log_params",
    "log_text",
    "search_runs",
    "set_experiment",
    "set_tag",
    "set_tags",
    "set_tracking_uri",
    "start_run",
]


def set_tracking_uri(uri: str) -> None:
    """Sets where the runs that this process starts from now on are sent to.

    Args:
        uri: `grpc://host:port`, `grpcs://host:port` (TLS), `unix:/path`, or `file:DIR` (a spool
            in that folder, and no server). Empty means `RUNSTREAM_TRACKING_URI` again, which is
            `grpc://127.0.0.1:50051` unless it is set.

    Raises:
        InvalidValue: if it is none of these. For `http://` the message has the address to use.
    """
    session.tracking_uri = TrackingUri.parse(uri) if uri else None


def get_tracking_uri() -> str:
    """Returns where runs are sent to.

    Raises:
        InvalidValue: if `RUNSTREAM_TRACKING_URI` holds what is no such address.
    """
    return session.tracking_uri.text


def set_experiment(experiment_name: str) -> None:
    """Sets the experiment of the runs that this process starts from now on.

    It needs no server: the experiment is created with its first run, if there is none.

    Raises:
        InvalidValue: if no experiment can have this name.
    """
    session.experiment = checked_experiment(experiment_name)


def create_experiment(name: str, tags: Mapping[str, str] | None = None) -> str:
    """Creates an experiment on the server and returns its id.

    Raises:
        AlreadyExists: if the name is taken.
        ServerUnavailable: if no server answers.
    """
    from runstream._fluent import queries

    return queries.client_of(session.tracking_uri).create_experiment(name, tags=tags).experiment_id


def start_run(
    run_id: str | None = None,
    run_name: str | None = None,
    *,
    experiment: str | None = None,
    tags: Mapping[str, object] | None = None,
    description: str | None = None,
    nested: bool = False,
    parent_run_id: str | None = None,
    rank: int | starting.AutoRank | None = AUTO_RANK,
) -> ActiveRun:
    """Starts a run, which is then this thread's active one; best used with `with`.

    It waits for no server. The processes of one distributed job join one run: they agree on its
    id by what their launcher says of the job, the experiment, the run's name, and how many such
    runs they have started.

    Args:
        run_id: A run to go on with, or the id for a new one. None means `RUNSTREAM_RUN_ID` for
            the process's first run, else a new id.
        run_name: A name for people. None lets the server make one up.
        experiment: The experiment's name. None means that of `set_experiment`, else
            `RUNSTREAM_EXPERIMENT_NAME`, else `Default`.
        tags: The first tags.
        description: A text for people, kept as the tag `mlflow.note.content`.
        nested: Whether the run may start while another one is active, which becomes its parent.
        parent_run_id: Its parent. None means the active run, if `nested`.
        rank: The rank of this process in its job. Without it, the launcher's (torchrun, Slurm,
            Open MPI, PMIx). None means that the process is a job of its own.

    Raises:
        RunStateError: if a run is active already, and this one is not `nested`.
        InvalidValue: if an argument cannot be used; or if the job runs on several machines and
            nothing tells its processes that they belong together: set `RUNSTREAM_JOB_ID`.
        SpoolError: if the spool cannot be written.
    """
    request = starting.RunRequest.check(
        session,
        run_id=run_id,
        run_name=run_name,
        experiment=experiment,
        tags=tags,
        description=description,
        nested=nested,
        parent_run_id=parent_run_id,
        rank=rank,
    )
    return starting.start(session, request)


def active_run() -> ActiveRun | None:
    """Returns this thread's innermost run, else the latest that is open in any thread."""
    return session.active_run()


def end_run(status: str = FINISHED) -> None:
    """Ends the active run, if there is one; see `ActiveRun.finish`."""
    checked_status(status)
    run = session.active_run()
    if run is not None:
        run.finish(status)


def log_metric(
    key: str, value: object, step: int | None = None, *, timestamp: int | None = None
) -> None:
    """Logs one value of a metric to the active run; see `ActiveRun.log_metrics`."""
    _run().log_metric(key, value, step, timestamp=timestamp)


def log_metrics(
    metrics: Mapping[str, object], step: int | None = None, *, timestamp: int | None = None
) -> None:
    """Logs values of metrics to the active run; see `ActiveRun.log_metrics`."""
    _run().log_metrics(metrics, step, timestamp=timestamp)


def log_param(key: str, value: object) -> None:
    """Logs a param to the active run; see `ActiveRun.log_params`."""
    _run().log_param(key, value)


def log_params(params: Mapping[str, object]) -> None:
    """Logs params to the active run; see `ActiveRun.log_params`."""
    _run().log_params(params)


def set_tag(key: str, value: object) -> None:
    """Sets a tag of the active run; see `ActiveRun.set_tags`."""
    _run().set_tag(key, value)


def set_tags(tags: Mapping[str, object]) -> None:
    """Sets tags of the active run; see `ActiveRun.set_tags`."""
    _run().set_tags(tags)


def delete_tag(key: str) -> None:
    """Deletes a tag of the active run; see `ActiveRun.delete_tag`."""
    _run().delete_tag(key)


def log_artifact(
    local_path: str | os.PathLike[str],
    artifact_path: str | None = None,
    *,
    move: bool = False,
    wait: bool = False,
) -> None:
    """Logs a file or a folder to the active run; see `ActiveRun.log_artifact`."""
    _run().log_artifact(local_path, artifact_path, move=move, wait=wait)


def log_artifacts(
    local_dir: str | os.PathLike[str],
    artifact_path: str | None = None,
    *,
    move: bool = False,
    wait: bool = False,
) -> None:
    """Logs the files in a folder to the active run; see `ActiveRun.log_artifacts`."""
    _run().log_artifacts(local_dir, artifact_path, move=move, wait=wait)


def log_text(text: str, artifact_file: str) -> None:
    """Logs a text as a file to the active run; see `ActiveRun.log_text`."""
    _run().log_text(text, artifact_file)


def log_dict(dictionary: object, artifact_file: str) -> None:
    """Logs a dict as a file to the active run; see `ActiveRun.log_dict`."""
    _run().log_dict(dictionary, artifact_file)


def log_figure(
    figure: object, artifact_file: str, *, save_kwargs: Mapping[str, object] | None = None
) -> None:
    """Logs a figure as a file to the active run; see `ActiveRun.log_figure`."""
    _run().log_figure(figure, artifact_file, save_kwargs=save_kwargs)


def log_image(image: object, artifact_file: str) -> None:
    """Logs an image as a file to the active run; see `ActiveRun.log_image`."""
    _run().log_image(image, artifact_file)


def get_artifact_uri(artifact_path: str | None = None) -> str:
    """Asks the server where the artifacts of the active run lie; see `ActiveRun`."""
    return _run().get_artifact_uri(artifact_path)


def get_run(run_id: str) -> "Run":
    """Asks the server for a run with its params, tags and latest metrics.

    Raises:
        NotFound: if there is no such run.
        ServerUnavailable: if no server answers.
    """
    from runstream._fluent import queries

    return queries.client_of(session.tracking_uri).get_run(run_id)


@overload
def search_runs(
    experiment_ids: Sequence[str] | None = None,
    filter_string: str = "",
    run_view_type: "ViewType | None" = None,
    max_results: int | None = None,
    order_by: Sequence[str] | None = None,
    output_format: Literal["list"] = "list",
    search_all_experiments: bool = False,  # noqa: FBT001, FBT002 - MLflow's order of arguments
    experiment_names: Sequence[str] | None = None,
) -> "list[Run]": ...


@overload
def search_runs(
    experiment_ids: Sequence[str] | None = None,
    filter_string: str = "",
    run_view_type: "ViewType | None" = None,
    max_results: int | None = None,
    order_by: Sequence[str] | None = None,
    *,
    output_format: Literal["pandas"],
    search_all_experiments: bool = False,
    experiment_names: Sequence[str] | None = None,
) -> "pd.DataFrame": ...


def search_runs(  # noqa: PLR0917 - MLflow's order of arguments
    experiment_ids: Sequence[str] | None = None,
    filter_string: str = "",
    run_view_type: "ViewType | None" = None,
    max_results: int | None = None,
    order_by: Sequence[str] | None = None,
    output_format: str = "list",
    search_all_experiments: bool = False,  # noqa: FBT001, FBT002 - MLflow's order of arguments
    experiment_names: Sequence[str] | None = None,
) -> "list[Run] | pd.DataFrame":
    """Asks the server for runs.

    Args:
        experiment_ids: The experiments to search.
        filter_string: For example `metrics.loss < 0.1 AND params.model = 'cnn'`; beyond MLflow's
            grammar OR, NOT, parentheses, and IN on any text. Empty means all.
        run_view_type: Whether to find active runs (the default), deleted ones, or both.
        max_results: The most runs to return. None means all.
        order_by: For example `["metrics.loss ASC"]`. Ties, and None, go by start time, the
            latest first.
        output_format: `list`, or `pandas` for a DataFrame with MLflow's columns.
        search_all_experiments: Whether to search all experiments, when none is named.
        experiment_names: The experiments to search, by name. Without this and the ids, the one
            that `start_run` would use.

    Raises:
        InvalidValue: if the filter or the order cannot be read; the message says where.
        ServerUnavailable: if no server answers.
    """
    from runstream._fluent import queries

    runs = queries.search_runs(
        queries.client_of(session.tracking_uri),
        experiment_ids=experiment_ids or (),
        experiment_names=experiment_names
        or (() if experiment_ids or search_all_experiments else (session.experiment,)),
        filter=filter_string,
        view_type=run_view_type,
        max_results=max_results,
        order_by=order_by or (),
    )
    return queries.formatted(runs, output_format)


def _run() -> ActiveRun:
    return session.active_run() or start_run()
