"""How fast files go to the server and back: `python -m benchmarks.artifacts [--size MIB]`.

A round measures, one after the other and on the same disk: an upload through the real server, from
the call to the answer that the file is durable; a download of it, each chunk checked; the same
chunks over a bare gRPC stream both ways; the same bytes written and fsynced, and read again once
they left memory, as those of large uploads do; SHA-256 of them. What is shown is the round of the
median ratio to the slowest of bare gRPC, writing and SHA-256. The sender knows its digests
beforehand, as they would not tell about the server.
"""

import argparse
import asyncio
import hashlib
import os
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import grpc.aio

from benchmarks.raw_stream import raw_streams
from benchmarks.report import Figure, machine, show
from benchmarks.serving import BenchServer, serving
from benchmarks.streaming import new_run
from runstream._ship.uploads import chunk_message
from runstream.v1 import artifact_service_pb2 as pb
from runstream.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from runstream_server.objects.checksums import crc32c

__all__ = ["OPTIONS", "Content", "artifacts", "timed_download", "timed_upload"]

CHUNK_BYTES = 1 << 20
DIFFERENT_CHUNKS = 16
SMALL_FILES = 200
UPLOAD = "/runstream.v1.ArtifactService/UploadArtifact"
OPTIONS = [("grpc.max_receive_message_length", 4 << 20)]


