"""`Client`: everything that a server offers, by blocking calls."""

import math
import os
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Self, TypeVar

import grpc
from google.protobuf.message import Message

from runstream._client.artifacts import DOWNLOAD, UPLOAD
from runstream._client.calls import Collect, Pages, Unary
from runstream._client.channels import open_channel
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
from runstream._client.methods import Methods, SyncExecutor
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

__all__ = ["Client"]

T = TypeVar("T")


class Client(Methods, SyncExecutor):
    """Reads and writes everything that a server holds.

    Every call has a deadline. One that may be repeated without harm is repeated while the server
    is unavailable, after growing random pauses. Errors are those of `runstream.errors`; their
    `reason` and `metadata` are the server's. A client may be used from several threads, but not in
    a forked child of the process that made it.
    """

    def __init__(
        self,
        uri: str | None = None,
        *,
        timeout_s: float = TIMEOUT_S,
        stream_timeout_s: float = STREAM_TIMEOUT_S,
        retry_for_s: float = RETRY_FOR_S,
    ) -> None:
        """Prepares a connection, which is made when it is needed.

        Args:
            uri: `grpc://host:port`, `grpcs://host:port` (TLS) or `unix:/path`. None means what
                `runstream.get_tracking_uri()` returns.
            timeout_s: The deadline of a call, its repetitions included.
            stream_timeout_s: The deadline of an attempt to read a history, a chart or a file;
                files get more time the longer they are.
            retry_for_s: For how long a call is repeated while the server is unavailable.

        Raises:
            InvalidValue: if the URI is not a server's.
        """
        self._settings = ClientSettings.make(uri, timeout_s, stream_timeout_s, retry_for_s)
        self._channel = open_channel(self._settings.uri)

    @property
    def uri(self) -> str:
        """The server's tracking URI."""
        return self._settings.uri.text

    def close(self) -> None:
        """Closes the connection. Calls that are under way end with an error."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def upload_artifact(
        self,
        run_id: str = "",
        path: str = "",
        source: UploadSource | None = None,
        *,
        upload_id: str | None = None,
        model_id: str = "",
    ) -> Artifact:
        """Uploads a file, which replaces an earlier one of the same path once it is whole.

        A broken connection is taken up again where the server's durable bytes end.

        Args:
            run_id: The run.
            path: The artifact's path.
            source: A file, content, or an open binary file that can seek, from where it stands on.
            upload_id: 32 hexadecimal digits, to continue an upload that another process began.
            model_id: The logged model that gets the file, instead of a run.

        Raises:
            OSError: if the source cannot be read.
            InvalidValue: if the path is none of an artifact's, or the source cannot seek.
            DataLoss: if what arrived is not what was sent.
            NotFound: if there is no such run or logged model.
            ServerUnavailable: if the server cannot be reached any more.
        """
        with UploadJob(run_id, path, source, upload_id, model_id) as job:
            retries = self._settings.retries()
            offset = self._durable_offset(job) if upload_id else 0
            while True:
                try:
                    return self._send(job, offset)
                except grpc.RpcError as error:
                    if job.error is not None:
                        raise job.error from None
                    if not job.may_go_on_after(error):
                        raise to_error(error, self.uri) from error
                    durable = self._durable_offset(job)
                    if durable > offset:
                        retries.succeeded()
                    elif not self._pause(retries, error):
                        raise to_error(error, self.uri) from error
                    offset = durable

    def download_artifact(
        self,
        run_id: str = "",
        path: str = "",
        destination: str | os.PathLike[str] | None = None,
        *,
        offset: int = 0,
        limit: int = 0,
        model_id: str = "",
    ) -> Path:
        """Downloads a file, or a part of it, and returns where it is.

        The file appears when it is whole and checked, or not at all.

        Args:
            run_id: The run.
            path: The artifact's path.
            destination: The file to write; or a folder, which gets a file of the artifact's name.
                None means the current folder.
            offset: The first byte.
            limit: The most bytes; 0 means all up to the end.
            model_id: The logged model that has the file, instead of a run.

        Raises:
            OSError: if the file cannot be written.
            DataLoss: if the bytes are not those that were uploaded.
            InvalidValue: if the artifact is a folder.
            NotFound: if there is no such owner or artifact.
            OutOfRange: if the offset lies beyond the end.
        """
        target = destination_of(path, destination)
        with NewFile(target) as file:
            job = DownloadJob(run_id, path, file, offset=offset, limit=limit, model_id=model_id)
            self._receive(job)
        return target

    def download_artifacts(
        self,
        run_id: str = "",
        path: str = "",
        destination: str | os.PathLike[str] | None = None,
        *,
        model_id: str = "",
    ) -> list[Path]:
        """Downloads a file, or a folder with all it holds, and returns the files.

        Args:
            run_id: The run.
            path: The artifact's path; empty means all artifacts.
            destination: The folder that gets them, under their paths; None is the current one.
            model_id: The logged model that has them, instead of a run.

        Raises:
            OSError: if a file cannot be written.
            DataLoss: if bytes are not those that were uploaded.
            NotFound: if there is no such run or logged model.
        """
        folder = Path(destination) if destination is not None else Path()
        return [
            self.download_artifact(
                run_id, found.path, local_path(folder, found.path), model_id=model_id
            )
            for found in self._files(run_id, model_id, path)
        ]

    def read_artifact(
        self,
        run_id: str = "",
        path: str = "",
        *,
        offset: int = 0,
        limit: int = 0,
        model_id: str = "",
    ) -> bytes:
        """Returns the bytes of a file, or of a part of it; see `download_artifact`.

        Raises:
            DataLoss: if the bytes are not those that were uploaded.
            InvalidValue: if the artifact is a folder.
            NotFound: if there is no such owner or artifact.
            OutOfRange: if the offset lies beyond the end.
        """
        memory = MemorySink()
        job = DownloadJob(run_id, path, memory, offset=offset, limit=limit, model_id=model_id)
        self._receive(job)
        return bytes(memory.content)

    def execute_unary(self, call: Unary[T]) -> T:
        invoke = self._channel.unary_unary(
            call.method,
            request_serializer=_encode,
            response_deserializer=call.answer.FromString,
        )
        deadline = time.monotonic() + self._settings.timeout_s
        retries = self._settings.retries()
        while True:
            try:
                answer = invoke(call.request, timeout=max(deadline - time.monotonic(), 0))
                return call.convert(answer)
            except grpc.RpcError as error:
                if not call.repeatable or not self._pause(retries, error, deadline):
                    raise to_error(error, self.uri) from error

    def execute_pages(self, call: Pages[T]) -> Iterator[T]:
        token = ""
        while True:
            results, token = self.execute_unary(call.page(token))
            yield from results
            if not token:
                return

    def execute_collect(self, call: Collect[T]) -> T:
        retries = self._settings.retries()
        while True:
            collector = call.collector()
            try:
                for answer in self._stream(call.method, call.request):
                    collector.add(answer)
                return collector.result()
            except grpc.RpcError as error:
                if not self._pause(retries, error):
                    raise to_error(error, self.uri) from error

    def execute_watch(self, call: Watch) -> Iterator[RunUpdate]:
        request = call.first_request()
        retries = Retries(for_s=call.reconnect_for_s)
        while True:
            try:
                with closing(self._stream(call.method, request)) as answers:
                    for answer in answers:
                        update = update_of(answer)
                        request.cursor = update.cursor
                        retries.succeeded()
                        yield update
                time.sleep(PAUSE_AFTER_END_S)
            except grpc.RpcError as error:
                if not is_timeout(error) and not self._pause(retries, error):
                    raise to_error(error, self.uri) from error

    def _send(self, job: UploadJob, offset: int) -> Artifact:
        invoke: grpc.StreamUnaryMultiCallable[bytes, pb.UploadArtifactResponse] = (
            self._channel.stream_unary(
                UPLOAD, response_deserializer=pb.UploadArtifactResponse.FromString
            )
        )
        answer = invoke(job.messages(offset), timeout=job.timeout_s(self._settings.timeout_s))
        return artifact_of(answer.artifact)

    def _durable_offset(self, job: UploadJob) -> int:
        try:
            return self.get_upload(job.upload_id).durable_offset
        except NotFound:
            return 0

    def _receive(self, job: DownloadJob) -> Artifact:
        retries = self._settings.retries()
        while True:
            before = job.position
            try:
                with closing(self._stream(DOWNLOAD, job.request())) as answers:
                    for answer in answers:
                        if not job.take(pb.DownloadArtifactResponse.FromString(answer)):
                            break
                    else:
                        return job.finish()
            except grpc.RpcError as error:
                if job.position > before:
                    retries.succeeded()
                if not is_timeout(error) and not self._pause(retries, error):
                    raise to_error(error, self.uri) from error

    def _files(self, run_id: str, model_id: str, path: str) -> Iterator[Artifact]:
        for found in self.list_artifacts(run_id, path, model_id=model_id):
            if found.directory:
                yield from self._files(run_id, model_id, found.path)
            else:
                yield found

    def _stream(self, method: str, request: Message) -> Generator[bytes]:
        """Yields the encoded answers of a server stream, which ends with this generator."""
        invoke: grpc.UnaryStreamMultiCallable[Message, bytes] = self._channel.unary_stream(
            method, request_serializer=_encode
        )
        call = invoke(request, timeout=self._settings.stream_timeout_s)
        try:
            yield from call
        finally:
            call.cancel()

    def _pause(self, retries: Retries, error: grpc.RpcError, deadline: float = math.inf) -> bool:
        """Pauses before another attempt; returns False if there is to be none."""
        pause_s = retries.pause_s(error)
        if pause_s is None or time.monotonic() + pause_s >= deadline:
            return False
        time.sleep(pause_s)
        return True


def _encode(request: Message) -> bytes:
    return request.SerializeToString()
