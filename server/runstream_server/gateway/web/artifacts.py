"""Artifacts for browsers: files to look at or keep, folders to keep.

What users store may be a page or a script. It comes in a sandbox without any right, so that it can
be looked at in a frame of the web UI and still do nothing there, nor when its address is opened.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from runstream_server.core.artifacts.artifacts import Artifacts
from runstream_server.core.errors import Failure, Reason, Status
from runstream_server.core.outages import failure_in
from runstream_server.gateway.answers import error_answer
from runstream_server.gateway.file_answers import attachment, content_disposition, file_answer
from runstream_server.gateway.web import headers
from runstream_server.gateway.web.archive import Archive
from runstream_server.gateway.web.media_types import shown_type

__all__ = ["ArtifactPages"]

BINARY: Final = "application/octet-stream"
HTTP_STATUS: Final = {
    Status.INVALID_ARGUMENT: 400,
    Status.NOT_FOUND: 404,
    Status.FAILED_PRECONDITION: 409,
    Status.RESOURCE_EXHAUSTED: 429,
    Status.UNAVAILABLE: 503,
}
SERVER_ERROR: Final = 500

_log = logging.getLogger(__name__)


class ArtifactPages:
    """Serves `/artifacts/<id of a run or logged model>/<path>`."""

    def __init__(self, artifacts: Artifacts) -> None:
        self._files = artifacts.files

    def routes(self) -> list[BaseRoute]:
        """Lists what is served."""
        handle = _answering(self._get)
        return [
            Route("/artifacts/{owner_id}", handle),
            Route("/artifacts/{owner_id}/{path:path}", handle),
        ]

    async def _get(self, request: Request) -> Response:
        """Answers with a file, or with `?zip` a folder as an archive."""
        owner_id: str = request.path_params["owner_id"]
        path: str = request.path_params.get("path", "")
        if "zip" in request.query_params:
            return await self._archive(request, owner_id, path.removesuffix("/"))
        place = await self._files.place_of(owner_id)
        headers_of = _kept if "download" in request.query_params else _shown
        answer = await file_answer(request, self._files, place.at_given(path), headers_of)
        if answer is None:
            raise Failure(
                Reason.STORAGE_UNAVAILABLE, f"{path!r} changes all the time; try again", path=path
            )
        return answer

    async def _archive(self, request: Request, owner_id: str, folder: str) -> Response:
        place = await self._files.place_of(owner_id)
        top = await self._files.entries(place.at(folder))
        if not top:
            what = f"folder {folder!r}" if folder else "artifact"
            raise Failure(
                Reason.ARTIFACT_NOT_FOUND,
                f"{owner_id} has no {what}; only folders come as archives",
                path=folder,
            )
        name = folder.rpartition("/")[2] or owner_id
        answer_headers = {
            **headers.OF_FILES,
            "Cache-Control": "no-store",
            "Content-Disposition": attachment(f"{name}.zip"),
            "Content-Type": "application/zip",
        }
        if request.method == "HEAD":
            return Response(headers=answer_headers)
        archive = Archive(self._files, place, folder, top)
        return _ArchiveStream(aiter(archive), headers=answer_headers)


class _ArchiveStream(StreamingResponse):
    """Sends an archive, or not its end when it cannot be finished, so that it does not look whole.

    The HTTP server then closes the connection.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except Exception as error:
            failure = failure_in(error)
            if failure is None:
                raise
            fields = {"path": scope["path"], "error": failure.message}
            _log.warning("archive_cut_off", extra=fields)


def _shown(name: str) -> dict[str, str]:
    media_type = shown_type(name)
    if media_type is None:
        return _kept(name)
    return {
        **headers.OF_FILES,
        "Content-Type": media_type,
        "Content-Disposition": content_disposition("inline", name),
    }


def _kept(name: str) -> dict[str, str]:
    return {
        **headers.OF_FILES,
        "Content-Type": shown_type(name) or BINARY,
        "Content-Disposition": attachment(name),
    }


def _answering(
    handle: Callable[[Request], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    """Lets a handler answer also when it fails."""

    async def answer(request: Request) -> Response:
        try:
            return await handle(request)
        except Exception as error:
            failure = failure_in(error)
            if failure is None:
                raise
            if failure is not error:
                _log.error("storage_failed", exc_info=error, extra={"path": request.url.path})
            status = HTTP_STATUS.get(failure.reason.status, SERVER_ERROR)
            response = error_answer(status, failure.reason.name, failure.message)
            response.headers.update(headers.OF_FILES)
            return response

    return answer
