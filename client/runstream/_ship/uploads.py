"""The bytes of one upload: from a file to encoded UploadArtifactRequests."""

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Final

from runstream._checksums import crc32c_function
from runstream._wire import delimited, varint
from runstream.errors import SpoolError
from runstream.v1 import artifact_service_pb2 as pb

__all__ = ["CHUNK_BYTES", "chunk_message", "messages_of_upload", "upload_id"]

CHUNK_BYTES: Final = 1024 * 1024

# Field numbers: of the chunk in UploadArtifactRequest, of the rest in UploadChunk.
_CHUNK: Final = 2
_OFFSET_TAG: Final = b"\x08"
_DATA: Final = 2
_CRC32C_TAG: Final = b"\x1d"


def upload_id(writer_id: str, artifact: int) -> str:
    """Returns the id of the upload of a writer's artifact: the same in every attempt."""
    return hashlib.sha256(f"{writer_id} artifact {artifact}".encode()).hexdigest()[:32]


def chunk_message(offset: int, data: bytes, crc32c: int | None) -> bytes:
    """Encodes an UploadArtifactRequest that holds a chunk, copying the data once."""
    head = (_OFFSET_TAG + varint(offset) if offset else b"") + delimited(_DATA, len(data))
    tail = b"" if crc32c is None else _CRC32C_TAG + crc32c.to_bytes(4, "little")
    length = len(head) + len(data) + len(tail)
    return b"".join([delimited(_CHUNK, length), head, data, tail])


async def messages_of_upload(path: Path, size: int, start: int) -> AsyncGenerator[bytes]:
    """Yields the chunks of a file from `start` on, and then the message that finishes the upload.

    The whole file is read, because its digest is part of the last message. Reading and hashing go
    on in threads, one chunk ahead.

    Raises:
        SpoolError: if the file cannot be read, or is not of the size that it was logged with.
    """
    content = _Content(path)
    position = 0
    reading = asyncio.ensure_future(asyncio.to_thread(content.next_chunk))
    try:
        while True:
            data, crc32c = await reading
            if not data:
                break
            reading = asyncio.ensure_future(asyncio.to_thread(content.next_chunk))
            end = position + len(data)
            if end > size:
                break
            if end > start:
                skipped = max(start - position, 0)
                # A checksum is that of the whole chunk.
                part, checksum = (data[skipped:], None) if skipped else (data, crc32c)
                yield chunk_message(position + skipped, part, checksum)
            position = end
        if data or position != size:
            raise SpoolError(f"{path} does not have the {size} bytes that it was logged with")
        finish = pb.UploadFinish(size_bytes=size, sha256=content.digest())
        yield pb.UploadArtifactRequest(finish=finish).SerializeToString()
    finally:
        await asyncio.wait([reading])
        content.close()


class _Content:
    """A file that is hashed while it is read."""

    def __init__(self, path: Path) -> None:
        try:
            self._file = path.open("rb", buffering=0)
        except OSError as error:
            raise SpoolError(f"{path} was to be uploaded and cannot be read: {error}") from error
        self._path = path
        self._sha256 = hashlib.sha256()
        self._crc32c = crc32c_function()

    def next_chunk(self) -> tuple[bytes, int | None]:
        """Returns up to CHUNK_BYTES and their CRC32C; no bytes at the end."""
        try:
            data = self._file.read(CHUNK_BYTES)
        except OSError as error:
            raise SpoolError(f"{self._path} cannot be read: {error}") from error
        self._sha256.update(data)
        return data, None if self._crc32c is None else self._crc32c(data)

    def digest(self) -> bytes:
        """Returns the SHA-256 of what was read."""
        return self._sha256.digest()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()