@dataclass(frozen=True, slots=True)
class Content:
    """A file to send: its chunks, their CRC32Cs, its SHA-256."""

    chunks: list[bytes]
    crcs: list[int]
    sha256: bytes

    @classmethod
    def random(cls, size_mib: int) -> "Content":
        """Makes one up, of a few chunks that repeat."""
        some = [os.urandom(CHUNK_BYTES) for _ in range(DIFFERENT_CHUNKS)]
        chunks = [some[i % DIFFERENT_CHUNKS] for i in range(size_mib)]
        return cls(chunks, [crc32c(c) for c in chunks], hash_all(chunks))

    @property
    def size_bytes(self) -> int:
        """How many bytes it has."""
        return sum(map(len, self.chunks))


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one round measured, in MB/s."""

    upload: float
    download: float
    raw_up: float
    raw_down: float
    written: float
    read: float
    hashed: float

    def reference(self, *, download: bool) -> tuple[float, str]:
        """Returns the slowest reference and its name; reading back neither hashes nor writes."""
        raw = self.raw_down if download else self.raw_up
        others = {self.written: "written and fsynced", self.hashed: "SHA-256", raw: "bare gRPC"}
        slowest = min(others)
        return slowest, others[slowest]


def artifacts(size_mib: int = 256, rounds: int = 3) -> list[Figure]:
    """Measures large files one at a time, and small ones."""
    content = Content.random(size_mib)
    with serving() as server:
        asyncio.run(_upload_small(server, 3))
        before_mib = server.peak_mib()
        measured = [asyncio.run(_round(server, content)) for _ in range(rounds)]
        grown_mib = server.peak_mib() - before_mib
        small_ms = asyncio.run(_upload_small(server, SMALL_FILES))
    return [
        _figure(f"upload of {size_mib} MiB", measured, download=False),
        _figure(f"download of {size_mib} MiB", measured, download=True),
        Figure("growth of the server's peak memory", grown_mib, "MiB"),
        Figure("upload of 1 kB, one after the other", small_ms, "ms"),
    ]


def _figure(name: str, rounds: list[Round], *, download: bool) -> Figure:
    values = [each.download if download else each.upload for each in rounds]
    ratios = [
        value / each.reference(download=download)[0]
        for value, each in zip(values, rounds, strict=True)
    ]
    # The round of the median ratio, so that figure and reference were measured side by side.
    typical = sorted(range(len(rounds)), key=ratios.__getitem__)[len(rounds) // 2]
    one = rounds[typical]
    reference, reference_name = one.reference(download=download)
    raw = one.raw_down if download else one.raw_up
    detail = (
        f"bare gRPC {raw:.0f}, written and fsynced {one.written:.0f}, "
        f"read from disk {one.read:.0f}, SHA-256 {one.hashed:.0f}"
    )
    others = ", ".join(
        f"{value:.0f} ({ratio:.2f})" for value, ratio in zip(values, ratios, strict=True)
    )
    return Figure(
        name, values[typical], "MB/s", reference, reference_name, f"{detail}; all rounds: {others}"
    )


async def _round(server: BenchServer, content: Content) -> Round:
    size = content.size_bytes
    async with grpc.aio.insecure_channel(server.address, options=OPTIONS) as channel:
        run_id = await new_run(channel)
        os.sync()
        upload = await timed_upload(channel, run_id, "large", content)
        download = await timed_download(channel, run_id, "large", size)
        request = pb.DeleteArtifactRequest(run_id=run_id, path="large")
        await ArtifactServiceStub(channel).DeleteArtifact(request)
    raw_up, raw_down = await raw_streams(content.chunks)
    os.sync()
    written, read = _timed_disk(content.chunks)
    return Round(
        upload=size / upload / 1e6,
        download=size / download / 1e6,
        raw_up=size / raw_up / 1e6,
        raw_down=size / raw_down / 1e6,
        written=size / written / 1e6,
        read=size / read / 1e6,
        hashed=size / _timed_hash(content.chunks) / 1e6,
    )


async def timed_upload(
    channel: grpc.aio.Channel, run_id: str, path: str, content: Content
) -> float:
    """Uploads a file and returns how many seconds that took."""

    # Encoded as the shipper does, which copies the bytes once.
    async def requests() -> AsyncIterator[bytes]:
        size = content.size_bytes
        spec = pb.UploadSpec(upload_id=uuid.uuid4().hex, run_id=run_id, path=path, size_bytes=size)
        yield pb.UploadArtifactRequest(spec=spec).SerializeToString()
        offset = 0
        for data, crc in zip(content.chunks, content.crcs, strict=True):
            yield chunk_message(offset, data, crc)
            offset += len(data)
        finish = pb.UploadFinish(size_bytes=size, sha256=content.sha256)
        yield pb.UploadArtifactRequest(finish=finish).SerializeToString()

    call = cast("Any", channel).stream_unary(UPLOAD)
    began = time.perf_counter()
    answer = pb.UploadArtifactResponse.FromString(await call(requests()))
    if answer.artifact.sha256 != content.sha256:
        raise RuntimeError(f"the upload did not complete: {answer}")
    return time.perf_counter() - began


async def timed_download(
    channel: grpc.aio.Channel, run_id: str, path: str, size_bytes: int
) -> float:
    """Downloads a file, each chunk checked, and returns how many seconds that took."""
    request = pb.DownloadArtifactRequest(run_id=run_id, path=path)
    received = 0
    began = time.perf_counter()
    async for response in ArtifactServiceStub(channel).DownloadArtifact(request):
        chunk = response.chunk
        data = chunk.data
        if crc32c(data) != chunk.crc32c:
            raise RuntimeError("a chunk arrived other than it was sent")
        received += len(data)
    if received != size_bytes:
        raise RuntimeError(f"{received} of {size_bytes} bytes arrived")
    return time.perf_counter() - began


async def _upload_small(server: BenchServer, count: int) -> float:
    """Returns how many milliseconds a small file takes."""
    data = os.urandom(1000)
    content = Content([data], [crc32c(data)], hash_all([data]))
    async with grpc.aio.insecure_channel(server.address, options=OPTIONS) as channel:
        run_id = await new_run(channel)
        began = time.perf_counter()
        for number in range(count):
            await timed_upload(channel, run_id, f"f/{number}", content)
        return (time.perf_counter() - began) / count * 1e3


def _timed_disk(chunks: list[bytes]) -> tuple[float, float]:
    """Returns how long chunks take to the disk, and, once they left memory, back."""
    with tempfile.TemporaryFile(dir=Path.cwd(), buffering=0) as file:
        began = time.perf_counter()
        for chunk in chunks:
            file.write(chunk)
        os.fsync(file.fileno())
        written = time.perf_counter() - began
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        file.seek(0)
        began = time.perf_counter()
        while file.read(CHUNK_BYTES):
            pass
        return written, time.perf_counter() - began


def _timed_hash(chunks: list[bytes]) -> float:
    began = time.perf_counter()
    hash_all(chunks)
    return time.perf_counter() - began


def hash_all(chunks: list[bytes]) -> bytes:
    """Returns the SHA-256 of chunks."""
    sha256 = hashlib.sha256()
    for chunk in chunks:
        sha256.update(chunk)
    return sha256.digest()


def main() -> None:
    """Measures files of the size that the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=256, help="MiB of a large file")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    sys.stdout.write(f"{machine()}\n\n")
    show(artifacts(arguments.size, arguments.rounds))


if __name__ == "__main__":
    main()
