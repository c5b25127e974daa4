"""ArtifactService over gRPC."""

import contextlib
from collections.abc import AsyncIterator
from typing import Final

from runstream.v1 import artifact_service_pb2 as pb
from runstream.v1.artifact_service_pb2_grpc import ArtifactServiceServicer
from runstream_server.core.artifacts.artifacts import Artifacts
from runstream_server.core.artifacts.owners import owner_metadata
from runstream_server.core.stopping import Stopping
from runstream_server.core.validation import check_number
from runstream_server.rpc.record import annotate
from runstream_server.services.artifact_convert import (
    artifact_message,
    chunk_message,
    given_part,
    given_spec,
    owner_id,
    upload_message,
)
from runstream_server.services.context import RpcContext

__all__ = ["ArtifactServicer"]

DEFAULT_PAGE: Final = 1_000
MAX_PAGE: Final = 10_000
MAX_INT32: Final = 2**31 - 1

Requests = AsyncIterator[pb.UploadArtifactRequest]


class ArtifactServicer(ArtifactServiceServicer):
    """Converts, calls the core, converts back."""

    def __init__(self, artifacts: Artifacts, stopping: Stopping) -> None:
        self._artifacts = artifacts
        self._stopping = stopping

    async def UploadArtifact(
        self, request_iterator: Requests, context: RpcContext
    ) -> pb.UploadArtifactResponse:
        with self._stopping.interrupts():
            first = await anext(request_iterator, None)
        spec = given_spec(first)
        annotate(**owner_metadata(spec.owner_id), upload_id=spec.upload_id[:64])
        parts = (given_part(request) async for request in request_iterator)
        async with contextlib.aclosing(parts):
            state = await self._artifacts.uploads.receive(spec, parts)
        annotate(upload_id=state.upload_id)
        response = pb.UploadArtifactResponse(upload=upload_message(state))
        if state.artifact is not None:
            response.artifact.CopyFrom(artifact_message(state.artifact))
        return response

    async def GetUpload(
        self, request: pb.GetUploadRequest, context: RpcContext
    ) -> pb.GetUploadResponse:
        state = await self._artifacts.uploads.state(request.upload_id)
        return pb.GetUploadResponse(upload=upload_message(state))

    async def DownloadArtifact(
        self, request: pb.DownloadArtifactRequest, context: RpcContext
    ) -> AsyncIterator[pb.DownloadArtifactResponse]:
        self._stopping.check()
        download = await self._artifacts.browser.open(
            owner_id(request), request.path, request.offset, request.limit
        )
        async with download:
            yield pb.DownloadArtifactResponse(artifact=artifact_message(download.artifact))
            async for chunk in download:
                yield chunk_message(chunk)

    async def ListArtifacts(
        self, request: pb.ListArtifactsRequest, context: RpcContext
    ) -> pb.ListArtifactsResponse:
        check_number("page_size", request.page_size, 0, MAX_INT32)
        page = await self._artifacts.browser.page(
            owner_id(request),
            request.path,
            min(request.page_size or DEFAULT_PAGE, MAX_PAGE),
            request.page_token,
        )
        return pb.ListArtifactsResponse(
            artifacts=[artifact_message(artifact) for artifact in page.artifacts],
            next_page_token=page.next_page_token,
            artifact_uri=page.artifact_uri,
        )

    async def DeleteArtifact(
        self, request: pb.DeleteArtifactRequest, context: RpcContext
    ) -> pb.DeleteArtifactResponse:
        deleted = await self._artifacts.delete(owner_id(request), request.path)
        return pb.DeleteArtifactResponse(deleted=deleted)
