"""The stores that the contract suite runs over, and what its tests share."""

from __future__ import annotations

import asyncio
import hashlib
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from runstream_server.objects.base import ObjectInfo, ObjectStore
from runstream_server.objects.checksums import crc32c
from runstream_server.objects.folder import FolderStore
from runstream_server.objects.paths import Location
from runstream_server.objects.s3.destination import S3Destination
from runstream_server.objects.s3.limits import MIN_PART_BYTES, S3Limits
from runstream_server.objects.s3.store import S3Store

RUN_ID = "0123456789abcdef0123456789abcdef"
DEADLINE_S = 60.0


class Backend(Protocol):
    """Makes stores over the same objects: a second one is the server after a restart.

    Attributes:
        max_depth: So many names a path may have, as far as tests can wait for it.
    """

    max_depth: int

    def new_store(self, *, failpoint: Callable[[str], None] = ...) -> ObjectStore: ...


class FolderBackend:
    max_depth = 512

    def __init__(self, root: Path) -> None:
        self.root = root

    def new_store(self, *, failpoint: Callable[[str], None] = lambda _: None) -> FolderStore:
        return FolderStore(self.root, failpoint=failpoint)


class S3Backend:
    max_depth = 60

    def __init__(self, destination: S3Destination, limits: S3Limits | None = None) -> None:
        self.destination = destination
        self.limits = limits or S3Limits(
            part_bytes=MIN_PART_BYTES, unsized_part_bytes=MIN_PART_BYTES
        )

    def new_store(self, *, failpoint: Callable[[str], None] = lambda _: None) -> S3Store:
        return S3Store(self.destination, limits=self.limits, failpoint=failpoint)


def at(path: str, *, run_id: str = RUN_ID) -> Location:
    return Location(base=f"7/{run_id}/artifacts", path=path)


def new_upload_id() -> str:
    return f"{random.getrandbits(128):032x}"


def some_bytes(size_bytes: int, *, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size_bytes)


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


async def put(store: ObjectStore, path: str, data: bytes = b"data") -> ObjectInfo:
    upload_id = new_upload_id()
    async with await store.open_upload(upload_id, at(path)) as upload:
        for begin in range(0, len(data), 1 << 20):
            chunk = data[begin : begin + (1 << 20)]
            await upload.append(chunk, crc32c=crc32c(chunk))
        info = await upload.commit()
    await store.discard_upload(upload_id)
    return info


async def get(store: ObjectStore, path: str, *, offset: int = 0, limit: int | None = None) -> bytes:
    async with await store.open_read(at(path), offset=offset, limit=limit) as reader:
        return b"".join([chunk async for chunk in reader])


async def names(store: ObjectStore, path: str = "") -> list[str]:
    page = await store.list_folder(at(path))
    return [entry.name + "/" * entry.is_folder for entry in page.entries]


async def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, f"not within {DEADLINE_S} s: {what}"
        await asyncio.sleep(0.001)
