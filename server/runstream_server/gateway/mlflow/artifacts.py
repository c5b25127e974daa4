"""The artifacts of one run or logged model over MLflow's API."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from runstream_server.core.artifact_roots import ArtifactRoots
from runstream_server.core.artifacts.artifacts import Artifacts
from runstream_server.core.artifacts.owners import is_model_id, is_owner_id
from runstream_server.core.artifacts.places import Place
from runstream_server.core.model_points import model_not_found
from runstream_server.gateway.mlflow.artifact_paths import safe_path
from runstream_server.gateway.mlflow.errors import (
    ErrorCode,
    MlflowError,
    bad_request,
    missing_value,
    not_found,
)
from runstream_server.gateway.mlflow.file_answers import file_answer
from runstream_server.gateway.mlflow.proxied import CLIENT_GONE, listing
from runstream_server.gateway.mlflow.routing import UI_API, Endpoint, tracking
from runstream_server.gateway.mlflow.shapes import Shape, int64, read_message, text

__all__ = ["ArtifactRoutes"]

MAX_UPLOAD_BYTES: Final = 10 * 1024 * 1024
MAX_SHOWN: Final = 100
MAX_EXPIRATION_S: Final = 7 * 24 * 3600

LIST: Final = Shape(
    text("run_id", required=True, other_names=("run_uuid",)), text("path"), text("page_token")
)
PRESIGNED_UPLOAD: Final = Shape(
    text("run_id"), text("model_id"), text("path", required=True), int64("expiration")
)
PRESIGNED_DOWNLOAD: Final = Shape(
    text("run_id", required=True), text("path", required=True), int64("expiration")
)


class ArtifactRoutes:
    """Serves `artifacts/…`, `get-artifact`, `upload-artifact` and `logged-models/…/artifacts/…`."""

    def __init__(self, artifacts: Artifacts, roots: ArtifactRoots) -> None:
        self._files = artifacts.files
        self._roots = roots

    def endpoints(self) -> list[Endpoint]:
        """Lists what this serves."""
        model_files = f"{UI_API}/logged-models/{{model_id}}/artifacts/files"
        return [
            tracking("GET", "/artifacts/list", self.list_of_run),
            tracking("POST", "/artifacts/presigned-upload-url", self.refuse_presigned_upload),
            tracking("POST", "/artifacts/presigned-download-url", self.refuse_presigned_download),
            tracking("GET", "/logged-models/{model_id}/artifacts/directories", self.list_of_model),
            Endpoint("GET", ("/get-artifact",), self.download_of_run),
            Endpoint("GET", (model_files,), self.download_of_model),
            Endpoint("POST", (f"{UI_API}/upload-artifact",), self.upload),
        ]

    async def list_of_run(self, request: Request) -> Response:
        """Lists a folder of a run; all of it, so there are no further pages."""
        message = await read_message(request, LIST)
        path = safe_path(message.text("path"))
        return await self._list(await self._run(message.text("run_id")), path)

    async def list_of_model(self, request: Request) -> Response:
        """Lists a folder of a logged model."""
        path = safe_path(request.query_params.get("artifact_directory_path", ""))
        return await self._list(await self._model(request.path_params["model_id"]), path)

    async def _list(self, place: Place, path: str) -> Response:
        shown = listing(await self._files.entries(place.at(path)), path)
        root_uri = self._roots.shown_over_rest(place.artifact_uri)
        return JSONResponse({"root_uri": root_uri, **shown})

    async def download_of_run(self, request: Request) -> Response:
        """Answers with a file of a run."""
        query = request.query_params
        run_id = query.get("run_id") or query.get("run_uuid")
        if not run_id:
            raise missing_value("run_id")
        return await self._download(request, self._run, run_id, "path")

    async def download_of_model(self, request: Request) -> Response:
        """Answers with a file of a logged model."""
        if not request.query_params.get("artifact_file_path"):
            raise bad_request('Request must include the "artifact_file_path" query parameter.')
        model_id: str = request.path_params["model_id"]
        return await self._download(request, self._model, model_id, "artifact_file_path")

    async def _download(
        self,
        request: Request,
        find: Callable[[str], Awaitable[Place]],
        owner_id: str,
        parameter: str,
    ) -> Response:
        given = request.query_params.get(parameter)
        if not given:
            raise missing_value(parameter)
        path = safe_path(given)
        place = await find(owner_id)
        if not path:
            raise MlflowError(f"Artifact path refers to a directory, not a file: '{given}'")
        return await file_answer(request, self._files, place.at(path), path)

    async def upload(self, request: Request) -> Response:
        """Stores a small file of a run, as web pages do."""
        run_id = _given(request, "run_uuid")
        path = safe_path(_given(request, "path"))
        announced = request.headers.get("content-length", "0")
        if announced.isdigit() and int(announced) > MAX_UPLOAD_BYTES:
            raise _too_large()
        try:
            data = await request.body()
        except ClientDisconnect:
            return Response(status_code=CLIENT_GONE)
        if not data:
            raise MlflowError("Request must specify data.")
        if len(data) > MAX_UPLOAD_BYTES:
            raise _too_large()
        location = (await self._run(run_id)).at_given(path)
        await self._files.put(location, _one_piece(data), len(data))
        return JSONResponse({})

    async def refuse_presigned_upload(self, request: Request) -> Response:
        """Says that there are no addresses for uploads but the usual ones."""
        message = await read_message(request, PRESIGNED_UPLOAD)
        run_id, model_id = message.text("run_id"), message.text("model_id")
        if bool(run_id) == bool(model_id):
            raise MlflowError("Exactly one of run_id and model_id must be provided.")
        safe_path(message.text("path"))
        place = await (self._run(run_id) if run_id else self._model(model_id))
        raise self._no_presigned("upload", place)

    async def refuse_presigned_download(self, request: Request) -> Response:
        """Says that there are no addresses for downloads but the usual ones."""
        message = await read_message(request, PRESIGNED_DOWNLOAD)
        safe_path(message.text("path"))
        expiration = message.integer("expiration", 1)
        if not 1 <= expiration <= MAX_EXPIRATION_S:
            raise MlflowError(
                f"expiration must be between 1 and {MAX_EXPIRATION_S} seconds (got {expiration})."
            )
        raise self._no_presigned("download", await self._run(message.text("run_id")))

    def _no_presigned(self, what: str, place: Place) -> MlflowError:
        scheme = urlsplit(self._roots.shown_over_rest(place.artifact_uri)).scheme
        if scheme == "mlflow-artifacts":
            return MlflowError(
                f"Presigned {what} is not supported for proxied artifact storage (artifact URI"
                f" scheme: {scheme}); send and fetch files through this server."
            )
        message = f"Presigned {what} is not supported for the current artifact repository"
        return MlflowError(message, ErrorCode.NOT_IMPLEMENTED)

    # To MLflow an id of another form is just one that nothing has.

    async def _run(self, run_id: str) -> Place:
        if is_owner_id(run_id) and not is_model_id(run_id):
            return await self._files.place_of(run_id)
        raise not_found(f"Run with id={run_id[:MAX_SHOWN]} not found")

    async def _model(self, model_id: str) -> Place:
        if is_owner_id(model_id) and is_model_id(model_id):
            return await self._files.place_of(model_id)
        raise model_not_found(model_id)


async def _one_piece(data: bytes) -> AsyncIterator[bytes]:
    yield data


def _given(request: Request, name: str) -> str:
    value = request.query_params.get(name)
    if not value:
        raise MlflowError(f"Request must specify {name}.")
    return value


def _too_large() -> MlflowError:
    return MlflowError("Artifact size is too large. Max size is 10MB.")
