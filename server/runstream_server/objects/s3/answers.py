"""What S3 answers, as the store knows it, and what stores of its kind can do."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

__all__ = [
    "Abilities",
    "Body",
    "Found",
    "Head",
    "OpenedBody",
    "PartTag",
    "UnfinishedUpload",
    "head_of",
    "server_time_s",
    "time_of",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """What a store that speaks S3's protocol does of what not all of them do.

    Attributes:
        crc32c: Checks the CRC32C of an object that is put.
        whole_crc32c: Checks those of parts, and that of the whole when it is completed.
        conditional_writes: Writes only over the version that the request names.
        hides_empty_folders: Lists only folders that have something in them.
    """

    crc32c: bool = False
    whole_crc32c: bool = False
    conditional_writes: bool = False
    hides_empty_folders: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Describes an object. `time_us` tells versions of one second apart, see `time_of`."""

    size_bytes: int
    etag: str
    time_us: int
    metadata: Mapping[str, str]
    version_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Holds one page of keys, and what precedes the next slash in others."""

    files: Sequence[tuple[str, Head]]
    folders: Sequence[str]
    next_token: str | None
    server_time_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PartTag:
    """Names a part that S3 has."""

    number: int
    size_bytes: int
    etag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnfinishedUpload:
    """Names a multipart upload; the time is in seconds since the epoch."""

    key: str
    s3_upload_id: str
    begin_time_s: float


class Body(Protocol):
    """Is what aiobotocore gives for the bytes of an answer."""

    async def read(self, amt: int | None = None) -> bytes:
        """Reads at most so many bytes that are there, or all; none at the end."""
        ...

    def close(self) -> None:
        """Closes the connection unless all was read."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedBody:
    """Holds an answer whose bytes are still to come."""

    head: Head
    body: Body


def time_of(modified: datetime, etag: str) -> int:
    """Returns when an object became visible, in microseconds.

    S3 tells whole seconds (some stores more, and not in every answer). What lies below them here
    is made of the entity tag, so that two versions of one second have different times.
    """
    fraction = int.from_bytes(hashlib.blake2b(etag.encode(), digest_size=8).digest(), "big")
    return int(modified.timestamp()) * 1_000_000 + fraction % 1_000_000


def head_of(answer: Mapping[str, Any], size_bytes: int) -> Head:
    """Reads the description of an object out of an answer about it."""
    version_id: str | None = answer.get("VersionId")
    return Head(
        size_bytes=size_bytes,
        etag=answer["ETag"],
        time_us=time_of(answer["LastModified"], answer["ETag"]),
        metadata=answer.get("Metadata", {}),
        version_id=None if version_id == "null" else version_id,
    )


def server_time_s(answer: Mapping[str, Any]) -> float:
    """Reads the store's clock out of an answer, in seconds since the epoch."""
    date: str | None = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    return time.time() if date is None else parsedate_to_datetime(date).timestamp()
