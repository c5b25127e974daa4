"""Experiments over MLflow's API."""

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runstream_server.core.errors import Failure, Reason
from runstream_server.core.experiments import Experiment, Experiments, ExperimentSearch
from runstream_server.core.filters import Dialect
from runstream_server.core.search.pages import PageRequest, ViewType
from runstream_server.gateway.mlflow.errors import (
    ErrorCode,
    MlflowError,
    bad_request,
    not_found,
)
from runstream_server.gateway.mlflow.limits import (
    MAX_EXPERIMENT_NAME_CHARS,
    MAX_EXPERIMENT_TAG_CHARS,
    MAX_RESULTS,
    check_key,
    check_length,
    check_max_results,
    parse_experiment_id,
)
from runstream_server.gateway.mlflow.locations import checked_location
from runstream_server.gateway.mlflow.page_body import page_answer
from runstream_server.gateway.mlflow.routing import Endpoint, tracking
from runstream_server.gateway.mlflow.run_json import encode
from runstream_server.gateway.mlflow.shapes import (
    Message,
    Shape,
    enum,
    int64,
    messages,
    read_message,
    text,
    texts,
)

__all__ = ["VIEW_TYPES", "ExperimentRoutes"]

VIEW_TYPES: Final = {view.name: int(view) for view in ViewType}

LABEL: Final = Shape(text("key", required=True), text("value"))
CREATE: Final = Shape(
    text("name", required=True), text("artifact_location"), messages("tags", LABEL)
)
BY_ID: Final = Shape(text("experiment_id", required=True))
BY_NAME: Final = Shape(text("experiment_name", required=True))
SEARCH: Final = Shape(
    enum("view_type", VIEW_TYPES),
    int64("max_results"),
    texts("order_by"),
    text("filter"),
    text("page_token"),
)
UPDATE: Final = Shape(text("experiment_id", required=True), text("new_name", required=True))
SET_TAG: Final = Shape(
    text("experiment_id", required=True), text("key", required=True), text("value")
)
DELETE_TAG: Final = Shape(text("experiment_id", required=True), text("key", required=True))


