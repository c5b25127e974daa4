"""Artifacts between the contract's messages and the core's values."""

from typing import Protocol

from runstream.v1 import artifact_pb2, artifact_service_pb2 as pb
from runstream_server.core.artifacts.owners import check_model_id, owner_metadata
from runstream_server.core.artifacts.values import (
    Artifact,
    DownloadChunk,
    UploadChunk,
    UploadFinish,
    UploadSpec,
    UploadState,
)
from runstream_server.core.errors import Failure, Reason
from runstream_server.core.limits import MAX_UPLOAD_CHUNK_BYTES
from runstream_server.core.validation import (
    MAX_INT64,
    check_hex_id,
    check_number,
    invalid_value,
    missing_value,
)
from runstream_server.services.convert import timestamp

__all__ = [
    "artifact_message",
    "chunk_message",
    "given_part",
    "given_spec",
    "owner_id",
    "upload_message",
]

SHA256_BYTES = 32


class Owned(Protocol):
    """A request that names the owner of artifacts."""

    @property
    def run_id(self) -> str: ...
    @property
    def model_id(self) -> str: ...


def owner_id(request: Owned, prefix: str = "") -> str:
    """Returns the id of the run or the logged model that a request names.

    Raises:
        Failure: It names both or none, or the id has not the form of its kind.
    """
    run_id, model_id = request.run_id, request.model_id
    if run_id and model_id:
        remedy = f"name one owner; {prefix}run_id is {run_id[:64]!r} already"
        raise invalid_value(f"{prefix}model_id", model_id, remedy)
    if model_id:
        return check_model_id(f"{prefix}model_id", model_id)
    return check_hex_id(f"{prefix}run_id", run_id)


def given_spec(request: pb.UploadArtifactRequest | None) -> UploadSpec:
    """Returns what the first request of an upload says.

    Raises:
        Failure: STREAM_PROTOCOL.
    """
    if request is None or request.WhichOneof("message") != "spec":
        raise Failure(
            Reason.STREAM_PROTOCOL, "an upload begins with a request that holds its `spec`"
        )
    spec = request.spec
    return UploadSpec(
        owner_id=owner_id(spec, "spec."),
        path=spec.path,
        upload_id=spec.upload_id,
        size_bytes=spec.size_bytes if spec.HasField("size_bytes") else None,
    )


def given_part(request: pb.UploadArtifactRequest) -> UploadChunk | UploadFinish:
    """Returns what a later request of an upload brings.

    Raises:
        Failure: STREAM_PROTOCOL, or what is wrong with a field.
    """
    match request.WhichOneof("message"):
        case "chunk":
            return _chunk(request.chunk)
        case "finish":
            return _finish(request.finish)
        case _:
            raise Failure(
                Reason.STREAM_PROTOCOL,
                "after its `spec`, which comes once, an upload takes requests that hold a `chunk`,"
                " and at the end one that holds `finish`",
            )


def _chunk(chunk: pb.UploadChunk) -> UploadChunk:
    data = chunk.data
    if len(data) > MAX_UPLOAD_CHUNK_BYTES:
        raise Failure(
            Reason.VALUE_TOO_LONG,
            f"chunk.data has {len(data)} bytes; send at most {MAX_UPLOAD_CHUNK_BYTES} in one chunk",
            field="chunk.data",
            length=len(data),
            limit=MAX_UPLOAD_CHUNK_BYTES,
        )
    offset = check_number("chunk.offset", chunk.offset, 0, MAX_INT64)
    return UploadChunk(offset, data, chunk.crc32c if chunk.HasField("crc32c") else None)


def _finish(finish: pb.UploadFinish) -> UploadFinish:
    sha256 = finish.sha256
    if not sha256:
        raise missing_value("finish.sha256", "set it to the SHA-256 of the whole, 32 bytes")
    if len(sha256) != SHA256_BYTES:
        remedy = f"send the {SHA256_BYTES} bytes of a SHA-256, not their hexadecimal digits"
        raise invalid_value("finish.sha256", sha256, remedy)
    return UploadFinish(
        size_bytes=check_number("finish.size_bytes", finish.size_bytes, 0, MAX_INT64),
        sha256=sha256,
        crc32c=finish.crc32c if finish.HasField("crc32c") else None,
    )


def upload_message(state: UploadState) -> artifact_pb2.Upload:
    """Returns how far an upload has come."""
    return artifact_pb2.Upload(
        upload_id=state.upload_id,
        **owner_metadata(state.owner_id),
        path=state.path,
        durable_offset=state.durable_offset,
        complete=state.artifact is not None,
    )


def chunk_message(chunk: DownloadChunk) -> pb.DownloadArtifactResponse:
    """Returns bytes of a download."""
    # Filled in place: a message that is given to another one is copied, with all its bytes.
    response = pb.DownloadArtifactResponse()
    response.chunk.offset = chunk.offset
    response.chunk.data = chunk.data
    response.chunk.crc32c = chunk.crc32c
    return response


def artifact_message(artifact: Artifact) -> artifact_pb2.Artifact:
    """Returns the description of a file or folder."""
    time_us = artifact.modify_time_us
    return artifact_pb2.Artifact(
        path=artifact.path,
        directory=artifact.directory,
        size_bytes=artifact.size_bytes,
        update_time=None if time_us is None else timestamp(time_us),
        sha256=artifact.sha256,
        digest_state=artifact_pb2.DigestState.ValueType(artifact.digest_state),
    )
