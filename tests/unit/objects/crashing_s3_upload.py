"""Uploads `DATA` into a bucket and dies by SIGKILL at a named place.

Run as `python -m tests.unit.objects.crashing_s3_upload URI UPLOAD_ID PLACE`; PLACE is a failpoint,
or `offset:N` for once so many bytes are taken, or `durable:N` for once so many are durable.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from tests.unit.objects.backends import S3Backend, at, some_bytes

from runstream_server.objects.s3.destination import S3Destination
from runstream_server.objects.s3.limits import MIN_PART_BYTES

CHUNK_BYTES = 1 << 20
DATA = some_bytes(3 * MIN_PART_BYTES + 123)


async def run(destination: S3Destination, upload_id: str, place: str) -> None:
    def failpoint(name: str) -> None:
        if name == place:
            os.kill(os.getpid(), signal.SIGKILL)

    what, _, number = place.partition(":")
    async with S3Backend(destination).new_store(failpoint=failpoint) as store:
        upload = await store.open_upload(upload_id, at("f/a"))
        while upload.offset < len(DATA):
            await upload.append(DATA[upload.offset : upload.offset + CHUNK_BYTES])
            if what == "durable":
                await upload.sync()
            reached = {"durable": upload.durable_offset, "offset": upload.offset}.get(what, 0)
            if number and reached >= int(number):
                os.kill(os.getpid(), signal.SIGKILL)
        await upload.commit()


if __name__ == "__main__":
    asyncio.run(run(S3Destination.parse(sys.argv[1]), sys.argv[2], sys.argv[3]))
