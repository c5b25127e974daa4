"""Clients that upload and download through everything, and know what was whole."""

from __future__ import annotations

import asyncio
import hashlib
import io
import random
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import grpc
import grpc.aio

from runstream import Aborted, Artifact, AsyncClient, Client, ServerUnavailable
from runstream.v1 import artifact_service_pb2 as pb
from runstream.v1.artifact_service_pb2_grpc import ArtifactServiceStub
from runstream_server.objects.checksums import crc32c
from tests.support.balancer import Balancer

__all__ = ["AwaitingClient", "BlockingClient", "File", "Transfers", "Uploader", "abandon_upload"]

T = TypeVar("T")

CHUNK_BYTES = 1 << 20
PAUSE_S = 0.2
SLOW_PAUSE_S = 0.1  # for each MiB: 10 MB/s
# What a user may be told during an outage, and needs no more than patience for.
PASSING = {"UNAVAILABLE", "DEADLINE_EXCEEDED", "STORAGE_UNAVAILABLE", "SERVER_STOPPING"}


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file that is to be an artifact."""

    run_id: str
    path: str
    local: Path
    size_bytes: int
    sha256: str
    is_slow: bool = False

    @classmethod
    def make(cls, folder: Path, run_id: str, path: str, size_bytes: int, seed: int) -> File:
        """Writes a file of random bytes."""
        data = random.Random(seed).randbytes(size_bytes)
        local = folder / run_id / path
        local.parent.mkdir(parents=True, exist_ok=True)
        local.write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        return cls(run_id=run_id, path=path, local=local, size_bytes=size_bytes, sha256=digest)


class SlowFile(io.FileIO):
    """A file on a slow disk; the upload of a large one lasts for a whole outage."""

    def read(self, size: int | None = -1, /) -> bytes:
        time.sleep(SLOW_PAUSE_S)
        return super().read(size) or b""


class Uploader(Protocol):
    """One of the two clients, called alike."""

    async def upload(self, file: File, upload_id: str) -> Artifact: ...
    async def read(self, file: File) -> bytes: ...
    async def sizes(self, run_id: str) -> dict[str, int]: ...
    async def close(self) -> None: ...


class AwaitingClient:
    """An `AsyncClient`."""

    def __init__(self, address: str) -> None:
        self._client = AsyncClient(f"grpc://{address}")

    async def upload(self, file: File, upload_id: str) -> Artifact:
        return await self._client.upload_artifact(
            file.run_id, file.path, file.local, upload_id=upload_id
        )

    async def read(self, file: File) -> bytes:
        return await self._client.read_artifact(file.run_id, file.path)

    async def sizes(self, run_id: str) -> dict[str, int]:
        """Returns the sizes of a run's artifacts."""
        found = self._client.list_artifacts(run_id)
        return {each.path: each.size_bytes async for each in found}

    async def close(self) -> None:
        await self._client.close()


class BlockingClient:
    """A `Client`, in threads."""

    def __init__(self, address: str) -> None:
        self._client = Client(f"grpc://{address}")
        self._threads = ThreadPoolExecutor(4)

    async def upload(self, file: File, upload_id: str) -> Artifact:
        def upload() -> Artifact:
            with SlowFile(file.local) if file.is_slow else file.local.open("rb") as source:
                return self._client.upload_artifact(
                    file.run_id, file.path, source, upload_id=upload_id
                )

        return await self._call(upload)

    async def read(self, file: File) -> bytes:
        return await self._call(lambda: self._client.read_artifact(file.run_id, file.path))

    async def sizes(self, run_id: str) -> dict[str, int]:
        """Returns the sizes of a run's artifacts."""
        return await self._call(
            lambda: {each.path: each.size_bytes for each in self._client.list_artifacts(run_id)}
        )

    async def close(self) -> None:
        self._client.close()
        self._threads.shutdown()

    async def _call(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)


class Transfers:
    """Uploads and downloads until they succeed, as a user would who is told to try again.

    Attributes:
        refusals: How often a call gave up, having tried for as long as clients do.
        downloads: How many files were downloaded, each with the right digest.
        half_visible: How often something was to be seen that was not a whole file.
        taken_over: How often an upload was lost to an earlier call of its own. Who goes on with an
            id of its own choice hears of that: only it knows that nobody else does.
    """

    def __init__(self) -> None:
        self.refusals = 0
        self.downloads = 0
        self.half_visible = 0
        self.taken_over = 0

    async def there_and_back(self, client: Uploader, file: File, delay_s: float) -> None:
        """Uploads a file after a while, then downloads it."""
        await asyncio.sleep(0.0 if file.is_slow else delay_s)
        upload_id = uuid.uuid4().hex
        artifact = await self._persist(lambda: client.upload(file, upload_id))
        assert (artifact.path, artifact.size_bytes) == (file.path, file.size_bytes)
        assert artifact.sha256 in {"", file.sha256}
        await self._download(client, file)

    async def arrival(self, client: Uploader, file: File) -> None:
        """Waits for what somebody else uploads, then downloads it."""
        while True:
            sizes = await self._persist(lambda: client.sizes(file.run_id))
            if file.path in sizes:
                break
            await asyncio.sleep(PAUSE_S)
        await self._download(client, file)

    async def _download(self, client: Uploader, file: File) -> None:
        data = await self._persist(lambda: client.read(file))
        assert await asyncio.to_thread(_sha256, data) == file.sha256, file
        self.downloads += 1

    async def watch(
        self, look: Callable[[], Awaitable[dict[str, int]]], whole: dict[str, int]
    ) -> None:
        """Looks again and again, until it is cancelled, for what is not a whole file."""
        while True:
            found = await self._persist(look)
            self.half_visible += len(found.items() - whole.items())
            await asyncio.sleep(PAUSE_S)

    async def _persist(self, call: Callable[[], Awaitable[T]]) -> T:
        while True:
            try:
                return await call()
            except ServerUnavailable as error:
                if error.reason not in PASSING:
                    raise
                self.refusals += 1
            except Aborted as error:
                if error.reason != "UPLOAD_MOVED":
                    raise
                self.taken_over += 1
            await asyncio.sleep(PAUSE_S)


async def abandon_upload(front: Balancer, run_id: str, size_bytes: int, sent_bytes: int) -> None:
    """Sends a part of a file and never comes back, in whatever that ends."""
    data = random.Random(run_id).randbytes(CHUNK_BYTES)

    async def requests() -> AsyncIterator[pb.UploadArtifactRequest]:
        spec = pb.UploadSpec(
            upload_id=uuid.uuid4().hex, run_id=run_id, path="abandoned", size_bytes=size_bytes
        )
        yield pb.UploadArtifactRequest(spec=spec)
        for offset in range(0, sent_bytes, CHUNK_BYTES):
            chunk = pb.UploadChunk(offset=offset, data=data, crc32c=crc32c(data))
            yield pb.UploadArtifactRequest(chunk=chunk)

    options = [("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(front.address, options=options) as channel:
        stub: Any = ArtifactServiceStub(channel)
        try:
            await stub.UploadArtifact(requests(), timeout=60)
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE:
                raise


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
