"""What is still there of an upload that another process, or an earlier life, has begun."""

from __future__ import annotations

import logging
from dataclasses import replace

from runstream_server.objects.checksums import RunningDigest
from runstream_server.objects.s3.answers import PartTag
from runstream_server.objects.s3.failures import NoSuchUpload
from runstream_server.objects.s3.multipart import Multipart
from runstream_server.objects.s3.progress import Resumed
from runstream_server.objects.s3.records import UploadRecord

__all__ = ["recovered"]

_log = logging.getLogger(__name__)


async def recovered(
    multipart: Multipart, key: str, record: UploadRecord
) -> tuple[UploadRecord, Resumed]:
    """Returns a record and the parts that S3 has for it; from the beginning if any is missing."""
    if not record.s3_upload_id:
        return record.emptied(), Resumed.from_nothing()
    try:
        listed = await multipart.list_parts(key, record.s3_upload_id)
    except NoSuchUpload:
        # Some rule of the bucket's, or some person, has aborted it.
        _log.warning("s3_parts_gone", extra={"key": key, "durable_bytes": record.durable_bytes})
        return record.emptied(), Resumed.from_nothing()
    by_number = {tag.number: tag for tag in listed}
    tags: list[PartTag] = []
    for number in range(1, record.durable_parts + 1):
        tag = by_number.get(number)
        if tag is None or tag.size_bytes != record.part_bytes:
            _log.warning("s3_part_missing", extra={"key": key, "number": number})
            await multipart.abort_parts(key, record.s3_upload_id)
            return record.emptied(), Resumed.from_nothing()
        tags.append(tag)
    if not tags:
        return replace(record, whole=None), Resumed.from_nothing()
    digest = RunningDigest.resumed(record.durable_bytes, record.durable_crc32c)
    return replace(record, whole=None), Resumed(tags=tags, digest=digest)
