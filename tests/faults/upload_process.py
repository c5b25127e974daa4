"""Uploads a file: `python upload_process.py ADDRESS RUN UPLOAD PATH FILE`.

Resumes until it is complete. Written against the contract alone, without the client library, as in
another language.
"""

from __future__ import annotations

import hashlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import google_crc32c
import grpc

from runstream.v1 import artifact_service_pb2 as pb
from runstream.v1.artifact_service_pb2_grpc import ArtifactServiceStub

CHUNK_BYTES = 1 << 20
PAUSE_S = 0.1
TRIES = 400


def durable_offset(stub: ArtifactServiceStub, upload_id: str) -> int:
    """Returns from where to go on."""
    try:
        return stub.GetUpload(pb.GetUploadRequest(upload_id=upload_id)).upload.durable_offset
    except grpc.RpcError as error:
        if error.code() is grpc.StatusCode.NOT_FOUND:
            return 0
        raise


def requests(
    spec: pb.UploadSpec, content: bytes, offset: int
) -> Iterator[pb.UploadArtifactRequest]:
    """Yields the requests of an upload that goes on from `offset`."""
    yield pb.UploadArtifactRequest(spec=spec)
    for begin in range(offset, len(content), CHUNK_BYTES):
        data = content[begin : begin + CHUNK_BYTES]
        chunk = pb.UploadChunk(offset=begin, data=data, crc32c=google_crc32c.value(data))
        yield pb.UploadArtifactRequest(chunk=chunk)
    digest = hashlib.sha256(content).digest()
    yield pb.UploadArtifactRequest(finish=pb.UploadFinish(size_bytes=len(content), sha256=digest))


def main(address: str, run_id: str, upload_id: str, path: str, file: str) -> int:
    """Uploads; writes the offset that each try goes on from to standard output."""
    content = Path(file).read_bytes()
    spec = pb.UploadSpec(upload_id=upload_id, run_id=run_id, path=path, size_bytes=len(content))
    for _ in range(TRIES):
        with grpc.insecure_channel(address) as channel:
            stub = ArtifactServiceStub(channel)
            try:
                offset = durable_offset(stub, upload_id)
                sys.stdout.write(f"{offset}\n")
                sys.stdout.flush()
                answer = stub.UploadArtifact(requests(spec, content, offset))
            except grpc.RpcError as error:
                if error.code() is not grpc.StatusCode.UNAVAILABLE:
                    raise
                time.sleep(PAUSE_S)
                continue
            return 0 if answer.upload.complete else 1
    return 2


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
