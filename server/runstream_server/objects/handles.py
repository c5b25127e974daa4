"""What handles of uploads do alike, whatever store they feed."""

from __future__ import annotations

from abc import abstractmethod
from typing import NamedTuple

from runstream_server.objects.base import MAX_APPEND_BYTES, Upload
from runstream_server.objects.checksums import crc32c as crc32c_of
from runstream_server.objects.errors import ChunkCorrupt, UploadError
from runstream_server.objects.paths import Location

__all__ = ["Chunk", "UploadHandle"]


class Chunk(NamedTuple):
    """Holds appended bytes and their CRC32C."""

    data: bytes
    crc32c: int


class UploadHandle(Upload):
    """Checks what is appended, and refuses everything once the handle has ended."""

    def __init__(self, upload_id: str, location: Location) -> None:
        self._upload_id = upload_id
        self._location = location
        self._refusal: UploadError | None = None

    @property
    def upload_id(self) -> str:
        return self._upload_id

    @property
    def location(self) -> Location:
        return self._location

    async def append(self, data: bytes | memoryview, *, crc32c: int | None = None) -> None:
        self.check()
        chunk = self._checked(data, crc32c)
        if not chunk.data:
            return
        await self._wait_for_space(len(chunk.data))
        self.check()
        self._put(chunk)

    def _checked(self, data: bytes | memoryview, crc32c: int | None) -> Chunk:
        owned = bytes(data)
        if len(owned) > MAX_APPEND_BYTES:
            raise ValueError(f"a chunk of {len(owned)} bytes is more than {MAX_APPEND_BYTES}")
        # On the event loop: 50 µs a MiB, less than a hop to a thread, and the caller hears at once.
        actual = crc32c_of(owned)
        if crc32c is not None and actual != crc32c:
            raise ChunkCorrupt(self._upload_id, offset=self.offset, expected=crc32c, actual=actual)
        return Chunk(owned, actual)

    @abstractmethod
    async def _wait_for_space(self, size_bytes: int) -> None:
        """Waits until a chunk may be put; raises what failed meanwhile."""

    @abstractmethod
    def _put(self, chunk: Chunk) -> None:
        """Takes a chunk; does not wait, so that it happens whole or not at all."""

    def check(self) -> None:
        """Raises why this handle may not be used any more, if so."""
        if self._refusal is not None:
            raise self._refusal

    def refuse(self, refusal: UploadError) -> None:
        """Makes every later call fail; the first reason stays."""
        self._refusal = self._refusal or refusal
