"""Logged models over MLflow's API."""

from collections.abc import Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from runstream_server.core.artifact_roots import ArtifactRoots
from runstream_server.core.errors import Failure, Reason
from runstream_server.core.filters import Dialect
from runstream_server.core.logged_models import (
    LoggedModels,
    ModelOrder,
    ModelSearch,
    ModelStatus,
    NewModel,
)
from runstream_server.core.logged_models.rules import BAD_NAME_CHARS
from runstream_server.core.search.pages import PageRequest
from runstream_server.gateway.mlflow.errors import (
    MlflowError,
    bad_request,
    invalid_value,
    not_found,
)
from runstream_server.gateway.mlflow.limits import (
    MAX_RESULTS,
    check_max_results,
    parse_experiment_id,
)
from runstream_server.gateway.mlflow.model_json import model_json
from runstream_server.gateway.mlflow.page_body import page_answer
from runstream_server.gateway.mlflow.routing import Endpoint, tracking
from runstream_server.gateway.mlflow.run_json import encode
from runstream_server.gateway.mlflow.shapes import (
    Message,
    Shape,
    boolean,
    enum,
    int32,
    messages,
    read_message,
    text,
    texts,
)

__all__ = ["LoggedModelRoutes"]

DEFAULT_RESULTS: Final = 50
DEFAULT_RESULTS_OF_ZERO: Final = 100
STATUSES: Final = {
    "LOGGED_MODEL_PENDING": int(ModelStatus.PENDING),
    "LOGGED_MODEL_READY": int(ModelStatus.READY),
    "LOGGED_MODEL_UPLOAD_FAILED": int(ModelStatus.FAILED),
}

LABEL: Final = Shape(text("key", required=True), text("value"))
CREATE: Final = Shape(
    text("experiment_id", required=True),
    text("name"),
    text("model_type"),
    text("source_run_id"),
    messages("params", LABEL),
    messages("tags", LABEL),
)
FINALIZE: Final = Shape(text("model_id", required=True), enum("status", STATUSES, required=True))
SET_TAGS: Final = Shape(messages("tags", LABEL))
LOG_PARAMS: Final = Shape(text("model_id", required=True), messages("params", LABEL))
GET: Final = Shape(boolean("allow_deleted"))
SELECTOR: Final = Shape(text("dataset_name"), text("dataset_digest"))
ORDER: Final = Shape(
    text("field_name"), boolean("ascending"), text("dataset_name"), text("dataset_digest")
)
SEARCH: Final = Shape(
    texts("experiment_ids", required=True),
    text("filter"),
    messages("datasets", SELECTOR),
    int32("max_results"),
    messages("order_by", ORDER),
    text("page_token"),
)


