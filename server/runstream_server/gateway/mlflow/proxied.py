"""MLflow's proxied artifacts: files by their path below the store's root.

The server does not ask whose they are, nor whether a run is deleted: MLflow's does not, and its
clients rely on that when they remove the files of deleted runs.
"""

from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from runstream_server.core.artifacts.files import Files
from runstream_server.gateway.mlflow.artifact_paths import safe_path
from runstream_server.gateway.mlflow.errors import ErrorCode, MlflowError
from runstream_server.gateway.mlflow.file_answers import file_answer
from runstream_server.gateway.mlflow.routing import Endpoint, Handler
from runstream_server.objects.base import FolderEntry

__all__ = ["ProxiedArtifactRoutes", "listing"]

PREFIXES: Final = ("/api/2.0/mlflow-artifacts", "/ajax-api/2.0/mlflow-artifacts")
CLIENT_GONE: Final = 499
"""Nobody reads it but the access log."""


class ProxiedArtifactRoutes:
    """Serves the store by path."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def endpoints(self) -> list[Endpoint]:
        """Lists what is served."""
        file = "/artifacts/{path:path}"
        return [
            _endpoint("GET", "/artifacts", self.list_folder),
            _endpoint("GET", file, self.download),
            _endpoint("PUT", file, self.upload),
            _endpoint("DELETE", file, self.delete),
            *(
                _endpoint("POST", f"/mpu/{step}{rest}", self.refuse_multipart)
                for step in ("create", "complete", "abort")
                for rest in ("", "/{path:path}")
            ),
            _endpoint("GET", "/presigned/{path:path}", self.refuse_presigned),
        ]

    async def list_folder(self, request: Request) -> Response:
        """Lists a folder by the names in it."""
        path = safe_path(request.query_params.get("path", ""))
        entries = await self._files.entries(self._files.at(path))
        return JSONResponse(listing(entries))

    async def download(self, request: Request) -> Response:
        """Answers with a file."""
        given: str = request.path_params["path"]
        path = safe_path(given)
        if not path:
            raise MlflowError(f"Artifact path refers to a directory, not a file: '{path}'")
        return await file_answer(request, self._files, self._files.at(path), path)

    async def upload(self, request: Request) -> Response:
        """Stores a file."""
        given: str = request.path_params["path"]
        path = safe_path(given)
        if not path or given.endswith("/"):
            raise MlflowError("Artifact path must include a filename, and not end with '/'.")
        length = request.headers.get("content-length", "")
        try:
            await self._files.put(
                self._files.at(path), request.stream(), int(length) if length.isdigit() else None
            )
        except ClientDisconnect:
            return Response(status_code=CLIENT_GONE)
        return JSONResponse({})

    async def delete(self, request: Request) -> Response:
        """Deletes a file or a folder; what is not there is no error."""
        path = safe_path(request.path_params["path"])
        if not path:
            raise MlflowError("Invalid path")
        await self._files.delete(self._files.at(path))
        return JSONResponse({})

    async def refuse_multipart(self, request: Request) -> Response:
        """Says that files come whole: a stream needs no parts. Clients then send them so."""
        safe_path(request.path_params.get("path", ""))
        raise _not_implemented("Multipart upload")

    async def refuse_presigned(self, request: Request) -> Response:
        """Says that there are no addresses but the usual ones."""
        safe_path(request.path_params["path"])
        raise _not_implemented("Multipart download")


def listing(entries: list[FolderEntry], folder: str = "") -> dict[str, object]:
    """Returns a folder as MLflow's API shows it, with paths below `folder`.

    A size of 0 is left out, as everything that has its default is.
    """
    files: list[dict[str, object]] = []
    for entry in entries:
        file: dict[str, object] = {
            "path": f"{folder}/{entry.name}" if folder else entry.name,
            "is_dir": entry.is_folder,
        }
        if entry.size_bytes:
            file["file_size"] = entry.size_bytes
        files.append(file)
    return {"files": files} if files else {}


def _endpoint(method: str, path: str, handle: Handler) -> Endpoint:
    return Endpoint(method, tuple(prefix + path for prefix in PREFIXES), handle)


def _not_implemented(what: str) -> MlflowError:
    # Clients go on without it only when the message begins so.
    message = f"{what} is not supported for the current artifact repository"
    return MlflowError(message, ErrorCode.NOT_IMPLEMENTED)
