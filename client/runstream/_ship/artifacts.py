"""The files of one writer: uploaded one after another, each resumed until it is whole."""

import asyncio
import contextlib
from contextlib import aclosing
from pathlib import Path
from typing import Final, Protocol

import grpc
import grpc.aio

from runstream._ship.backoff import Backoff
from runstream._ship.failures import CallFailed, Fate, Stopped
from runstream._ship.link import Link, UploadCall
from runstream._ship.uploads import CHUNK_BYTES, messages_of_upload, upload_id
from runstream._ship.waterline import Waterline
from runstream._spool import Artifact, WriterSpool
from runstream.errors import SpoolError
from runstream.v1 import artifact_pb2 as artifact_pb, artifact_service_pb2 as pb

__all__ = ["ArtifactsLane", "ArtifactsOwner"]

MAX_WAITING: Final = 100_000
"""With so many artifacts waiting, no more is read from the spool."""
MAX_DIGEST_FAILURES: Final = 3
SILENCE_TIMEOUT_S: Final = 120.0
"""How long the server may take to take a chunk in, or to put a finished upload into its place."""

_ENDED: Final = (grpc.aio.AioRpcError, grpc.aio.UsageError, asyncio.InvalidStateError)
"""What writing to a call raises that is over."""


class ArtifactsOwner(Protocol):
    """Whose artifacts they are."""

    def trouble(self, failed: CallFailed | None) -> None:
        """Takes note of what keeps artifacts from being sent; None that nothing does any more."""

    def reject(self, record: Artifact, reason: str) -> None:
        """Puts an artifact aside that cannot be uploaded for good."""

    def uploaded(self, artifact: Artifact) -> None:
        """Takes note that the server has an artifact."""


class ArtifactsLane:
    """Uploads one writer's artifacts.

    Attributes:
        done: Artifacts before this level are the server's, or were refused.
    """

    def __init__(
        self,
        link: Link,
        spool: WriterSpool,
        owner: ArtifactsOwner,
        *,
        done: Waterline,
        records: Waterline,
        uploads: asyncio.Semaphore,
    ) -> None:
        self.done = done
        self._link = link
        self._spool = spool
        self._owner = owner
        self._records = records
        self._uploads = uploads
        self._waiting: asyncio.Queue[Artifact | None] = asyncio.Queue()
        self._backoff = Backoff()

    @property
    def is_full(self) -> bool:
        """Whether no more should be added."""
        return self._waiting.qsize() >= MAX_WAITING

    def add(self, artifact: Artifact) -> None:
        """Adds the next artifact."""
        self._waiting.put_nowait(artifact)

    def end(self) -> None:
        """Says that no more come."""
        self._waiting.put_nowait(None)

    async def run(self) -> None:
        """Uploads what is added, until the end.

        Raises:
            Stopped: if the run takes none.
        """
        while (artifact := await self._waiting.get()) is not None:
            await self._records.reach(artifact.operations_before)
            refusal = await self._deliver(artifact)
            if refusal is None:
                self._owner.uploaded(artifact)
            else:
                self._owner.reject(artifact, refusal)
            self.done.rise(artifact.number + 1)

    async def _deliver(self, artifact: Artifact) -> str | None:
        """Uploads an artifact; returns why that is not possible, None once it is done."""
        digest_failures = 0
        while True:
            try:
                async with self._uploads:
                    await self._upload(artifact)
            except SpoolError as error:
                return str(error)
            except CallFailed as failed:
                if failed.fate is Fate.STOPPED:
                    raise Stopped(failed) from failed
                digest_failures += failed.reason == "DIGEST_MISMATCH"
                if failed.fate is Fate.REFUSED or digest_failures >= MAX_DIGEST_FAILURES:
                    return str(failed)
                self._owner.trouble(failed)
                if not failed.is_lost_connection:
                    await asyncio.sleep(self._backoff.pause_s(failed.retry_delay_s))
            else:
                self._backoff.reset()
                self._owner.trouble(None)
                return None

    async def _upload(self, artifact: Artifact) -> None:
        path = self._spool.content_path(artifact)
        spec = pb.UploadSpec(
            upload_id=upload_id(self._spool.writer_id, artifact.number),
            run_id=self._spool.run_id,
            path=artifact.path,
            size_bytes=artifact.size,
        )
        found = await self._found(spec)
        if found.complete:
            return
        life = await self._link.ready()
        call = self._link.upload_artifact()
        try:
            await _write(call, pb.UploadArtifactRequest(spec=spec).SerializeToString())
            await self._write_content(call, artifact, path, found.durable_offset)
            async with asyncio.timeout(SILENCE_TIMEOUT_S):
                answer = await call
        except grpc.aio.AioRpcError as error:
            failed = CallFailed.from_rpc(error)
            if failed.is_lost_connection:
                self._link.lost(life, failed)
            raise failed from error
        except TimeoutError as error:
            raise CallFailed(
                grpc.StatusCode.DEADLINE_EXCEEDED,
                f"the server took nothing of {artifact.path} for {SILENCE_TIMEOUT_S:.0f} s",
            ) from error
        finally:
            call.cancel()
        if not answer.upload.complete:
            raise CallFailed(grpc.StatusCode.UNKNOWN, f"{artifact.path} is not complete yet")
        self._link.progress()

    async def _found(self, spec: pb.UploadSpec) -> artifact_pb.Upload:
        """Returns how far an earlier attempt has come."""
        if self._backoff.failures == 0 and spec.size_bytes <= CHUNK_BYTES:
            return artifact_pb.Upload()  # sent again at once sooner than asked for
        try:
            return (await self._link.get_upload(spec.upload_id)).upload
        except CallFailed as failed:
            if failed.reason != "UPLOAD_NOT_FOUND":
                raise
            return artifact_pb.Upload()

    async def _write_content(
        self, call: UploadCall, artifact: Artifact, path: Path, start: int
    ) -> None:
        async with aclosing(messages_of_upload(path, artifact.size, start)) as messages:
            async for message in messages:
                if artifact.source is not None:
                    # Before each message, so also before the one that would finish the upload.
                    self._spool.content_path(artifact)
                if not await _write(call, message):
                    return
        with contextlib.suppress(*_ENDED):
            await call.done_writing()


async def _write(call: UploadCall, message: bytes) -> bool:
    """Sends a message. Returns False when the call is over: its answer tells why."""
    try:
        async with asyncio.timeout(SILENCE_TIMEOUT_S):
            await call.write(message)
    except _ENDED:
        return False
    return True
