"""Client of runstream: records runs, metrics and artifacts without making training wait.

    import runstream

    runstream.set_experiment("digits")
    with runstream.start_run(run_name="first try") as run:
        run.log_params({"optimizer": {"name": "sgd", "lr": 0.1}})
        for step in range(1000):
            run.log({"loss": loss, "accuracy": {"top1": top1}}, step=step)
        run.log_artifact("model.pt")

Importing it is cheap: what a name needs is loaded when the name is first used.
"""

from importlib import import_module

TYPE_CHECKING = False  # type checkers take the name at its word; importing typing takes 5 ms
if TYPE_CHECKING:
    from runstream._fluent.api import (
        active_run,
        create_experiment,
        delete_tag,
        end_run,
        get_artifact_uri,
        get_run,
        get_tracking_uri,
        log_artifact,
        log_artifacts,
        log_dict,
        log_figure,
        log_image,
        log_metric,
        log_metrics,
        log_param,
        log_params,
        log_text,
        search_runs,
        set_experiment,
        set_tag,
        set_tags,
        set_tracking_uri,
        start_run,
    )
    from runstream._fluent.run import ActiveRun
    from runstream.aio import AsyncClient
    from runstream.client import Client
    from runstream.entities import (
        Artifact,
        Chart,
        Experiment,
        History,
        MetricPoint,
        Run,
        RunStatus,
        Series,
        ViewType,
    )
    from runstream.errors import (
        Aborted,
        AlreadyExists,
        DataLoss,
        FailedPrecondition,
        InvalidValue,
        NotFound,
        OutOfRange,
        ResourceExhausted,
        RunStateError,
        RunstreamError,
        ServerError,
        ServerUnavailable,
        SpoolError,
        UnsupportedSpool,
    )

    __version__: str

__all__ = [
    "Aborted",
    "ActiveRun",
    "AlreadyExists",
    "Artifact",
    "AsyncClient",
    "Chart",
    "Client",
    "DataLoss",
    "Experiment",
    "FailedPrecondition",
    "History",
    "InvalidValue",
    "MetricPoint",
    "NotFound",
    "OutOfRange",
    "ResourceExhausted",
    "Run",
    "RunStateError",
    "RunStatus",
    "RunstreamError",
    "Series",
    "ServerError",
    "ServerUnavailable",
    "SpoolError",
    "UnsupportedSpool",
    "ViewType",
    "__version__",
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

_ENTITIES = (
    "Artifact",
    "Chart",
    "Experiment",
    "History",
    "MetricPoint",
    "Run",
    "RunStatus",
    "Series",
    "ViewType",
)
_HOMES = {
    "ActiveRun": "runstream._fluent.run",
    "AsyncClient": "runstream.aio",
    "Client": "runstream.client",
    **dict.fromkeys(_ENTITIES, "runstream.entities"),
}


def _home_of(name: str) -> str:
    if name in _HOMES:
        return _HOMES[name]
    return "runstream.errors" if name[0].isupper() else "runstream._fluent.api"


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        value: object = version("runstream")
    elif name in __all__:
        value = getattr(import_module(_home_of(name)), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
