"""Joins the subjects of MLflow's API into routes."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.routing import BaseRoute

from runstream_server.core.experiments import Experiments
from runstream_server.core.metrics import Metrics
from runstream_server.core.runs import Runs
from runstream_server.gateway.mlflow.experiments import ExperimentRoutes
from runstream_server.gateway.mlflow.out_of_scope import fallback_routes, server_info
from runstream_server.gateway.mlflow.routing import Endpoint, EndpointTable

__all__ = ["Subjects", "routes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subjects:
    """The core parts that the tracking API needs."""

    experiments: Experiments
    runs: Runs
    metrics: Metrics


def routes(subjects: Subjects, further: Sequence[Endpoint] = ()) -> list[BaseRoute]:
    """Returns the routes of MLflow's API.

    Args:
        subjects: What the tracking API needs.
        further: Endpoints of other subjects.
    """
    endpoints = [
        *ExperimentRoutes(subjects.experiments).endpoints(),
        server_info(multipart_uploads=False, multipart_downloads=False),
        *further,
    ]
    return [EndpointTable(endpoints), *fallback_routes()]
