"""How fast files go through the server to S3 and back: `python -m benchmarks.s3 [--size MIB]`.

A round measures, one after the other and against the same S3 server on this machine: an upload
through runstream, from the call to the answer that the file is complete, and a download of it, each
chunk checked; the same bytes by aiobotocore alone, in parts of the same size of which as many are
under way, and read again as one stream. What is shown is the round of the median ratio.
"""

import argparse
import asyncio
import base64
import io
import os
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import grpc.aio
from tests.support.s3 import S3Server, running_s3

from benchmarks.artifacts import OPTIONS, Content, timed_download, timed_upload
from benchmarks.report import Figure, machine, show
from benchmarks.serving import BenchServer, serving
from benchmarks.streaming import new_run
from runstream.v1 import artifact_service_pb2 as pb
from runstream.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from runstream_server.objects.checksums import crc32c
from runstream_server.objects.s3.client import open_client
from runstream_server.objects.s3.limits import S3Limits

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

__all__ = ["s3"]

CHUNK_BYTES = 1 << 20
LIMITS = S3Limits()


def s3(size_mib: int = 1024, rounds: int = 3) -> list[Figure]:
    """Measures large files one at a time."""
    content = Content.random(size_mib)
    with running_s3() as store, _environment(store):
        destination = store.destination()
        with serving(artifacts_destination=destination.uri) as server:
            asyncio.run(_round(server, store, Content.random(LIMITS.part_bytes >> 19)))
            before_mib = server.peak_mib()
            measured = [asyncio.run(_round(server, store, content)) for _ in range(rounds)]
            grown_mib = server.peak_mib() - before_mib
    return [
        _figure(f"S3: upload of {size_mib} MiB", [(up, raw) for up, _, raw, _ in measured]),
        _figure(f"S3: download of {size_mib} MiB", [(down, raw) for _, down, _, raw in measured]),
        Figure("S3: growth of the server's peak memory", grown_mib, "MiB"),
    ]


def _figure(name: str, rounds: list[tuple[float, float]]) -> Figure:
    ratios = [value / raw for value, raw in rounds]
    typical = sorted(range(len(rounds)), key=ratios.__getitem__)[len(rounds) // 2]
    value, raw = rounds[typical]
    shown = ", ".join(
        f"{value:.0f} ({ratio:.2f})" for (value, _), ratio in zip(rounds, ratios, strict=True)
    )
    return Figure(name, value, "MB/s", raw, "aiobotocore alone", f"all rounds: {shown}")


async def _round(
    server: BenchServer, store: S3Server, content: Content
) -> tuple[float, float, float, float]:
    """Returns MB/s of upload and download through the server, and of both without it."""
    size = content.size_bytes
    async with grpc.aio.insecure_channel(server.address, options=OPTIONS) as channel:
        run_id = await new_run(channel)
        upload = await timed_upload(channel, run_id, "large", content)
        download = await timed_download(channel, run_id, "large", size)
        request = pb.DeleteArtifactRequest(run_id=run_id, path="large")
        await ArtifactServiceStub(channel).DeleteArtifact(request)
    async with open_client() as client:
        key = f"alone/{uuid.uuid4().hex}"
        raw_up = await _timed_alone_up(client, store.bucket, key, content)
        raw_down = await _timed_alone_down(client, store.bucket, key, size)
        await client.delete_object(Bucket=store.bucket, Key=key)
    megabytes = size / 1e6
    return megabytes / upload, megabytes / download, megabytes / raw_up, megabytes / raw_down


async def _timed_alone_up(client: "S3Client", bucket: str, key: str, content: Content) -> float:
    limit = asyncio.Semaphore(LIMITS.parts_in_flight)
    per_part = LIMITS.part_bytes // CHUNK_BYTES
    parts = [
        content.chunks[begin : begin + per_part]
        for begin in range(0, len(content.chunks), per_part)
    ]
    began = time.perf_counter()
    created = await client.create_multipart_upload(
        Bucket=bucket, Key=key, ChecksumAlgorithm="CRC32C", ChecksumType="FULL_OBJECT"
    )

    async def send(number: int, chunks: list[bytes]) -> dict[str, Any]:
        async with limit:
            data = b"".join(chunks)
            answer = await client.upload_part(
                Bucket=bucket,
                Key=key,
                UploadId=created["UploadId"],
                PartNumber=number,
                Body=io.BytesIO(data),
                ChecksumCRC32C=base64.b64encode(crc32c(data).to_bytes(4, "big")).decode(),
            )
            return {"PartNumber": number, "ETag": answer["ETag"]}

    tags: Any = await asyncio.gather(*(send(n, part) for n, part in enumerate(parts, start=1)))
    await client.complete_multipart_upload(
        Bucket=bucket, Key=key, UploadId=created["UploadId"], MultipartUpload={"Parts": tags}
    )
    return time.perf_counter() - began


async def _timed_alone_down(client: "S3Client", bucket: str, key: str, size_bytes: int) -> float:
    began = time.perf_counter()
    answer = await client.get_object(Bucket=bucket, Key=key)
    received = 0
    async with answer["Body"] as body:
        while piece := await body.read(CHUNK_BYTES):
            received += len(piece)
    if received != size_bytes:
        raise RuntimeError(f"{received} of {size_bytes} bytes arrived")
    return time.perf_counter() - began


@contextmanager
def _environment(store: S3Server) -> Iterator[None]:
    """Lets this process and those it starts find the S3 server."""
    before = {name: os.environ.get(name) for name in store.variables()}
    os.environ.update(store.variables())
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def main() -> None:
    """Measures files of the size that the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1024, help="MiB of a large file")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    sys.stdout.write(f"{machine()}\n\n")
    show(s3(arguments.size, arguments.rounds))


if __name__ == "__main__":
    main()
