"""How the store makes requests: bounded in time, with checksums, failing in its words."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Awaitable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Final, TypeVar

from runstream_server.objects.s3.answers import Abilities
from runstream_server.objects.s3.destination import S3Destination
from runstream_server.objects.s3.failures import RequestRefused, refusal, s3_terms
from runstream_server.objects.threads import IoThreads

if TYPE_CHECKING:
    from types_aiobotocore_s3 import S3Client

__all__ = ["Requester", "base64_crc"]

T = TypeVar("T")

# A request's attempts together: what stalls without breaking ends too. A part of the usual size
# passes in that time at 30 kB/s.
REQUEST_TIMEOUT_S: Final = 300.0


class Requester:
    """Knows the bucket and what its store can do."""

    def __init__(
        self,
        client: S3Client,
        destination: S3Destination,
        threads: IoThreads,
        abilities: Abilities | None = None,
    ) -> None:
        self.destination = destination
        self.abilities = abilities or Abilities()
        self.client = client
        self._threads = threads
        self.name = destination.bucket
        self.endpoint: str = client.meta.endpoint_url

    async def make(self, what: str, request: Awaitable[T]) -> T:
        """Awaits a request; `what` it does is to be read after "cannot"."""
        with self.terms(what):
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                return await request

    def terms(self, what: str) -> AbstractContextManager[None]:
        """Turns what the client raises inside the block into what the store raises."""
        return s3_terms(self.destination, self.endpoint, what)

    def refusal(self, what: str, code: str) -> RequestRefused:
        """Returns the failure of a request for a reason that the answer left out."""
        return refusal(self.destination, self.endpoint, what, code)

    async def checksum(self, data: bytes, crc32c: int, *, is_checked: bool) -> dict[str, Any]:
        """Returns what lets the store check bytes: their CRC32C if it can, else their MD5."""
        if is_checked:
            return {"ChecksumCRC32C": base64_crc(crc32c)}
        md5 = await self._threads.run(lambda: hashlib.md5(data, usedforsecurity=False).digest())
        return {"ContentMD5": base64.b64encode(md5).decode()}


def base64_crc(crc32c: int) -> str:
    """Returns a CRC32C as S3 writes it."""
    return base64.b64encode(crc32c.to_bytes(4, "big")).decode()
