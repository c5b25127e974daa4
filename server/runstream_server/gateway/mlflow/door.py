"""Joins the subjects of MLflow's API into routes."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.routing import BaseRoute

from runstream_server.core.artifacts.artifacts import Artifacts
from runstream_server.core.experiments import Experiments
from runstream_server.core.logged_models import LoggedModels
from runstream_server.core.metrics import Metrics
from runstream_server.core.runs import Runs
from runstream_server.gateway.mlflow.artifacts import ArtifactRoutes
from runstream_server.gateway.mlflow.experiments import ExperimentRoutes
from runstream_server.gateway.mlflow.histories import Histories
from runstream_server.gateway.mlflow.history_routes import HistoryRoutes
from runstream_server.gateway.mlflow.inputs import InputRoutes
from runstream_server.gateway.mlflow.log_model import LogModelRoutes
from runstream_server.gateway.mlflow.logged_models import LoggedModelRoutes
from runstream_server.gateway.mlflow.logging_routes import LoggingRoutes
from runstream_server.gateway.mlflow.modes import (
    ARTIFACTS_ONLY,
    NO_SERVE_ARTIFACTS,
    turned_off,
)
from runstream_server.gateway.mlflow.out_of_scope import fallback_routes, server_info
from runstream_server.gateway.mlflow.proxied import ProxiedArtifactRoutes
from runstream_server.gateway.mlflow.routing import Endpoint, EndpointTable
from runstream_server.gateway.mlflow.runs import RunRoutes
from runstream_server.gateway.mlflow.searching import SearchRoutes

__all__ = ["Subjects", "routes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subjects:
    """The core parts that the API needs."""

    experiments: Experiments
    runs: Runs
    metrics: Metrics
    artifacts: Artifacts
    models: LoggedModels


def routes(
    subjects: Subjects,
    further: Sequence[Endpoint] = (),
    *,
    serve_artifacts: bool = True,
    artifacts_only: bool = False,
) -> list[BaseRoute]:
    """Returns the routes of MLflow's API.

    Args:
        subjects: What the API needs.
        further: Endpoints of other subjects of the tracking API.
        serve_artifacts: Whether files are served by their path.
        artifacts_only: Whether nothing else is.
    """
    tracking = [*_tracking(subjects), *further]
    files = ProxiedArtifactRoutes(subjects.artifacts.files).endpoints()
    endpoints = [
        *(turned_off(tracking, ARTIFACTS_ONLY) if artifacts_only else tracking),
        *(files if serve_artifacts else turned_off(files, NO_SERVE_ARTIFACTS)),
        server_info(multipart_uploads=False, multipart_downloads=False),
    ]
    return [EndpointTable(endpoints), *fallback_routes()]


def _tracking(subjects: Subjects) -> list[Endpoint]:
    roots = subjects.experiments.roots
    return [
        *ExperimentRoutes(subjects.experiments).endpoints(),
        *RunRoutes(subjects.runs, roots).endpoints(),
        *SearchRoutes(subjects.runs, roots).endpoints(),
        *LoggingRoutes(subjects.runs, subjects.metrics).endpoints(),
        *InputRoutes(subjects.runs, subjects.experiments).endpoints(),
        *LoggedModelRoutes(subjects.models, roots).endpoints(),
        *LogModelRoutes(subjects.runs).endpoints(),
        *HistoryRoutes(Histories(subjects.metrics)).endpoints(),
        *ArtifactRoutes(subjects.artifacts, roots).endpoints(),
    ]
