"""Reading an object of a bucket."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Final

from runstream_server.objects.base import READ_CHUNK_BYTES, ObjectInfo, ObjectReader
from runstream_server.objects.errors import StorageError
from runstream_server.objects.s3.answers import Body, Head
from runstream_server.objects.s3.bucket import Bucket
from runstream_server.objects.s3.failures import ConditionFailed, RequestRefused

__all__ = ["S3Reader"]

CHUNKS_AHEAD: Final = 2
ATTEMPTS: Final = 5
FIRST_PAUSE_S: Final = 0.1

_log = logging.getLogger(__name__)


class S3Reader(ObjectReader):
    """Reads a range of one version of an object, a little ahead of its caller.

    When the connection breaks it goes on from there, as long as the version still is what the key
    names, or the bucket keeps versions; else it fails, and what was read so far was of one version.
    """

    def __init__(
        self,
        info: ObjectInfo,
        bucket: Bucket,
        key: str,
        head: Head,
        *,
        begin: int,
        end: int,
        body: Body | None,
    ) -> None:
        self._info = info
        self._bucket = bucket
        self._key = key
        self._head = head
        self._next = begin
        self._end = end
        self._body = body
        self._chunks: asyncio.Queue[bytes | Exception | None] = asyncio.Queue(CHUNKS_AHEAD)
        self._pump: asyncio.Task[None] | None = None
        self._is_closed = False
        self._is_over = begin >= end

    @property
    def info(self) -> ObjectInfo:
        return self._info

    async def __anext__(self) -> bytes:
        if self._is_over or self._is_closed:
            raise StopAsyncIteration
        if self._pump is None:
            self._pump = asyncio.create_task(self._read_ahead(), name=f"read {self._key}")
        chunk = await self._chunks.get()
        if isinstance(chunk, bytes):
            return chunk
        self._is_over = True
        if chunk is None:
            raise StopAsyncIteration
        raise chunk

    async def close(self) -> None:
        self._is_closed = True
        pump, self._pump = self._pump, None
        if pump is not None:
            pump.cancel()
            await asyncio.wait([pump])
        body, self._body = self._body, None
        if body is not None:
            body.close()

    async def _read_ahead(self) -> None:
        try:
            async for chunk in self._gathered():
                await self._chunks.put(chunk)
        except Exception as error:  # noqa: BLE001 - raised where the caller waits
            await self._chunks.put(error)
        else:
            await self._chunks.put(None)

    async def _gathered(self) -> AsyncGenerator[bytes]:
        pieces: list[bytes] = []
        missing_bytes = READ_CHUNK_BYTES
        while self._next < self._end:
            piece = await self._piece(missing_bytes)
            self._next += len(piece)
            missing_bytes -= len(piece)
            pieces.append(piece)
            if not missing_bytes or self._next == self._end:
                yield b"".join(pieces)
                pieces.clear()
                missing_bytes = READ_CHUNK_BYTES

    async def _piece(self, limit: int) -> bytes:
        """Reads what comes next; opens the object again where the connection broke."""
        size_bytes = min(limit, self._end - self._next)
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._read(size_bytes)
            except RequestRefused as error:
                raise self._explained(error) from error
            except StorageError:
                if attempt == ATTEMPTS:
                    raise
                _log.info("s3_read_again", extra={"key": self._key, "offset": self._next})
                pause_s = FIRST_PAUSE_S * 2**attempt
                await asyncio.sleep(random.uniform(0, pause_s))  # noqa: S311 - no secret

    async def _read(self, size_bytes: int) -> bytes:
        if self._body is None:
            opened = await self._bucket.get(
                self._key, begin=self._next, end=self._end, same_as=self._head
            )
            self._body = opened.body
        body = self._body
        try:
            # The client's own timeout is that of a read.
            with self._bucket.terms(f"read {self._key!a}"):
                piece = await body.read(size_bytes)
        except StorageError:
            self._drop(body)
            raise
        if not piece:
            self._drop(body)
            raise StorageError(
                f"{self._key} ended at {self._next} of {self._end} bytes while it was read"
            )
        return piece

    def _drop(self, body: Body) -> None:
        self._body = None
        with suppress(OSError):
            body.close()

    def _explained(self, error: RequestRefused) -> StorageError:
        if isinstance(error, ConditionFailed) or error.code in {"NoSuchKey", "NoSuchVersion"}:
            return StorageError(
                f"{self._key} was replaced or deleted while it was read, at {self._next} of"
                f" {self._end} bytes; read it again"
            )
        return error
