"""The bytes of one upload, over as many attempts as it takes."""

import contextlib
import hashlib
import io
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final, Self

import grpc

from runstream._checksums import crc32c_function
from runstream._client.failures import is_taken_over, may_resume
from runstream._run_ids import new_run_id
from runstream._ship.uploads import CHUNK_BYTES, chunk_message
from runstream.errors import InvalidValue
from runstream.v1 import artifact_service_pb2 as pb

__all__ = ["UploadJob", "UploadSource"]

UploadSource = str | os.PathLike[str] | bytes | BinaryIO
"""A file, content, or an open file that can seek."""

LEAST_BYTES_PER_S: Final = 1024 * 1024
"""An attempt has as much time as this takes. One that got on and ran out of it is continued."""


class UploadJob:
    """One file on its way to the server.

    `messages` is consumed by whoever sends: for blocking calls that is a thread of gRPC, which may
    still read for an attempt that has failed while the next one begins. Hence the lock.

    Attributes:
        upload_id: Identifies the upload in all attempts.
        size: The size in bytes.
        error: What went wrong while reading, which gRPC would hide.
    """

    def __init__(
        self,
        run_id: str,
        path: str,
        source: UploadSource | None,
        upload_id: str | None,
        model_id: str = "",
    ) -> None:
        """Opens the source.

        Raises:
            OSError: if the file cannot be read.
            InvalidValue: if there is none, or it cannot seek.
        """
        self.upload_id = upload_id or new_run_id()
        self._is_alone = not upload_id  # nobody else was told the id
        self.error: BaseException | None = None
        self._run_id = run_id
        self._model_id = model_id
        self._path = path
        self._lock = threading.Lock()
        self._attempt = 0
        self._sha256 = hashlib.sha256()
        self._hashed = 0
        self._crc32c = crc32c_function()
        self._owned = contextlib.ExitStack()
        self._file = self._open(source)
        self._start = self._file.tell()
        self.size = self._file.seek(0, io.SEEK_END) - self._start

    def _open(self, source: UploadSource | None) -> BinaryIO:
        if source is None:
            raise InvalidValue("there is nothing to upload: name a source")
        if isinstance(source, bytes):
            return io.BytesIO(source)
        if isinstance(source, str | os.PathLike):
            return self._owned.enter_context(Path(source).open("rb"))
        if not source.seekable():
            raise InvalidValue(
                f"{source!r:.200} cannot seek, so its upload could not be resumed: "
                "write it to a file first"
            )
        return source

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._attempt += 1
        self._owned.close()

    def may_go_on_after(self, error: grpc.RpcError) -> bool:
        """Tells whether another attempt may succeed where this error ended one.

        That another call has taken the upload over is no obstacle where that can only be an earlier
        attempt of this job, which a server still holds for a broken connection.
        """
        return may_resume(error) or (self._is_alone and is_taken_over(error))

    def timeout_s(self, least_s: float) -> float:
        """Returns how long an attempt may take."""
        return least_s + self.size / LEAST_BYTES_PER_S

    def messages(self, offset: int) -> Iterator[bytes]:
        """Yields encoded UploadArtifactRequests: the spec, the bytes from `offset` on, the end.

        What was not hashed by an earlier attempt is read and hashed, also when it is not sent.
        """
        with self._lock:
            self._attempt += 1
            attempt = self._attempt
        spec = pb.UploadSpec(
            upload_id=self.upload_id,
            run_id=self._run_id,
            model_id=self._model_id,
            path=self._path,
            size_bytes=self.size,
        )
        yield pb.UploadArtifactRequest(spec=spec).SerializeToString()
        position = min(offset, self._hashed)
        while position < self.size:
            data = self._read(attempt, position)
            if not data:
                return
            end = position + len(data)
            if end > offset:
                part = data[max(offset - position, 0) :]
                crc32c = None if self._crc32c is None else self._crc32c(part)
                yield chunk_message(end - len(part), part, crc32c)
            position = end
        finish = pb.UploadFinish(size_bytes=self.size, sha256=self._sha256.digest())
        yield pb.UploadArtifactRequest(finish=finish).SerializeToString()

    def _read(self, attempt: int, position: int) -> bytes:
        """Returns the bytes from a position on; none for an attempt that is over."""
        with self._lock:
            if attempt != self._attempt:
                return b""
            try:
                self._file.seek(self._start + position)
                data = self._file.read(min(CHUNK_BYTES, self.size - position))
                if not data:
                    raise OSError(
                        f"the source of {self._path} became shorter while it was uploaded"
                    )
            except BaseException as error:
                self.error = error
                raise
            if position + len(data) > self._hashed:
                self._sha256.update(data[self._hashed - position :])
                self._hashed = position + len(data)
            return data