class ExperimentRoutes:
    """Serves `experiments/*`."""

    def __init__(self, experiments: Experiments) -> None:
        self._experiments = experiments

    def endpoints(self) -> list[Endpoint]:
        """Lists what this serves."""
        return [
            tracking("POST", "/experiments/create", self.create),
            tracking("GET", "/experiments/get", self.get),
            tracking("GET", "/experiments/get-by-name", self.get_by_name),
            tracking("GET", "/experiments/search", self.search),
            tracking("POST", "/experiments/search", self.search),
            tracking("POST", "/experiments/update", self.update),
            tracking("POST", "/experiments/delete", self.delete),
            tracking("POST", "/experiments/restore", self.restore),
            tracking("POST", "/experiments/set-experiment-tag", self.set_tag),
            tracking("POST", "/experiments/delete-experiment-tag", self.delete_tag),
        ]

    async def create(self, request: Request) -> Response:
        """Creates an experiment; 400 RESOURCE_ALREADY_EXISTS when its name is taken."""
        message = await read_message(request, CREATE)
        name = check_length("name", message.text("name"), MAX_EXPERIMENT_NAME_CHARS)
        location = checked_location(message.text("artifact_location"))
        tags: dict[str, str] = {}
        for tag in message.messages("tags"):
            key, value = _checked_tag(tag)
            if key in tags:
                raise bad_request(f"The tag {key!r} is there twice; send each tag once.")
            tags[key] = value
        experiment, _ = await self._experiments.create(name, tags, location)
        return JSONResponse({"experiment_id": str(experiment.experiment_id)})

    async def get(self, request: Request) -> Response:
        """Returns an experiment, deleted or not."""
        message = await read_message(request, BY_ID)
        experiment = await self._experiments.get(_id(message))
        return JSONResponse({"experiment": self._json(experiment)})

    async def get_by_name(self, request: Request) -> Response:
        """Returns the experiment of a name, deleted or not."""
        message = await read_message(request, BY_NAME)
        experiment = await self._experiments.get_by_name(message.text("experiment_name"))
        return JSONResponse({"experiment": self._json(experiment)})

    async def search(self, request: Request) -> Response:
        """Returns a page of experiments; `{}` when there are none."""
        message = await read_message(request, SEARCH)
        size = check_max_results(message.integer("max_results"))
        search = ExperimentSearch(
            filter=message.text("filter"),
            order_by=tuple(message.texts("order_by")),
            view=ViewType(message.integer("view_type", ViewType.ACTIVE_ONLY)),
            dialect=Dialect.MLFLOW,
        )
        page = await self._experiments.search(
            search,
            PageRequest(size, message.text("page_token"), max_bytes=None, greatest=MAX_RESULTS),
        )
        return await page_answer("experiments", page, lambda each: encode(self._json(each)))

    async def update(self, request: Request) -> Response:
        """Renames an experiment."""
        message = await read_message(request, UPDATE)
        id_ = _id(message)
        name = check_length("name", message.text("new_name"), MAX_EXPERIMENT_NAME_CHARS)
        experiment = await self._experiments.get(id_)
        if not experiment.active:
            raise MlflowError(
                f"Cannot rename a non-active experiment: {id_} is deleted; restore it.",
                ErrorCode.INVALID_STATE,
            )
        try:
            await self._experiments.rename(id_, name)
        except Failure as failure:
            if failure.reason is Reason.EXPERIMENT_EXISTS:
                raise bad_request(failure.message) from None
            raise
        return JSONResponse({})

    async def delete(self, request: Request) -> Response:
        """Deletes an active experiment with its runs; a deleted one is not found."""
        await self._set_active(request, active=False)
        return JSONResponse({})

    async def restore(self, request: Request) -> Response:
        """Restores a deleted experiment with all its runs; an active one is not found."""
        await self._set_active(request, active=True)
        return JSONResponse({})

    async def set_tag(self, request: Request) -> Response:
        """Sets a tag over the one of the same key."""
        message = await read_message(request, SET_TAG)
        key, value = _checked_tag(message)
        await self._experiments.set_tags(_id(message), {key: value})
        return JSONResponse({})

    async def delete_tag(self, request: Request) -> Response:
        """Deletes a tag."""
        message = await read_message(request, DELETE_TAG)
        id_, key = _id(message), message.text("key")
        experiment = await self._experiments.get(id_)
        if experiment.active and key not in experiment.tags:
            raise not_found(f"No tag with name: {key} in experiment with id {id_}")
        await self._experiments.delete_tags(id_, [key])
        return JSONResponse({})

    async def _set_active(self, request: Request, *, active: bool) -> None:
        id_ = _id(await read_message(request, BY_ID))
        experiment = await self._experiments.get(id_)
        if experiment.active == active:
            state = "deleted" if active else "active"
            raise not_found(f"No Experiment with id={id_} exists that is {state}")
        change = self._experiments.restore if active else self._experiments.delete
        await change(id_)

    def _json(self, experiment: Experiment) -> dict[str, Any]:
        location = self._experiments.roots.shown_over_rest(experiment.artifact_location)
        shown: dict[str, Any] = {
            "experiment_id": str(experiment.experiment_id),
            "name": experiment.name,
            "artifact_location": location,
            "lifecycle_stage": "active" if experiment.active else "deleted",
            "last_update_time": experiment.update_time_us // 1000,
            "creation_time": experiment.create_time_us // 1000,
        }
        if experiment.tags:
            shown["tags"] = [{"key": k, "value": v} for k, v in experiment.tags.items()]
        shown["workspace"] = "default"
        return shown


def _id(message: Message) -> int:
    given = message.text("experiment_id")
    number = parse_experiment_id(given)
    if number < 0:
        raise not_found(f"No Experiment with id={given[:100]} exists")
    return number


def _checked_tag(tag: Message) -> tuple[str, str]:
    key = check_key("key", tag.text("key"), "key")
    return key, check_length("value", tag.text("value"), MAX_EXPERIMENT_TAG_CHARS)
