"""Runs over MLflow's API: their life."""

from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runstream_server.core import reserved_tags
from runstream_server.core.artifact_roots import ArtifactRoots
from runstream_server.core.run_ids import new_run_id
from runstream_server.core.runs import NewRun, Run, Runs, RunStatus
from runstream_server.gateway.mlflow.errors import MlflowError, bad_request, not_found
from runstream_server.gateway.mlflow.limits import cut_tag, parse_experiment_id
from runstream_server.gateway.mlflow.routing import Endpoint, tracking
from runstream_server.gateway.mlflow.run_json import info_text, run_text
from runstream_server.gateway.mlflow.shapes import (
    Message,
    Shape,
    enum,
    int64,
    messages,
    read_message,
    text,
)
from runstream_server.gateway.mlflow.times import run_time_us

__all__ = ["RUN_ID", "RunRoutes"]

STATUSES: Final = {status.name: int(status) for status in RunStatus}

RUN_ID: Final = text("run_id", required=True, other_names=("run_uuid",))
LABEL: Final = Shape(text("key", required=True), text("value"))
CREATE: Final = Shape(
    text("experiment_id"),
    int64("start_time"),
    text("run_name"),
    text("user_id"),
    messages("tags", LABEL),
)
BY_ID: Final = Shape(RUN_ID)
UPDATE: Final = Shape(RUN_ID, int64("end_time"), enum("status", STATUSES), text("run_name"))


class RunRoutes:
    """Serves `runs/create`, `get`, `update`, `delete` and `restore`."""

    def __init__(self, runs: Runs, roots: ArtifactRoots) -> None:
        self._runs = runs
        self._roots = roots

    def endpoints(self) -> list[Endpoint]:
        """Lists what this serves."""
        return [
            tracking("POST", "/runs/create", self.create),
            tracking("GET", "/runs/get", self.get),
            tracking("POST", "/runs/update", self.update),
            tracking("POST", "/runs/delete", self.delete),
            tracking("POST", "/runs/restore", self.restore),
        ]

    async def create(self, request: Request) -> Response:
        """Creates a run under an id of the server's making."""
        message = await read_message(request, CREATE)
        experiment_id = _experiment_id(message)
        tags = _tags(message)
        name, tagged = message.text("run_name"), tags.get(reserved_tags.RUN_NAME, "")
        if name and tagged and name != tagged:
            raise MlflowError(
                "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with"
                f" different values (run_name='{name}', mlflow.runName='{tagged}'); send one."
            )
        if not tagged:
            tags.pop(reserved_tags.RUN_NAME, None)
        new = NewRun(
            run_id=new_run_id(),
            experiment_id=experiment_id,
            name=name,
            start_time_us=run_time_us("start_time", message.integer("start_time")),
            user=message.text("user_id"),
            user_is_tag=False,
            tags=tags,
        )
        run, _ = await self._runs.create(new)
        return self._answer(run, with_outputs=False)

    async def get(self, request: Request) -> Response:
        """Returns a run, deleted or not."""
        message = await read_message(request, BY_ID)
        run = await self._runs.get(message.text("run_id"), with_inputs=True)
        return self._answer(run)

    async def update(self, request: Request) -> Response:
        """Stores a status, an end time and a name, whichever are given."""
        message = await read_message(request, UPDATE)
        status, end = message.integer_or_none("status"), message.integer_or_none("end_time")
        run = await self._runs.update(
            message.text("run_id"),
            status=None if status is None else RunStatus(status),
            end_time_us=None if end is None else run_time_us("end_time", end),
            name=message.text("run_name") or None,
        )
        return _json(f'{{"run_info":{info_text(run, self._roots)}}}')

    async def delete(self, request: Request) -> Response:
        """Deletes a run; one that is deleted stays so."""
        message = await read_message(request, BY_ID)
        await self._runs.delete(message.text("run_id"))
        return JSONResponse({})

    async def restore(self, request: Request) -> Response:
        """Restores a run, whose experiment must be active; an active one stays so."""
        message = await read_message(request, BY_ID)
        await self._runs.restore(message.text("run_id"))
        return JSONResponse({})

    def _answer(self, run: Run, *, with_outputs: bool = True) -> Response:
        text = run_text(run, self._roots, with_outputs=with_outputs)
        return _json(f'{{"run":{text}}}')


def _json(text: str) -> Response:
    return Response(text, media_type="application/json")


def _experiment_id(message: Message) -> int:
    given = message.text("experiment_id")
    if not given:
        raise bad_request("experiment_id is missing; set it to the id of an experiment.")
    number = parse_experiment_id(given)
    if number < 0:
        raise not_found(f"No Experiment with id={given[:100]} exists")
    return number


def _tags(message: Message) -> dict[str, str]:
    tags: dict[str, str] = {}
    for tag in message.messages("tags"):
        key = tag.text("key")
        if key in tags:
            raise bad_request(f"The tag {key!r} is there twice; send each tag once.")
        tags[key] = cut_tag(tag.text("value"))
    return tags
