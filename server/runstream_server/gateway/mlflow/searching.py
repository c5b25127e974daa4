"""Searches of runs over MLflow's API."""

import asyncio
from collections.abc import Sequence
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from runstream_server.core.artifact_roots import ArtifactRoots
from runstream_server.core.filters import Dialect
from runstream_server.core.runs import Run, Runs, RunSearch
from runstream_server.core.search.pages import PageRequest, ViewType
from runstream_server.gateway.mlflow.experiments import VIEW_TYPES
from runstream_server.gateway.mlflow.limits import (
    MAX_RESULTS,
    check_max_results,
    parse_experiment_id,
)
from runstream_server.gateway.mlflow.routing import Endpoint, tracking
from runstream_server.gateway.mlflow.run_json import encode, run_json
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
RUNS_AT_ONCE: Final = 100
"""So many runs are written as JSON before other requests have their turn."""

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
        body = await self._body(found.items, found.next_page_token)
        return Response(body, media_type="application/json")

    async def _body(self, runs: Sequence[Run], next_page_token: str) -> bytes:
        parts: list[str] = []
        for begin in range(0, len(runs), RUNS_AT_ONCE):
            some = runs[begin : begin + RUNS_AT_ONCE]
            parts.append(",".join([encode(run_json(run, self._roots)) for run in some]))
            await asyncio.sleep(0)
        fields: list[str] = []
        if parts:
            fields.append(f'"runs":[{",".join(parts)}]')
        if next_page_token:
            fields.append(f'"next_page_token":{encode(next_page_token)}')
        return f"{{{','.join(fields)}}}".encode()
