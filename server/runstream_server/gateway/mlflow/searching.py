"""Searches of runs over MLflow's API."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from runstream_server.core.artifact_roots import ArtifactRoots
from runstream_server.core.filters import Dialect
from runstream_server.core.runs import Runs, RunSearch
from runstream_server.core.search.pages import PageRequest, ViewType
from runstream_server.gateway.mlflow.experiments import VIEW_TYPES
from runstream_server.gateway.mlflow.limits import (
    MAX_RESULTS,
    check_max_results,
    parse_experiment_id,
)
from runstream_server.gateway.mlflow.page_body import page_answer
from runstream_server.gateway.mlflow.routing import Endpoint, tracking
from runstream_server.gateway.mlflow.run_json import run_text
from runstream_server.gateway.mlflow.shapes import (
    Shape,
    enum,
    int32,
    read_message,
    text,
    texts,
)

__all__ = ["SearchRoutes"]

DEFAULT_RESULTS: Final = 1_000

SEARCH: Final = Shape(
    texts("experiment_ids"),
    text("filter"),
    int32("max_results"),
    texts("order_by"),
    enum("run_view_type", VIEW_TYPES),
    text("page_token"),
)


class SearchRoutes:
    """Serves `runs/search`."""

    def __init__(self, runs: Runs, roots: ArtifactRoots) -> None:
        self._runs = runs
        self._roots = roots

    def endpoints(self) -> list[Endpoint]:
        """Lists what this serves."""
        return [tracking("POST", "/runs/search", self.search)]

    async def search(self, request: Request) -> Response:
        """Returns a page of runs; `{}` when there are none."""
        message = await read_message(request, SEARCH)
        size = check_max_results(message.integer("max_results", DEFAULT_RESULTS))
        ids = {parse_experiment_id(each) for each in message.texts("experiment_ids")} - {-1}
        search = RunSearch(
            # Without ids the core searches everywhere, MLflow nowhere.
            experiment_ids=tuple(sorted(ids)) or (-1,),
            filter=message.text("filter"),
            order_by=tuple(message.texts("order_by")),
            view=ViewType(message.integer("run_view_type", ViewType.ACTIVE_ONLY)),
            dialect=Dialect.MLFLOW,
            with_inputs=True,
        )
        page = PageRequest(size, message.text("page_token"), max_bytes=None, greatest=MAX_RESULTS)
        found = await self._runs.search(search, page)
        return await page_answer("runs", found, lambda run: run_text(run, self._roots))
