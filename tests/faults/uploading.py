"""A client that sends a file to a server which dies under it, until the file has arrived."""

from __future__ import annotations

import hashlib
import random
import uuid
from collections.abc import Callable, Iterator

import grpc

from runstream.v1 import artifact_pb2, artifact_service_pb2 as pb, run_service_pb2
from runstream.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from runstream.v1.run_service_pb2_grpc import RunServiceStub
from runstream_server.objects.checksums import crc32c
from tests.support.calls import error_info
from tests.support.server import ServerProcess

__all__ = ["FileUpload", "new_run"]

CHUNK_BYTES = 1 << 18
TIMEOUT_S = 60.0


def new_run(server: ServerProcess) -> str:
    """Creates a run and returns its id."""
    run_id = uuid.uuid4().hex
    request = run_service_pb2.CreateRunRequest(run_id=run_id, experiment_id="0")
    with server.channel() as channel:
        RunServiceStub(channel).CreateRun(request, timeout=TIMEOUT_S)
    return run_id


class FileUpload:
    """One upload, over as many calls as it takes."""

    def __init__(self, server: ServerProcess, run_id: str, path: str, data: bytes) -> None:
        self.upload_id = uuid.uuid4().hex
        self._server = server
        self._run_id = run_id
        self._path = path
        self._data = data
        self._spec = pb.UploadArtifactRequest(
            spec=pb.UploadSpec(upload_id=self.upload_id, run_id=run_id, path=path)
        )

    def offset(self) -> int:
        """Asks the server for the durable offset; 0 when it knows nothing of the upload."""
        request = pb.GetUploadRequest(upload_id=self.upload_id)
        with self._server.channel() as channel:
            try:
                answer = ArtifactServiceStub(channel).GetUpload(request, timeout=TIMEOUT_S)
            except grpc.RpcError as error:
                if error_info(error).reason != "UPLOAD_NOT_FOUND":
                    raise
                return 0
        return answer.upload.durable_offset

    def send(
        self, *, between: Callable[[int], None] = lambda _: None, with_finish: bool = True
    ) -> pb.UploadArtifactResponse:
        """Makes one call, from the durable offset on.

        Args:
            between: Called before each chunk with its offset.
            with_finish: Whether to complete the upload.

        Raises:
            grpc.RpcError: The server died.
        """
        offset = self.offset()

        def requests() -> Iterator[pb.UploadArtifactRequest]:
            yield self._spec
            for begin in range(offset, len(self._data), CHUNK_BYTES):
                between(begin)
                data = self._data[begin : begin + CHUNK_BYTES]
                yield pb.UploadArtifactRequest(
                    chunk=pb.UploadChunk(offset=begin, data=data, crc32c=crc32c(data))
                )
            if with_finish:
                sha256 = hashlib.sha256(self._data).digest()
                whole = pb.UploadFinish(size_bytes=len(self._data), sha256=sha256)
                yield pb.UploadArtifactRequest(finish=whole)

        with self._server.channel() as channel:
            return ArtifactServiceStub(channel).UploadArtifact(requests(), timeout=TIMEOUT_S)

    def send_until_death(self, maker: random.Random) -> int:
        """Makes a call under which the server is killed; returns the offset promised before."""
        begin = self.offset()
        place = maker.randint(begin, max(begin, len(self._data) - 1))
        promised = begin

        def kill_there(offset: int) -> None:
            nonlocal promised
            if offset <= place < offset + CHUNK_BYTES:
                promised = self.offset()
            if offset + CHUNK_BYTES > place and maker.random() < 0.5:
                self._server.kill9()

        try:
            self.send(between=kill_there, with_finish=False)
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                raise
        if self._server.exit_code is None:
            self._server.kill9()
        return promised

    def visible(self) -> artifact_pb2.Artifact | None:
        """Returns what the run has at the path."""
        request = pb.ListArtifactsRequest(run_id=self._run_id, path=self._path)
        with self._server.channel() as channel:
            page = ArtifactServiceStub(channel).ListArtifacts(request, timeout=TIMEOUT_S)
        return page.artifacts[0] if page.artifacts else None

    def content(self) -> bytes:
        """Downloads what the run has at the path."""
        request = pb.DownloadArtifactRequest(run_id=self._run_id, path=self._path)
        with self._server.channel() as channel:
            responses = ArtifactServiceStub(channel).DownloadArtifact(request, timeout=TIMEOUT_S)
            return b"".join(response.chunk.data for response in responses)
