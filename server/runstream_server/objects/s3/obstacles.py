"""What keeps a path from becoming a file.

S3 itself has no folders and would take `a` and `a/b` alike. Looking and storing are two steps here,
so of two uploads that are in each other's way and complete at the same moment both may succeed.
"""

from __future__ import annotations

import asyncio
from typing import Final

from runstream_server.objects.errors import PathConflict
from runstream_server.objects.paths import Location
from runstream_server.objects.s3.bucket import Bucket

__all__ = ["check_no_obstacle"]

LOOKED_UP_AT_ONCE: Final = 16


async def check_no_obstacle(bucket: Bucket, location: Location) -> None:
    """Checks that a location is no folder and lies below no file of its base.

    Raises:
        PathConflict: It is, or does.
    """
    key = bucket.destination.key_of(location)
    if await bucket.holds_file(f"{key}/"):
        raise PathConflict(location, location.key, "is a folder")
    segments = location.segments
    # A base is made of ids: to ask for files of that name each time would be in vain.
    top = len(Location(base=location.base).segments) + 1
    paths = ["/".join(segments[:depth]) for depth in range(top, len(segments))]
    for begin in range(0, len(paths), LOOKED_UP_AT_ONCE):
        some = paths[begin : begin + LOOKED_UP_AT_ONCE]
        heads = await asyncio.gather(
            *(bucket.head(bucket.destination.root + path) for path in some)
        )
        for path, head in zip(some, heads, strict=True):
            if head is not None:
                raise PathConflict(location, path, "is not a folder")
