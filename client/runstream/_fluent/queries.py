"""What the functions of `import runstream` ask a server."""

import os
import threading
import time
from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final

from runstream._fluent.artifacts import artifact_path
from runstream._tracking_uri import TrackingUri
from runstream.client import Client
from runstream.entities import Run
from runstream.errors import InvalidValue, NotFound, ServerUnavailable

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["artifact_uri", "client_of", "formatted", "search_runs"]

CREATION_TIMEOUT_S: Final = 10.0
"""How long a run that this process has just started may take to reach the server."""
POLL_S: Final = 0.05
PAGE_SIZE: Final = 1_000

_lock = threading.Lock()
_clients: dict[str, Client] = {}

# Connections of the parent are of no use in a forked child.
os.register_at_fork(after_in_child=_clients.clear)


def client_of(uri: TrackingUri) -> Client:
    """Returns the client of a server, which lives as long as the process.

    Raises:
        ServerUnavailable: for `file:`, which has no server.
    """
    if uri.folder is not None:
        raise ServerUnavailable(
            f"{uri.text} has no server to ask: set_tracking_uri to one, such as grpc://host:port"
        )
    with _lock:
        if uri.text not in _clients:
            _clients[uri.text] = Client(uri.text)
        return _clients[uri.text]


def artifact_uri(uri: TrackingUri, run_id: str, path: str | None) -> str:
    """Returns where a run's artifacts, or one of them, lie.

    Raises:
        ServerUnavailable: if no server answers, or the run does not reach it.
        InvalidValue: if the path is none of an artifact's.
    """
    below = f"/{artifact_path(path)}" if path else ""
    client = client_of(uri)
    deadline = time.monotonic() + CREATION_TIMEOUT_S
    while True:
        try:
            return client.get_run(run_id, omit_metrics=True).artifact_uri + below
        except NotFound as error:
            if time.monotonic() >= deadline:
                raise ServerUnavailable(
                    f"run {run_id} has not reached {uri.text} yet: try again, or see "
                    "`runstream sync`"
                ) from error
        time.sleep(POLL_S)


def search_runs(
    client: Client,
    *,
    experiment_ids: Sequence[str],
    experiment_names: Sequence[str],
    filter: str,
    view_type: str | None,
    max_results: int | None,
    order_by: Sequence[str],
) -> list[Run]:
    """Finds runs; see `runstream.search_runs`. A name that no experiment has finds nothing."""
    ids = list(experiment_ids)
    for name in experiment_names:
        try:
            ids.append(client.get_experiment_by_name(name).experiment_id)
        except NotFound:
            continue
    if experiment_names and not ids:
        return []
    found = client.search_runs(
        ids, filter, order_by=order_by, view_type=view_type, page_size=PAGE_SIZE
    )
    return list(islice(found, max_results))


def formatted(runs: list[Run], output_format: str) -> "list[Run] | pd.DataFrame":
    """Returns runs as a list, or as a DataFrame with MLflow's columns.

    Raises:
        InvalidValue: if there is no such format, or if pandas is missing.
    """
    if output_format == "list":
        return runs
    if output_format != "pandas":
        raise InvalidValue(f"the output format {output_format!r} is neither 'list' nor 'pandas'")
    try:
        import pandas as pd
    except ImportError as error:
        raise InvalidValue("output_format='pandas' takes pandas: pip install pandas") from error
    return pd.DataFrame([_row(run) for run in runs], columns=_columns(runs))


_ATTRIBUTES: Final = (
    "run_id",
    "experiment_id",
    "status",
    "artifact_uri",
    "start_time",
    "end_time",
)


def _row(run: Run) -> dict[str, object]:
    row: dict[str, object] = {name: getattr(run, name) for name in _ATTRIBUTES}
    row["status"] = run.status.value
    row |= {f"metrics.{key}": value for key, value in run.metrics.items()}
    row |= {f"params.{key}": value for key, value in run.params.items()}
    return row | {f"tags.{key}": value for key, value in run.tags.items()}


def _columns(runs: list[Run]) -> list[str]:
    kinds: list[dict[str, None]] = [{}, {}, {}]
    for run in runs:
        for found, prefix, keys in zip(
            kinds, ("metrics", "params", "tags"), (run.metrics, run.params, run.tags), strict=True
        ):
            found.update(dict.fromkeys(f"{prefix}.{key}" for key in keys))
    return [*_ATTRIBUTES, *(column for kind in kinds for column in kind)]
