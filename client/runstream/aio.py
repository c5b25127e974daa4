"""`AsyncClient`: everything that a server offers, for asyncio."""

import asyncio
import math
import os
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Self, TypeVar

import grpc
import grpc.aio
from google.protobuf.message import Message

from runstream._client.artifacts import DOWNLOAD, UPLOAD
from runstream._client.calls import Collect, Pages, Unary
from runstream._client.channels import open_aio_channel
from runstream._client.columns import update_of
from runstream._client.convert import artifact_of
from runstream._client.downloads import (
    DownloadJob,
    MemorySink,
    NewFile,
    destination_of,
    local_path,
)
from runstream._client.failures import is_timeout, to_error
from runstream._client.methods import AsyncExecutor, Methods
from runstream._client.metrics import Watch
from runstream._client.retries import PAUSE_AFTER_END_S, Retries
from runstream._client.settings import (
    RETRY_FOR_S,
    STREAM_TIMEOUT_S,
    TIMEOUT_S,
    ClientSettings,
)
from runstream._client.uploads import UploadJob, UploadSource
from runstream.entities import Artifact, RunUpdate
from runstream.errors import NotFound
from runstream.v1 import artifact_service_pb2 as pb

__all__ = ["AsyncClient"]

T = TypeVar("T")


class AsyncClient(Methods, AsyncExecutor):
    """Reads and writes everything that a server holds, without blocking the event loop.

    It has the methods of `Client`, with the same arguments: those that return a result are awaited,
    and those that iterate are iterated over with `async for`. It belongs to the event loop in
    which it was made.
    """

    def __init__(
        self,
        uri: str | None = None,
        *,
        timeout_s: float = TIMEOUT_S,
        stream_timeout_s: float = STREAM_TIMEOUT_S,
        retry_for_s: float = RETRY_FOR_S,
    ) -> None:
        """Prepares a connection, which is made when it is needed. The arguments are `Client`'s.

        Raises:
            InvalidValue: if the URI is not a server's.
        """
        self._settings = ClientSettings.make(uri, timeout_s, stream_timeout_s, retry_for_s)
        self._channel = open_aio_channel(self._settings.uri)

    @property
    def uri(self) -> str:
        """The server's tracking URI."""
        return self._settings.uri.text

    async def close(self) -> None:
        """Closes the connection. Calls that are under way end with an error."""
        await self._channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def upload_artifact(
        self,
        run_id: str = "",
        path: str = "",
        source: UploadSource | None = None,
        *,
        upload_id: str | None = None,
        model_id: str = "",
    ) -> Artifact:
        """Uploads a file; see `Client.upload_artifact`."""
        with await asyncio.to_thread(UploadJob, run_id, path, source, upload_id, model_id) as job:
            retries = self._settings.retries()
            offset = await self._durable_offset(job) if upload_id else 0
            while True:
                try:
                    return await self._send(job, offset)
                except grpc.RpcError as error:
                    if not job.may_go_on_after(error):
                        raise to_error(error, self.uri) from error
                    durable = await self._durable_offset(job)
                    if durable > offset:
                        retries.succeeded()
                    elif not await self._pause(retries, error):
                        raise to_error(error, self.uri) from error
                    offset = durable

    async def download_artifact(
        self,
        run_id: str = "",
        path: str = "",
        destination: str | os.PathLike[str] | None = None,
        *,
        offset: int = 0,
        limit: int = 0,
        model_id: str = "",
    ) -> Path:
        """Downloads a file, or a part of it; see `Client.download_artifact`."""
        target = destination_of(path, destination)
        with NewFile(target) as file:
            job = DownloadJob(run_id, path, file, offset=offset, limit=limit, model_id=model_id)
            await self._receive(job)
        return target

    async def download_artifacts(
        self,
        run_id: str = "",
        path: str = "",
        destination: str | os.PathLike[str] | None = None,
        *,
        model_id: str = "",
    ) -> list[Path]:
        """Downloads a file, or a folder with all it holds; see `Client.download_artifacts`."""
        folder = Path(destination) if destination is not None else Path()
        return [
            await self.download_artifact(
                run_id, found.path, local_path(folder, found.path), model_id=model_id
            )
            async for found in self._files(run_id, model_id, path)
        ]

    async def read_artifact(
        self,
        run_id: str = "",
        path: str = "",
        *,
        offset: int = 0,
        limit: int = 0,
        model_id: str = "",
    ) -> bytes:
        """Returns the bytes of a file, or of a part of it; see `Client.read_artifact`."""
        memory = MemorySink()
        job = DownloadJob(run_id, path, memory, offset=offset, limit=limit, model_id=model_id)
        await self._receive(job)
        return bytes(memory.content)

    async def execute_unary(self, call: Unary[T]) -> T:
        invoke = self._channel.unary_unary(
            call.method, request_serializer=_encode, response_deserializer=call.answer.FromString
        )
        deadline = time.monotonic() + self._settings.timeout_s
        retries = self._settings.retries()
        while True:
            try:
                answer = await invoke(call.request, timeout=max(deadline - time.monotonic(), 0))
                return call.convert(answer)
            except grpc.RpcError as error:
                if not call.repeatable or not await self._pause(retries, error, deadline):
                    raise to_error(error, self.uri) from error

    async def execute_pages(self, call: Pages[T]) -> AsyncIterator[T]:
        token = ""
        while True:
            results, token = await self.execute_unary(call.page(token))
            for result in results:
                yield result
            if not token:
                return

    async def execute_collect(self, call: Collect[T]) -> T:
        retries = self._settings.retries()
        while True:
            collector = call.collector()
            try:
                async for answer in self._stream(call.method, call.request):
                    collector.add(answer)
                return collector.result()
            except grpc.RpcError as error:
                if not await self._pause(retries, error):
                    raise to_error(error, self.uri) from error

    async def execute_watch(self, call: Watch) -> AsyncIterator[RunUpdate]:
        request = call.first_request()
        retries = Retries(for_s=call.reconnect_for_s)
        while True:
            try:
                async with aclosing(self._stream(call.method, request)) as answers:
                    async for answer in answers:
                        update = update_of(answer)
                        request.cursor = update.cursor
                        retries.succeeded()
                        yield update
                await asyncio.sleep(PAUSE_AFTER_END_S)
            except grpc.RpcError as error:
                if not is_timeout(error) and not await self._pause(retries, error):
                    raise to_error(error, self.uri) from error

    async def _send(self, job: UploadJob, offset: int) -> Artifact:
        invoke: grpc.aio.StreamUnaryMultiCallable[bytes, pb.UploadArtifactResponse] = (
            self._channel.stream_unary(
                UPLOAD, response_deserializer=pb.UploadArtifactResponse.FromString
            )
        )
        call = invoke(timeout=job.timeout_s(self._settings.timeout_s))
        messages = job.messages(offset)
        try:
            # What writing raises when the call is over; its answer says why.
            with suppress(asyncio.InvalidStateError, grpc.RpcError):
                # Reading and hashing go on in a thread.
                while (message := await asyncio.to_thread(next, messages, None)) is not None:
                    await call.write(message)
                await call.done_writing()
            answer = await call
        finally:
            call.cancel()
        return artifact_of(answer.artifact)

    async def _durable_offset(self, job: UploadJob) -> int:
        try:
            return (await self.get_upload(job.upload_id)).durable_offset
        except NotFound:
            return 0

    async def _receive(self, job: DownloadJob) -> Artifact:
        retries = self._settings.retries()
        while True:
            before = job.position
            try:
                async with aclosing(self._stream(DOWNLOAD, job.request())) as answers:
                    async for answer in answers:
                        part = pb.DownloadArtifactResponse.FromString(answer)
                        # Checking, hashing and writing go on in a thread.
                        if not await asyncio.to_thread(job.take, part):
                            break
                    else:
                        return job.finish()
            except grpc.RpcError as error:
                if job.position > before:
                    retries.succeeded()
                if not is_timeout(error) and not await self._pause(retries, error):
                    raise to_error(error, self.uri) from error

    async def _files(self, run_id: str, model_id: str, path: str) -> AsyncIterator[Artifact]:
        async for found in self.list_artifacts(run_id, path, model_id=model_id):
            if found.directory:
                async for below in self._files(run_id, model_id, found.path):
                    yield below
            else:
                yield found

    async def _stream(self, method: str, request: Message) -> AsyncGenerator[bytes]:
        """Yields the encoded answers of a server stream, which ends with this generator."""
        invoke: grpc.aio.UnaryStreamMultiCallable[Message, bytes] = self._channel.unary_stream(
            method, request_serializer=_encode
        )
        call = invoke(request, timeout=self._settings.stream_timeout_s)
        try:
            async for answer in call:
                yield answer
        finally:
            call.cancel()

    async def _pause(
        self, retries: Retries, error: grpc.RpcError, deadline: float = math.inf
    ) -> bool:
        """Pauses before another attempt; returns False if there is to be none."""
        pause_s = retries.pause_s(error)
        if pause_s is None or time.monotonic() + pause_s >= deadline:
            return False
        await asyncio.sleep(pause_s)
        return True


def _encode(request: Message) -> bytes:
    return request.SerializeToString()