class LoggedModelRoutes:
    """Serves `logged-models`, but for their files."""

    def __init__(self, models: LoggedModels, roots: ArtifactRoots) -> None:
        self._models = models
        self._roots = roots

    def endpoints(self) -> list[Endpoint]:
        """Lists what this serves."""
        model = "/logged-models/{model_id}"
        return [
            tracking("POST", "/logged-models", self.create),
            tracking("POST", "/logged-models/search", self.search),
            tracking("GET", model, self.get),
            tracking("PATCH", model, self.finalize),
            tracking("DELETE", model, self.delete),
            tracking("PATCH", f"{model}/tags", self.set_tags),
            tracking("DELETE", f"{model}/tags/{{tag_key:path}}", self.delete_tag),
            tracking("POST", f"{model}/params", self.log_params),
        ]

    async def create(self, request: Request) -> Response:
        """Creates a model with the status PENDING."""
        given = await read_message(request, CREATE)
        model, _ = await self._models.create(
            NewModel(
                experiment_id=parse_experiment_id(given.text("experiment_id")),
                name=_checked_name(given.text("name")),
                model_type=given.text("model_type"),
                source_run_id=given.text("source_run_id"),
                params=_distinct(given.messages("params"), "param"),
                tags=_labels(given.messages("tags")),
            )
        )
        return JSONResponse({"model": model_json(model, self._roots)})

    async def get(self, request: Request) -> Response:
        """Returns a model with all points about it."""
        given = GET.read_query(request.query_params)
        model = await self._models.get(
            _model_id(request), allow_deleted=given.boolean("allow_deleted"), max_metrics=None
        )
        return _answer({"model": model_json(model, self._roots)})

    async def finalize(self, request: Request) -> Response:
        """Changes a model's status."""
        given = await read_message(request, FINALIZE)
        model_id = _agreed_id(request, given)
        await self._models.set_status(model_id, ModelStatus(given.integer("status")))
        model = await self._models.get(model_id, allow_deleted=True, max_metrics=None)
        return _answer({"model": model_json(model, self._roots)})

    async def delete(self, request: Request) -> Response:
        """Deletes a model, also a deleted one."""
        await self._models.delete(_model_id(request))
        return JSONResponse({})

    async def set_tags(self, request: Request) -> Response:
        """Sets tags over those of the same key; of several with one key the last counts."""
        tags = _labels((await read_message(request, SET_TAGS)).messages("tags"))
        await self._models.set_tags(_model_id(request), tags)
        return JSONResponse({})

    async def delete_tag(self, request: Request) -> Response:
        """Deletes a tag."""
        model_id, key = _model_id(request), str(request.path_params["tag_key"])
        try:
            await self._models.delete_tags(model_id, [key])
        except Failure as failure:
            if failure.reason is Reason.TAG_NOT_FOUND:
                message = f"No tag with key {key!r} found for model with ID {model_id!r}."
                raise not_found(message) from None
            raise
        return JSONResponse({})

    async def log_params(self, request: Request) -> Response:
        """Writes params; again with the same value is right, with another one is not."""
        given = await read_message(request, LOG_PARAMS)
        params = _distinct(given.messages("params"), "param")
        await self._models.log_params(_agreed_id(request, given), params)
        return JSONResponse({})

    async def search(self, request: Request) -> Response:
        """Returns a page of models with all points about them; `{}` when there are none."""
        given = await read_message(request, SEARCH)
        ids = [parse_experiment_id(id_) for id_ in given.texts("experiment_ids")]
        size = given.integer("max_results", DEFAULT_RESULTS) or DEFAULT_RESULTS_OF_ZERO
        search = ModelSearch(
            experiment_ids=tuple(ids),
            filter=given.text("filter"),
            datasets=tuple(_selector(each) for each in given.messages("datasets")),
            order_by=tuple(_order(each) for each in given.messages("order_by")),
            max_metrics=None,
            dialect=Dialect.MLFLOW,
        )
        if not ids:
            return JSONResponse({})
        page = await self._models.search(
            search,
            PageRequest(
                check_max_results(min(size, MAX_RESULTS)),
                given.text("page_token"),
                max_bytes=None,
                greatest=MAX_RESULTS,
            ),
        )
        return await page_answer(
            "models", page, lambda model: encode(model_json(model, self._roots))
        )


def _answer(document: dict[str, Any]) -> Response:
    return Response(encode(document), media_type="application/json")


def _model_id(request: Request) -> str:
    return str(request.path_params["model_id"])


def _agreed_id(request: Request, given: Message) -> str:
    """Returns the id that the path and the body name."""
    model_id = given.text("model_id")
    if model_id != _model_id(request):
        raise invalid_value("model_id", model_id, "name the model of the path")
    return model_id


def _checked_name(name: str) -> str:
    if any(char in name for char in BAD_NAME_CHARS):
        chars = " ".join(BAD_NAME_CHARS)
        raise MlflowError(f"Invalid model name ({name!r}) provided: it has one of {chars} in it.")
    return name


def _labels(labels: Sequence[Message]) -> dict[str, str]:
    return {label.text("key"): label.text("value") for label in labels}


def _distinct(labels: Sequence[Message], kind: str) -> dict[str, str]:
    found = _labels(labels)
    if len(found) < len(labels):
        raise bad_request(f"A {kind} is there twice; send each {kind} once.")
    return found


def _selector(given: Message) -> tuple[str, str]:
    if not given.text("dataset_name"):
        raise MlflowError("`dataset_name` in the `datasets` clause must be specified.")
    return given.text("dataset_name"), given.text("dataset_digest")


def _order(given: Message) -> ModelOrder:
    return ModelOrder(
        field_name=given.text("field_name"),
        descending=not given.boolean("ascending", default=True),
        dataset=(given.text("dataset_name"), given.text("dataset_digest")),
    )
