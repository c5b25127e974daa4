"""Uploads `DATA` into a folder store and dies by SIGKILL at a named place.

Run as `python -m tests.unit.objects.crashing_upload ROOT UPLOAD_ID PLACE`; PLACE is a failpoint, or
`chunk:N[:sync]` for after the Nth chunk (made durable), or `hold` to keep the upload open.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from tests.unit.objects.backends import at, some_bytes

from runstream_server.objects.base import Upload
from runstream_server.objects.folder import FolderStore

CHUNK_BYTES = 100_000
DATA = some_bytes(20 * CHUNK_BYTES + 123)


def tell(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


async def run(root: Path, upload_id: str, place: str) -> None:
    def failpoint(name: str) -> None:
        if name == place:
            die()

    async with FolderStore(root, failpoint=failpoint) as store:
        upload = await store.open_upload(upload_id, at("f/a"))
        tell(upload.offset)
        if place == "hold":
            await upload.append(DATA[:CHUNK_BYTES])
            await upload.sync()
            tell("held")
            sys.stdin.read()
        await send(upload, place)
        await upload.commit()


async def send(upload: Upload, place: str) -> None:
    count = 0
    while upload.offset < len(DATA):
        await upload.append(DATA[upload.offset : upload.offset + CHUNK_BYTES])
        count += 1
        if place == f"chunk:{count}:sync":
            tell(await upload.sync())
            die()
        if place == f"chunk:{count}":
            die()


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
