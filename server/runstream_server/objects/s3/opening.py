"""Opening an object of a bucket for reading: mostly one request."""

from __future__ import annotations

from runstream_server.objects.base import ObjectInfo
from runstream_server.objects.errors import InvalidRange
from runstream_server.objects.paths import Location
from runstream_server.objects.s3.answers import Head, OpenedBody
from runstream_server.objects.s3.bucket import Bucket
from runstream_server.objects.s3.failures import RequestRefused
from runstream_server.objects.s3.limits import MAX_OBJECT_BYTES
from runstream_server.objects.s3.reader import S3Reader

__all__ = ["open_reader"]


async def open_reader(
    bucket: Bucket, location: Location, offset: int, limit: int | None
) -> S3Reader | None:
    """Opens an object for reading; None when there is none.

    Raises:
        InvalidRange: See `ObjectStore.open_read`.
    """
    key = bucket.destination.key_of(location)
    opened = await _opened(bucket, key, offset, limit)
    if opened is None:
        return None
    head = opened.head if isinstance(opened, OpenedBody) else opened
    if offset > head.size_bytes:
        raise InvalidRange(offset=offset, limit=limit, size_bytes=head.size_bytes)
    end = head.size_bytes if limit is None else min(head.size_bytes, offset + limit)
    info = ObjectInfo(location=location, size_bytes=head.size_bytes, modify_time_us=head.time_us)
    body = opened.body if isinstance(opened, OpenedBody) else None
    return S3Reader(info, bucket, key, head, begin=offset, end=end, body=body)


async def _opened(
    bucket: Bucket, key: str, offset: int, limit: int | None
) -> OpenedBody | Head | None:
    if limit == 0 or offset >= MAX_OBJECT_BYTES:
        return await bucket.head(key)
    end = None if limit is None else min(offset + limit, MAX_OBJECT_BYTES)
    try:
        return await bucket.get(key, begin=offset, end=end)
    except RequestRefused as error:
        if error.code == "NoSuchKey":
            return None
        if error.code != "InvalidRange":
            raise
        # It ends before the range begins, or where it begins, which is no error.
        return await bucket.head(key)
